"""Where a picture is given something to compare it with: this moment, or a file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

from histsvc.view.dashboard import widgets
from histsvc.view.text import printable


class ReferenceOptions:
    """`freeze`, `load` (name and content of a file) and `drop` say what becomes of it, in words.

    They raise ValueError for what cannot be compared with.
    """

    def __init__(
        self, freeze: Callable[[], str], load: Callable[[str, bytes], str], drop: Callable[[], str]
    ) -> None:
        freezes = widgets.button("Freeze as reference", name="reference freeze")
        freezes.on_click(lambda: self._do(freeze))
        self._load = load
        self._place = widgets.box(self._chooser())
        self._dropped = drop
        self._drop = widgets.button("No reference", name="reference drop", visible=False)
        self._drop.on_click(self.drop)
        self._about = widgets.div(css_classes=["answer"], name="reference about")
        parts = widgets.buttons(freezes, self._drop), self._place, self._about
        self.root: Any = widgets.box(*parts)

    def drop(self) -> None:
        """Compare no longer."""
        self._do(self._dropped)

    def _chooser(self) -> Any:
        made = widgets.file("Reference from a NeXus file", accept=".nxs,.h5,.hdf5", width=250)
        made.on_change("filename", lambda _a, _o, name: self._chosen(str(name), str(made.value)))
        return made

    def _chosen(self, name: str, value: str) -> None:
        self._do(lambda: self._load(name, base64.b64decode(value)))
        # A new one: choosing the same file again would be no change of this one.
        self._place.children = [self._chooser()]

    def _do(self, action: Callable[[], str]) -> None:
        try:
            about = action()
        except ValueError as error:
            self._about.text = f"<span class='bad'>{escape(printable(str(error)))}</span>"
        else:
            self._drop.visible = bool(about)
            self._about.text = f"Compared with {escape(printable(about))}" if about else ""
