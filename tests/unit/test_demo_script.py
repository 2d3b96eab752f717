"""The script of the demo, and the director who follows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fakes import FakeClock

from histsvc.cli.demo.director import Director
from histsvc.cli.demo.oracle import Oracle
from histsvc.cli.demo.script import EVENTS, Step, steps
from histsvc.errors import Code, CommandError
from histsvc.histograms.registry import histogram_types
from histsvc.sources import scene


def test_commands_come_in_order_within_the_time() -> None:
    script = list(steps("broker:1", 60.0, endless=False))
    assert [step.command["cmd"] for step in script] == ["config", "config", "add", *["reset_counts"] * 3]
    times_s = [step.at_s for step in script]
    assert times_s == sorted(times_s)
    assert times_s[0] == 0
    assert times_s[-1] < 55
    assert [step.at_s for step in steps("broker:1", 30.0, endless=False)] == [each / 2 for each in times_s]


@pytest.mark.parametrize("duration_s", [0.0, 60.0])
def test_where_it_goes_on_the_peak_is_begun_again_and_again(duration_s: float) -> None:
    script = list(itertools.islice(steps("broker:1", duration_s, endless=True), 16))
    assert script[:6] == list(steps("broker:1", 60.0, endless=False))
    later = script[6:]
    assert {(step.command["cmd"], *step.command["ids"]) for step in later} == {("reset_counts", "peak")}
    assert set(np.diff([step.at_s for step in later])) == {15.0}


def test_steps_need_the_histograms_that_they_are_about() -> None:
    needed = [step.needs for step in steps("broker:1", 60.0, endless=False)]
    assert needed == ["", "spectrum", "detector", *["peak"] * 3]


def test_histograms_are_of_all_types_and_exactly_one_is_wrong() -> None:
    given = [
        each for step in steps("broker:1", 60, endless=False) for each in step.command.get("histograms", ())
    ]
    types = histogram_types()
    assert {each["type"] for each in given} == set(types)
    wrong = [each for each in given if not _is_valid(types[each["type"]], each)]
    assert [each["num_bins"] for each in wrong] == [-50]
    region = next(each for each in given if each["type"] == "roihist")
    assert max(region["left_edges"]) + region["width"] <= scene.FIRST_PIXEL + scene.WIDTH * scene.HEIGHT


def _is_valid(of: Any, config: Mapping[str, Any]) -> bool:
    try:
        of.model_validate(config)
    except ValueError:
        return False
    return True


class Service:
    """A client whose service answers as it is told, and says how far it has read."""

    def __init__(self, clock: FakeClock) -> None:
        self.sent: list[str] = []
        self.commands: list[Mapping[str, Any]] = []
        self.error: CommandError | None = None
        self.gone: CommandError | None = None
        self.read: Iterator[int] = itertools.repeat(0)
        self._clock = clock

    def send(self, command: Mapping[str, Any]) -> dict[str, Any]:
        self.sent.append(command["cmd"])
        self.commands.append(command)
        self._clock.advance(0.25)
        if command["cmd"] == "status":
            if self.gone is not None:
                raise self.gone
            offsets = {EVENTS: {"0": next(self.read), "1": 2}}
            return {"response": "ACK", "histograms": [{"offsets": offsets}]}
        if self.error is not None:
            raise self.error
        return {"response": "ACK"}


class Held(Oracle):
    """An oracle that knows whether it is held; six messages were delivered."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.is_held = False

    @property
    def delivered(self) -> int:
        return 6

    @contextmanager
    def held(self) -> Iterator[None]:
        self.is_held = True
        yield
        self.is_held = False


def directed() -> tuple[Director, Service, Held]:
    clock = FakeClock()
    service, judge = Service(clock), Held()
    return Director(service, judge, clock), service, judge  # type: ignore[arg-type]


def test_what_is_acknowledged_is_expected_from_then_on() -> None:
    director, _, judge = directed()
    first = next(steps("broker:1", 60, endless=False))
    said = director.do(first)
    assert said.good
    assert (said.at_s, said.took_ms) == (0, 250)
    assert set(judge.expected) == {"detector", "spectrum", "peak"}
    assert not judge.is_held


def test_what_is_refused_is_not_expected() -> None:
    director, service, judge = directed()
    service.error = CommandError(Code.INVALID_ARGUMENT, "num_bins: -50 is not allowed", "num_bins")
    said = director.do(next(steps("broker:1", 60, endless=False)))
    assert not said.good
    assert said.reply["message"] == "num_bins: -50 is not allowed"
    assert said.reply["code"] == "INVALID_ARGUMENT"
    assert not judge.expected


def test_counts_are_reset_only_when_all_events_are_counted() -> None:
    director, service, judge = directed()
    director.do(next(steps("broker:1", 60, endless=False)))
    judge.expected["peak"].counts[:] = 1
    judge.expected["spectrum"].counts[:] = 1
    service.read = iter([1, 3, 4])
    service.sent.clear()
    director.do(Step(1.0, "the peak", {"cmd": "reset_counts", "ids": ["peak"]}))
    assert service.sent == ["status", "status", "status", "reset_counts"]
    assert not judge.expected["peak"].counts.any()
    assert judge.expected["spectrum"].counts.all()
    assert service.commands[-2]["ids"] == ["peak"]  # how far those of others are does not matter


def test_a_reset_of_what_others_have_ended_is_answered_and_not_waited_for() -> None:
    director, service, judge = directed()
    director.do(next(steps("broker:1", 60, endless=False)))
    judge.expected["peak"].counts[:] = 1
    service.sent.clear()
    service.gone = CommandError(Code.NOT_FOUND, 'no histogram "peak" runs', "ids[0]")
    said = director.do(Step(1.0, "the peak", {"cmd": "reset_counts", "ids": ["peak"]}))
    assert said.reply["code"] == "NOT_FOUND"
    assert service.sent == ["status"]
    assert judge.expected["peak"].counts.all()


def test_commands_of_the_demo_can_be_told_from_those_of_others() -> None:
    director, service, _ = directed()
    first, _, add, *_ = steps("broker:1", 60, endless=False)
    for step in (first, add):
        director.do(step)
        assert service.commands[-1]["msg_id"] == director.last_id
    ids = [command["msg_id"] for command in service.commands[1:]]
    assert len(set(ids)) == 2
    assert all(each.startswith(director.own) for each in ids)
    assert director.own != directed()[0].own


def test_a_service_that_does_not_catch_up_is_told() -> None:
    director, service, _ = directed()
    with pytest.raises(TimeoutError, match="catch up"):
        director.do(Step(1.0, "the peak", {"cmd": "reset_counts", "ids": ["peak"]}))
    assert "reset_counts" not in service.sent
