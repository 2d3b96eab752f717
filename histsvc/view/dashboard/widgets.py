"""The few kinds of things to press and to fill in, all with the look of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import (
    Button,
    CheckboxGroup,
    Div,
    FileInput,
    ImportedStyleSheet,
    InlineStyleSheet,
    Select,
    Spinner,
    TextInput,
    Toggle,
)

from histsvc.view.dashboard.look import STATIC

_SHEET = (STATIC / "widgets.css").read_text(encoding="utf-8")


def sheets(*more: str) -> list[InlineStyleSheet | ImportedStyleSheet]:
    """The style sheets of a widget: each lives in a tree of its own, which those of the page do not reach."""
    return [InlineStyleSheet(css=css) for css in (_SHEET, *more)]


def div(html: str = "", **keys: Any) -> Div:
    """A piece of the page."""
    return Div(text=html, stylesheets=sheets(), **keys)


def button(label: str, kind: str = "default", **keys: Any) -> Button:
    """Something to press."""
    return Button(label=label, button_type=kind, stylesheets=sheets(), **keys)


def box(*each: Any, **keys: Any) -> Any:
    """Things below each other."""
    return column(*each, stylesheets=sheets(), **keys)


def line(*each: Any, **keys: Any) -> Any:
    """Things beside each other."""
    return row(*each, stylesheets=sheets(), **keys)


def buttons(*each: Button) -> Any:
    """Several to choose from, in as many lines as they need."""
    return line(*each, css_classes=["buttons"])


def toggle(label: str, **keys: Any) -> Toggle:
    """Something to press that stays pressed."""
    return Toggle(label=label, stylesheets=sheets(), **keys)


def checkbox(label: str, *, active: bool, **keys: Any) -> CheckboxGroup:
    """Something to tick: `active` has its only number, 0, or none."""
    return CheckboxGroup(labels=[label], active=[0] if active else [], stylesheets=sheets(), **keys)


def file(title: str, **keys: Any) -> FileInput:
    """A file of whoever looks."""
    return FileInput(title=title, stylesheets=sheets(), **keys)


def select(title: str, options: Sequence[tuple[str, str]], value: str, **keys: Any) -> Select:
    """One of several: pairs of value and name."""
    return Select(title=title, options=list(options), value=value, stylesheets=sheets(), **keys)


def number(title: str, value: float | None, **keys: Any) -> Spinner:
    """A number to fill in."""
    return Spinner(title=title, value=value, stylesheets=sheets(), **keys)


def text(title: str, value: str = "", **keys: Any) -> TextInput:
    """A line to fill in."""
    return TextInput(title=title, value=value, stylesheets=sheets(), **keys)
