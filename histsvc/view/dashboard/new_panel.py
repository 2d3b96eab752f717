"""A new histogram: a form of what the service describes, with errors at the field that they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.commands_panel import Send
from histsvc.view.dashboard.form import Form, types
from histsvc.view.dashboard.steering import Sent


class NewPanel:
    """Hidden until it is asked for; `known` tells of keys that others have given, to begin with."""

    def __init__(self, send: Send, known: Callable[[], Mapping[str, Any]]) -> None:
        self._send = send
        self._known = known
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._form: Form | None = None
        opened = widgets.button("New histogram\u2026", name="command new")
        opened.on_click(self._open)
        self._type = widgets.select("Type", [], "", name="form type")
        self._type.on_change("value", lambda _a, _o, _n: self._fill())
        self._place = widgets.box()
        add = widgets.button("Add it", "primary", name="form add")
        add.on_click(self._add)
        closed = widgets.button("Close", name="form close")
        closed.on_click(self._close)
        self._answer = widgets.div(css_classes=["answer"], name="form answer")
        buttons = widgets.buttons(add, closed)
        self._body = widgets.box(self._type, self._place, buttons, self._answer, visible=False)
        self.root = widgets.box(opened, self._body)

    def _open(self) -> None:
        self._body.visible, self._answer.text = True, "Asking what there is\u2026"
        self._send({"cmd": "describe"}, self._described)

    def _close(self) -> None:
        self._body.visible = False

    def _described(self, sent: Sent) -> None:
        self._answer.text = "" if sent.outcome == "ACK" else told(sent)
        if sent.outcome == "ACK":
            self._schemas = types(sent.reply["schema"], "add")
            self._type.update(
                options=[(name, name) for name in self._schemas], value=next(iter(self._schemas))
            )
            self._fill()

    def _fill(self) -> None:
        if self._type.value in self._schemas:
            self._form = Form(self._schemas[self._type.value])
            self._form.fill(self._known())
            self._place.children = [self._form.root]

    def _add(self) -> None:
        if self._form is not None:
            self._answer.text = "Asked\u2026"
            self._send({"cmd": "add", "histograms": [self._form.histogram()]}, self._added)

    def _added(self, sent: Sent) -> None:
        field = "" if sent.outcome == "ACK" else sent.about_field
        at_field = self._form is not None and self._form.complain(field, escape(sent.message))
        self._answer.text = told(sent, message="" if at_field else sent.message)


def told(sent: Sent, message: str | None = None) -> str:
    """An outcome and its message, as HTML."""
    kind = "good" if sent.outcome == "ACK" else "bad"
    said = escape(sent.message if message is None else message)
    return f"<span class='{kind}'><b>{sent.outcome}</b> {said}</span>"
