"""Commands that were right before something happened to them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

# What is put in the place of a value, as the text that it is.
_TEXTS = (
    "null", "true", "-1", "0", "0.5", "1e400", "-1e-400", "9" * 400, f"-{'9' * 400}", "NaN", "Infinity",
    '""', '"\\ud800"', '"\\u0000"', f'"{"x" * 5000}"', "[]", "{}", "[" * 50 + "]" * 50, "[null]",
    '{"a": {"a": 1}}',
)  # fmt: skip
_PLACE = "\x1aplace"
_LONGEST = 20_000


class Mutator:
    """Does one to three things to a command."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._to_text: tuple[Callable[[Any], str], ...] = (
            self._replaced, self._without, self._renamed, self._twice, json.dumps
        )  # fmt: skip
        self._to_bytes: tuple[Callable[[bytes], bytes], ...] = (
            self._cut, self._flipped, self._repeated, self._not_utf8
        )  # fmt: skip

    def mutate(self, command: Any) -> bytes:
        """The command with another value, key or byte somewhere."""
        payload = self._chance.choice(self._to_text)(command).encode()
        if self._chance.random() < 0.5:
            for _ in range(self._chance.randint(1, 2)):
                payload = self._chance.choice(self._to_bytes)(payload)
        return payload[:_LONGEST]

    def _somewhere(self, command: Any) -> tuple[dict[str, Any], str]:
        """An object in it, and one of its keys."""
        objects = [each for each in (command, *(command.get("histograms") or ())) if each]
        found = self._chance.choice(objects)
        return found, self._chance.choice(sorted(found))

    def _replaced(self, command: Any) -> str:
        found, key = self._somewhere(command)
        found[key] = _PLACE
        return json.dumps(command).replace(json.dumps(_PLACE), self._chance.choice(_TEXTS))

    def _without(self, command: Any) -> str:
        found, key = self._somewhere(command)
        del found[key]
        return json.dumps(command)

    def _renamed(self, command: Any) -> str:
        found, key = self._somewhere(command)
        other = self._chance.choice(
            ["", key.upper(), f"{key} ", "__class__", "\ud800", "k" * 300, "cmd", "msg_id"]
        )
        found[other] = found.pop(key)
        return json.dumps(command)

    def _twice(self, command: Any) -> str:
        """The same key with two values."""
        found, key = self._somewhere(command)
        found[_PLACE] = found[key]
        return json.dumps(command).replace(json.dumps(_PLACE), json.dumps(key))

    def _cut(self, payload: bytes) -> bytes:
        return payload[: self._chance.randint(0, len(payload))]

    def _flipped(self, payload: bytes) -> bytes:
        changed = bytearray(payload)
        if changed:
            changed[self._chance.randrange(len(changed))] ^= 1 << self._chance.randrange(8)
        return bytes(changed)

    def _repeated(self, payload: bytes) -> bytes:
        begin = self._chance.randint(0, len(payload))
        end = self._chance.randint(begin, len(payload))
        return payload[:end] + payload[begin:end] * self._chance.randint(1, 3) + payload[end:]

    def _not_utf8(self, payload: bytes) -> bytes:
        at = self._chance.randint(0, len(payload))
        return payload[:at] + self._chance.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00"]) + payload[at:]
