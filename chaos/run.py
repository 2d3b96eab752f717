"""One run: events flow, processes are killed and frozen, and in the end everything is compared with numpy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from confluent_kafka import Producer

from chaos.arena import TIMEOUT_S, Arena
from chaos.expected import KEYS, Expected
from chaos.faults import Faults
from chaos.kept import differences
from chaos.load import Load
from histsvc.client import Client
from histsvc.protocol.config import OUTPUT_SCHEMAS

_PARTITIONS = 2
_TOPICS = ("chaos-a", "chaos-b")
_EXACT_S = 180.0
# Workers come and go, and each has a pipe; more than these few is a leak.
_FILES = 30


@dataclass(frozen=True)
class Result:
    """What was done, and what is wrong with it: nothing, hopefully."""

    seed: int
    seconds: float
    done: dict[str, int]
    messages: int
    events: int
    epochs: dict[str, int]
    wrong: tuple[str, ...]

    @property
    def hits(self) -> int:
        """How many kills and freezes there were."""
        return sum(count for name, count in self.done.items() if name != "bad command")

    def as_json(self) -> dict[str, Any]:
        """For files, and for those who compare runs."""
        return {**vars(self), "hits": self.hits}


def run(minutes: float, seed: int, say: Callable[[str], None]) -> Result:
    """Let it happen for `minutes`; the same `seed` chooses the same faults and events."""
    with Arena() as arena:
        for topic in _TOPICS:
            arena.broker.create_topic(topic, _PARTITIONS)
        expected = _expected()
        _configure(arena, expected)
        load = Load(arena.broker.bootstrap, _TOPICS, _PARTITIONS, seed)
        load.begin(expected)
        faults = Faults(arena, _commander(arena), seed)
        begun_s = time.monotonic()
        _rage(faults, begun_s + minutes * 60, say)
        seconds = time.monotonic() - begun_s
        faults.undo(all_of_it=True)
        load.end()
        say(f"{load.sent} messages sent; waiting until all are counted")
        sent_wrong = differences(arena.broker.bootstrap, _TOPICS, _PARTITIONS, load.sent)
        wrong, epochs = _compare(arena, expected)
        wrong = [*sent_wrong, *wrong, *_leave(arena)]
        events = sum(each.events for each in expected.values() if each.kind == "hist1d")
        return Result(seed, seconds, dict(faults.done), load.sent, events, epochs, tuple(wrong))


def _expected() -> dict[str, Expected]:
    """Every type on one topic, and one on both, which so has more partitions to be at."""
    each = {f"{kind}-{topic}": Expected(kind, (topic,)) for kind in KEYS for topic in _TOPICS}
    return each | {"both": Expected("dethist", _TOPICS)}


def _configure(arena: Arena, expected: dict[str, Expected]) -> None:
    """Published in every schema, as that is what another worker goes on from."""
    service = arena.service
    made = [
        service.histogram(each.kind, *each.topics, id=name, output_schema=schema, **KEYS[each.kind])
        for (name, each), schema in zip(expected.items(), cycle(OUTPUT_SCHEMAS), strict=False)
    ]
    service.config(made)


def _commander(arena: Arena) -> Callable[[bytes], None]:
    producer = Producer(
        {"bootstrap.servers": arena.broker.bootstrap, "message.timeout.ms": 0, "log_level": 0}
    )

    def send(payload: bytes) -> None:
        producer.produce(arena.service.commands, payload)
        producer.poll(0)

    return send


def _rage(faults: Faults, until_s: float, say: Callable[[str], None]) -> None:
    next_s = time.monotonic()
    while time.monotonic() < until_s:
        faults.undo()
        if time.monotonic() >= next_s:
            before = faults.done.copy()
            pause_s = faults.another()
            next_s = time.monotonic() + pause_s
            for name in faults.done - before:
                say(f"{name} ({faults.done[name]})")
        time.sleep(0.02)  # the pace of chaos: nothing is waited for


def _compare(arena: Arena, expected: dict[str, Expected]) -> tuple[list[str], dict[str, int]]:
    """Wait until everything is right; what is still wrong then is wrong for good."""
    with Client(arena.service.kafka) as client:
        following = client.follow("*", arena.service.output)
        deadline = time.monotonic() + _EXACT_S
        lacking: dict[str, str] = {}
        while True:
            following.poll(0.5)
            found = {name: e.lack(following.latest.get(name)) for name, e in expected.items()}
            lacking = {name: lack for name, lack in found.items() if lack is not None}
            if not lacking or time.monotonic() > deadline:
                break
        epochs = {name: histogram.info.epoch for name, histogram in following.latest.items()}
    return [f"{name}: {lack}" for name, lack in lacking.items()], epochs


def _leave(arena: Arena) -> list[str]:
    """End the service as an operator would, and look at what is left."""
    wrong = []
    deadline = time.monotonic() + TIMEOUT_S
    while not arena.healthy() and time.monotonic() < deadline:
        time.sleep(0.1)  # until the next heartbeat
    files = arena.open_files()
    if not arena.healthy():
        wrong.append("the service is not RUNNING in the end")
    code = arena.service.terminate()
    if code != 0:
        wrong.append(f"the service ended with exit code {code}")
    while (left := arena.processes()) and time.monotonic() < deadline:
        time.sleep(0.1)  # processes end on their own
    if left:
        wrong.append(f"processes are left: {sorted(left)}")
    if files > _FILES + _usual_files(arena):
        wrong.append(f"{files} descriptors are open")
    return wrong


def _usual_files(arena: Arena) -> int:
    """How many descriptors a service has that was just started and counts nothing yet."""
    arena.live()
    files = arena.open_files()
    arena.service.terminate()
    return files
