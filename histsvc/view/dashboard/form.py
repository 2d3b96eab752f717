"""A form for one histogram, made from the JSON Schema with which the service describes what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import Select, TextInput

from histsvc.view.dashboard import widgets


def types(schema: Mapping[str, Any], command: str) -> dict[str, Mapping[str, Any]]:
    """The JSON Schema of each type of histogram, by its name, of a command such as ``add``."""
    one = next(each for each in schema["oneOf"] if each["properties"]["cmd"].get("const") == command)
    wanted = one["properties"]["histograms"]["anyOf"][0]["items"]["oneOf"]
    return {each["properties"]["type"]["const"]: each for each in wanted}


class Field:
    """One key: something to fill in, and a place for what is wrong with it."""

    def __init__(self, key: str, schema: Mapping[str, Any], needed: bool) -> None:
        self.key = key
        self._is_text = _kinds(schema) == {"string"}
        title = key if needed else f"{key} (optional)"
        options = [each for each in schema.get("enum", ()) if each is not None]
        self._widget: Select | TextInput
        if options:
            self._widget = widgets.select(title, [("", "\u2014"), *((o, o) for o in options)], "", width=190)
        else:
            about = _placeholder(schema)
            self._widget = widgets.text(title, placeholder=about, width=190)
        self._widget.name = f"field {key}"
        self._error = widgets.div(css_classes=["field-error"], name=f"error {key}", visible=False)
        self.root: Any = widgets.box(self._widget, self._error, css_classes=["field"])

    @property
    def value(self) -> Any:
        """What was filled in: JSON where it is any, else the text itself; None for nothing."""
        text = str(self._widget.value).strip()
        if not text or self._is_text:
            return text or None
        try:
            return json.loads(text)
        except ValueError:
            return text

    @value.setter
    def value(self, given: Any) -> None:
        self._widget.value = given if isinstance(given, str) else "" if given is None else json.dumps(given)

    def complain(self, message: str) -> None:
        """Say what is wrong with it; empty for nothing."""
        self._error.update(text=message, visible=bool(message))
        self._widget.css_classes = ["wrong"] if message else []


class Form:
    """The fields of one type of histogram."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        needed = set(schema.get("required", ()))
        properties: Mapping[str, Any] = schema["properties"]
        keys = sorted((key for key in properties if key != "type"), key=lambda key: key not in needed)
        self._type = properties["type"]["const"]
        self.fields: Sequence[Field] = [Field(key, properties[key], key in needed) for key in keys]
        roots = [each.root for each in self.fields]
        self.root: Any = widgets.box(*roots)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Fill in what is known already."""
        for each in self.fields:
            if each.key in values:
                each.value = values[each.key]

    def histogram(self) -> dict[str, Any]:
        """What was filled in."""
        values = {each.key: each.value for each in self.fields}
        return {"type": self._type, **{key: value for key, value in values.items() if value is not None}}

    def complain(self, field: str, message: str) -> bool:
        """Show an error at its field, a path as ``histograms[0].num_bins``; whether there is such a field."""
        last = field.rpartition(".")[2].partition("[")[0]
        for each in self.fields:
            each.complain(message if each.key == last else "")
        return any(each.key == last for each in self.fields)


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types of a key, but for none at all."""
    return {str(each.get("type")) for each in (schema, *schema.get("anyOf", ()))} - {"None", "null"}


def _placeholder(schema: Mapping[str, Any]) -> str:
    shown = {"array": "[\u2026, \u2026]", "integer": "whole number", "number": "number"}
    return next((shown[kind] for kind in shown if kind in _kinds(schema)), "")
