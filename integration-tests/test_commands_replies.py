"""Replies on the real broker: to whom, in which order, and what a refused config leaves alone (section 2)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from events import EventSender, Sent
from kafka_broker import MakeTopic
from service_process import TIMEOUT_S, Service
from test_hard_ends import replies_of

from histsvc.protocol.info import State

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
QUEUED = 200
# Any JSON value asks for a reply, but those that count as absent.
MSG_IDS = [
    "text",
    "0",
    "null",
    " ",
    'Grüße, 中子 \U0001f52c \u0000 "\\',
    1,
    -1,
    12345678901234567890123,
    1.5,
    -0.25,
    1e300,
    1e-300,
    0.1,
    True,
    [],
    {},
    [0],
    [None, "", 0, False, [[]], {}],
    {"a": {"b": [1, 2.5, None, {"c": "d"}]}, "": "", "ключ": [True]},
]
ABSENT = [None, "", 0, False]


def kinds(service: Service, data: str) -> list[tuple[str, dict[str, Any]]]:
    """Every kind of command, and what it is answered with: ACK, or the code of the error."""
    good = service.histogram("hist1d", data, id="tof", **TOF)
    beside = {**good, "id": "beside"}
    return [
        ("ACK", {"cmd": "ping"}),
        ("ACK", {"cmd": "config", "histograms": [good]}),
        ("ACK", {"cmd": "add", "histograms": [beside]}),
        ("FAILED_PRECONDITION", {"cmd": "add", "histograms": [beside]}),
        ("ACK", {"cmd": "status"}),
        ("ACK", {"cmd": "describe"}),
        ("INVALID_ARGUMENT", {"cmd": "config", "histograms": [good, {**good, "num_bins": 0}]}),
        ("ACK", {"cmd": "reset_counts", "ids": ["beside"]}),
        ("NOT_FOUND", {"cmd": "reset_counts", "ids": ["not-there"]}),
        ("ACK", {"cmd": "reset_counts"}),
        ("NOT_FOUND", {"cmd": "config", "histograms": [{**good, "data_topics": ["not-there"]}]}),
        ("INVALID_ARGUMENT", {"cmd": "nonsense"}),
        ("INVALID_ARGUMENT", {"cmd": "config", "start": 2, "stop": 1, "histograms": [good]}),
        ("ACK", {"cmd": "stop", "ids": ["tof"]}),
        ("NOT_FOUND", {"cmd": "status", "ids": ["tof"]}),
        ("ACK", {"cmd": "stop"}),
    ]


def post(sender: EventSender, service: Service, *commands: str) -> None:
    """Send commands all at once, as they are written."""
    for text in commands:
        sender.raw(service.commands, text.encode(), time.time_ns() // 1_000_000)
    sender.flush()


def exactly(value: Any) -> str:
    """JSON in which 1, 1.0 and true differ, and keys keep their order."""
    return json.dumps(value)


def test_msg_id_of_any_kind_is_echoed_as_it_came(service: Service, sender: EventSender) -> None:
    commands = [{"cmd": "ping", "msg_id": msg_id} for msg_id in MSG_IDS]
    silent = [{"cmd": "ping", "msg_id": msg_id} for msg_id in ABSENT]
    with replies_of(service) as replies:
        post(sender, service, *(json.dumps(each) for each in [*silent, {"cmd": "ping"}, *commands]))
        # Not escaped, as most clients outside Python write it; and who asks with two ids is told so with one.
        post(sender, service, '{"cmd": "ping", "msg_id": "ü中"}', '{"msg_id": 1, "msg_id": 2, "cmd": "ping"}')
        found = replies(len(MSG_IDS) + 2)
        post(sender, service, '{"cmd": "ping", "msg_id": "last"}')
        assert exactly(replies(len(MSG_IDS) + 3)[-1]["msg_id"]) == '"last"'
    wanted = [exactly(msg_id) for msg_id in [*MSG_IDS, "ü中", 2, "last"]]
    assert [exactly(reply["msg_id"]) for reply in found] == wanted
    assert [reply["response"] for reply in found] == ["ACK"] * (len(found) - 2) + ["ERR", "ACK"]


def test_every_command_of_a_long_queue_is_answered_in_order_and_in_time(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """Each within the time of a client, from when it was sent; ERR UNAVAILABLE is an answer, too."""
    wanted = kinds(service, topic("data"))
    chosen = [wanted[i % len(wanted)] for i in range(QUEUED)]
    commands = [{**command, "msg_id": i} for i, (_, command) in enumerate(chosen, 1)]
    with replies_of(service) as replies:
        begun = time.monotonic()
        post(sender, service, *map(json.dumps, commands))
        found = replies(QUEUED)
        took_s = time.monotonic() - begun
    assert [reply["msg_id"] for reply in found] == list(range(1, QUEUED + 1))
    assert took_s < 5.0
    outcomes = [reply.get("code", reply["response"]) for reply in found]
    # As they should be until time is up; what comes then may depend on what was not done before.
    in_time = [*outcomes, "UNAVAILABLE"].index("UNAVAILABLE")
    assert outcomes[:in_time] == [outcome for outcome, _ in chosen[:in_time]]
    assert in_time >= len(wanted)
    assert all(reply["message"] for reply in found if reply["response"] == "ERR")
    assert service.client.send({"cmd": "ping"})["response"] == "ACK"


@contextmanager
def feeding(sender: EventSender, data: str, sent: Sent) -> Iterator[None]:
    """Events without a pause, all remembered, as long as the block lasts."""
    ended = threading.Event()

    def feed() -> None:
        while not ended.is_set():
            sender.pulses(data, sent, [time.time_ns() // 1_000_000], events=50)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(TIMEOUT_S)


@pytest.mark.parametrize(
    ("number", "change", "field"),
    [
        (13, {"num_bins": -1}, "histograms[13].num_bins"),
        (13, {"tof_range": [1, "2"]}, "histograms[13].tof_range[1]"),
        (13, {"data_topics": ["not-there"]}, "histograms[13].data_topics[0]"),
        (12, {"type": "dethist", "det_range": [1, 100], "width": True}, "histograms[12].width"),
    ],
)
def test_one_wrong_histogram_of_14_is_named_and_what_runs_misses_nothing(
    service: Service, topic: MakeTopic, sender: EventSender, number: int, change: dict[str, Any], field: str
) -> None:
    data, sent = topic("data", partitions=2), Sent()
    histograms = [service.histogram("hist1d", data, id=f"tof{i}", **TOF) for i in range(14)]
    wrong = [each | (change if i == number else {}) for i, each in enumerate(histograms)]
    with service.following() as published:
        service.config(histograms)
        with feeding(sender, data, sent):
            published.until(lambda h: h.info.sum > 0)
            error = service.refused({"cmd": "config", "histograms": wrong})
            seen = max(h.info.sum for h in published.all)
            published.until(lambda h: h.info.sum > seen)
        service.client.send({"cmd": "stop"})
        finished = published.finished(*(h["id"] for h in histograms))
    assert error.field == field
    assert error.code in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert field in error.message
    expected, _ = np.histogram(sent.tof, bins=50, range=(0, 1e8))
    for received in finished.values():
        np.testing.assert_array_equal(received.counts, expected)
        assert received.info.sum == sent.events
    assert len({h.info.job for h in published.all if h.info.state is not State.FINISHED}) == 1


def test_error_is_a_sentence_with_field_value_and_what_is_allowed(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    good = service.histogram("hist1d", topic("data"), id="tof", **TOF)
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"num_bins": -7}, ["-7", "equal to 1"]),
        ({"type": "hist7d"}, ["hist7d", "hist1d", "roihist"]),
        ({"input_schema": "ev99"}, ["ev99", "ev42", "ev44"]),
        ({"output_schema": "hs99"}, ["hs99", "hs00", "hs01", "da00"]),
        ({"tof_range": [9, 3]}, ["9", "3"]),
    ]
    for change, parts in wrong:
        error = service.refused({"cmd": "config", "histograms": [{**good, **change}]})
        assert error.code == "INVALID_ARGUMENT"
        assert error.field == f"histograms[0].{next(iter(change))}"
        for part in (error.field, *parts):
            assert part in error.message


def test_each_command_leaves_one_line_in_the_log(service: Service, sender: EventSender) -> None:
    """Its offset, cmd, msg_id, outcome and duration; what is no JSON object leaves one as well."""
    unique = time.time_ns()
    begun, size = len(service.lines), service.broker.topic_size(service.commands)
    commands = [
        {"cmd": "ping", "msg_id": f"a{unique}"},
        {"cmd": "reset_counts", "msg_id": f"b{unique}"},  # nothing runs, and that is no error
        {"cmd": f"nonsense{unique}", "msg_id": f"c{unique}"},
        {"cmd": "stop", "msg_id": f"d{unique}"},
    ]
    with replies_of(service) as replies:
        post(sender, service, json.dumps(commands[0]), "no JSON", *map(json.dumps, commands[1:]))
        outcomes = [reply["response"] for reply in replies(len(commands))]
        # What is logged before the reply is sent may still be on its way.
        post(sender, service, json.dumps({"cmd": "ping", "msg_id": "last"}))
        service.heartbeat_until(lambda _: any("last" in line for line in service.lines[begun:]))
    assert outcomes == ["ACK", "ACK", "ERR", "ACK"]
    lines = [line for line in service.lines[begun:] if "command offset=" in line]
    wanted = [("ping", "a", "ACK"), ("", "", "ERR"), ("reset_counts", "b", "ACK")]
    wanted += [(f"nonsense{unique}", "c", "ERR INVALID_ARGUMENT"), ("stop", "d", "ACK"), ("ping", "", "ACK")]
    assert len(lines) == len(wanted), lines
    for number, (line, (cmd, msg_id, outcome)) in enumerate(zip(lines, wanted, strict=True)):
        assert f"offset={size + number} " in line
        assert f'cmd="{cmd}' in line
        assert not msg_id or f"{msg_id}{unique}" in line
        assert f" {outcome} " in line
        assert line.endswith(" ms")
