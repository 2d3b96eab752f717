"""The ends of topics: found, read backwards in steps that grow, and read on from there."""

from __future__ import annotations

import pytest
from fake_topics import World, install
from fakes import BROKERS, NOW_MS

from histsvc.client.asking import answer
from histsvc.client.tail import Message, Place, Span, Tail
from histsvc.clock import Deadline
from histsvc.errors import BrokerError
from histsvc.model import Partition
from histsvc.settings import Security

OTHER = ("other:9092",)
ONE, TWO = (Partition(BROKERS, "a", number) for number in range(2))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = install(monkeypatch)
    made.make("a", partitions=2)
    return made


@pytest.fixture
def tail(world: World) -> Tail:
    return Tail(Security())


def numbered(world: World, count: int, *, number: int = 0, apart_ms: int = 0) -> None:
    """Messages of which each is its own offset, with timestamps that go on."""
    begin = world.logs[Partition(BROKERS, "a", number)].end
    for offset in range(begin, begin + count):
        world.write("a", str(offset).encode(), time_ms=NOW_MS + offset * apart_ms, number=number)


def soon(world: World, seconds: float = 5.0) -> Deadline:
    return Deadline(world.clock, seconds)


def offsets(messages: list[Message], partition: Partition = ONE) -> list[int]:
    found = [message for message in messages if message.place.partition == partition]
    assert [int(message.payload) for message in found] == [message.place.offset for message in found]
    return [message.place.offset for message in found]


def test_what_exists_is_found_and_what_it_holds(world: World, tail: Tail) -> None:
    numbered(world, 5)
    world.retain("a", 2)
    world.make("b", brokers=OTHER)
    wanted = {(BROKERS, "a"), (BROKERS, "nobody made this"), (OTHER, "b"), (OTHER, "a")}
    found = tail.find(wanted, soon(world))
    assert found == {ONE: Span(2, 5), TWO: Span(0, 0), Partition(OTHER, "b", 0): Span(0, 0)}


def test_nobody_is_asked_about_nothing(world: World, tail: Tail) -> None:
    assert tail.find(set(), soon(world)) == {}
    assert world.asked == []


def test_the_last_come_first_in_steps_that_double(world: World, tail: Tail) -> None:
    numbered(world, 5000)
    steps = [offsets(step) for step in tail.read_back({ONE: Span(0, 5000)}, None, soon(world))]
    assert [len(step) for step in steps] == [16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 920]
    end = 5000
    for step in steps:
        assert step == list(range(end - len(step), end))
        end -= len(step)
    assert end == 0


def test_partitions_are_read_side_by_side_and_none_before_its_begin(world: World, tail: Tail) -> None:
    numbered(world, 40)
    numbered(world, 5, number=1)
    steps = list(tail.read_back({ONE: Span(10, 40), TWO: Span(0, 5)}, None, soon(world)))
    assert [offsets(step) for step in steps] == [list(range(24, 40)), list(range(10, 24))]
    assert [offsets(step, TWO) for step in steps] == [list(range(5)), []]


def test_what_comes_meanwhile_is_not_of_the_span(world: World, tail: Tail) -> None:
    numbered(world, 25)
    (step,) = tail.read_back({ONE: Span(10, 20)}, None, soon(world))
    assert offsets(step) == list(range(10, 20))


def test_a_partition_is_left_where_it_is_old_enough(world: World, tail: Tail) -> None:
    numbered(world, 1000, apart_ms=100)
    numbered(world, 1000, apart_ms=10, number=1)
    steps = list(tail.read_back({ONE: Span(0, 1000), TWO: Span(0, 1000)}, 3_000, soon(world)))
    # 16 and 32 messages of the one span 4.7 s; the other needs 300 messages for as much.
    assert [len(offsets(step)) for step in steps] == [16, 32, 0, 0, 0]
    assert [len(offsets(step, TWO)) for step in steps] == [16, 32, 64, 128, 256]


def test_ends_that_nobody_is_given_are_not_waited_for(world: World, tail: Tail) -> None:
    """The last offset of a transaction is its own record."""
    numbered(world, 3)
    world.write("a", None)
    (step,) = tail.read_back({ONE: Span(0, 4)}, None, soon(world))
    assert offsets(step) == [0, 1, 2]
    assert world.passed_s() == 0


def test_what_was_removed_meanwhile_is_not_waited_for(world: World, tail: Tail) -> None:
    numbered(world, 40)
    world.retain("a", 30)
    (step,) = tail.read_back({ONE: Span(0, 40)}, None, soon(world))
    assert step == []
    assert world.passed_s() < 1
    tail.go_on({ONE: Span(0, 40)})
    assert tail.read(0.1) == []
    assert tail.positions == {}, "it has to be found again"


def test_who_waits_in_vain_for_brokers_ends_in_time(world: World, tail: Tail) -> None:
    numbered(world, 100)
    world.away.add(BROKERS)
    (step,) = tail.read_back({ONE: Span(0, 100)}, None, soon(world, 5.0))
    assert step == []
    assert 5.0 <= world.passed_s() < 5.5


def test_what_could_not_be_read_back_is_not_passed_over(world: World, tail: Tail) -> None:
    numbered(world, 100)
    world.away.add(BROKERS)
    list(tail.read_back({ONE: Span(0, 100)}, None, soon(world)))
    tail.go_on({ONE: Span(0, 100)})
    world.away.clear()
    assert offsets(tail.read(0.1)) == list(range(84, 94))
    assert tail.positions == {ONE: 94}


def test_the_end_of_a_broker_that_is_behind_is_none(world: World, tail: Tail) -> None:
    numbered(world, 3)
    log = world.logs[ONE]
    hidden = log.rows.pop()
    world.on_given = lambda: log.rows.append(hidden) if log.end == 2 else None
    (step,) = tail.read_back({ONE: Span(0, 3)}, None, soon(world))
    assert offsets(step) == [0, 1, 2]


def test_it_is_read_on_from_where_it_came_to(world: World, tail: Tail) -> None:
    numbered(world, 5)
    tail.go_on({ONE: Span(0, 3)})
    assert offsets(tail.read(0.1)) == [3, 4]
    tail.go_on({TWO: Span(0, 0)})
    numbered(world, 2)
    numbered(world, 1, number=1)
    read = tail.read(0.1)
    assert (offsets(read), offsets(read, TWO)) == ([5, 6], [0])
    assert tail.positions == {ONE: 7, TWO: 1}


def test_records_that_nobody_is_given_are_passed(world: World, tail: Tail) -> None:
    world.write("a", None, None)
    tail.go_on({ONE: Span(0, 0)})
    assert tail.read(0.1) == []
    assert tail.positions == {ONE: 2}


def test_what_cannot_be_read_any_more_is_forgotten(world: World, tail: Tail) -> None:
    numbered(world, 5)
    tail.go_on({ONE: Span(0, 0), TWO: Span(0, 0)})
    world.retain("a", 3)
    assert tail.read(0.1) == []
    assert tail.positions == {TWO: 0}
    assert tail.behind() == 0


def test_how_far_it_is_behind(world: World, tail: Tail) -> None:
    numbered(world, 45)
    numbered(world, 12, number=1)
    tail.go_on({ONE: Span(0, 0), TWO: Span(0, 0)})
    assert tail.behind() == 0, "nobody knows before the first fetch"
    tail.read(0.1)
    assert tail.behind() == 45 + 12 - 2 * world.batch


@pytest.mark.parametrize(
    ("offset", "time_ms", "number", "behind"),
    [(5, 9, 0, True), (4, 99, 0, False), (3, 99, 0, False), (0, 10, 1, True), (9, 9, 1, False)],
)
def test_order_is_that_of_offsets_in_a_partition_and_else_of_time(
    offset: int, time_ms: int, number: int, behind: bool
) -> None:
    here = Place(ONE, 4, 10)
    assert Place((ONE, TWO)[number], offset, time_ms).is_behind(here) is behind


def test_questions_are_repeated_until_there_is_an_answer(world: World) -> None:
    world.away.add(BROKERS)

    def ask_again() -> object:
        if len(world.asked) == 3:
            world.away.clear()
        return world.of(BROKERS).addresses()

    assert answer(BROKERS, ask_again, soon(world, 10.0)) == frozenset(BROKERS)  # type: ignore[arg-type]
    assert len(world.asked) == 4


def test_questions_end_in_time_and_refusals_at_once(world: World) -> None:
    world.away.add(BROKERS)
    with pytest.raises(BrokerError, match="nobody there"):
        answer(BROKERS, world.of(BROKERS).addresses, soon(world, 10.0))
    assert len(world.asked) == 5
    world.away.clear()
    world.denied.add(BROKERS)
    with pytest.raises(BrokerError, match="not for you"):
        answer(BROKERS, world.of(BROKERS).addresses, soon(world, 10.0))
    assert len(world.asked) == 6
