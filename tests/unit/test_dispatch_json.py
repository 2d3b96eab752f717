"""What Python takes for JSON and others do not: numbers that are none, and keys that are there twice."""

from __future__ import annotations

import json

import pytest
from unit.serving import Service


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 5000])
@pytest.mark.parametrize("msg_id", ["m", 17, 1.5, True, [1, 2], {"a": 1}, [], {}], ids=repr)
def test_numbers_that_are_none_are_refused_with_a_reply(
    service: Service, number: str, msg_id: object
) -> None:
    for where in ('"start": %s', '"x": [{"y": %s}]', '"histograms": [{"tof_range": [0, %s]}]'):
        service.send(f'{{"cmd": "config", "msg_id": {json.dumps(msg_id)}, {where % number}}}'.encode())
    replies = service.work()
    assert [(reply["response"], reply["code"]) for reply in replies] == [("ERR", "INVALID_ARGUMENT")] * 3
    assert [json.dumps(reply["msg_id"]) for reply in replies] == [json.dumps(msg_id)] * 3
    assert all(number[:5] in reply["message"] for reply in replies)


@pytest.mark.parametrize("msg_id", ["null", '""', "0", "false", "0.0"])
def test_wrong_numbers_without_a_msg_id_are_not_answered(service: Service, msg_id: str) -> None:
    service.send(f'{{"cmd": "config", "msg_id": {msg_id}, "start": NaN}}'.encode(), b'{"start": NaN}')
    assert service.work() == []
    assert service.dispatcher.counters["commands_failed"] == 2


@pytest.mark.parametrize(
    "command",
    ['{"cmd": "ping", "cmd": "stop", "msg_id": 1%s}', '{"msg_id": 1, "a": [{"cmd": 1, "cmd": 1}]%s}'],
)
def test_a_key_that_is_there_twice_is_refused(service: Service, command: str) -> None:
    many = "".join(f', "k{number}": 1' for number in range(50_000))
    service.send((command % many).encode())
    (reply,) = service.work()
    assert (reply["msg_id"], reply["code"], reply["field"]) == (1, "INVALID_ARGUMENT", "cmd")
    assert reply["message"] == '"cmd" is there 2 times'


@pytest.mark.parametrize("msg_id", ["NaN", "1e999", "[Infinity]", '{"a": -1e999}'])
def test_the_reply_is_json_also_where_the_msg_id_is_not(service: Service, msg_id: str) -> None:
    service.send(f'{{"cmd": "ping", "msg_id": {msg_id}}}'.encode())
    assert [reply["response"] for reply in service.work()] == ["ERR"]
