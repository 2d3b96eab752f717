"""Ends in the middle of much that is left to read, and what is added beside it: exact to the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from kafka_broker import Broker
from service_process import Service
from spares import until_spare

from histsvc.client import Histogram
from histsvc.model import Int64Array
from histsvc.protocol.info import State
from histsvc.wire import ev44

# So many small messages take a worker longer to count into so many histograms than `stop` has for it.
MESSAGES, PARTITIONS, KINDS = 400_000, 2, 40
NAMES = [f"histogram {number}" for number in range(100)]
TOF: dict[str, Any] = {"tof_range": [0, KINDS], "num_bins": KINDS}
# What is counted live is behind the backlog's time and its leeway.
LIVE_MS = BASE_MS + 60_000
FINISHED = State.FINISHED


@dataclass(frozen=True)
class Backlog:
    """Number k of a partition has `kinds[partition][k]` + 1 events, all of them in that bin."""

    topic: str
    kinds: tuple[Int64Array, ...]

    def counts(self, offsets: dict[int, int]) -> Int64Array:
        """What numpy counts of all messages below an offset of each partition."""
        read = [self.kinds[number][:offset] for number, offset in offsets.items()]
        kinds = np.concatenate(read)
        return np.histogram(np.repeat(kinds, kinds + 1), bins=KINDS, range=(0, KINDS))[0]


@pytest.fixture(scope="module")
def backlog(broker: Broker) -> Backlog:
    rng = np.random.default_rng(7)
    made = Backlog(
        f"backlog-{uuid4().hex[:8]}",
        tuple(rng.integers(0, KINDS, MESSAGES // PARTITIONS) for _ in range(PARTITIONS)),
    )
    broker.create_topic(made.topic, PARTITIONS)
    payloads = [
        ev44.serialise("s", 1, 5, np.full(kind + 1, kind), np.ones(kind + 1, np.int64))
        for kind in range(KINDS)
    ]
    sender = EventSender(broker.bootstrap)
    for number, kinds in enumerate(zip(*made.kinds, strict=True)):
        for partition, kind in enumerate(kinds):
            sender.raw(made.topic, payloads[kind], BASE_MS, partition)
        if number % 20_000 == 0:
            sender.flush()
    sender.flush()
    return made


@pytest.fixture
def single(own_service: Callable[..., Service]) -> Service:
    """A service with one worker for a config, and one at hand for what comes beside it or after."""
    service = own_service("--workers", "1")
    until_spare(service, 2)
    return service


def cut(histogram: Histogram, backlog: Backlog, size: int) -> None:
    """It counted exactly what is before its offsets, and says what is behind them."""
    info = histogram.info
    (offsets,) = info.offsets.values()
    assert 0 < info.messages < size
    assert info.messages == sum(offsets.values())
    assert info.messages + info.lag == size
    np.testing.assert_array_equal(histogram.counts, backlog.counts(offsets))
    assert info.sum == histogram.counts.sum()


def of_all(service: Service, backlog: Backlog, name: str, **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", backlog.topic, id=name, publish_interval_ms=200, **TOF, **keys)


def test_config_ends_what_it_replaces_where_its_reader_is(
    single: Service, broker: Broker, backlog: Backlog
) -> None:
    service, size = single, broker.topic_size(backlog.topic)
    with service.following() as published:
        service.config([of_all(service, backlog, name) for name in NAMES], start=BASE_MS)
        # The end of a partition is known from when something of it was fetched.
        published.until(lambda h: all(h.info.offsets[backlog.topic].values()))
        service.config([of_all(service, backlog, "new")])
        published.until(lambda h: h.info.id == "new")
        replaced = published.finished(*NAMES)
    for each in replaced.values():
        cut(each, backlog, size)
    states = [(h.info.id, h.info.state) for h in published.all]
    assert states.index(("new", State.INITIALISED)) > max(states.index((n, FINISHED)) for n in NAMES)


def test_stop_that_takes_too_long_is_cut_and_says_what_was_left(
    single: Service, broker: Broker, backlog: Backlog
) -> None:
    service, size = single, broker.topic_size(backlog.topic)
    with service.following() as published:
        service.config([of_all(service, backlog, name) for name in NAMES], start=BASE_MS)
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        stopped = published.finished(*NAMES)
    for each in stopped.values():
        cut(each, backlog, size)


def test_what_is_added_at_the_start_of_a_backlog_leaves_a_live_histogram_alone(
    single: Service, backlog: Backlog, sender: EventSender
) -> None:
    """Both read the same topic, the live one from its end; last in this file, for it appends to the topic."""
    service, sent, first = single, Sent(), 0
    live = of_all(service, backlog, "live") | {"tof_range": [0, TOF_END_NS]}
    with service.following() as published:
        service.config([live])
        added = {"cmd": "add", "histograms": [of_all(service, backlog, "added")]}
        service.client.send({**added, "start": BASE_MS, "stop": BASE_MS})
        while not is_finished(published.all):
            for partition in range(PARTITIONS):
                sender.pulses(backlog.topic, sent, [LIVE_MS], partition=partition)
            first = first or sent.events
            published.until(lambda h: h.info.id == "live" and h.info.sum == sent.events)
        service.client.send({"cmd": "stop", "ids": ["live"]})
        ended = published.finished("added", "live")
    everything = backlog.counts(dict.fromkeys(range(PARTITIONS), MESSAGES // PARTITIONS))
    np.testing.assert_array_equal(ended["added"].counts, everything)
    assert (ended["added"].info.messages, ended["added"].info.out_of_window) == (MESSAGES, 0)
    expected = np.histogram(sent.tof, bins=KINDS, range=(0, TOF_END_NS))[0]
    np.testing.assert_array_equal(ended["live"].counts, expected)
    # What was sent behind the add was counted, and published, before the added one had read its backlog.
    until_then = takewhile(lambda h: h is not ended["added"], published.all)
    sums = [h.info.sum for h in until_then if h.info.id == "live"]
    assert max(sums) >= first > 0
    assert sums == sorted(sums)
    assert [h.info.state for h in published.of("live")].count(State.INITIALISED) == 1


def is_finished(published: list[Histogram]) -> bool:
    return any(h.info.id == "added" and h.info.state is FINISHED for h in published)
