"""When some histograms of a worker end: what they wait for, how long, and beside the stop time."""

from __future__ import annotations

import pytest
from unit.some_bench import X, finish, states, sums, worker_of
from unit.worker_bench import COUNTING, FINISHED, INITIALISED, STOP, event

from histsvc.errors import BrokerError


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
