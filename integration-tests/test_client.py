"""The client with a service: commands, histograms and heartbeats, in threads and with asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from following import given, heard, now_ms, sums, write
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service

from histsvc.client import AsyncClient, Client, Code, CommandError, Heartbeat, Histogram, State

OwnService = Callable[..., Service]
BINS = 50


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.bootstrap, service.commands, service.responses, service.heartbeat) as made:
        yield made


def spectrum(service: Service, data: str, name: str) -> dict[str, object]:
    return service.histogram("hist1d", data, id=name, tof_range=[0, TOF_END_NS], num_bins=BINS)


def expected(sent: Sent) -> list[int]:
    counts: list[int] = np.histogram(sent.tof, bins=BINS, range=(0, TOF_END_NS))[0].tolist()
    return counts


def finished(service: Service, data: str, sender: EventSender, sent: Sent, *names: str) -> None:
    """Let histograms count something and end; what they have published is all there will ever be."""
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    histograms = [spectrum(service, data, name) for name in names]
    with service.following() as output:
        service.config(histograms, start=BASE_MS, stop=BASE_MS + 100)
        output.finished(*names)
    service.heartbeat_until(lambda beat: {h["state"] for h in beat["histograms"]} == {"FINISHED"} or None)


@pytest.mark.parametrize("by", ["heartbeats", "topic"])
def test_what_was_finished_before_comes_at_once(
    service: Service, client: Client, topic: MakeTopic, sender: EventSender, by: str
) -> None:
    sent = Sent()
    finished(service, topic("data"), sender, sent, "a", "b", "c")
    following = client.follow("*", service.output if by == "topic" else ())
    wanted = client.follow(["[b]", "c"], service.output if by == "topic" else ())
    received = {each.id: each for each in following.poll(TIMEOUT_S)}
    assert {"a", "b", "c"} <= received.keys()
    for name in "abc":
        assert received[name].state is State.FINISHED
        assert received[name].counts.tolist() == expected(sent)
        assert received[name].axes[0].edges.tolist() == np.linspace(0, TOF_END_NS, BINS + 1).tolist()
    assert following.complete
    assert {each.id for each in wanted.poll(TIMEOUT_S)} == {"b", "c"}


def test_what_is_published_comes_as_it_is_published(
    service: Service, client: Client, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = topic("data"), Sent()
    following = client.follow()
    following.poll(0)
    client.send({"cmd": "config", "histograms": [spectrum(service, data, "live")]})
    given(following, {"live": 0})
    for _ in range(3):
        sender.pulses(data, sent, [now_ms()])
        given(following, {"live": sent.events})
    assert following.latest["live"].counts.tolist() == expected(sent)
    client.send({"cmd": "stop"})
    # Its last message comes though heartbeats tell of it no more.
    deadline_s = time.monotonic() + TIMEOUT_S
    while following.latest["live"].state is not State.FINISHED:
        assert time.monotonic() < deadline_s
        following.poll(0.2)


@pytest.mark.parametrize("times", [3, 100])
def test_after_a_pause_there_is_one_of_each_id(
    broker: Broker, topic: MakeTopic, sender: EventSender, times: int
) -> None:
    """Far behind or not: what is given is the newest, and nothing after it."""
    output, names = topic("output", partitions=2), [f"bank{number}" for number in range(20)]
    with Client(broker.bootstrap) as client:
        write(sender, output, dict.fromkeys(names, 0))
        following = client.follow("bank*", output)
        assert sums(following.poll(TIMEOUT_S)) == dict.fromkeys(names, 0)
        write(sender, output, dict.fromkeys(names, times), times)
        received = following.poll(TIMEOUT_S)
        assert sums(received) == dict.fromkeys(names, times)
        assert len(received) == len(names)
        assert following.poll(0.5) == []
        assert following.ignored == 0


def test_two_services_share_an_x5f2_topic(
    own_service: OwnService, broker: Broker, topic: MakeTopic, sender: EventSender
) -> None:
    sent, shared = Sent(), topic("heartbeats")
    options = ["-hb", shared, "--heartbeat-schema", "x5f2", "--heartbeat-interval", "200", "--workers", "1"]
    services = {name: own_service(*options, "--service-id", name) for name in ("one", "two")}
    data = topic("data")
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    for name, each in services.items():
        each.config([spectrum(each, data, f"of-{name}")], start=BASE_MS)
    with Client(broker.bootstrap, heartbeat_topic=shared) as client:
        beats = client.heartbeats()

        def counting(heartbeats: list[Heartbeat]) -> bool:
            return [h.sum for beat in heartbeats for h in beat.histograms] == [sent.events] * 2

        newest = {beat.identity.id: beat for beat in heard(beats, counting)}
        assert beats.ignored == 0
        for name, each in services.items():
            assert newest[name].identity.pid == each.process.pid
            assert [(h.id, h.topic) for h in newest[name].histograms] == [(f"of-{name}", each.output)]
        following = client.follow()
        given(following, {"of-one": sent.events, "of-two": sent.events})
        assert following.complete
        assert {each.id: each.topic for each in following.latest.values()} == {
            f"of-{name}": each.output for name, each in services.items()
        }


def test_an_error_has_its_type_code_and_field(service: Service, client: Client, topic: MakeTopic) -> None:
    wrong = spectrum(service, topic("data"), "a") | {"num_bins": -1}
    for command, code, field in (
        ({"cmd": "config", "histograms": [wrong]}, Code.INVALID_ARGUMENT, "histograms[0].num_bins"),
        ({"cmd": "stop", "ids": ["nobody"]}, Code.NOT_FOUND, "ids[0]"),
        ({"cmd": "conjure"}, Code.INVALID_ARGUMENT, "cmd"),
    ):
        with pytest.raises(CommandError) as caught:
            client.send(command)
        assert (caught.value.code, caught.value.field) == (code, field)
        assert caught.value.message


def test_a_command_that_nobody_answers_is_named(broker: Broker, topic: MakeTopic) -> None:
    with (
        Client(broker.bootstrap, topic("commands"), topic("responses")) as client,
        pytest.raises(TimeoutError, match=r"no reply to 'ping' within 0\.5 s"),
    ):
        client.send({"cmd": "ping"}, timeout_s=0.5)


def test_with_asyncio(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent = topic("data"), Sent()

    async def counted(client: AsyncClient) -> Histogram:
        async for each in client.follow("async"):
            if each.info.sum == sent.events:
                return each
        raise AssertionError

    async def told(client: AsyncClient) -> Heartbeat:
        async for beat in client.heartbeats():
            if [(h.id, h.sum) for h in beat.histograms] == [("async", sent.events)]:
                return beat
        raise AssertionError

    async def everything() -> None:
        topics = service.commands, service.responses, service.heartbeat
        async with AsyncClient(service.kafka, *topics) as client:
            histograms = [spectrum(service, data, "async")]
            assert (await client.send({"cmd": "config", "histograms": histograms}))["response"] == "ACK"
            await asyncio.to_thread(sender.pulses, data, sent, [now_ms()] * 3)
            received, beat, *replies = await asyncio.gather(
                counted(client), told(client), *(client.send({"cmd": "ping"}) for _ in range(5))
            )
            assert received.counts.tolist() == expected(sent)
            assert beat.identity.pid == service.process.pid
            assert len({reply["msg_id"] for reply in replies}) == 5
            with pytest.raises(CommandError) as caught:
                await client.send({"cmd": "stop", "ids": ["nobody"]})
            assert (caught.value.code, caught.value.field) == (Code.NOT_FOUND, "ids[0]")

    asyncio.run(asyncio.wait_for(everything(), TIMEOUT_S))
