"""Some histograms of a worker end, and the others go on as if nothing had happened."""

from __future__ import annotations

from fakes import NOW_MS
from unit.some_bench import X, Y, finish, states, sums, worker_of
from unit.worker_bench import COUNTING, ERROR, FINISHED, INITIALISED, event

from histsvc.clock import Deadline
from histsvc.worker.pending import FinishPending


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
