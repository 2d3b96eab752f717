"""Some histograms of a worker end, and the others go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakes import NOW_MS, histogram_spec
from unit.worker_bench import COUNTING, ERROR, FINISHED, INITIALISED, STOP, Worker, event

from histsvc.clock import Deadline
from histsvc.errors import BrokerError
from histsvc.protocol.info import State
from histsvc.worker.pending import FinishPending

X, Y = {("x", 0): 0}, {("y", 0): 0}


def worker_of(
    *topics: Sequence[str], starts: dict[tuple[str, int], int], stop_ms: int | None = None
) -> Worker:
    """A worker with one hist1d for each list of topics."""
    specs = [histogram_spec("hist1d", i, data_topics=list(each), id=str(i)) for i, each in enumerate(topics)]
    return Worker(*specs, starts=starts, stop_ms=stop_ms)


def sums(worker: Worker) -> list[int]:
    return [info.sum for info in worker.infos()]


def states(worker: Worker) -> list[State]:
    return [info.state for info in worker.infos()]


def finish(worker: Worker, indices: Sequence[int], drain_s: float, timeout_s: float = 3.0) -> FinishPending:
    return FinishPending(worker.pipeline, indices, drain_s, Deadline(worker.clock, timeout_s))


def test_the_end_of_this_moment_holds_for_the_chosen_only() -> None:
    worker = worker_of("x", "x", starts={("x", 0): 0, ("x", 1): 0})
    worker.cluster.end_offsets.update({("x", 0): 2, ("x", 1): 1})
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0), event(0, 1), event(0, 2), event(0, 3))
    assert (states(worker), sums(worker)) == ([COUNTING, COUNTING], [2, 4])
    worker.read(event(1, 0), event(1, 1))
    assert (states(worker), sums(worker)) == ([FINISHED, COUNTING], [3, 6])
    assert [info.messages for info in worker.infos()] == [3, 6]
    worker.read(event(0, 4), event(1, 2))
    assert sums(worker) == [3, 8]
    assert worker.reader.dropped == []


def test_position_lag_and_age_stay_where_it_ended() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.reader.known_ends = {0: 50}
    worker.cluster.end_offsets["x", 0] = 3
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0, NOW_MS - 900))
    assert [info.lag for info in worker.infos()] == [2, 49]
    worker.read(event(0, 1), event(0, 2, NOW_MS - 300))
    assert states(worker)[0] is FINISHED
    worker.clock.advance(5)
    worker.read(event(0, 3, NOW_MS + 4900), event(0, 4, NOW_MS + 4900))
    ended, on = worker.infos()
    assert (ended.offsets, ended.lag, ended.data_age_ms) == ({"x": {0: 3}}, 0, 5000)
    assert (on.offsets, on.lag, on.data_age_ms) == ({"x": {0: 5}}, 45, 100)


def test_only_what_nobody_wants_any_more_is_read_no_more() -> None:
    worker = worker_of("x", "xy", "yz", starts={**X, **Y, ("z", 0): 0})
    worker.pipeline.drain(0.0, [2])
    assert worker.reader.dropped == [2]
    worker.pipeline.forget([2])
    worker.pipeline.drain(0.0, [1])
    assert worker.reader.dropped == [2, 1]
    worker.pipeline.forget([1])
    worker.read(event(0, 0))
    assert (sums(worker), worker.reader.dropped) == ([1], [2, 1])


def test_a_partition_at_its_limit_is_read_on_for_the_others_only() -> None:
    worker = worker_of("xy", "y", starts={**X, **Y})
    worker.cluster.end_offsets.update({("x", 0): 1, ("y", 0): 1})
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0))
    assert (worker.reader.dropped, states(worker)[0]) == ([0], COUNTING)
    worker.read(event(1, 0), event(1, 1))
    assert (worker.reader.dropped, states(worker), sums(worker)) == ([0], [FINISHED, COUNTING], [2, 2])


def test_with_0_s_it_ends_where_the_reader_is() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.read(event(0, 0))
    worker.reader.known_ends = {0: 9}
    pending = finish(worker, [1], 0.0)
    worker.read(event(0, 1))
    assert pending.answer() == ()
    assert (states(worker), sums(worker), worker.cluster.asked) == ([COUNTING, FINISHED], [2, 1], [])
    assert worker.outbox.states(1) == [INITIALISED, COUNTING, FINISHED]
    assert [info.lag for info in worker.infos()] == [7, 8]


@pytest.mark.parametrize("broker_answers", [True, False])
def test_when_patience_is_over_it_ends_and_says_what_was_left(broker_answers: bool) -> None:
    worker = worker_of("x", "x", starts=X)
    worker.cluster.slow = not broker_answers
    worker.cluster.end_offsets["x", 0] = 9
    worker.reader.known_ends = {0: 20}
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0))
    worker.clock.advance(1.01)
    worker.read(event(0, 1))
    assert states(worker) == [FINISHED, COUNTING]
    assert worker.infos()[0].lag == (7 if broker_answers else 18)
    worker.pipeline.forget([0])
    worker.read(*(event(0, offset) for offset in range(2, 12)))
    assert (states(worker), sums(worker)) == ([COUNTING], [12])


def test_the_answer_waits_for_the_delivery_of_the_chosen_only() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.outbox.hold = True
    pending = finish(worker, [0], 0.0)
    worker.step()
    worker.read(event(0, 0))
    assert pending.answer() is None
    worker.clock.advance(2.9)
    worker.step()
    assert pending.answer() is None
    worker.clock.advance(0.2)
    (line,) = pending.answer() or ()
    assert line == "0 to histograms: no answer from the broker"
    worker.outbox.deliver()
    assert finish(worker, [0], 0.0).answer() == ()


def test_an_end_that_the_broker_refuses_is_no_trouble_of_the_others() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.outbox.error = BrokerError("no", retriable=False)
    pending = finish(worker, [0], 0.0)
    worker.step()
    assert pending.answer() == ("0 to histograms: no",)
    worker.outbox.error = None
    worker.pipeline.forget([0])
    worker.read(event(0, 0))
    assert (states(worker), sums(worker)) == ([COUNTING], [1])


def test_what_is_forgotten_is_published_no_more() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.cluster.topics["x"] = 1
    worker.pipeline.drain(0.0, [0])
    worker.step()
    worker.pipeline.forget([0])
    published = len(worker.outbox.states(0))
    for offset in range(5):
        worker.clock.advance(2)
        worker.read(event(0, offset))
    assert len(worker.outbox.states(0)) == published
    assert worker.outbox.states(1) == [INITIALISED, *[COUNTING] * 5]
    assert [info.index for info in worker.infos()] == [1]


def test_a_second_end_asks_anew_and_stands_for_itself() -> None:
    worker = worker_of("x", "x", "x", starts=X)
    worker.cluster.end_offsets["x", 0] = 1
    worker.pipeline.drain(1.0, [1])
    worker.step(2)
    worker.read(event(0, 0), event(0, 1))
    worker.pipeline.forget([1])
    worker.cluster.end_offsets["x", 0] = 4
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(*(event(0, offset) for offset in range(2, 7)))
    assert (states(worker), sums(worker)) == ([FINISHED, COUNTING], [4, 7])
    assert len(worker.cluster.asked) == 2
    assert worker.infos()[0].offsets == {"x": {0: 4}}


def test_an_answer_to_the_first_question_does_not_end_the_second() -> None:
    worker = worker_of("x", "x", starts=X)
    worker.cluster.slow = True
    worker.pipeline.drain(1.0, [0])  # where nothing is in the topic
    worker.step()
    worker.clock.advance(1.01)
    worker.step()
    worker.pipeline.forget([0])
    worker.cluster.end_offsets["x", 0] = 2
    worker.pipeline.drain(1.0, [1])
    worker.step()
    worker.cluster.answer()
    worker.step(2)
    assert states(worker) == [INITIALISED]
    worker.cluster.answer()
    worker.step()
    worker.read(event(0, 0), event(0, 1), event(0, 2))
    assert (states(worker), sums(worker)) == ([FINISHED], [2])


def test_a_failure_in_between_breaks_whoever_reads_it_and_nobody_else() -> None:
    worker = worker_of("xy", "y", "xz", starts={**X, **Y, ("z", 0): 0})
    worker.cluster.end_offsets.update({("x", 0): 5, ("y", 0): 5})
    pending = finish(worker, [0, 1], 1.0)
    worker.step(2)
    worker.read(event(0, 0), event(1, 0), failures={0: "gone"})
    assert (states(worker), sums(worker)) == ([ERROR, COUNTING, ERROR], [2, 1, 1])
    assert worker.reader.dropped == [0, 2]
    worker.read(*(event(1, offset) for offset in range(1, 7)))
    assert (states(worker), sums(worker)) == ([ERROR, FINISHED, ERROR], [2, 5, 1])
    assert pending.answer() == ()
    worker.pipeline.forget([0, 1])
    assert (states(worker), worker.infos()[0].error_message) == ([ERROR], "gone")


def test_a_reset_in_between_takes_those_that_still_count() -> None:
    worker = worker_of("x", "x", "x", starts=X)
    worker.read(event(0, 0))
    worker.cluster.end_offsets["x", 0] = 2
    worker.pipeline.drain(0.0, [2])
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    assert [p.filling.spec.index for p in worker.pipeline.reset([0, 2])] == [0]
    worker.read(event(0, 1), event(0, 2))
    assert (states(worker), sums(worker)) == ([FINISHED, COUNTING, FINISHED], [1, 3, 1])
    assert [info.generation for info in worker.infos()] == [2, 1, 1]


def test_the_stop_time_ends_what_a_drain_has_not_reached() -> None:
    worker = worker_of("x", "x", starts=X, stop_ms=STOP)
    worker.cluster.end_offsets["x", 0] = 9
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0), event(0, 1, STOP + 1001), event(0, 2))
    assert (states(worker), sums(worker)) == ([FINISHED, FINISHED], [1, 1])
    assert [info.lag for info in worker.infos()] == [0, 0]


def test_the_clock_past_the_stop_time_ends_the_others_after_a_drain() -> None:
    worker = worker_of("x", "x", starts=X, stop_ms=STOP)
    worker.cluster.end_offsets["x", 0] = 1
    worker.at(STOP + 5001)
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.cluster.end_offsets["x", 0] = 3
    worker.read(event(0, 0))
    assert states(worker) == [FINISHED, COUNTING]
    worker.pipeline.forget([0])
    worker.step(2)
    worker.read(event(0, 1), event(0, 2), event(0, 3))
    assert (states(worker), sums(worker)) == ([FINISHED], [3])


def test_a_limit_of_the_clock_holds_in_a_drain_that_is_asked_for_later() -> None:
    worker = worker_of("x", "x", starts=X, stop_ms=STOP)
    worker.cluster.end_offsets["x", 0] = 2
    worker.at(STOP + 5001)
    worker.step(2)
    worker.cluster.end_offsets["x", 0] = 4
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0), event(0, 1), event(0, 2))
    assert (states(worker), sums(worker)) == ([FINISHED, FINISHED], [2, 2])


def test_all_may_end_after_some() -> None:
    worker = worker_of("x", "y", "xy", starts={**X, **Y})
    worker.pipeline.drain(0.0, [1])
    worker.step()
    worker.pipeline.forget([1])
    worker.cluster.end_offsets.update({("x", 0): 1, ("y", 0): 2})
    pending = FinishPending(worker.pipeline, None, 1.0, Deadline(worker.clock, 3))
    worker.step(2)
    worker.read(event(0, 0), event(1, 0))
    assert (states(worker), pending.answer()) == ([FINISHED, COUNTING], None)
    worker.read(event(1, 1))
    assert (states(worker), sums(worker), pending.answer()) == ([FINISHED, FINISHED], [1, 3], ())
    assert worker.pipeline.finished
