"""stop: what is in Kafka at that moment is counted, for as long as there is time."""

from __future__ import annotations

import pytest
from fakes import histogram_spec
from unit.worker_bench import COUNTING, FINISHED, INITIALISED, STOP, Worker, event


def test_a_drain_counts_up_to_the_end_of_that_moment() -> None:
    worker = Worker(starts={("events", 0): 0, ("events", 1): 0})
    worker.cluster.end_offsets.update({("events", 0): 2, ("events", 1): 1})
    worker.pipeline.drain(1.0)
    worker.step(2)
    worker.read(event(0, 0), event(0, 1), event(0, 2))
    assert (worker.info.state, worker.info.sum) == (COUNTING, 2)
    worker.read(event(1, 0), event(1, 1))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 3)
    assert worker.outbox.states() == [INITIALISED, COUNTING, FINISHED]


def test_messages_that_come_after_the_stop_are_no_lag() -> None:
    worker = Worker()
    worker.cluster.end_offsets["events", 0] = 2
    worker.pipeline.drain(1.0)
    worker.step(2)
    worker.reader.known_ends = {0: 50}
    worker.read(event(0, 0), event(0, 1), event(0, 2))
    assert (worker.info.state, worker.info.lag) == (FINISHED, 0)


@pytest.mark.parametrize("broker_answers", [True, False])
def test_a_drain_that_runs_out_of_time_ends_where_the_reader_is(broker_answers: bool) -> None:
    worker = Worker()
    worker.cluster.slow = not broker_answers
    worker.cluster.end_offsets["events", 0] = 9
    worker.reader.known_ends = {0: 9}
    worker.pipeline.drain(1.0)
    worker.read(event(0, 0))
    worker.clock.advance(0.99)
    worker.read(event(0, 1))
    assert worker.info.state is COUNTING
    worker.clock.advance(0.02)
    worker.read(event(0, 2))
    assert (worker.info.state, worker.info.sum, worker.info.lag) == (FINISHED, 3, 6)
    worker.read(event(0, 3))
    assert worker.info.sum == 3


def test_nothing_to_count_is_done_at_once() -> None:
    worker = Worker()
    worker.pipeline.drain(1.0)
    worker.step(2)
    assert worker.info.state is FINISHED
    assert worker.pipeline.finished


def test_no_time_at_all_ends_where_the_reader_is() -> None:
    worker = Worker(histogram_spec("hist1d", 0), histogram_spec("dethist", 1))
    worker.read(event(0, 0))
    worker.pipeline.drain(0.0)
    worker.step()
    assert [worker.outbox.states(i) for i in (0, 1)] == [[INITIALISED, COUNTING, FINISHED]] * 2
    assert worker.cluster.asked == []


def test_a_drain_asks_anew_where_the_end_is() -> None:
    # The question of the clock's rule was asked before the stop: what came in between counts.
    worker = Worker(stop_ms=STOP)
    worker.cluster.slow = True
    worker.at(STOP + 5001)
    worker.step()
    worker.cluster.end_offsets["events", 0] = 1
    worker.pipeline.drain(1.0)
    worker.step()
    worker.cluster.answer()
    worker.cluster.answer()
    worker.step()
    worker.read(event(0, 0))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 1)


def test_what_is_done_already_is_not_asked_for() -> None:
    worker = Worker(starts={("events", 0): 0, ("events", 1): 0}, stop_ms=STOP)
    worker.read(event(0, 0, STOP + 5000))
    worker.pipeline.drain(1.0)
    worker.step(2)
    assert [[p.number for p in partitions] for partitions, _ in worker.cluster.asked] == [[1]]
    assert worker.info.state is FINISHED


def test_a_failure_while_draining_does_not_hold_it_up() -> None:
    worker = Worker(
        histogram_spec("hist1d", 0, data_topics=["x"]),
        histogram_spec("hist1d", 1, data_topics=["y"]),
        starts={("x", 0): 0, ("y", 0): 0},
    )
    worker.cluster.end_offsets.update({("x", 0): 5, ("y", 0): 1})
    worker.pipeline.drain(1.0)
    worker.step(2)
    worker.read(event(1, 0), failures={0: "gone"})
    assert worker.pipeline.finished
