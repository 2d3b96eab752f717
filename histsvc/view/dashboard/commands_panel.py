"""Commands: stop and reset, which are asked for twice; and what became of all that were sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from histsvc.view.dashboard import widgets
from histsvc.view.dashboard.steering import Sent
from histsvc.view.text import printable

Send = Callable[[Mapping[str, Any], Callable[[Sent], None]], None]
"""Sends a command, and tells what became of it."""

_SHOWN = 12
_NAMED = 5
_BUTTONS = {"stop": "Stop\u2026", "reset_counts": "Reset\u2026"}
_MEANINGS = {"stop": "End", "reset_counts": "Set to zero"}


class CommandsPanel:
    """What ends and resets histograms; `running` tells the ids of what counts."""

    def __init__(self, send: Send, running: Callable[[], Sequence[str]], more: Any, *, may: bool) -> None:
        """`more` is shown below, where pages `may` send commands."""
        self._send = send
        self._running = running
        self._version = -1
        self._asked: Mapping[str, Any] = {}
        self._ids = widgets.text("Which ids", placeholder="all", name="command ids")
        self._question = widgets.div(css_classes=["question"], name="command question")
        yes, no = widgets.button("Yes", "danger", name="command yes"), widgets.button("No", name="command no")
        yes.on_click(self._confirmed)
        no.on_click(self._refused)
        self._confirmation = widgets.box(self._question, widgets.buttons(yes, no), visible=False)
        self._history = widgets.div(css_classes=["history"], name="history", sizing_mode="stretch_width")
        if not may:
            self._history.text = "Off: the dashboard was started without <code>--allow-commands</code>."
        all_buttons = widgets.buttons(*map(self._button, _BUTTONS))
        steering = widgets.box(self._ids, all_buttons, self._confirmation, more, visible=may)
        heading = widgets.div("Commands", css_classes=["heading"])
        parts = heading, steering, self._history
        self.root: Any = widgets.box(*parts, css_classes=["panel"], sizing_mode="stretch_width")

    def tell(self, version: int, history: Sequence[Sent]) -> None:
        """Show the last commands of all pages."""
        if version != self._version and history:
            self._version = version
            self._history.text = "".join(map(_line, history[:_SHOWN]))

    def _button(self, cmd: str) -> Any:
        made = widgets.button(_BUTTONS[cmd], name=f"command {cmd}")
        made.on_click(lambda: self._ask(cmd))
        return made

    def _ask(self, cmd: str) -> None:
        ids = self._ids.value.replace(",", " ").split()
        self._asked = {"cmd": cmd, **({"ids": ids} if ids else {})}
        running = [name for name in self._running() if not ids or name in ids]
        if not running:
            self._confirmed()  # nothing that anybody could miss
            return
        named = ", ".join(running[:_NAMED])
        if len(running) > _NAMED:
            named += f" and {len(running) - _NAMED} more"
        named = escape(printable(named))
        self._question.text = f"{_MEANINGS[cmd]} <b>{named}</b>? Others may be using what counts now."
        self._confirmation.visible = True

    def _confirmed(self) -> None:
        self._confirmation.visible = False
        self._send(self._asked, lambda _: None)

    def _refused(self) -> None:
        self._confirmation.visible = False


def _line(sent: Sent) -> str:
    kind = {"ACK": "good", "": "waiting"}.get(sent.outcome, "bad")
    at = datetime.fromtimestamp(sent.sent_ms / 1000).strftime("%H:%M:%S")
    message = f"<p>{escape(printable(sent.message))}</p>" if sent.message else ""
    return (
        f"<div class='sent'><time>{at}</time> <b class='{kind}'>{sent.outcome or 'sent'}</b> "
        f"{escape(printable(sent.about))}{message}</div>"
    )
