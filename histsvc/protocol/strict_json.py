"""JSON as commands may be written: finite numbers, each key once, no great depth."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from histsvc.errors import Code, CommandError, shown

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


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(repeated, times)] = Counter(key for key, _ in pairs).most_common(1)
        raise CommandError(Code.INVALID_ARGUMENT, f"{shown(repeated)} is there {times} times", repeated)
    return found


def decode(payload: bytes) -> Any:
    """Decode JSON strictly.

    Raises ValueError where it is not JSON and CommandError for NaN, overflow or a key that is there twice.
    """
    hooks = {"parse_constant": _not_a_number, "parse_float": _finite, "parse_int": _whole}
    return _loaded(payload, **hooks, object_pairs_hook=_each_once)


def tolerated(payload: bytes) -> Any:
    """Decode what `decode` refused, to learn whom to answer: wrong numbers become texts."""

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
