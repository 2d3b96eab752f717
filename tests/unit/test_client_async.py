"""The client for asyncio: the verbs of the other one, and a loop that is never kept waiting."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from fake_topics import World, install
from fakes import BROKERS
from unit.client_bench import KAFKA, beat, published, reply, told

from histsvc.client import (
    AsyncClient,
    AsyncFollowing,
    AsyncHistogramFollowing,
    BrokerError,
    Client,
    CommandError,
    Histogram,
    HistogramFollowing,
    SettingsError,
)
from histsvc.client.following import Following

TOPICS = COMMANDS, REPLIES, BEATS = "commands", "replies", "heartbeats"
OUTPUT = "histograms"
LIMIT_S = 30.0


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    for topic in (*TOPICS, OUTPUT):
        made.make(topic)
    made.on_sent = lambda message: made.write(REPLIES, reply(message.value))
    return made


def run(test: Callable[[AsyncClient], Coroutine[Any, Any, None]]) -> None:
    """Run a test with a client; whatever hangs is an error."""

    async def with_client() -> None:
        async with AsyncClient(KAFKA, *TOPICS) as client:
            await asyncio.wait_for(test(client), LIMIT_S)

    asyncio.run(with_client())


async def until(fact: Callable[[], bool]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not fact():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.001)


def verbs(kind: type) -> dict[str, list[tuple[str, Any, Any]]]:
    """Names and parameters of all that is public."""
    public = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    called = {name: each for name, each in public.items() if callable(each)} | {"": kind.__init__}  # type: ignore[misc]
    return {
        name: [(p.name, p.kind, p.default) for p in inspect.signature(each).parameters.values()]
        for name, each in called.items()
    } | {name: [] for name in public.keys() - called.keys()}


def test_both_clients_have_the_same_verbs() -> None:
    assert verbs(AsyncClient) == verbs(Client)
    assert verbs(AsyncClient).keys() == {"", "send", "post", "follow", "heartbeats", "close"}
    # What waits is awaited; following is not, because it connects with the first poll.
    public = {name: each for name, each in vars(AsyncClient).items() if not name.startswith("_")}
    awaited = {name for name, each in public.items() if inspect.iscoroutinefunction(each)}
    assert awaited == {"send", "post", "close"}


def test_both_followings_have_the_same_verbs() -> None:
    kinds = (AsyncFollowing, Following), (AsyncHistogramFollowing, HistogramFollowing)
    for ours, theirs in (map(verbs, kind) for kind in kinds):
        # How they are made is not for users; attributes of an instance are none of its class.
        assert ours | {"": []} == theirs | {"": [], "latest": [], "ignored": []}
    assert {"latest", "ignored", "complete", "poll"} <= verbs(AsyncHistogramFollowing).keys()
    for asynchronous, waiting in kinds:
        assert "__aiter__" in dir(asynchronous)
        assert "__iter__" in dir(waiting)


def test_commands_and_their_errors(world: World) -> None:
    async def test(client: AsyncClient) -> None:
        assert (await client.send({"cmd": "ping", "msg_id": "mine"}))["msg_id"] == "mine"
        before = len(world.logs[next(p for p in world.logs if p.topic == COMMANDS)].rows)
        world.on_sent = lambda message: None
        await client.post({"cmd": "stop"})
        assert len(world.logs[next(p for p in world.logs if p.topic == COMMANDS)].rows) == before + 1
        with pytest.raises(TimeoutError, match="no reply to 'ping' within 1 s"):
            await client.send({"cmd": "ping"}, timeout_s=1)
        err = {"response": "ERR", "code": "NOT_FOUND", "field": "ids[0]", "message": "no"}
        world.on_sent = lambda message: world.write(REPLIES, reply(message.value, **err))
        with pytest.raises(CommandError, match="no") as caught:
            await client.send({"cmd": "stop", "ids": ["a"]})
        assert (caught.value.code, caught.value.field) == ("NOT_FOUND", "ids[0]")

    run(test)


def test_commands_are_under_way_at_once_while_the_loop_goes_on(world: World) -> None:
    """All are answered when all have been sent; who sent one after the other would wait for ever."""
    asked: list[bytes] = []
    world.on_sent = lambda message: asked.append(message.value)

    async def test(client: AsyncClient) -> None:
        calls = [asyncio.ensure_future(client.send({"cmd": f"c{n}"}, 1e6)) for n in range(10)]
        await until(lambda: len(asked) == 10)
        assert not any(call.done() for call in calls)
        world.write(REPLIES, *(reply(each) for each in asked))
        assert {got["response"] for got in await asyncio.gather(*calls)} == {"ACK"}

    run(test)


def test_histograms_and_heartbeats_are_followed(world: World) -> None:
    async def test(client: AsyncClient) -> None:
        following, named, beats = client.follow(), client.follow("b", OUTPUT), client.heartbeats()
        assert (following.latest, following.ignored, [following.complete]) == ({}, 0, [False])
        world.write(BEATS, b"what is this?", beat(told("a", OUTPUT), pid=3).to_json())
        world.write(OUTPUT, published("a", 1), published("a", 2), published("b", 3))
        assert [each.identity.pid for each in await beats.poll(0.1)] == [3]
        assert beats.ignored == 1
        assert sorted(each.info.sum for each in await following.poll(0.1)) == [2, 3]
        assert set(following.latest) == {"a", "b"}
        assert following.complete
        assert [each.info.sum for each in await named.poll(0.1)] == [3]
        later = asyncio.ensure_future(following.poll(LIMIT_S))
        await until(lambda: world.passed_s() > 2.0)
        world.write(OUTPUT, published("a", 4))
        assert [each.info.sum for each in await later] == [4]

    run(test)


def test_async_for_gives_every_change(world: World) -> None:
    async def test(client: AsyncClient) -> None:
        sums: list[int] = []
        world.write(OUTPUT, published("a", 0))
        async for each in client.follow("*", OUTPUT):
            sums.append(each.info.sum)
            if len(sums) == 3:
                break
            world.write(OUTPUT, published("a", len(sums)))
        assert sums == [0, 1, 2]

    run(test)


def test_who_is_cancelled_loses_nothing(world: World) -> None:
    """What was given to nobody is given to the next poll."""
    may_read, reads = threading.Event(), threading.Event()

    def hold() -> None:
        reads.set()
        assert may_read.wait(LIMIT_S)

    async def test(client: AsyncClient) -> None:
        following = client.follow("*", OUTPUT)
        world.write(OUTPUT, published("a", 1))
        world.on_given = hold
        polling = asyncio.ensure_future(following.poll(LIMIT_S))
        await until(reads.is_set)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
        may_read.set()
        assert [each.info.sum for each in await following.poll(5.0)] == [1]

    run(test)


def test_who_is_cancelled_before_it_begins_loses_nothing(world: World) -> None:
    may_begin = threading.Event()

    async def test(client: AsyncClient) -> None:
        following = client.follow("*", OUTPUT)
        world.write(OUTPUT, published("a", 1))
        following._thread.submit(may_begin.wait, LIMIT_S)
        polling = asyncio.ensure_future(following.poll(LIMIT_S))
        await until(lambda: following._slice is not None)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
        may_begin.set()
        assert [each.info.sum for each in await following.poll(5.0)] == [1]

    run(test)


def test_an_error_is_raised_once_and_then_it_goes_on(world: World) -> None:
    world.write(OUTPUT, published("a", 1))
    world.away.add(BROKERS)

    async def test(client: AsyncClient) -> None:
        following = client.follow("*", OUTPUT)
        with pytest.raises(BrokerError, match="nobody there"):
            await following.poll(0.1)
        world.away.clear()
        got: list[Histogram] = []
        while not got:
            got = await following.poll(1.0)
        assert [each.info.sum for each in got] == [1]

    run(test)


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (lambda client: client.send({"cmd": "ping"}), "response_topic"),
        (lambda client: client.post({"cmd": "ping"}), "command_topic"),
        (lambda client: client.follow().poll(0.1), "heartbeat_topic"),
        (lambda client: client.heartbeats().poll(0.1), "heartbeat_topic"),
    ],
)
def test_settings_that_are_missing_are_said(
    call: Callable[[AsyncClient], Awaitable[Any]], missing: str
) -> None:
    async def with_client() -> None:
        async with AsyncClient(KAFKA) as client:
            with pytest.raises(SettingsError, match=missing):
                await call(client)

    asyncio.run(with_client())


def test_closing_ends_all_threads(world: World) -> None:
    before = set(threading.enumerate())

    async def test(client: AsyncClient) -> None:
        await client.send({"cmd": "ping"})
        for following in (client.follow("*", OUTPUT), client.heartbeats()):
            await following.poll(0.0)
        made = {thread.name.rstrip("_0123456789") for thread in set(threading.enumerate()) - before}
        assert {"command", "follow"} <= made
        await client.close()
        left = {thread.name for thread in set(threading.enumerate()) - before}
        assert not [name for name in left if name.startswith(("command", "follow"))]

    run(test)
