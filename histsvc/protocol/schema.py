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
    definitions: dict[str, Any] = {}
    types = [_histogram(config, definitions) for config in histogram_types().values()]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "histsvc command",
        "type": "object",
        "required": ["cmd"],
        "oneOf": [_command(name, types) for name in COMMANDS],
        "$defs": definitions,
    }
    found: dict[str, Any] = _standard(schema)
    return found


def _command(name: str, types: list[dict[str, Any]]) -> dict[str, Any]:
    schema = COMMANDS[name].model_json_schema()
    schema["title"] = name
    schema["properties"]["cmd"] = {"const": name}
    schema["required"] = ["cmd"]
    del schema["description"]
    if COMMANDS[name] is ConfigKeys:
        properties = schema["properties"]
        properties["input_schema"] = {"enum": [*INPUT_SCHEMAS, None]}
        properties["output_schema"] = {"enum": [*OUTPUT_SCHEMAS, None]}
        array = {"type": "array", "items": {"oneOf": types}}
        properties["histograms"] = {"anyOf": [array, {"type": "null"}]}
    return schema


def _histogram(config: type[HistogramConfig], definitions: dict[str, Any]) -> dict[str, Any]:
    """Schema of a type of histogram; what it refers to is put into `definitions`, under names of its own."""
    own = config.__name__
    schema = config.model_json_schema(ref_template=f"#/$defs/{own}.{{model}}")
    definitions |= {f"{own}.{name}": each for name, each in schema.pop("$defs", {}).items()}
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
