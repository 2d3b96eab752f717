"""--missing-topics wait (protocol.md, 2.1): data topics that come later are read from their beginning."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from events import EventSender, Sent, accounted
from kafka_broker import Broker, MakeTopic
from service_process import Service
from spares import until_spare
from test_hard_ends import halted
from test_workers import counting

from histsvc.errors import Code
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
GRACE_MS = 5_000
PARTITIONS = 3


@pytest.fixture(scope="module")
def waiting(broker: Broker) -> Iterator[Service]:
    """A service that waits for data topics."""
    started = Service(broker, "--missing-topics", "wait", "--workers", "2")
    try:
        until_spare(started, 3)
        yield started
    finally:
        started.close()


@pytest.fixture
def patient(waiting: Service) -> Service:
    """That of this module, with nothing running."""
    waiting.client.send({"cmd": "stop"})
    return waiting


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def later() -> str:
    return f"later-{uuid4().hex[:8]}"


def spectrum(service: Service, name: str, *topics: str) -> dict[str, Any]:
    return service.histogram("hist1d", *topics, id=name, **TOF)


def expected(*sent: Sent) -> npt.NDArray[Any]:
    tof = np.concatenate([each.tof for each in sent])
    return np.histogram(tof, bins=50, range=(0, 1e8))[0]


def fill(sender: EventSender, topic: str, sent: Sent, times_ms: list[int] | None = None) -> None:
    for partition in range(PARTITIONS):
        sender.pulses(topic, sent, times_ms or [now_ms()] * 10, partition=partition)


def come_unseen(service: Service, topic: str, sender: EventSender, sent: Sent, times_ms: list[int]) -> None:
    """The topic is made and filled before anybody who waits for it can look."""
    pids = service.heartbeat_until(lambda beat: counting(beat))
    with ExitStack() as stack:
        for pid in pids:
            stack.enter_context(halted(pid))
        service.broker.create_topic(topic, PARTITIONS)
        fill(sender, topic, sent, times_ms)


def test_topic_that_comes_later_is_read_from_its_beginning(patient: Service, sender: EventSender) -> None:
    service, data, sent = patient, later(), Sent()
    with service.following() as published:
        reply = service.config([spectrum(service, "tof", data)])
        (warning,) = reply["warnings"]
        for part in ("histograms[0].data_topics[0]", data, "beginning"):
            assert part in warning
        # It says so again and again, not only at first.
        first = published.until(lambda h: bool(h.info.warning))
        assert data in (first.info.warning or "")
        published.until(lambda h: bool(h.info.warning) and h.timestamp_ns > first.timestamp_ns)
        (beat,) = service.heartbeat_until(lambda b: b["histograms"])
        assert (beat["state"], beat["warning"]) == ("INITIALISED", first.info.warning)
        # Older than the config: where there is no start there is no lower bound.
        come_unseen(service, data, sender, sent, [now_ms() - 3_600_000] * 10)
        published.until(lambda h: h.info.sum == sent.events)
        fill(sender, data, sent)
        received = published.until(lambda h: h.info.sum == sent.events)
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, expected(sent))
    assert received.info.warning is None
    assert finished.info.warning is None
    assert finished.info.offsets == {data: dict.fromkeys(range(PARTITIONS), 20)}
    assert (finished.info.lag, finished.info.messages) == (0, 20 * PARTITIONS)


def test_all_else_counts_meanwhile(patient: Service, topic: MakeTopic, sender: EventSender) -> None:
    service, there, data = patient, topic("there", partitions=PARTITIONS), later()
    before, after = Sent(), Sent()
    with service.following() as published:
        service.config(
            [
                spectrum(service, "other", there),
                spectrum(service, "both", there, data),
                spectrum(service, "late", data),
            ]
        )
        fill(sender, there, before)
        for name in ("other", "both"):
            received = published.until(lambda h, n=name: h.info.id == n and h.info.sum == before.events)  # type: ignore[misc]
            assert bool(received.info.warning) is (name == "both")
        come_unseen(service, data, sender, after, [now_ms()] * 10)
        fill(sender, there, before)
        published.until(lambda h: h.info.id == "late" and h.info.sum == after.events)
        published.until(lambda h: h.info.id == "both" and h.info.sum == before.events + after.events)
        service.client.send({"cmd": "stop"})
        finished = published.finished("other", "both", "late")
    np.testing.assert_array_equal(finished["other"].counts, expected(before))
    np.testing.assert_array_equal(finished["late"].counts, expected(after))
    np.testing.assert_array_equal(finished["both"].counts, expected(before, after))
    for received in finished.values():
        assert accounted(received.info) == received.info.sum
        assert received.info.warning is None
    assert not [h for h in published.of("other") if h.info.warning]


def test_start_and_stop_hold_for_what_comes_later(patient: Service, sender: EventSender) -> None:
    service, data, inside = patient, later(), Sent()
    start, stop = now_ms() - 10_000, now_ms() + 4_000
    with service.following() as published:
        service.config([spectrum(service, "tof", data)], start=start, stop=stop)
        before, after = Sent(), Sent()
        service.broker.create_topic(data, PARTITIONS)
        fill(sender, data, before, [start - 1, start - 9_000])
        fill(sender, data, inside, [start, now_ms(), stop])
        fill(sender, data, after, [stop + 1])
        fill(sender, data, Sent(), [stop + 1_001])
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, expected(inside))
    assert finished.info.out_of_window == before.events + after.events
    assert finished.info.offsets == {data: dict.fromkeys(range(PARTITIONS), 6)}


@pytest.mark.parametrize("keys", [{"stop": True}, {"interval": 0.5}])
def test_who_waits_in_vain_is_finished_at_the_stop(
    patient: Service, sender: EventSender, keys: dict[str, Any]
) -> None:
    service, data = patient, later()
    stop = now_ms() + 500
    with service.following() as published:
        service.config([spectrum(service, "tof", data)], **({"stop": stop} if "stop" in keys else keys))
        finished = published.finished("tof")["tof"]
    assert (finished.info.sum, finished.info.messages) == (0, 0)
    assert data in (finished.info.warning or "")
    assert finished.timestamp_ns > (finished.info.stop or 0) * 1_000_000 + GRACE_MS * 1_000_000
    # That is final: what comes now is not counted, while another one finds what comes after it.
    service.broker.create_topic(data, PARTITIONS)
    fill(sender, data, Sent(), [stop] * 5)
    other, seen = later(), Sent()
    with service.following() as published:
        added = {"cmd": "add", "histograms": [spectrum(service, "added", other)]}
        assert other in service.client.send(added)["warnings"][0]
        come_unseen(service, other, sender, seen, [now_ms()])
        published.until(lambda h: h.info.id == "added" and h.info.sum == seen.events)
    (info,) = service.client.send({"cmd": "status", "ids": ["tof"]})["histograms"]
    assert (info["state"], info["sum"]) == ("FINISHED", 0)


def test_commands_while_it_waits(patient: Service, topic: MakeTopic, sender: EventSender) -> None:
    service, data, there, sent = patient, later(), topic("there", partitions=PARTITIONS), Sent()
    with service.following() as published:
        service.config([spectrum(service, name, data) for name in ("a", "b")])
        assert service.client.send({"cmd": "reset_counts"})["response"] == "ACK"
        infos = service.client.send({"cmd": "status"})["histograms"]
        assert [(info["state"], info["generation"]) for info in infos] == [("INITIALISED", 2)] * 2
        assert service.client.send({"cmd": "stop", "ids": ["a"]})["response"] == "ACK"
        finished = published.finished("a")["a"]
        assert (finished.info.sum, finished.info.lag) == (0, 0)
        service.config([spectrum(service, "c", data, there)])
        published.until(lambda h: h.info.id == "c")
        assert [h.info.state for h in published.of("b")][-1] is State.FINISHED
        fill(sender, there, sent)
        begun = time.monotonic()
        assert service.client.send({"cmd": "stop"})["response"] == "ACK"
        assert time.monotonic() - begun < 4
        last = published.finished("c")["c"]
    np.testing.assert_array_equal(last.counts, expected(sent))
    assert service.heartbeat_until(lambda beat: beat["state"]) == "IDLE"


def test_without_the_option_it_is_not_found_and_what_ran_goes_on(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    there, data, sent = topic("there", partitions=PARTITIONS), later(), Sent()
    wrong = [spectrum(service, "new", there), spectrum(service, "late", there, data)]
    with service.following() as published:
        service.config([spectrum(service, "tof", there)])
        fill(sender, there, sent)
        for cmd in ("config", "add"):
            error = service.refused({"cmd": cmd, "histograms": wrong})
            assert (error.code, error.field) == (Code.NOT_FOUND, "histograms[1].data_topics[1]")
            assert data in error.message
            assert "histograms[1].data_topics[1]" in error.message
        fill(sender, there, sent)
        published.until(lambda h: h.info.sum == sent.events)
        service.client.send({"cmd": "stop"})
        finished = published.finished("tof")["tof"]
    np.testing.assert_array_equal(finished.counts, expected(sent))
    assert {h.info.id for h in published.all} == {"tof"}
