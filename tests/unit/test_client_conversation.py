"""Commands and their replies: each gets its own, or an error that says what is the matter."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fake_topics import World, install
from fakes import BROKERS
from unit.client_bench import KAFKA, reply

from histsvc.client import BrokerError, Client, Code, CommandError
from histsvc.ports import Outgoing

COMMANDS, REPLIES = "commands", "replies"
Answer = Callable[[bytes], list[bytes]]
PING = {"cmd": "ping"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    for topic in (COMMANDS, REPLIES):
        made.make(topic)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(KAFKA, COMMANDS, REPLIES) as made:
        yield made


def answering(world: World, answer: Answer) -> list[dict[str, Any]]:
    """A service that answers every command so; returns the commands as they come."""
    commands: list[dict[str, Any]] = []

    def take(message: Outgoing) -> None:
        assert message.topic == COMMANDS
        commands.append(json.loads(message.value))
        world.write(REPLIES, *answer(message.value))

    world.on_sent = take
    return commands


def test_the_ack_is_what_it_gives(world: World, client: Client) -> None:
    commands = answering(world, lambda command: [reply(command, service={"name": "histsvc"})])
    got = client.send({**PING, "msg_id": "mine"})
    assert got == {"msg_id": "mine", "response": "ACK", "service": {"name": "histsvc"}}
    assert commands == [{**PING, "msg_id": "mine"}]
    assert world.passed_s() == 0


def test_a_missing_msg_id_is_made_up_and_another_one_each_time(world: World, client: Client) -> None:
    commands = answering(world, lambda command: [reply(command)])
    given = dict(PING)
    for _ in range(3):
        assert client.send(given)["msg_id"] == commands[-1]["msg_id"]
    assert len({command["msg_id"] for command in commands}) == 3
    assert given == PING


@pytest.mark.parametrize(
    "msg_id", ["a", 7, 1.5, ["b", {"c": 1, "d": 2}], {"d": 1, "c": None}, {"c": 1, "d": 2}]
)
def test_any_msg_id_finds_its_reply(world: World, client: Client, msg_id: Any) -> None:
    """Also if the service gives the keys of an object in another order."""

    def backwards(command: bytes) -> list[bytes]:
        made = json.loads(command)["msg_id"]
        back = dict(reversed(made.items())) if isinstance(made, dict) else made
        return [json.dumps({"response": "ACK", "msg_id": back}).encode()]

    answering(world, backwards)
    assert client.send({**PING, "msg_id": msg_id})["msg_id"] == msg_id


@pytest.mark.parametrize(
    ("err", "code", "field"),
    [
        ({"code": "NOT_FOUND", "field": "ids[0]"}, Code.NOT_FOUND, "ids[0]"),
        ({"code": "UNAVAILABLE"}, Code.UNAVAILABLE, None),
        ({"code": "OF_LATER_VERSIONS"}, Code.INTERNAL, None),
        ({"code": ["NOT_FOUND"]}, Code.INTERNAL, None),
        ({}, Code.INTERNAL, None),
    ],
)
def test_an_err_is_raised_with_code_and_field(
    world: World, client: Client, err: dict[str, Any], code: Code, field: str | None
) -> None:
    answering(world, lambda command: [reply(command, response="ERR", message="it is so", **err)])
    with pytest.raises(CommandError) as caught:
        client.send({"cmd": "stop"})
    assert (caught.value.code, caught.value.field, caught.value.message) == (code, field, "it is so")
    assert str(caught.value) == "it is so"


def test_replies_to_others_and_what_is_none_are_ignored(world: World, client: Client) -> None:
    other = json.dumps({"msg_id": "theirs"}).encode()
    noise = [b"", b"\xff", b"[]", b'"ACK"', b"[" * 200_000, b'{"response": "ACK"}']
    noise += [reply(other), reply(other, response="ERR", code="NOT_FOUND")]

    def answer(command: bytes) -> list[bytes]:
        # What another client says to somebody else may have our id, but it is no reply.
        return [*noise, command, reply(command, mine=True), reply(command, response="ERR")]

    answering(world, answer)
    for _ in range(2):
        assert client.send(PING)["mine"] is True


def test_replies_from_before_are_not_read(world: World) -> None:
    world.write(REPLIES, reply(b'{"msg_id": "again"}', old=True))
    answering(world, lambda command: [reply(command, old=False)])
    with Client(KAFKA, COMMANDS, REPLIES) as client:
        assert client.send({**PING, "msg_id": "again"})["old"] is False


def test_no_reply_in_time_names_the_command(world: World, client: Client) -> None:
    commands = answering(world, lambda command: [reply(b'{"msg_id": "theirs"}')])
    with pytest.raises(TimeoutError, match=r"no reply to 'stop' within 2\.5 s"):
        client.send({"cmd": "stop"}, timeout_s=2.5)
    assert 2.5 <= world.passed_s() < 2.6
    # A reply that comes too late is nobody's.
    late = reply(json.dumps(commands[0]).encode(), late=True)
    answering(world, lambda command: [late, reply(command)])
    assert "late" not in client.send(PING)


def test_a_command_that_is_not_delivered_is_an_error(world: World, client: Client) -> None:
    commands = answering(world, lambda command: [reply(command)])
    client.send(PING)
    world.away.add(BROKERS)
    for call in (client.send, client.post):
        with pytest.raises(BrokerError, match="did not take the command"):
            call({"cmd": "nobody expects this any more"})
    world.away.clear()
    client.send(PING)
    assert {command["cmd"] for command in commands} == {"ping"}


def test_a_reply_topic_that_is_not_there_is_an_error(world: World) -> None:
    with Client(KAFKA, COMMANDS, "nobody-made-this") as client:
        with pytest.raises(BrokerError, match="no topic nobody-made-this"):
            client.send(PING)
        world.make("nobody-made-this")
        world.on_sent = lambda message: world.write("nobody-made-this", reply(message.value))
        assert client.send(PING)["response"] == "ACK"


def test_a_reply_topic_that_is_made_again_is_an_error_once(world: World, client: Client) -> None:
    commands = answering(world, lambda command: [reply(command)])
    for _ in range(3):
        client.send(PING)
    world.delete(REPLIES)
    world.make(REPLIES)
    with pytest.raises(BrokerError, match="lost"):
        client.send(PING)
    assert client.send(PING)["msg_id"] == commands[-1]["msg_id"]
    assert len(commands) == 5


def test_post_waits_for_no_reply_and_needs_no_topic_for_it(world: World) -> None:
    commands = answering(world, lambda command: [])
    with Client(KAFKA, COMMANDS) as client:
        client.post({"cmd": "stop"})
    assert commands == [{"cmd": "stop"}]
    assert world.passed_s() == 0


def test_commands_for_one_service_say_so(world: World) -> None:
    commands = answering(world, lambda command: [reply(command)])
    with Client(KAFKA, COMMANDS, REPLIES, service_id="one") as client:
        client.send(PING)
        client.post(PING)
        client.post({**PING, "target": "two"})
    assert [command["target"] for command in commands] == ["one", "one", "two"]


def test_threads_get_their_own_replies(world: World, client: Client) -> None:
    """Answered in reverse order when all have been asked: whoever reads finds those of the others."""
    asked: list[bytes] = []
    lock = threading.Lock()

    def take(message: Outgoing) -> None:
        with lock:
            asked.append(message.value)
            if len(asked) == 8:
                world.write(REPLIES, *(reply(each, to=json.loads(each)["cmd"]) for each in reversed(asked)))

    def slowly() -> None:
        """Long enough for others to come in between, if they could."""
        threading.Event().wait(0.001)

    world.on_sent, world.on_given = take, slowly
    # The clock of this world passes as fast as threads wait.
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(client.send, {"cmd": f"c{n}"}, 1e6) for n in range(8)]
        assert [call.result(30)["to"] for call in calls] == [f"c{n}" for n in range(8)]


def test_a_reply_is_not_missed_by_who_waits_while_another_reads(world: World, client: Client) -> None:
    """The one who reads gets its reply last: it may not keep the others from theirs until then."""
    held: list[bytes] = []
    world.on_sent = lambda message: held.append(message.value)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.send, {"cmd": "first"}, 1e6)
        end_s = time.monotonic() + 30
        while not len(held) and time.monotonic() < end_s:
            threading.Event().wait(0.001)
        world.on_sent = lambda message: world.write(REPLIES, reply(message.value))
        assert threads.submit(client.send, {"cmd": "second"}, 1e6).result(30)["response"] == "ACK"
        assert not first.done()
        world.write(REPLIES, reply(held[0], first=True))
        assert first.result(30)["first"] is True


def test_it_is_connected_once_and_closed(world: World, client: Client) -> None:
    answering(world, lambda command: [reply(command)])
    for _ in range(3):
        client.send(PING)
    assert len(world.assigned) == 1
    reader: Any = client._talk()._replies
    client.close()
    assert reader._reader.closed
