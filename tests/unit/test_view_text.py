"""Numbers, times and texts of others, as people read them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from unit.beats import ESCAPED, NASTY

from histsvc.view.text import age, clock_time, duration, printable, rate, short


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.0 s"),
        (449, "0.4 s"),
        (9_940, "9.9 s"),
        (10_000, "10 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (7_199_000, "120 min"),
        (7_200_000, "2 h"),
        (172_799_000, "48 h"),
        (172_800_000, "2 d"),
        (11 * 86_400_000, "11 d"),
    ],
)
def test_a_duration_has_the_unit_that_two_of_fit(ms: float, text: str) -> None:
    assert duration(ms) == text


def test_an_age_is_told_only_where_there_are_data() -> None:
    assert age(400) == "0.4 s old"
    assert age(None) == "no data yet"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1.5, "1.5"),
        (999, "999"),
        (999.6, "1k"),
        (-12_345, "-12.3k"),
        (4_560_000, "4.56M"),
        (7e9, "7G"),
        (123e12, "123T"),
        (1 << 63, "9.22e+06T"),
    ],
)
def test_a_number_is_short(number: float, text: str) -> None:
    assert short(number) == text
    assert rate(number) == f"{text}/s"


def test_what_a_terminal_would_act_on_is_escaped_and_nothing_else() -> None:
    assert printable(NASTY) == ESCAPED
    assert printable("bank 0: Zähler 日本 \\x1b") == "bank 0: Zähler 日本 \\x1b"
    assert all(printable(chr(code)).isprintable() for code in range(0x3000))


@pytest.fixture
def _time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC-2")  # which is two hours east
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_time_zone")
@pytest.mark.parametrize(
    ("before_ms", "text"),
    [
        (0, "00:13:20.123"),
        (1, "00:13:20.122"),
        (800_122, "00:00:00.001"),
        (800_124, "2023-11-14 23:59:59.999"),
        (-86_400_000, "2023-11-16 00:13:20.123"),
    ],
)
def test_a_time_is_local_and_has_its_date_where_that_is_not_today(before_ms: int, text: str) -> None:
    now_ns = 1_700_000_000_123_456_789
    assert clock_time(now_ns - before_ms * 1_000_000, now_ns) == text
