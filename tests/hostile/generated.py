"""Commands that fit the JSON Schema of the service, at random: what is rare in life is frequent here."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

# What strings are made of: for each pattern of the schema there is something that fits.
WORDS = (
    "events",
    "output",
    "a",
    "x.y-z_0",
    "t" * 249,
    "broker:9092",
    "10.0.0.1:1",
    "[::1]:65535",
    "",
    "*",
    "ä€😀",
)
_LARGEST = 2**63 - 1
_NEAR = (0, 1, 2, 10, 1000, 10**6)
_SHORT = 3


class Generator:
    """Makes values of schemas, from one source of chance."""

    def __init__(self, schema: Mapping[str, Any], chance: random.Random) -> None:
        self._schema = schema
        self._chance = chance

    def command(self) -> Any:
        """A command, as JSON would have it."""
        return self._value(self._schema)

    def _value(self, schema: Mapping[str, Any]) -> Any:
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self._value(self._chance.choice(schema[key]))
        # Where there is no type, anything fits.
        kind = schema.get("type", self._chance.choice(("null", "boolean", "integer", "string")))
        return getattr(self, f"_{kind}")(schema)

    def _null(self, _: Mapping[str, Any]) -> None:
        return None

    def _boolean(self, _: Mapping[str, Any]) -> bool:
        return self._chance.random() < 0.5

    def _integer(self, schema: Mapping[str, Any]) -> int:
        low, high = schema.get("minimum", -_LARGEST), schema.get("maximum", _LARGEST)
        high = min(high, schema.get("exclusiveMaximum", _LARGEST) - 1)
        near = [number for number in (low, high, *_NEAR, -1) if low <= number <= high]
        return self._chance.choice([*near, self._chance.randint(low, high)])

    def _number(self, schema: Mapping[str, Any]) -> float:
        low, high = schema.get("minimum", -1e18), schema.get("maximum", 1e18)
        near = [number for number in (low, high, *_NEAR) if low <= number <= high]
        return self._chance.choice([*near, self._chance.uniform(low, high)])

    def _string(self, schema: Mapping[str, Any]) -> str:
        return self._chance.choice([word for word in WORDS if re.search(schema.get("pattern", ""), word)])

    def _array(self, schema: Mapping[str, Any]) -> list[Any]:
        if "prefixItems" in schema:
            return [self._value(item) for item in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        size = self._chance.randint(least, min(schema.get("maxItems", _SHORT), max(least, _SHORT)))
        return [self._value(schema["items"]) for _ in range(size)]

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: self._value(each)
            for key, each in schema["properties"].items()
            if key in schema["required"] or self._chance.random() < 0.5
        }
