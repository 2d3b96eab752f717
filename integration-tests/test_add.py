"""add, and stop and reset_counts of some histograms: beside what runs, without touching it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from events import TOF_END_NS, EventSender, Sent, accounted
from kafka_broker import MakeTopic
from service_process import Service

from histsvc.errors import Code
from histsvc.protocol.info import State

COUNTING, FINISHED, INITIALISED = State.COUNTING, State.FINISHED, State.INITIALISED


def spectrum(service: Service, data: str, name: str, **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", data, id=name, tof_range=[0, TOF_END_NS], num_bins=50, **keys)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def expected(sent: Sent) -> np.ndarray[Any, Any]:
    return np.histogram(sent.tof, bins=50, range=(0, TOF_END_NS))[0]


def status(service: Service, **keys: Any) -> dict[str, Any]:
    return {info["id"]: info for info in service.client.send({"cmd": "status", **keys})["histograms"]}


def test_what_is_added_counts_beside_what_runs(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, before, after = topic("data"), Sent(), Sent()
    with service.following() as histograms:
        service.config([spectrum(service, data, "first")])
        sender.pulses(data, before, [now_ms()] * 20)
        reply = service.client.send({"cmd": "add", "histograms": [spectrum(service, data, "second")]})
        assert reply["response"] == "ACK"
        sender.pulses(data, after, [now_ms()] * 30)
        everything = Sent(before.tof_ns + after.tof_ns, before.pixel_id + after.pixel_id)
        histograms.until(lambda h: h.info.id == "first" and h.info.sum == everything.events)
        histograms.until(lambda h: h.info.id == "second" and h.info.sum == after.events)
        service.client.send({"cmd": "stop"})
        finished = histograms.finished("first", "second")
    np.testing.assert_array_equal(finished["first"].counts, expected(everything))
    np.testing.assert_array_equal(finished["second"].counts, expected(after))
    infos = {name: finished[name].info for name in finished}
    assert infos["first"].job != infos["second"].job
    assert next(h.info.state for h in histograms.of("second")) is INITIALISED
    assert [h.info.state for h in histograms.of("first")].count(INITIALISED) == 1
    assert all(accounted(info) == info.sum for info in infos.values())


def test_some_are_stopped_and_the_others_go_on_without_a_gap(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, before, after = topic("data", partitions=2), Sent(), Sent()
    with service.following() as histograms:
        service.config([spectrum(service, data, name) for name in ("a", "b", "c")])
        for partition in (0, 1):
            sender.pulses(data, before, [now_ms()] * 50, partition=partition)
        assert service.client.send({"cmd": "stop", "ids": ["a", "c"]})["response"] == "ACK"
        assert sorted(status(service)) == ["b"]
        for partition in (0, 1):
            sender.pulses(data, after, [now_ms()] * 50, partition=partition)
        done = histograms.finished("a", "c")
        everything = Sent(before.tof_ns + after.tof_ns, before.pixel_id + after.pixel_id)
        histograms.until(lambda h: h.info.id == "b" and h.info.sum == everything.events)
        assert service.client.send({"cmd": "stop", "ids": ["b"]})["response"] == "ACK"
        last = histograms.finished("b")["b"]
    for name in ("a", "c"):
        np.testing.assert_array_equal(done[name].counts, expected(before))
        assert (done[name].info.sum, done[name].info.lag) == (before.events, 0)
        assert histograms.of(name)[-1].info.state is FINISHED
    np.testing.assert_array_equal(last.counts, expected(everything))
    assert status(service) == {}


def test_some_are_reset(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, before, after = topic("data"), Sent(), Sent()
    with service.following() as histograms:
        service.config([spectrum(service, data, name) for name in ("a", "b")])
        service.client.send({"cmd": "add", "histograms": [spectrum(service, data, "c")]})
        sender.pulses(data, before, [now_ms()] * 20)
        for name in "abc":
            histograms.until(lambda h, n=name: h.info.id == n and h.info.sum == before.events)  # type: ignore[misc]
        service.client.send({"cmd": "reset_counts", "ids": ["a", "c"]})
        told = status(service)
        assert {name: (info["sum"], info["generation"]) for name, info in told.items()} == {
            "a": (0, 2),
            "b": (before.events, 1),
            "c": (0, 2),
        }
        sender.pulses(data, after, [now_ms()] * 10)
        for name, events in (("a", after.events), ("b", before.events + after.events), ("c", after.events)):
            histograms.until(
                lambda h, n=name, e=events: h.info.id == n and h.info.sum == e and h.info.state is COUNTING  # type: ignore[misc]
            )


@pytest.mark.parametrize("cmd", ["stop", "reset_counts"])
def test_an_id_that_does_not_run_is_not_found_and_nothing_is_done(
    service: Service, topic: MakeTopic, sender: EventSender, cmd: str
) -> None:
    data, sent = topic("data"), Sent()
    with service.following() as histograms:
        service.config([spectrum(service, data, "a")])
        sender.pulses(data, sent, [now_ms()] * 5)
        histograms.until(lambda h: h.info.sum == sent.events)
        error = service.refused({"cmd": cmd, "ids": ["a", "b"]})
    assert (error.code, error.field) == (Code.NOT_FOUND, "ids[1]")
    assert '"b"' in error.message
    assert '"a"' in error.message
    info = status(service)["a"]
    assert (info["sum"], info["generation"], info["state"]) == (sent.events, 1, "COUNTING")


@pytest.mark.parametrize("ids", ["a", [5], {"a": 1}, [["a"]]])
@pytest.mark.parametrize("cmd", ["stop", "reset_counts", "status"])
def test_ids_that_are_no_list_of_texts(service: Service, cmd: str, ids: Any) -> None:
    error = service.refused({"cmd": cmd, "ids": ids})
    assert error.code is Code.INVALID_ARGUMENT
    assert (error.field or "").startswith("ids")


@pytest.mark.parametrize("cmd", ["stop", "reset_counts"])
def test_no_ids_at_all_do_nothing(service: Service, topic: MakeTopic, cmd: str) -> None:
    service.config([spectrum(service, topic("data"), "a")])
    assert service.client.send({"cmd": cmd, "ids": []})["warnings"]
    assert status(service)["a"]["generation"] == 1


def test_a_histogram_without_an_id_is_called_by_job_and_index(service: Service, topic: MakeTopic) -> None:
    service.config([spectrum(service, topic("data"), "")])
    (info,) = service.client.send({"cmd": "status"})["histograms"]
    name = f"{info['job']}/0"
    assert status(service, ids=[name])
    assert service.client.send({"cmd": "stop", "ids": [name]})["response"] == "ACK"
    assert status(service) == {}


def test_an_id_that_runs_is_not_added_again(service: Service, topic: MakeTopic) -> None:
    data = topic("data")
    service.config([spectrum(service, data, "a")])
    error = service.refused({"cmd": "add", "histograms": [spectrum(service, data, n) for n in ("b", "a")]})
    assert (error.code, error.field) == (Code.FAILED_PRECONDITION, "histograms[1].id")
    assert sorted(status(service)) == ["a"]


def test_a_config_replaces_what_was_added_too(service: Service, topic: MakeTopic) -> None:
    data = topic("data")
    with service.following() as histograms:
        service.config([spectrum(service, data, "a")])
        service.client.send({"cmd": "add", "histograms": [spectrum(service, data, "b")]})
        service.config([spectrum(service, data, "c")])
        histograms.until(lambda h: h.info.id == "c" and h.info.state is INITIALISED)
    assert [h.info.id for h in histograms.all if h.info.state is FINISHED] in (["a", "b"], ["b", "a"])
    assert sorted(status(service)) == ["c"]


def test_what_is_added_may_not_feed_what_runs(service: Service, topic: MakeTopic) -> None:
    data, other = topic("data"), topic("other")
    service.config([spectrum(service, data, "a")])
    error = service.refused({"cmd": "add", "histograms": [{**spectrum(service, other, "b"), "topic": data}]})
    assert (error.code, error.field) == (Code.INVALID_ARGUMENT, "histograms[0].topic")
    error = service.refused(
        {"cmd": "add", "histograms": [spectrum(service, service.output, "b", topic=other)]}
    )
    assert error.field == "histograms[0].data_topics[0]"
    assert sorted(status(service)) == ["a"]
