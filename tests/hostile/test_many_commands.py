"""Ten thousand commands, most of them spoiled: one answer at most each, and no ERR touches what runs."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Iterator

import jsonschema
import pytest
from fakes import BROKERS
from hostile.generated import Generator
from hostile.mutated import Mutator
from unit.fake_worker import Workers, begin, spec_of
from unit.serving import Service

from histsvc.errors import Code
from histsvc.jobs import supervisor
from histsvc.protocol.schema import command_schema

COMMANDS = 10_000
# Of what is right some does what it says.
SPOILED = 0.8


def test_what_is_generated_fits_the_schema() -> None:
    chance = random.Random(1)
    fits = jsonschema.Draft202012Validator(command_schema())
    generator = Generator(command_schema(), chance)
    for _ in range(300):
        command = generator.command()
        assert fits.is_valid(command), command


class World:
    """A service with a job that runs."""

    def __init__(self) -> None:
        self.workers = Workers(2)
        self.service = Service(workers=self.workers)
        cluster = self.service.clusters.of(BROKERS)
        cluster.topics = {"events": 2, "output": 1, "a": 1}
        cluster.end_offsets = {("events", 0): 5, ("events", 1): 7, ("a", 0): 0}
        self.workers.tick()
        begin(self.workers, spec_of("job", 0, 1))

    def runs(self) -> object:
        """What runs, and what was asked of those who count it."""
        running = self.workers.supervisor
        counting = [self.workers.fake(worker) for worker in running.counting()]
        jobs = [(name, job.histograms) for name, job in running.jobs.items()]
        return jobs, [(worker.spec, len(worker.requests)) for worker in counting]

    def do(self, payload: bytes) -> list[dict[str, object]]:
        """What is replied to it, workers doing at once what they are asked for."""
        service = self.service
        service.replies.clear()
        service.send(payload)
        for _ in range(100):
            service.dispatcher.step()
            for worker in self.workers.forked:
                if worker.busy:
                    worker.done()
                worker.gone |= worker.told_to_leave
            self.workers.tick(1)
            self.workers.clock.advance(0.1)
            if not service.dispatcher.busy:
                return service.replies
        raise AssertionError(f"not done: {payload!r}")


def commands(count: int) -> Iterator[tuple[bytes, int | None]]:
    """Commands, and the id under which one reply is due; None where it may be spoiled, too."""
    chance = random.Random(2)
    generator, mutator = Generator(command_schema(), chance), Mutator(chance)
    for number in range(1, count + 1):
        command = {**generator.command(), "target": None, "msg_id": number}
        if chance.random() < SPOILED:
            yield mutator.mutate(command), None
        else:
            yield json.dumps(command).encode(), number


@pytest.mark.timeout(300)
def test_one_answer_at_most_and_what_runs_is_not_touched(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(supervisor, "wait", lambda ends, timeout_s: [])
    world = World()
    seen: Counter[str] = Counter()
    for payload, msg_id in commands(COMMANDS):
        before = world.runs()
        caplog.clear()
        replies = world.do(payload)
        lines = [line for line in caplog.messages if line.startswith("command ")]
        assert len(replies) <= 1, payload
        assert len(lines) <= 1, payload
        assert msg_id is None or [reply["msg_id"] for reply in replies] == [msg_id], payload
        for reply in replies:
            outcome = str(reply.get("code", reply["response"]))
            seen[outcome] += 1
            assert outcome == "ACK" or outcome in set(Code) - {Code.INTERNAL}, (reply, payload)
        if any("ERR" in line for line in lines) or not lines:
            assert world.runs() == before, payload
        if not world.workers.supervisor.jobs:
            world = World()
    assert world.do(b'{"cmd": "ping", "msg_id": "alive"}')[0]["response"] == "ACK"
    assert min(seen[each] for each in ("ACK", Code.INVALID_ARGUMENT, Code.NOT_FOUND)) > COMMANDS / 100
