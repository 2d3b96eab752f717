"""Metrics for Graphite (protocol.md, section 6): names, values, times; and what never waits for it."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from queue import Queue

import pytest

from histsvc.metrics import samples
from histsvc.metrics.graphite import GraphiteMetrics
from histsvc.ports import CountSample
from histsvc.protocol.info import HistogramInfo, State
from histsvc.settings import GraphiteSettings

SETTINGS = GraphiteSettings("graphite.example", 2003, "ess.beam", "hist")
TIMEOUT_S = 20.0


def sample(number: int, total: int = 1) -> CountSample:
    return CountSample(number, total, 0, 1.0)


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Graphite:
    """Takes what is sent: first it may fail, or wait until it is let go."""

    def __init__(self, failures: Iterable[Exception | None] = ()) -> None:
        self.failures = list(failures)
        self.taken: Queue[list[str]] = Queue()
        self.called: Queue[None] = Queue()
        self.go = threading.Event()
        self.go.set()

    def send(self, message: bytes) -> None:
        self.called.put(None)
        assert self.go.wait(TIMEOUT_S)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.taken.put(message.decode().splitlines())

    def lines(self) -> list[str]:
        return self.taken.get(timeout=TIMEOUT_S)


def test_only_what_has_counted_has_a_time() -> None:
    infos = [
        HistogramInfo(state=State.COUNTING, sum=7, diff=2, last_pulse_time=1_700_000_000_600_000_000),
        HistogramInfo(state=State.INITIALISED),
        HistogramInfo(state=State.FINISHED, sum=9, diff=9, last_pulse_time=2_000_000_000),
    ]
    assert samples(enumerate(infos)) == (CountSample(0, 7, 2, 1_700_000_000.6), CountSample(2, 9, 9, 2.0))


def test_all_metrics_of_a_report_in_one_message() -> None:
    graphite = Graphite()
    GraphiteMetrics(SETTINGS, graphite.send).report([CountSample(0, 7, 2, 1.7e9 + 0.6), sample(12, 2**53)])
    assert graphite.lines() == [
        "ess.beam.hist0-0-sum 7 1700000001",
        "ess.beam.hist0-0-diff 2 1700000001",
        "ess.beam.hist12-0-sum 9007199254740992 1",
        "ess.beam.hist12-0-diff 0 1",
    ]


def test_nothing_to_tell_opens_no_connection() -> None:
    graphite = Graphite()
    metrics = GraphiteMetrics(SETTINGS, graphite.send)
    graphite.go.clear()
    metrics.report([sample(1)])
    graphite.called.get(timeout=TIMEOUT_S)
    metrics.report([])
    graphite.go.set()
    graphite.lines()
    metrics.report([sample(2)])
    assert graphite.lines()[0].startswith("ess.beam.hist2-")
    assert graphite.called.qsize() == 1


def test_only_the_newest_is_sent_and_nobody_waits() -> None:
    graphite = Graphite()
    metrics = GraphiteMetrics(SETTINGS, graphite.send)
    graphite.go.clear()
    metrics.report([sample(0, 1)])
    graphite.called.get(timeout=TIMEOUT_S)
    # Graphite takes nothing: each of these would wait for it, or queue up behind it.
    for total in range(2, 100):
        metrics.report([sample(0, total)])
    graphite.go.set()
    assert graphite.lines()[0] == "ess.beam.hist0-0-sum 1 1"
    assert graphite.lines()[0] == "ess.beam.hist0-0-sum 99 1"
    assert graphite.taken.empty()


def test_failures_are_counted_by_kind_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    graphite = Graphite([refused, TimeoutError("timed out"), refused, None, refused])
    metrics = GraphiteMetrics(SETTINGS, graphite.send)
    with caplog.at_level(logging.DEBUG):
        for _ in range(5):
            metrics.report([sample(0)])
            graphite.called.get(timeout=TIMEOUT_S)
        metrics.report([sample(0)])
        graphite.lines()
        graphite.lines()
        metrics.report([sample(0)])  # what was said about the one before has been said when this one comes
        graphite.lines()
    assert metrics.counters == {
        "graphite_failed.Connection refused": 3,
        "graphite_failed.timed out": 1,
    }
    begins = "Graphite at graphite.example:2003 does not take metrics: Connection refused; trying on"
    again = "Graphite at graphite.example:2003 takes metrics again"
    assert caplog.messages == [begins, again, begins, again]


def test_graphytes_own_failure_is_counted_and_not_logged_by_it(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    metrics = GraphiteMetrics(GraphiteSettings("127.0.0.1", port, "p", "m"))
    with caplog.at_level(logging.DEBUG):
        metrics.report([sample(0)])
        until(lambda: len(caplog.records) > 0)
    assert metrics.counters == {"graphite_failed.Connection refused": 1}
    assert [record.name for record in caplog.records] == ["histsvc.metrics.graphite"]


def test_names_that_cannot_be_sent_are_counted_too() -> None:
    graphite = Graphite()
    metrics = GraphiteMetrics(GraphiteSettings("h", 1, "p", "two words"), graphite.send)
    metrics.report([sample(0)])
    until(lambda: bool(metrics.counters))
    assert list(metrics.counters) == ['graphite_failed."metric" must not have whitespace in it']


def test_after_close_its_thread_ends_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    graphite = Graphite([OSError("too late")])
    before = set(threading.enumerate())
    metrics = GraphiteMetrics(SETTINGS, graphite.send)
    (thread,) = set(threading.enumerate()) - before
    graphite.go.clear()
    metrics.report([sample(0)])
    graphite.called.get(timeout=TIMEOUT_S)
    metrics.close()
    assert thread.is_alive()  # it still hangs in Graphite; closing has not waited for that
    assert thread.daemon
    graphite.go.set()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert not caplog.messages
