"""A config is held against limits and brokers before anything that runs is touched."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar, cast

import pytest
from fake_cluster import FakeClusters
from fakes import BROKERS, FakeClock, raw_config

from histsvc.clock import Deadline
from histsvc.commands.check import check_limits, check_loops
from histsvc.commands.context import Context
from histsvc.commands.topics import check_topics
from histsvc.errors import Code, CommandError
from histsvc.jobs.supervisor import Supervisor
from histsvc.protocol.config import ConfigRequest, config_request
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.settings import KafkaSettings, Limits, ServiceSettings

T = TypeVar("T")
OWN = ("commands", "replies", "heartbeat")


class TickingClock(FakeClock):
    """A clock that goes on a little whenever somebody looks at it."""

    def monotonic_s(self) -> float:
        self.advance(0.01)
        return super().monotonic_s()


def request(*changes: dict[str, Any]) -> ConfigRequest:
    histograms = [raw_config(change.pop("type", "hist1d"), **change) for change in changes]
    return config_request({"histograms": histograms})


def context(own_brokers: tuple[str, ...] = BROKERS, **settings_changes: Any) -> tuple[Context, FakeClusters]:
    clusters = FakeClusters()
    config_topic, response_topic, heartbeat_topic = OWN
    settings = ServiceSettings(
        KafkaSettings(own_brokers),
        config_topic,
        response_topic=response_topic,
        heartbeat_topic=heartbeat_topic,
        **settings_changes,
    )
    heartbeat = Heartbeat(0, 1000, ServiceIdentity("histsvc", "", "0", "1.0", 0), (), ())
    supervisor = cast(Supervisor, None)
    made = Context(supervisor, clusters, clusters, TickingClock(), settings, lambda: heartbeat)
    return made, clusters


def result(steps: Generator[None, None, T]) -> T:
    for _ in range(100):
        try:
            next(steps)
        except StopIteration as finished:
            value: T = finished.value
            return value
    raise AssertionError("it never ends")


def test_limits_themselves_are_allowed() -> None:
    check_limits(request({"num_bins": 10}, {"num_bins": 10}), Limits(max_bins=20, max_histograms=2))


def test_too_many_topics() -> None:
    three = request({"data_topics": ["x", "y"]}, {"data_topics": ["y", "z"]})
    check_limits(three, Limits(max_topics=3))
    with pytest.raises(CommandError, match=r"3 data topics exceed the limit of 2 \(--max-topics\)") as caught:
        check_limits(three, Limits(max_topics=2))
    assert (caught.value.code, caught.value.field) == (
        Code.RESOURCE_EXHAUSTED,
        "histograms[1].data_topics[1]",
    )


def test_too_many_histograms() -> None:
    with pytest.raises(CommandError, match="3") as caught:
        check_limits(request({}, {}, {}), Limits(max_histograms=2))
    assert (caught.value.code, caught.value.field) == (Code.RESOURCE_EXHAUSTED, "histograms")


@pytest.mark.parametrize(
    "change",
    [
        {"num_bins": 11},
        {"type": "hist2d", "num_bins": [4, 3]},
        {"type": "dethist", "width": 11, "height": 1},
        {"type": "dethist", "width": 10**300, "height": 10**300},
        {"type": "roihist", "width": 4, "left_edges": [1, 2, 3]},
    ],
)
def test_too_many_bins(change: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="10") as caught:
        check_limits(request({}, change), Limits(max_bins=10))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert str(caught.value.field).startswith("histograms[1]")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tof_range": [1e16, 1e16 + 2], "num_bins": 9}, "num_bins"),
        ({"tof_range": [1e17, 1e17]}, "num_bins"),
        ({"tof_range": [-1.7e308, 1.7e308]}, "num_bins"),
        ({"type": "hist2d", "det_range": [1e16, 1e16 + 2], "num_bins": [1, 9]}, "num_bins"),
    ],
)
def test_bins_finer_than_numpy_makes_them(change: dict[str, Any], key: str) -> None:
    with pytest.raises(CommandError) as caught:
        check_limits(request({}, change), Limits())
    assert (caught.value.code, caught.value.field) == (Code.INVALID_ARGUMENT, f"histograms[1].{key}")


def loop(brokers: tuple[str, ...], *changes: dict[str, Any]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        check_loops(request(*changes), context(brokers)[0], brokers, beside=False)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value


@pytest.mark.parametrize("own", OWN)
def test_own_topics_are_no_data(own: str) -> None:
    error = loop(BROKERS, {}, {"data_topics": ["events", own]})
    assert error.field == "histograms[1].data_topics[1]"
    assert repr(own) in error.message


def test_output_topics_of_any_histogram_are_no_data() -> None:
    assert loop(BROKERS, {"topic": "x", "data_topics": ["x"]}).field == "histograms[0].data_topics[0]"
    assert loop(BROKERS, {"data_topics": ["y"]}, {"topic": "y"}).field == "histograms[0].data_topics[0]"


@pytest.mark.parametrize(
    ("own", "data"),
    [(("b:1", "a:1"), ["b:1", "a:1"]), (("a:1", "b:1"), ["b:1"]), (("a:1",), ["b:1", "a:1"])],
)
def test_brokers_in_another_order_or_fewer_of_them_are_the_same_brokers(
    own: tuple[str, ...], data: list[str]
) -> None:
    assert (
        loop(own, {"data_brokers": data, "data_topics": ["commands"]}).field == "histograms[0].data_topics[0]"
    )
    both = {"data_brokers": ["b:1", "a:1"], "topic": "x"}, {"data_brokers": ["b:1"], "data_topics": ["x"]}
    assert loop(own, *both).field == "histograms[1].data_topics[0]"


def test_equal_topics_of_other_brokers_are_no_loop() -> None:
    other = {"data_brokers": ["other:1"], "data_topics": ["commands"]}
    check_loops(request(other), context()[0], BROKERS, beside=False)


def test_upper_case_is_no_other_broker() -> None:
    changes = {"data_brokers": ["BROKER:9092"], "data_topics": ["commands"]}
    assert loop(("broker:9092",), changes).field == "histograms[0].data_topics[0]"


def checked(*changes: dict[str, Any], **topics: int) -> list[str]:
    made, clusters = context()
    clusters.of(BROKERS).topics.update(topics)
    return result(check_topics(request(*changes), made, Deadline(made.clock, 4))).warnings


def test_a_missing_data_topic_is_not_found_and_a_missing_output_topic_a_warning() -> None:
    assert checked({}, events=1, histograms=1) == []
    (warning,) = checked({}, events=1)
    assert "histograms[0].topic" in warning
    with pytest.raises(CommandError, match="'gone'") as caught:
        checked({}, {"data_topics": ["events", "gone"]}, events=1, histograms=1)
    assert (caught.value.code, caught.value.field) == (Code.NOT_FOUND, "histograms[1].data_topics[1]")
