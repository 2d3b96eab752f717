"""The JSON Schema of the commands, made from the models that check them."""

from __future__ import annotations

from functools import cache
from typing import Any

from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import histogram_types
from histsvc.protocol.commands import COMMANDS, ConfigKeys
from histsvc.protocol.config import INPUT_SCHEMAS, OUTPUT_SCHEMAS, fitting

# pydantic writes these bounds under its own names where a validator of ours runs before its check.
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


@cache
def command_schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) that what the service accepts fits; what only brokers can tell is not in it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "histsvc command",
        "type": "object",
        "required": ["cmd"],
        "oneOf": [_command(name) for name in COMMANDS],
    }
    found: dict[str, Any] = _standard(schema)
    return found


def _command(name: str) -> dict[str, Any]:
    schema = COMMANDS[name].model_json_schema()
    schema["title"] = name
    schema["properties"]["cmd"] = {"const": name}
    schema["required"] = ["cmd"]
    del schema["description"]
    if COMMANDS[name] is ConfigKeys:
        properties = schema["properties"]
        properties["input_schema"] = {"enum": [*INPUT_SCHEMAS, None]}
        properties["output_schema"] = {"enum": [*OUTPUT_SCHEMAS, None]}
        types = [_histogram(config) for config in histogram_types().values()]
        array = {"type": "array", "items": {"oneOf": types}}
        properties["histograms"] = {"anyOf": [array, {"type": "null"}]}
    return schema


def _histogram(config: type[HistogramConfig]) -> dict[str, Any]:
    schema = config.model_json_schema()
    properties = schema["properties"]
    properties["input_schema"] = {"enum": [*fitting(config), None]}
    properties["output_schema"] = {"enum": [*OUTPUT_SCHEMAS, None]}
    return schema


def _standard(schema: Any) -> Any:
    """The same with every bound under its standard name."""
    if isinstance(schema, list):
        return [_standard(each) for each in schema]
    if isinstance(schema, dict):
        return {_BOUNDS.get(key, key): _standard(value) for key, value in schema.items()}
    return schema
