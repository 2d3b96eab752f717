"""What the heartbeat says (protocol.md, section 5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity, WorkerLoad, WorkerStatus
from histsvc.protocol.info import HistogramInfo, State

IDENTITY = ServiceIdentity("histsvc", "me", "0.1", "1.0", 77, "host-1", 4711)


def beat(*states: State, replacing: bool = False, counters: dict[str, int] | None = None) -> dict[str, Any]:
    infos = tuple(
        HistogramInfo(id=f"h{i}", job="j", state=state, sum=i, lag=2) for i, state in enumerate(states)
    )
    workers = (WorkerStatus(12, "COUNTING", 1),)
    made = Heartbeat(123, 1000, IDENTITY, infos, workers, replacing, counters or {})
    content: dict[str, Any] = json.loads(made.to_json())
    return content


@pytest.mark.parametrize(
    ("states", "replacing", "wanted"),
    [
        ([], False, "IDLE"),
        ([State.FINISHED], False, "IDLE"),
        ([State.INITIALISED], False, "RUNNING"),
        ([State.FINISHED, State.COUNTING], False, "RUNNING"),
        ([State.COUNTING, State.ERROR], False, "DEGRADED"),
        ([State.ERROR], False, "DEGRADED"),
        ([State.COUNTING], True, "DEGRADED"),
        ([], True, "DEGRADED"),
    ],
)
def test_state(states: list[State], replacing: bool, wanted: str) -> None:
    assert beat(*states, replacing=replacing)["state"] == wanted


def test_who_and_when() -> None:
    content = beat()
    assert (content["message"], content["message_interval"]) == (123, 1000)
    who = {"service": "histsvc", "id": "me", "version": "0.1", "protocol": "1.0", "uptime_ms": 77}
    who |= {"host": "host-1", "pid": 4711}
    assert {key: content[key] for key in who} == who
    assert content["workers"] == [{"pid": 12, "state": "COUNTING", "restarts": 1}]


def test_histograms_until_they_are_replaced() -> None:
    content = beat(State.COUNTING, State.FINISHED)
    assert [histogram["id"] for histogram in content["histograms"]] == ["h0", "h1"]
    wanted = {"id": "h1", "job": "j", "state": "FINISHED", "sum": 1, "rate": 0.0, "lag": 2}
    assert {key: content["histograms"][1][key] for key in wanted} == wanted


def test_an_error_says_why() -> None:
    info = HistogramInfo(state=State.ERROR, error_message="it broke", data_age_ms=9)
    (histogram,) = json.loads(Heartbeat(1, 1, IDENTITY, (info,), ()).to_json())["histograms"]
    assert (histogram["error_message"], histogram["data_age_ms"]) == ("it broke", 9)


def test_a_warning_is_told_where_there_is_one() -> None:
    infos = (HistogramInfo(state=State.COUNTING, warning="re-binned"), HistogramInfo(state=State.COUNTING))
    first, second = json.loads(Heartbeat(1, 1, IDENTITY, infos, ()).to_json())["histograms"]
    assert first["warning"] == "re-binned"
    assert "warning" not in second


def test_every_key_of_the_contract_and_no_other() -> None:
    info = HistogramInfo(
        id="h",
        start=1,
        stop=2,
        state=State.ERROR,
        error_message="it broke",
        warning="it was odd",
        data_age_ms=9,
        offsets={"events": {0: 5}},
        topic="histograms",
        brokers=("broker:9092",),
    )
    workers = (WorkerStatus(12, "COUNTING", 1),)
    content = json.loads(Heartbeat(123, 1000, IDENTITY, (info,), workers).to_json())
    who = {"service", "id", "version", "protocol", "uptime_ms", "host", "pid"}
    about = {"state", "histograms", "workers", "counters"}
    assert content.keys() == {"message", "message_interval"} | who | about
    named = {
        "id",
        "job",
        "index",
        "topic",
        "brokers",
        "state",
        "sum",
        "rate",
        "lag",
        "data_age_ms",
        "error_message",
    }
    assert content["histograms"][0].keys() == named | {"warning"}
    assert content["workers"][0].keys() == {"pid", "state", "restarts"}


@pytest.mark.parametrize(
    "name", ["messages", "events", "other_schema", "published", "commands", "commands_failed"]
)
def test_counter_is_there_before_anything_was_counted(name: str) -> None:
    assert beat()["counters"][name] == 0
    assert beat(counters={name: 3})["counters"][name] == 3


@pytest.mark.parametrize("kind", ["undecodable", "publish_failed", "send_failed", "graphite_failed"])
def test_counter_by_reason(kind: str) -> None:
    assert beat()["counters"][kind] == {}
    given = {f"{kind}.out_of_bounds": 2, f"{kind}.too large. really": 1}
    assert beat(counters=given)["counters"][kind] == {"out_of_bounds": 2, "too large. really": 1}


def test_what_was_written_is_read() -> None:
    info = HistogramInfo(
        id="h", job="j", index=3, state=State.ERROR, error_message="it broke", topic="out", brokers=("b:1",)
    )
    counters = {"messages": 5, "undecodable.out_of_bounds": 2, "publish_failed.too large. really": 1}
    load = WorkerLoad(0.5, 0.1, 0.1, 0.2, 0.2, 1e6, 8e6, 3)
    workers = (WorkerStatus(12, "COUNTING", 1, load), WorkerStatus(13, "SPARE", 1))
    made = Heartbeat(123, 1000, IDENTITY, (info,), workers, True, counters)
    read = Heartbeat.from_json(made.to_json())
    assert (read.message, read.message_interval, read.identity) == (123, 1000, IDENTITY)
    assert (read.histograms, read.workers, read.state) == ((info,), made.workers, made.state)
    assert {name: count for name, count in read.counters.items() if count} == counters


def test_degraded_is_read_though_no_histogram_says_so() -> None:
    made = Heartbeat(1, 1000, IDENTITY, (), (), degraded=True)
    assert Heartbeat.from_json(made.to_json()).state == "DEGRADED"


def test_heartbeat_of_an_older_service_is_read() -> None:
    read = Heartbeat.from_json(b'{"message": 5, "message_interval": 200}')
    assert (read.message, read.message_interval, read.identity.name, read.histograms) == (5, 200, "", ())


def test_what_only_newer_services_tell_is_left_out() -> None:
    worker = {"pid": 1, "state": "SPARE", "restarts": 0, "mood": "good"}
    text = json.dumps({"message": 5, "message_interval": 200, "workers": [worker], "weather": "fine"})
    assert Heartbeat.from_json(text).workers == (WorkerStatus(1, "SPARE", 0),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "null",
        "{}",
        '{"message": 1}',
        '{"message": "x", "message_interval": 1}',
        '{"message": 1, "message_interval": 1, "workers": [{"pid": 1, "colour": 2}]}',
        '{"message": 1, "message_interval": 1, "histograms": [{"state": "SLEEPING"}]}',
        '{"message": 1, "message_interval": 1, "histograms": 5}',
        '{"message": 1, "message_interval": 1, "counters": 5}',
        '{"message": 1, "message_interval": 1, "counters": {"messages": "a"}}',
        '{"message": 1, "message_interval": 1, "counters": {"undecodable": {"a": {}}}}',
        '{"message": 1, "message_interval": 1, "uptime_ms": null}',
        '{"message": 1, "message_interval": 1, "workers": [{"pid": 1, "state": "", "restarts": "x"}]}',
        '{"message": Infinity, "message_interval": 1}',
    ],
)
def test_what_is_no_heartbeat_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"heartbeat|Expecting|validation"):
        Heartbeat.from_json(text)
