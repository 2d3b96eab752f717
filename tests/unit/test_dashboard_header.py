"""The top of the page: one lamp for all, and a line for each service."""

from __future__ import annotations

import re
from typing import Any

from unit.beats import NASTY, beat, info
from unit.dashboards import NOW_MS, FakeClock, StillFeed, of_type, told

from histsvc.client import State, WorkerLoad
from histsvc.view.dashboard.header import Header

LOAD = WorkerLoad(0.5, 0.1, 0.1, 0.2, 0.1, 1.5e6, 3e7, 12)


class Top:
    """The header over what a feed has."""

    def __init__(self) -> None:
        self.feed = StillFeed(FakeClock())
        self.header = Header(self.feed)

    def tell(self) -> tuple[str, str, str]:
        """The level of the lamp, what it says, and the lines of services."""
        self.header.tell(NOW_MS)
        said = told(self.header.root, "verdict")
        (level,) = re.findall(r"lamp (\w+)", said)
        return level, re.sub("<.*?>", "|", said), told(self.header.root, "services")


def good(name: str = "tof", **keys: Any) -> Any:
    return of_type("hist1d", name=name, data_age_ms=100, **keys)


def test_before_any_heartbeat_it_waits() -> None:
    level, _, services = Top().tell()
    assert level == "waiting"
    assert services == ""


def test_the_rate_is_that_of_all_workers_of_all_services() -> None:
    top = Top()
    counts = [(1, "COUNTING", 0, LOAD), (2, "COUNTING", 2, LOAD), (3, "SPARE", 1)]
    top.feed.beat(
        beat(info("tof", lag=7), info("b", lag=3), workers=counts), beat(info("c"), workers=counts[:1])
    )
    top.feed.give(good())
    level, said, services = top.tell()
    assert level == "good"
    assert "4.5M events/s" in said
    assert "3" in said.replace("4.5M", "")  # histograms
    first, second = services.split("<div class='service'>")[1:]
    assert all(each in first for each in ("3M/s", "7 messages", "2 counting", "1 spare", "3 replaced"))
    assert "1.5M/s" in second
    assert "replaced" not in second


def test_a_histogram_that_is_late_is_told_and_one_that_nobody_tells_of_is_not() -> None:
    top = Top()
    top.feed.beat(beat(info("tof")))
    top.feed.give(good(), of_type("hist1d", name="gone", state=State.ERROR, error_message="x"))
    assert top.tell()[0] == "good"
    top.feed.give(of_type("hist1d", name="tof", data_age_ms=60_000))
    assert top.tell()[0] == "late"


def test_a_service_that_was_started_again_is_not_missed() -> None:
    top = Top()
    top.feed.beat(beat(info("tof"), after_ms=-300_000, pid=1), beat(info("tof"), pid=2))
    top.feed.give(good())
    assert top.tell()[0] == "good"


def test_brokers_that_do_not_answer_are_the_worst() -> None:
    top = Top()
    top.feed.beat(beat(info("tof")))
    top.feed.give(good())
    top.feed.trouble = "no <broker>"
    level, said, _ = top.tell()
    assert level == "error"
    assert "no &lt;broker&gt;" in said


def test_what_services_call_themselves_is_no_html() -> None:
    top = Top()
    nasty = f"<script>1</script>' onload='{NASTY}"
    failed = info(nasty, State.ERROR, error_message=nasty)
    top.feed.beat(beat(failed, id=nasty, host=nasty, workers=[(1, nasty, 0)]))
    top.header.tell(NOW_MS)
    html = told(top.header.root, "verdict") + told(top.header.root, "services")
    assert set(re.findall(r"<\s*/?\s*([^\s>]*)", html)) == {"div", "b", "small", "span", "i"}
    for attributes in re.findall(r"<\w+([^>]*)>", html):
        assert re.fullmatch(r"(\s+(class|title)='[^'<>]*')*", attributes)
