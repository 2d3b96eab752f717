"""The service's loop: when the heartbeat and the metrics go out, and that nothing waits for either."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, FakeClock, FakeReader, raw

from histsvc.errors import BrokerError
from histsvc.jobs.supervisor import Supervisor
from histsvc.model import Place
from histsvc.ports import CountSample, Outgoing, Waitable
from histsvc.protocol.heartbeat import WorkerStatus
from histsvc.protocol.info import HistogramInfo, State
from histsvc.service import Service
from histsvc.settings import KafkaSettings, ServiceSettings

SETTINGS = ServiceSettings(KafkaSettings(BROKERS), "commands", "heartbeats", "responses")


class FakeSupervisor:
    """Has no workers; its histograms are what the test says."""

    def __init__(self) -> None:
        self.ready = True
        self.replacing = False
        self.ends: list[Waitable] = []
        self.told: tuple[HistogramInfo, ...] = ()

    def tick(self, timeout_s: float) -> None:
        """Nothing to hear."""

    def counting(self) -> list[object]:
        return []

    def stop(self, seconds: float) -> None:
        """Nobody to end."""

    @property
    def jobs(self) -> dict[str, object]:
        return {}

    def infos(self) -> tuple[HistogramInfo, ...]:
        return self.told

    def numbered(self) -> list[tuple[int, HistogramInfo]]:
        return list(enumerate(self.told))

    def statuses(self) -> tuple[WorkerStatus, ...]:
        return ()

    def totals(self) -> Counter[str]:
        return Counter(messages=5)


class FakeSender:
    """Keeps messages; delivers them at once unless `hold`."""

    def __init__(self) -> None:
        self.hold = False
        self.sent: list[Outgoing] = []
        self.futures: list[Future[Place]] = []

    def send(self, message: Outgoing) -> Future[Place]:
        self.sent.append(message)
        self.futures.append(Future())
        if not self.hold:
            self.futures[-1].set_result(Place(0, len(self.sent)))
        return self.futures[-1]

    def serve(self, timeout_s: float) -> None:
        """Reports have come."""

    def give_up(self) -> None:
        """Never asked."""

    def beats(self) -> list[dict[str, Any]]:
        return [json.loads(message.value) for message in self.sent if message.topic == "heartbeats"]


class FakeMetrics:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.counters: Mapping[str, int] = {"graphite_failed.no route": 3}
        self.reported: list[Sequence[CountSample]] = []
        self.closed = False

    def report(self, samples: Sequence[CountSample]) -> None:
        self.reported.append(samples)

    def close(self) -> None:
        self.closed = True


class Serving:
    """A service among fakes."""

    def __init__(self, settings: ServiceSettings = SETTINGS) -> None:
        self.clock, self.supervisor, self.sender = FakeClock(), FakeSupervisor(), FakeSender()
        self.commands, self.clusters, self.metrics = FakeReader(), FakeClusters(), FakeMetrics()
        cluster = self.clusters.of(BROKERS)
        cluster.topics["commands"] = 1
        cluster.end_offsets["commands", 0] = 0
        self.service = Service(
            settings,
            cast(Supervisor, self.supervisor),
            self.commands,
            self.sender,
            self.clusters,
            self.clusters,
            self.clock,
            self.metrics,
        )

    def work(self, seconds: float) -> None:
        """Tick every 50 ms."""
        for _ in range(round(seconds / 0.05)):
            self.service.tick()
            self.clock.advance(0.05)


@pytest.fixture
def serving() -> Serving:
    return Serving()


def test_nothing_goes_out_before_it_is_ready(serving: Serving) -> None:
    serving.supervisor.ready = False
    serving.work(5)
    assert not serving.sender.sent
    assert not serving.metrics.reported
    serving.supervisor.ready = True
    serving.work(0.3)
    assert len(serving.sender.beats()) == 1


@pytest.mark.parametrize(("interval_ms", "longest_s"), [(1000, 0.5), (60, 0.06)])
def test_it_waits_for_commands_until_the_next_heartbeat(interval_ms: int, longest_s: float) -> None:
    serving = Serving(replace(SETTINGS, heartbeat_interval_ms=interval_ms))
    serving.work(2)
    waits_s = serving.commands.waits_s
    assert 0 < max(waits_s) <= longest_s
    assert interval_ms < 1000 or max(waits_s) == longest_s


@pytest.mark.parametrize(("interval_ms", "beats"), [(1000, 10), (250, 40)])
def test_one_heartbeat_every_interval(interval_ms: int, beats: int) -> None:
    serving = Serving(replace(SETTINGS, heartbeat_interval_ms=interval_ms))
    serving.work(10)
    sent = serving.sender.beats()
    assert beats - 1 <= len(sent) <= beats
    assert {beat["message_interval"] for beat in sent} == {interval_ms}
    steps = {later["message"] - beat["message"] for beat, later in pairwise(sent)}
    assert steps == {interval_ms}


def test_a_broker_that_does_not_answer_has_one_heartbeat_to_take(serving: Serving) -> None:
    serving.sender.hold = True
    serving.work(10)
    assert len(serving.sender.beats()) == 1
    serving.sender.hold = False
    serving.sender.futures[0].set_exception(BrokerError("it is gone", retriable=True))
    serving.work(1)
    assert len(serving.sender.beats()) == 2
    assert serving.sender.beats()[-1]["counters"]["send_failed"] == {"it is gone": 1}


def test_state_follows_the_histograms_and_the_place_in_the_command_topic(serving: Serving) -> None:
    def state() -> str:
        serving.work(1)
        told: str = serving.sender.beats()[-1]["state"]
        return told

    assert state() == "IDLE"
    serving.supervisor.told = (HistogramInfo(state=State.INITIALISED),)
    assert state() == "RUNNING"
    serving.supervisor.told = (HistogramInfo(state=State.FINISHED),)
    assert state() == "IDLE"
    serving.supervisor.replacing = True
    assert state() == "DEGRADED"
    serving.supervisor.replacing = False
    serving.clusters.of(BROKERS).topics["commands"] = 0
    serving.commands.queue = [raw([], failures={0: "gone"})]
    assert state() == "DEGRADED"


def test_counters_of_every_part_are_in_the_heartbeat(serving: Serving) -> None:
    serving.work(0.5)
    serving.commands.queue = [raw([(0, 0, 1, b"[]")]), raw([(0, 1, 1, b'{"cmd": "ping"}')])]
    serving.work(1.5)
    counters = serving.sender.beats()[-1]["counters"]
    assert counters["messages"] == 5
    assert (counters["commands"], counters["commands_failed"]) == (2, 1)
    assert counters["graphite_failed"] == {"no route": 3}


def test_metrics_of_all_histograms_once_a_second(serving: Serving) -> None:
    serving.supervisor.told = tuple(
        HistogramInfo(state=State.COUNTING, sum=i, diff=1, last_pulse_time=10**9) for i in range(2)
    )
    serving.work(5)
    assert 4 <= len(serving.metrics.reported) <= 5
    assert set(serving.metrics.reported) == {(CountSample(0, 0, 1, 1.0), CountSample(1, 1, 1, 1.0))}


def test_the_end_closes_the_metrics(serving: Serving) -> None:
    serving.work(1)
    assert not serving.metrics.closed
    assert serving.service.run(lambda: True) == []
    assert serving.metrics.closed
