"""Several services on one command topic: `target` says whom a command is for (protocol.md, 2)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from events import TOF_END_NS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import Service
from test_hard_ends import replies_of


class Pair(NamedTuple):
    """Two services that read the commands of the first, and reply on its topic."""

    one: Service
    two: Service


@pytest.fixture(scope="module")
def pair(broker: Broker) -> Iterator[Pair]:
    """Services with the ids "one" and "two"."""
    one = Service(broker, "--service-id", "one", "--workers", "1")
    try:
        shared = ["-t", one.commands, "-rt", one.responses]
        two = Service(broker, "--service-id", "two", "--workers", "1", *shared)
        try:
            yield Pair(one, two)
        finally:
            two.close()
    finally:
        one.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def spectrum(service: Service, name: str, data: str) -> dict[str, Any]:
    return service.histogram("hist1d", data, id=name, tof_range=[0, TOF_END_NS], num_bins=50)


def commands_of(service: Service) -> int:
    """How many commands a service says that it has had."""
    count: int = service.heartbeat_until(lambda beat: beat)["counters"]["commands"]
    return count


def ids_of(service: Service) -> list[str]:
    return [histogram["id"] for histogram in service.heartbeat_until(lambda beat: beat)["histograms"]]


def test_each_obeys_its_own_commands_only(pair: Pair, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()
    before = [commands_of(each) for each in pair]
    with pair.one.following() as published, replies_of(pair.one) as replies:
        for number, name in enumerate(("one", "two"), 1):
            histograms = [spectrum(pair.one, f"of-{name}", data)]
            command = {"cmd": "config", "histograms": histograms, "target": name, "msg_id": number}
            pair.one.client.post(command)
            assert replies(number)[-1]["response"] == "ACK"
        sender.pulses(data, sent, [now_ms()] * 10)
        for name in ("one", "two"):
            published.until(lambda h, n=f"of-{name}": h.info.id == n and h.info.sum == sent.events)  # type: ignore[misc]
        assert [ids_of(each) for each in pair] == [["of-one"], ["of-two"]]
        pair.one.client.post({"cmd": "stop", "target": "two", "msg_id": 3})
        assert (replies(3)[-1]["response"], replies(3)[-1]["msg_id"]) == ("ACK", 3)
        finished = published.finished("of-two")["of-two"]
        assert [ids_of(each) for each in pair] == [["of-one"], []]
        pair.one.client.post({"cmd": "status", "target": "one", "msg_id": 4})
        (info,) = replies(4)[-1]["histograms"]
        assert (info["id"], info["sum"], info["state"]) == ("of-one", sent.events, "COUNTING")
        # Whoever obeyed a foreign command would have answered before this one.
        pair.one.client.post({"cmd": "ping", "msg_id": 5})
        assert sorted(reply["msg_id"] for reply in replies(6)) == [1, 2, 3, 4, 5, 5]
    np.testing.assert_array_equal(finished.counts, np.histogram(sent.tof, bins=50, range=(0, TOF_END_NS))[0])
    # Three for one of them, two for the other, the ping for both; the others' are not even counted.
    assert [commands_of(each) - count for each, count in zip(pair, before, strict=True)] == [3, 3]


@pytest.mark.parametrize("target", [{}, {"target": ""}, {"target": None}])
def test_commands_without_a_target_are_for_all(pair: Pair, topic: MakeTopic, target: dict[str, Any]) -> None:
    data = topic("data")
    with replies_of(pair.one) as replies:
        pair.one.client.post({"cmd": "ping", "msg_id": "who", **target})
        assert {reply["service"]["id"] for reply in replies(2)} == {"one", "two"}
        config = {"cmd": "config", "histograms": [spectrum(pair.one, "all", data)], "msg_id": "c", **target}
        pair.one.client.post(config)
        assert [reply["response"] for reply in replies(4)[2:]] == ["ACK"] * 2
        assert [ids_of(each) for each in pair] == [["all"]] * 2
        pair.one.client.post({"cmd": "stop", "msg_id": "s", **target})
        assert [reply["msg_id"] for reply in replies(6)[4:]] == ["s"] * 2
        assert [ids_of(each) for each in pair] == [[], []]


@pytest.mark.parametrize("target", ["one", " ", "shared", "None"])
def test_a_service_without_an_id_ignores_what_has_a_target(service: Service, target: str) -> None:
    lines, before = len(service.lines), commands_of(service)
    with replies_of(service) as replies:
        for cmd in ("ping", "stop", "nonsense"):
            service.client.post({"cmd": cmd, "target": target, "msg_id": f"not for us: {cmd}"})
        service.client.post({"cmd": "ping", "msg_id": "for all"})
        assert [reply["msg_id"] for reply in replies(1)] == ["for all"]
    assert commands_of(service) == before + 1
    # Silently: not a word in the log either, where each command leaves a line.
    assert not [line for line in service.lines[lines:] if "not for us" in line]
    assert [line for line in service.lines[lines:] if "for all" in line]


@pytest.mark.parametrize("target", [5, ["one"], {"id": "one"}, True])
def test_what_is_no_id_is_refused(service: Service, target: Any) -> None:
    error = service.refused({"cmd": "ping", "target": target})
    assert (error.code, error.field) == ("INVALID_ARGUMENT", "target")


def test_heartbeats_tell_the_id(pair: Pair) -> None:
    assert [each.heartbeat_until(lambda beat: beat)["id"] for each in pair] == ["one", "two"]
