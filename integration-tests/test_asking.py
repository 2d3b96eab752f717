"""status, describe and ping on the real broker; unknown keys of every command (protocol.md, 2.1 and 2.4)."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

import pytest
from events import TOF_END_NS, EventSender, Sent
from examples import FOLDER, command_files
from jsonschema import Draft202012Validator
from kafka_broker import MakeTopic
from service_process import Service
from spares import until_spare

import histsvc
from histsvc.errors import CommandError
from histsvc.protocol.info import State

TOF: dict[str, Any] = {"tof_range": [0, TOF_END_NS], "num_bins": 50}
# Those that every histogram has, and those that depend on what is asked for, or what has happened.
INFO_KEYS = {
    *("id", "state", "first_pulse_time", "last_pulse_time", "sum", "diff", "rate"),
    *("job", "index", "generation", "epoch", "config_hash"),
    *("underflow", "overflow", "filtered", "out_of_window", "messages", "undecodable", "other_schema"),
    *("resumed", "lost", "offsets", "done", "lag"),
}
# Where it is published is told, but not published; what was asked for is published, but not told.
WHERE = {"topic", "brokers"}
SERVICE_KEYS = {"name", "id", "version", "protocol", "uptime_ms", "host", "pid"}
# These are of the moment at which they are told.
MOMENTARY = {"data_age_ms", "rate", "diff"}


@pytest.fixture
def service(service: Service) -> Service:
    """The shared service, ready for an add."""
    until_spare(service, 2)
    return service


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def spectrum(service: Service, name: str, *topics: str, **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", *topics, id=name, **{**TOF, **keys})


def ask(service: Service, cmd: str, **keys: Any) -> dict[str, Any]:
    reply = service.client.send({"cmd": cmd, **keys})
    assert reply["response"] == "ACK"
    return reply


def told(service: Service, **keys: Any) -> dict[str, dict[str, Any]]:
    return {info["id"]: info for info in ask(service, "status", **keys)["histograms"]}


def test_status_tells_the_info_of_every_histogram(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, other, sent = topic("data", partitions=2), topic("other"), Sent()
    start = now_ms() - 10_000
    with service.following() as published:
        service.config([spectrum(service, name, data) for name in ("b", "a")], start=start)
        ask(service, "add", histograms=[spectrum(service, "c", other)], stop=now_ms() + 600_000)
        for partition in (0, 1):
            sender.pulses(data, sent, [now_ms()] * 10, partition=partition)
        last = {
            name: published.until(lambda h, n=name: h.info.id == n and h.info.sum == sent.events)  # type: ignore[misc]
            for name in ("a", "b")
        }
        infos = told(service)
    assert list(infos) == ["b", "a", "c"]
    for name in ("a", "b"):
        assert infos[name].keys() == INFO_KEYS | WHERE | {"start", "data_age_ms"}
        shown = json.loads(last[name].info.to_json())
        assert shown.keys() == (infos[name].keys() - WHERE) | {"config"}
        assert (infos[name]["topic"], infos[name]["brokers"]) == (service.output, [service.bootstrap])
        for key in INFO_KEYS - MOMENTARY:
            assert infos[name][key] == shown[key], key
        assert infos[name]["sum"] == sent.events
        assert infos[name]["offsets"] == {data: {"0": 10, "1": 10}}
        assert infos[name]["start"] == start
        assert 0 <= infos[name]["data_age_ms"] < 60_000
    assert [infos[name]["index"] for name in "bac"] == [0, 1, 0]
    assert infos["b"]["job"] == infos["a"]["job"] != infos["c"]["job"]
    # Nothing read, so there is nothing that could have an age.
    assert infos["c"].keys() == INFO_KEYS | WHERE | {"stop"}
    assert (infos["c"]["state"], infos["c"]["sum"]) == ("INITIALISED", 0)
    assert told(service, ids=["c", "a"]).keys() == {"a", "c"}
    ask(service, "stop", ids=["b"])
    assert list(told(service)) == ["a", "c"]


def test_status_is_of_this_moment_and_knows_what_has_ended(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    stop = now_ms() - 1
    with service.following() as published:
        service.config([spectrum(service, "done", data)], stop=stop)
        ask(service, "add", histograms=[spectrum(service, "slow", data, publish_interval_ms=3_600_000)])
        sender.pulses(data, sent, [now_ms() + 10_000] * 3)
        published.finished("done")
        # What is published once an hour is known at once.
        deadline = time.monotonic() + 10
        while told(service)["slow"]["sum"] != sent.events:
            assert time.monotonic() < deadline
        published.poll()
        assert [h.info.state for h in published.of("slow")] == [State.INITIALISED]
    # And so is what was done a moment ago.
    for generation in range(2, 10):
        ask(service, "reset_counts", ids=["slow"])
        assert told(service)["slow"]["generation"] == generation
    reply = ask(service, "status")
    states = {info["id"]: info["state"] for info in reply["histograms"]}
    assert states == {"done": "FINISHED", "slow": "COUNTING"}
    assert reply["service"].keys() == SERVICE_KEYS | {"state"}
    assert reply["service"]["state"] == "RUNNING"
    ask(service, "stop")
    reply = ask(service, "status")
    assert (reply["histograms"], reply["service"]["state"]) == ([], "IDLE")


def test_ping_tells_who_is_there(service: Service) -> None:
    first, second = (ask(service, "ping")["service"] for _ in range(2))
    assert first.keys() == SERVICE_KEYS
    assert (first["name"], first["id"], first["protocol"]) == ("histsvc", "", "1.0")
    assert first["version"] == histsvc.__version__
    assert re.fullmatch(r"\d+\.\d+.*", first["version"])
    assert 0 < first["uptime_ms"] < second["uptime_ms"] < first["uptime_ms"] + 60_000
    beat = service.heartbeat_until(lambda b: b)
    assert all(beat[key] == first[key] for key in ("id", "version", "protocol", "host", "pid"))
    assert (first["host"], first["pid"]) == (socket.gethostname(), service.process.pid)
    assert beat["service"] == first["name"]


def test_describe_tells_what_there_is(service: Service, topic: MakeTopic) -> None:
    reply = ask(service, "describe")
    keys = {"schema", "histogram_types", "input_schemas", "output_schemas", "protocol"}
    assert reply.keys() == keys | {"msg_id", "response"}
    assert set(reply["histogram_types"]) == {"hist1d", "hist2d", "dethist", "roihist"}
    assert set(reply["input_schemas"]) == {"ev42", "ev44", "da00"}
    assert set(reply["output_schemas"]) == {"hs00", "hs01", "da00"}
    assert reply["protocol"] == ask(service, "ping")["service"]["protocol"]
    Draft202012Validator.check_schema(reply["schema"])


def all_keys(service: Service, data: str) -> dict[str, Any]:
    """Every key of every type, as clients send them."""
    keys = {"det_range": [1, 100], "width": 10, "height": 10, "left_edges": [1, 5], "source": ""}
    return spectrum(service, "all", data, **keys, num_bins=50.0, publish_interval_ms=200)


def commands(service: Service, data: str) -> list[dict[str, Any]]:
    """Commands in all the ways that clients write them, right and wrong."""
    good = all_keys(service, data)
    odd: list[dict[str, Any]] = [
        {},
        {"left_edges": [], "input_schema": "da00", "output_schema": None},
        {"type": "hist2d", "num_bins": [5, 7], "det_range": [1, 1]},
        {"type": "dethist", "id": None, "tof_range": "nonsense"},
        {"type": "roihist", "source": None, "colour": {"not": "known"}},
        {"num_bins": 0},
        {"num_bins": "5"},
        {"type": "hist7d"},
        {"tof_range": [1, 2, 3]},
        {"type": "dethist", "input_schema": "da00"},
        {"type": "roihist", "left_edges": []},
        {"data_topics": []},
        {"topic": "no topic"},
        {"data_brokers": "localhost:9092"},
    ]
    lists: list[Any] = [[{**good, **change}] for change in odd] + [[], None, [good, {"type": "hist1d"}], [5]]
    more: list[dict[str, Any]] = [
        {"start": 0, "interval": None},
        {"interval": 5, "target": ""},
        {"start": 5.0, "stop": 6},
    ]
    made: list[dict[str, Any]] = [{"cmd": "config", "histograms": histograms} for histograms in lists]
    made += [{"cmd": "config", "histograms": [good], **keys} for keys in more]
    made += [{"cmd": "config"}, {"cmd": "config", "histograms": [good], "start": "5"}]
    made += [{"cmd": "add", "histograms": [{**good, "id": "more"}]}, {"cmd": "stop", "ids": ["more"]}]
    made += [{"cmd": cmd, **keys} for cmd in ("status", "reset_counts") for keys in ({}, {"ids": None})]
    made += [{"cmd": "ping", "flavour": 1}, {"cmd": "describe", "target": None}, {"cmd": "pong"}]
    return [*made, {"cmd": "stop", "ids": []}, {"cmd": "stop", "ids": "a"}, {"cmd": "stop"}]


def outcome(service: Service, command: dict[str, Any]) -> str:
    try:
        service.client.send(command)
    except CommandError as error:
        return error.code
    return "ACK"


def test_the_schema_fits_what_the_service_accepts_and_little_else(service: Service, topic: MakeTopic) -> None:
    schema = ask(service, "describe")["schema"]
    fits = Draft202012Validator(schema).is_valid
    codes = []
    for command in commands(service, topic("data")):
        codes.append(outcome(service, command))
        assert fits(command) is (codes[-1] == "ACK"), command
    assert (codes.count("ACK"), codes.count("INVALID_ARGUMENT"), len(codes)) == (21, 14, 35)
    for name in command_files():
        assert fits(json.loads((FOLDER / name).read_text())), name


@pytest.mark.parametrize("cmd", ["config", "add", "reset_counts", "status", "stop", "ping", "describe"])
def test_keys_that_nobody_knows_are_named_in_the_warnings(
    service: Service, topic: MakeTopic, cmd: str
) -> None:
    histograms = [spectrum(service, "a", topic("data"), colour="red")] if cmd in ("config", "add") else []
    keys = {"histograms": histograms} if histograms else {}
    warnings = ask(service, cmd, flavour=1, **{"two words": None}, **keys)["warnings"]
    assert len(warnings) == 2 + len(histograms)
    for key in ("flavour", "two words", *(["histograms[0].colour"] if histograms else [])):
        assert len([warning for warning in warnings if key in warning]) == 1
    # They change nothing.
    if histograms:
        assert list(told(service)) == ["a"]
