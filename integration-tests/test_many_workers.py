"""Many adds (protocol.md, 2.4): each has workers of its own, up to --max-workers, and gives them back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import TOF_END_NS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service
from test_workers import counting, wait_until_gone

from histsvc.errors import Code, CommandError

# A busy machine needs seconds for a new process, and every add here wants one at once.
PATIENT_S = 90.0
OPTIONS = ("--workers", "1", "--command-timeout", str(round(PATIENT_S * 1000)))
MOST = 3
ADDS = 10
# Those that a service with one worker keeps: for a config, and for an add before it.
SPARES = 2


@pytest.fixture(scope="module")
def started(broker: Broker) -> Iterator[Service]:
    """A service with room for many."""
    roomy = Service(broker, *OPTIONS)
    try:
        yield roomy
    finally:
        roomy.close()


@pytest.fixture
def roomy(started: Service) -> Service:
    """That of this module, with nothing running."""
    ask(started, "stop")
    return started


@pytest.fixture(scope="module")
def tight(broker: Broker) -> Iterator[Service]:
    """A service in which 3 workers may count."""
    started = Service(broker, *OPTIONS, "--max-workers", str(MOST))
    try:
        yield started
    finally:
        started.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ask(service: Service, cmd: str, **keys: Any) -> dict[str, Any]:
    return service.client.send({"cmd": cmd, **keys}, PATIENT_S + 5)


def spectrum(service: Service, name: str, data: str) -> dict[str, Any]:
    return service.histogram("hist1d", data, id=name, tof_range=[0, TOF_END_NS], num_bins=50)


def expected(sent: Sent) -> npt.NDArray[Any]:
    return np.histogram(sent.tof, bins=50, range=(0, TOF_END_NS))[0]


def running(service: Service) -> list[str]:
    return [info["id"] for info in ask(service, "status")["histograms"]]


def pids(service: Service, count: int) -> list[int]:
    """The workers that count, once there are so many of them."""
    return service.heartbeat_until(lambda b: counting(b) if len(counting(b)) == count else None)


def test_ten_adds_in_a_row_are_all_accepted_and_exact(
    roomy: Service, topic: MakeTopic, sender: EventSender
) -> None:
    service, data, sent = roomy, topic("data"), [Sent() for _ in range(ADDS + 1)]
    names = [f"h{i}" for i in range(ADDS + 1)]
    with service.following() as published:
        for i, name in enumerate(names):
            cmd = "add" if i else "config"
            assert ask(service, cmd, histograms=[spectrum(service, name, data)])["response"] == "ACK"
            # All that were accepted until now count this.
            pulses = Sent()
            sender.pulses(data, pulses, [now_ms()] * 5)
            for each in sent[: i + 1]:
                each.tof_ns += pulses.tof_ns
        for name, mine in zip(names, sent, strict=True):
            published.until(lambda h, n=name, e=mine.events: h.info.id == n and h.info.sum == e)  # type: ignore[misc]
        assert running(service) == names
        before = pids(service, ADDS + 1)
        assert len(set(before)) == ADDS + 1
        # A config replaces all of them, those of add included.
        ask(service, "config", histograms=[spectrum(service, "new", data)])
        published.until(lambda h: h.info.id == "new")
        finished = published.finished(*names)
    for name, mine in zip(names, sent, strict=True):
        np.testing.assert_array_equal(finished[name].counts, expected(mine))
    assert running(service) == ["new"]
    # What is too many goes: one counts, and the usual spare ones are at hand.
    left = service.heartbeat_until(lambda b: b["workers"] if len(b["workers"]) == 1 + SPARES else None)
    assert sorted(worker["state"] for worker in left) == ["COUNTING"] + ["SPARE"] * SPARES
    wait_until_gone(sorted(set(before) - {worker["pid"] for worker in left}))


def test_no_more_than_max_workers_count_at_once(
    tight: Service, topic: MakeTopic, sender: EventSender
) -> None:
    service, data, sent, later = tight, topic("data"), Sent(), Sent()
    with service.following() as published:
        ask(service, "config", histograms=[spectrum(service, "a", data)])
        for name in ("b", "c"):
            ask(service, "add", histograms=[spectrum(service, name, data)])
        sender.pulses(data, sent, [now_ms()] * 5)
        with pytest.raises(CommandError) as refusal:
            ask(service, "add", histograms=[spectrum(service, "d", data)])
        error = refusal.value
        assert error.code is Code.RESOURCE_EXHAUSTED
        assert "--max-workers" in error.message
        assert str(MOST) in error.message
        assert running(service) == ["a", "b", "c"]
        # A stop gives one back, and a config can always replace what runs.
        ask(service, "stop", ids=["b"])
        assert ask(service, "add", histograms=[spectrum(service, "d", data)])["response"] == "ACK"
        sender.pulses(data, later, [now_ms()] * 5)
        everything = Sent(sent.tof_ns + later.tof_ns, [])
        for name, wanted in (("a", everything), ("c", everything), ("d", later)):
            received = published.until(lambda h, n=name, e=wanted.events: h.info.id == n and h.info.sum == e)  # type: ignore[misc]
            np.testing.assert_array_equal(received.counts, expected(wanted))
        assert published.finished("b")["b"].info.sum == sent.events
    assert len(pids(service, MOST)) == MOST
    assert ask(service, "config", histograms=[spectrum(service, "e", data)])["response"] == "ACK"
    assert running(service) == ["e"]
    ask(service, "stop")


def test_dead_worker_of_an_add_takes_nothing_else_with_it(
    roomy: Service, topic: MakeTopic, sender: EventSender
) -> None:
    service, data, sent = roomy, topic("data"), Sent()
    with service.following() as published:
        ask(service, "config", histograms=[spectrum(service, "first", data)])
        before = pids(service, 1)
        ask(service, "add", histograms=[spectrum(service, name, data) for name in ("x", "y")])
        (victim,) = set(pids(service, 2)) - set(before)
        ask(service, "add", histograms=[spectrum(service, "last", data)])
        sender.pulses(data, sent, [now_ms()] * 5)
        for name in ("x", "last"):
            published.until(lambda h, n=name: h.info.id == n and h.info.sum == sent.events)  # type: ignore[misc]
        os.kill(victim, signal.SIGKILL)
        sender.pulses(data, sent, [now_ms()] * 5)
        for name in ("first", "x", "y", "last"):
            received = published.until(lambda h, n=name: h.info.id == n and h.info.sum == sent.events)  # type: ignore[misc]
            np.testing.assert_array_equal(received.counts, expected(sent))
        epochs = {h.info.id: h.info.epoch for h in published.all}
        assert epochs == {"first": 1, "x": 2, "y": 2, "last": 1}
        # What another worker has taken up is stopped like all else, and its id is free again.
        ask(service, "stop", ids=["x", "y"])
        assert running(service) == ["first", "last"]
        ask(service, "add", histograms=[spectrum(service, "x", data)])
        again = Sent()
        sender.pulses(data, again, [now_ms()] * 5)
        published.until(lambda h: h.info.id == "x" and h.info.sum == again.events)
    service.heartbeat_until(lambda b: b["state"] == "RUNNING")
