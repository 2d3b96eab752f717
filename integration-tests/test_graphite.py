"""Graphite (protocol.md, section 6): what it gets, and that nothing waits for one that does not answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import TIMEOUT_S, Service

OwnService = Callable[..., Service]
TOF = {"tof_range": [0, 1e8], "num_bins": 10}
# Far more than the buffers of both ends take: who sends it waits until somebody reads.
ENDLESS = "x" * 2_000_000


class Carbon:
    """Takes connections and reads each to its end, as Graphite does."""

    def __init__(self, port: int = 0) -> None:
        self.reports: list[list[str]] = []
        self.times_s: list[float] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("r") as lines:
                report = lines.read().splitlines()
            if not report:  # close() called
                return
            self.times_s.append(time.monotonic())
            self.reports.append(report)

    def until(self, fact: Callable[[list[str]], bool]) -> list[str]:
        """The first report of which something is true."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            for report in list(self.reports):
                if fact(report):
                    return report
            time.sleep(0.02)
        raise AssertionError(f"Graphite did not get it; the last: {self.reports[-3:]}")

    def close(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S).close()
        self._thread.join(TIMEOUT_S)
        self._listener.close()


@pytest.fixture
def carbon() -> Iterator[Carbon]:
    made = Carbon()
    yield made
    made.close()


def settings_file(folder: Path, port: int, prefix: str = "ess.beam") -> str:
    content = {"address": "127.0.0.1", "port": port, "prefix": prefix, "metric": "hist"}
    made = folder / "graphite.json"
    made.write_text(json.dumps(content))
    return str(made)


def test_sum_and_diff_of_each_histogram_every_second(
    own_service: OwnService, topic: MakeTopic, sender: EventSender, carbon: Carbon, tmp_path: Path
) -> None:
    service = own_service("-g", settings_file(tmp_path, carbon.port))
    first, idle, last = topic("first"), topic("idle"), topic("last")
    sent, more = Sent(), Sent()
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", first, id="a", **TOF),
                service.histogram("hist1d", idle, id="nothing yet", **TOF),
                service.histogram("dethist", last, id="c", det_range=[1, 100], width=10, height=10),
            ]
        )
        sender.pulses(first, sent, [BASE_MS, BASE_MS + 1_600], events=30)
        published.until(lambda h: h.info.id == "a" and h.info.sum == sent.events)
        sender.pulses(first, sent, [BASE_MS + 5_600], events=11)
        sender.pulses(last, more, [BASE_MS + 7_000], events=20)
        a = published.until(lambda h: h.info.id == "a" and h.info.sum == sent.events).info
        c = published.until(lambda h: h.info.id == "c" and h.info.sum == more.events).info
    assert (a.sum, a.diff, c.sum, c.diff) == (71, 11, 20, 20)
    seconds = BASE_MS // 1000
    wanted = [
        f"ess.beam.hist0-0-sum {a.sum} {seconds + 6}",
        f"ess.beam.hist0-0-diff {a.diff} {seconds + 6}",
        f"ess.beam.hist2-0-sum {c.sum} {seconds + 7}",
        f"ess.beam.hist2-0-diff {c.diff} {seconds + 7}",
    ]
    carbon.until(lambda report: report == wanted)
    begun = len(carbon.reports)
    carbon.until(lambda _: len(carbon.reports) >= begun + 4)
    assert carbon.reports[begun:] == [wanted] * (len(carbon.reports) - begun)
    assert 2 < carbon.times_s[begun + 3] - carbon.times_s[begun - 1] < 8
    assert "Graphite" not in service.log


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield port


@contextmanager
def reads_never() -> Iterator[int]:
    """Takes connections and reads nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]


@contextmanager
def connects_never() -> Iterator[int]:
    """Its queue of connections is full: it does not even answer."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@pytest.mark.parametrize(
    ("graphite", "prefix", "reason"),
    [
        (nobody, "p", "Connection refused"),
        (reads_never, ENDLESS, "timed out"),
        (connects_never, "p", "timed out"),
    ],
)
def test_nothing_waits_for_graphite(
    own_service: OwnService,
    topic: MakeTopic,
    sender: EventSender,
    tmp_path: Path,
    graphite: Callable[[], Any],
    prefix: str,
    reason: str,
) -> None:
    data, sent = topic("data"), Sent()
    with graphite() as port:
        service = own_service("-g", settings_file(tmp_path, port, prefix), "--heartbeat-interval", "200")
        with service.following() as published:
            service.config([service.histogram("hist1d", data, id="h", **TOF)])
            sender.pulses(data, sent, [BASE_MS])
            service.heartbeat_until(lambda beat: beat["counters"]["graphite_failed"].get(reason, 0) >= 1)
            assert_all_goes_on(service)
            sender.pulses(data, sent, [BASE_MS + 1])
            published.until(lambda h: h.info.sum == sent.events)
        service.heartbeat_until(lambda beat: beat["counters"]["graphite_failed"].get(reason, 0) >= 3)
        begun_s = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - begun_s < 5
    said = [line for line in service.lines if "Graphite" in line or "graphyte" in line]
    assert len(said) == 1
    assert said[0].endswith(f"does not take metrics: {reason}; trying on")


def assert_all_goes_on(service: Service) -> None:
    """For longer than Graphite may take, heartbeats come in time and commands are answered at once.

    A loop that waits for Graphite does so for one second in each.
    """
    answers_s: list[float] = []
    beats: list[int] = []

    def beat(content: dict[str, Any]) -> bool:
        begun_s = time.monotonic()
        service.client.send({"cmd": "ping"})
        answers_s.append(time.monotonic() - begun_s)
        beats.append(content["message"])
        return len(beats) >= 15

    service.heartbeat_until(beat)
    assert median(answers_s) < 0.5
    assert median(later - earlier for earlier, later in pairwise(beats)) < 500


def test_graphite_that_comes_back_is_told_again(
    own_service: OwnService, topic: MakeTopic, sender: EventSender, tmp_path: Path
) -> None:
    data, sent = topic("data"), Sent()
    with nobody() as port:
        service = own_service("-g", settings_file(tmp_path, port))
    service.config([service.histogram("hist1d", data, id="h", **TOF)])
    sender.pulses(data, sent, [BASE_MS])
    service.heartbeat_until(lambda beat: beat["counters"]["graphite_failed"])
    carbon = Carbon(port)
    try:
        wanted = f"ess.beam.hist0-0-sum {sent.events} {BASE_MS // 1000}"
        carbon.until(lambda report: wanted in report)
        service.heartbeat_until(lambda _: f"Graphite at 127.0.0.1:{port} takes metrics again" in service.log)
    finally:
        carbon.close()
