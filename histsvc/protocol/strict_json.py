"""JSON as commands may be written: finite numbers, no great depth, and what is wrong said in words."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from histsvc.errors import Code, CommandError

# No command needs more than 3; deeper ones would exhaust the stack when they are echoed.
_DEEPEST = 50


def _not_a_number(token: str) -> NoReturn:
    raise CommandError(Code.INVALID_ARGUMENT, f"{token} is not a JSON number; numbers must be finite")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise CommandError(Code.INVALID_ARGUMENT, f"{text} overflows a double; numbers must be finite")
    return value


def _whole(text: str) -> int:
    # A double has at most 309 digits before its point; int() of many more is slow or refused.
    if len(text) > 310:
        raise CommandError(Code.INVALID_ARGUMENT, f"{text[:20]}… overflows a double; numbers must be finite")
    _finite(text)
    return int(text)


def decode(payload: bytes) -> Any:
    """Decode JSON strictly; raises ValueError where it is not JSON and CommandError for NaN or overflow."""
    return _loaded(payload, parse_constant=_not_a_number, parse_float=_finite, parse_int=_whole)


def tolerated(payload: bytes) -> Any:
    """Decode what `decode` refused for its numbers, to learn whom to answer; those numbers become texts."""

    def number(text: str) -> Any:
        try:
            return _finite(text) if "." in text or "e" in text.lower() else _whole(text)
        except CommandError:
            return text

    return _loaded(payload, parse_constant=str, parse_float=number, parse_int=number)


def _loaded(payload: bytes, **hooks: Any) -> Any:
    try:
        content = json.loads(payload.decode("utf-8"), **hooks)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [content]
    for _ in range(_DEEPEST):
        nested = [value for value in level if isinstance(value, list | dict)]
        level = [
            inner for value in nested for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return content
    raise ValueError(f"nested more than {_DEEPEST} levels deep")
