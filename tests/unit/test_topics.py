"""Which brokers a config may name, and what they are asked about its topics."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

import pytest
from fake_cluster import FakeCluster, FakeClusters
from fakes import BROKERS, FakeClock, raw_config

from histsvc.clock import Deadline
from histsvc.commands.context import Context
from histsvc.commands.topics import Topics, check_brokers, check_topics
from histsvc.errors import BrokerError, Code, CommandError
from histsvc.jobs.supervisor import Supervisor
from histsvc.ports import TopicFacts
from histsvc.protocol.config import config_request
from histsvc.protocol.heartbeat import Heartbeat, ServiceIdentity
from histsvc.settings import KafkaSettings, ServiceSettings

T = TypeVar("T")
OTHER = ("other:1",)


class TickingClock(FakeClock):
    """A clock that goes on a little whenever somebody looks at it."""

    def monotonic_s(self) -> float:
        self.advance(0.01)
        return super().monotonic_s()


class Asked:
    """The clusters of the data topics and those of all others, and a service that asks them."""

    def __init__(self, simulation: bool = False, **changes: Any) -> None:
        self.clusters = FakeClusters()
        self.data = FakeClusters() if simulation else self.clusters
        settings = ServiceSettings(KafkaSettings(BROKERS), "commands", **changes)
        heartbeat = Heartbeat(0, 1000, ServiceIdentity("histsvc", "", "0", "1.0", 0), (), ())
        clock, nobody = TickingClock(), cast(Supervisor, None)
        self.context = Context(nobody, self.clusters, self.data, clock, settings, lambda: heartbeat)

    def brokers(self, *lists: list[str]) -> None:
        """Check the data brokers of a config with a histogram for each list."""
        self._run(check_brokers, [{"data_brokers": each} for each in lists])

    def topics(self, *histograms: dict[str, Any]) -> Topics:
        return self._run(check_topics, histograms)

    def _run(self, check: Callable[..., Generator[None, None, T]], changes: Iterable[dict[str, Any]]) -> T:
        histograms = [raw_config(**{"kind": "hist1d", **each}) for each in changes]
        request = config_request({"histograms": histograms})
        steps = check(request, self.context, Deadline(self.context.clock, 4))
        for _ in range(1000):
            try:
                next(steps)
            except StopIteration as finished:
                value: T = finished.value
                return value
        raise AssertionError("it never ends")


def failed(reason: str, *, denied: bool = False) -> Future[Any]:
    answer: Future[Any] = Future()
    answer.set_exception(BrokerError(reason, retriable=not denied, denied=denied))
    return answer


def refused(asked: Asked, *lists: list[str]) -> CommandError:
    with pytest.raises(CommandError) as caught:
        asked.brokers(*lists)
    assert caught.value.code is Code.PERMISSION_DENIED
    return caught.value


def test_the_services_own_brokers_are_allowed_and_nobody_is_asked() -> None:
    asked = Asked()
    asked.brokers(["broker:9092"], ["BROKER:9092", "Broker:9092"])
    assert asked.clusters.clusters == {}


def test_so_are_the_addresses_that_their_cluster_advertises_in_whatever_case() -> None:
    asked = Asked()
    asked.clusters.of(BROKERS).advertised = frozenset({"Inner-1:9093", "inner-2:9093"})
    asked.brokers(["inner-1:9093"], ["INNER-2:9093", "broker:9092"])
    assert refused(asked, ["inner-1:9093", "inner-1:9092"]).field == "histograms[0].data_brokers[1]"


def test_so_are_those_of_the_option_beside_them() -> None:
    asked = Asked(allowed_brokers=("Far:1", "far:2"))
    asked.brokers(["far:1"], ["FAR:2", "broker:9092"])
    assert refused(asked, ["far:1"], ["far:3"]).field == "histograms[1].data_brokers[0]"


def test_any_opens_it_to_all() -> None:
    Asked(allowed_brokers=None).brokers(["nobody-knows:1"])


def test_the_refusal_names_what_is_refused_what_is_allowed_and_the_option() -> None:
    asked = Asked(allowed_brokers=("far:1",))
    asked.clusters.of(BROKERS).advertised = frozenset({"inner:1"})
    message = refused(asked, ["Evil:1"]).message
    for part in ('"Evil:1"', "broker:9092", "far:1", "inner:1", "--allow-data-brokers"):
        assert part in message


def test_a_cluster_that_does_not_tell_its_addresses_is_unavailable() -> None:
    asked = Asked()
    asked.clusters.of(BROKERS).addresses = lambda: failed("down")  # type: ignore[method-assign]
    with pytest.raises(CommandError, match="down") as caught:
        asked.brokers(["inner:1"])
    assert caught.value.code is Code.UNAVAILABLE


def stream(topic: str, brokers: tuple[str, ...] = BROKERS) -> tuple[tuple[str, ...], str]:
    return brokers, topic


def test_each_cluster_is_asked_about_its_own_topics() -> None:
    asked = Asked()
    asked.clusters.of(BROKERS).topics.update(events=2, histograms=1)
    asked.clusters.of(OTHER).topics.update(events=3, out=1)
    found = asked.topics({}, {"data_brokers": list(OTHER), "topic": "out"})
    assert found.data == {stream("events"): TopicFacts(2), stream("events", OTHER): TopicFacts(3)}
    assert (found.awaited, found.warnings) == (frozenset(), [])
    with pytest.raises(CommandError) as caught:
        asked.topics({}, {"data_brokers": list(OTHER), "data_topics": ["events", "more"]})
    assert (caught.value.code, caught.value.field) == (Code.NOT_FOUND, "histograms[1].data_topics[1]")


def test_a_missing_output_topic_of_another_cluster_is_a_warning() -> None:
    asked = Asked()
    asked.clusters.of(BROKERS).topics.update(events=1, histograms=1)
    asked.clusters.of(OTHER).topics.update(events=1)
    (warning,) = asked.topics({}, {"data_brokers": list(OTHER)}).warnings
    assert warning.startswith("histograms[1].topic: there is no topic 'histograms' yet")


def test_data_topics_are_asked_for_elsewhere_in_simulation() -> None:
    asked = Asked(simulation=True)
    asked.data.of(BROKERS).topics["events"] = 4
    asked.clusters.of(BROKERS).topics["histograms"] = 1
    found = asked.topics({})
    assert (found.data, found.warnings) == ({stream("events"): TopicFacts(4)}, [])


def test_with_the_option_missing_data_topics_are_waited_for() -> None:
    asked = Asked(wait_for_topics=True)
    asked.clusters.of(BROKERS).topics.update(events=1, histograms=1)
    found = asked.topics({"data_topics": ["late", "events"]}, {"data_topics": ["later", "late"]})
    assert found.data == {stream("events"): TopicFacts(1)}
    assert found.awaited == {stream("late"), stream("later")}
    assert [warning.split(" on ")[0] for warning in found.warnings] == [
        "histograms[0].data_topics[0]: there is no topic 'late'",
        "histograms[1].data_topics[0]: there is no topic 'later'",
        "histograms[1].data_topics[1]: there is no topic 'late'",
    ]
    assert all("from its beginning once it appears" in warning for warning in found.warnings)


def test_a_topic_made_just_now_is_found_a_moment_later() -> None:
    asked = Asked()
    cluster = asked.clusters.of(BROKERS)
    cluster.topics["histograms"] = 1
    answers = iter([0, 0, 3])
    answer = cluster.describe

    def describe(topics: Iterable[str]) -> Future[dict[str, TopicFacts]]:
        cluster.topics["events"] = next(answers, 3)
        return answer(topics)

    cluster.describe = describe  # type: ignore[method-assign]
    assert asked.topics({}).data == {stream("events"): TopicFacts(3)}


def test_brokers_that_do_not_answer_are_named_with_their_trouble() -> None:
    asked = Asked()
    asked.clusters.of(BROKERS).topics.update(events=1, histograms=1)
    cluster = asked.clusters.of(OTHER)
    cluster.trouble = "connection refused"
    cluster.describe = lambda topics: Future()  # type: ignore[method-assign]
    with pytest.raises(CommandError) as caught:
        asked.topics({}, {"data_brokers": list(OTHER)})
    assert (caught.value.code, caught.value.field) == (Code.UNAVAILABLE, "histograms[1].data_brokers")
    assert "other:1" in caught.value.message
    assert "connection refused" in caught.value.message


@pytest.mark.parametrize("refused", [True, False])
def test_brokers_that_refuse_are_no_trouble_of_the_network(refused: bool) -> None:
    cluster = (asked := Asked()).clusters.of(BROKERS)
    cluster.trouble, cluster.refused = "wrong password" if refused else "", refused
    cluster.describe = lambda topics: failed("no", denied=not refused)  # type: ignore[method-assign]
    with pytest.raises(CommandError, match=r"no \(wrong password\)$" if refused else "no$") as caught:
        asked.topics({})
    assert caught.value.code == Code.PERMISSION_DENIED


def sized(largest: int, *brokers: tuple[str, ...]) -> Asked:
    asked = Asked()
    for each in brokers or (BROKERS,):
        asked.clusters.of(each).topics.update(events=1, histograms=1)
        asked.clusters.of(each).max_message_bytes = largest
    return asked


@pytest.mark.parametrize(("schema", "numbers"), [("hs00", 1), ("da00", 2)])
def test_a_histogram_that_its_topic_may_refuse_is_warned_about(schema: str, numbers: int) -> None:
    # Counts, with da00 errors, and two axes of float64, and 2000 bytes for all else.
    image = {"kind": "dethist", "width": 100, "height": 50, "output_schema": schema}
    size = 8 * (numbers * 100 * 50 + 101 + 51) + 2000
    assert sized(size).topics({}, image).warnings == []
    (warning,) = sized(size - 1).topics({}, image).warnings
    assert warning.startswith("histograms[1].topic: 'histograms' takes messages of at most")
    assert {str(size), str(size - 1)} <= set(warning.split())


def test_the_size_is_that_of_the_cluster_that_it_is_written_to() -> None:
    asked = sized(2_000_000, BROKERS, OTHER)
    asked.clusters.of(OTHER).max_message_bytes = 100
    (warning,) = asked.topics({}, {"data_brokers": list(OTHER)}).warnings
    assert warning.startswith("histograms[1].topic")


def knowing_nothing() -> Future[dict[str, int]]:
    answer: Future[dict[str, int]] = Future()
    answer.set_result({})
    return answer


SIZES: list[Callable[[], Future[dict[str, int]]]] = [
    Future,
    knowing_nothing,
    lambda: failed("down"),
    lambda: failed("not authorised", denied=True),
]


@pytest.mark.parametrize("answer", SIZES)
def test_brokers_that_do_not_tell_sizes_are_no_error(
    answer: Callable[[], Future[dict[str, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCluster, "largest_messages", lambda self, topics: answer())
    asked = sized(1)
    begun = asked.context.clock.now_ns()
    assert asked.topics({}).warnings == []
    assert asked.context.clock.now_ns() - begun < 1e9
