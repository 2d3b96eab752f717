"""Numbers as people read them: short, and with their unit."""

from __future__ import annotations

import re
from datetime import datetime

_TIMES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def duration(ms: float) -> str:
    """A duration, as ``0.4 s``, ``12 s``, ``3 min``, ``5 h`` or ``11 d``."""
    seconds = ms / 1000
    for size, unit in _TIMES:
        if seconds >= 2 * size or unit == "s":
            return f"{seconds:.1f} s" if seconds < 10 else f"{seconds / size:.0f} {unit}"
    raise AssertionError("the smallest unit fits always")


def age(ms: float | None) -> str:
    """How old data are, as ``0.4 s old``; ``no data yet`` where there are none."""
    return "no data yet" if ms is None else f"{duration(ms)} old"


def short(number: float) -> str:
    """A number in at most five characters and its scale, as ``12.3k`` or ``4.56M``."""
    for scale, letter in _SCALES:
        if abs(number) >= 0.9995 * scale:
            return f"{number / scale:.3g}{letter}"
    return f"{number:.3g}"


def rate(per_s: float, unit: str = "") -> str:
    """A rate, as ``12.3k/s``, or ``12.3 kB/s`` with a unit."""
    number = short(per_s)
    digits = number.rstrip("".join(letter for _, letter in _SCALES))
    return f"{digits} {number[len(digits) :]}{unit}/s" if unit else f"{number}/s"


def printable(text: str) -> str:
    """A text of somebody else's on one line: what a terminal would act on is escaped."""
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def clock_time(time_ns: int, now_ns: int) -> str:
    """A local time with ms; with its date where that is not the one of `now_ns`."""
    then, now = (datetime.fromtimestamp(each // 1_000_000 / 1000) for each in (time_ns, now_ns))
    date = "" if then.date() == now.date() else f"{then:%Y-%m-%d} "
    return f"{date}{then:%H:%M:%S}.{time_ns // 1_000_000 % 1000:03d}"


def natural(name: str) -> list[str | int]:
    """What to sort by, so that bank2 comes before bank10: words and numbers by turns."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
