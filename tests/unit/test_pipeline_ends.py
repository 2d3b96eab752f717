"""What is done for a histogram stays so: failures, deletions and topics after its end change nothing."""

from __future__ import annotations

from dataclasses import replace

from fakes import histogram_spec
from unit.test_pipeline_awaited import Awaiting
from unit.worker_bench import COUNTING, FINISHED, STOP, Worker, event


def worker_of(*topics: str, starts: dict[tuple[str, int], int], stop_ms: int | None = None) -> Worker:
    """A histogram for each text; its letters are the topics that it reads."""
    specs = [histogram_spec("hist1d", i, data_topics=list(each), id=str(i)) for i, each in enumerate(topics)]
    return Worker(*specs, starts=starts, stop_ms=stop_ms)


BOTH = {("x", 0): 0, ("y", 0): 0}


def test_the_position_of_an_error_stays_where_counting_ended() -> None:
    worker = worker_of("xy", "y", starts=BOTH)
    worker.read(event(0, 0), event(1, 0), failures={0: "gone"})
    worker.read(event(1, 1), event(1, 2))
    info = worker.infos()[0]
    assert (info.sum, info.offsets) == (2, {"x": {0: 1}, "y": {0: 1}})


def test_a_partition_at_its_limit_cannot_fail_a_histogram_that_ends() -> None:
    worker = worker_of("xy", "x", "y", starts=BOTH)
    worker.cluster.end_offsets.update({("x", 0): 1, ("y", 0): 1})
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.read(event(0, 0))
    worker.read(failures={0: "gone"})
    worker.read(event(1, 0))
    assert worker.infos()[0].state is FINISHED


def test_a_topic_that_is_done_may_be_deleted() -> None:
    worker = worker_of("xy", starts=BOTH, stop_ms=STOP)
    worker.cluster.topics.update(x=1, y=1)
    worker.read(event(0, 0), event(0, 1, STOP + 1001))
    assert worker.reader.dropped == [0]
    worker.cluster.topics["x"] = 0
    for _ in range(8):
        worker.clock.advance(1)
        worker.step()
    assert worker.infos()[0].state is COUNTING


def test_what_was_read_before_the_answer_about_the_end_is_said_to_be_counted() -> None:
    worker = worker_of("x", starts={("x", 0): 0})
    worker.cluster.slow = True
    worker.cluster.end_offsets["x", 0] = 1
    worker.pipeline.drain(1.0)
    worker.step()
    worker.read(event(0, 0), event(0, 1), event(0, 2))
    worker.cluster.answer()
    worker.step(2)
    assert worker.info.state is FINISHED
    assert (worker.info.messages, worker.info.offsets, worker.info.lag) == (3, {"x": {0: 3}}, 0)


def test_a_topic_that_was_there_at_the_stop_counts_though_nobody_had_noticed() -> None:
    worker = Awaiting(["x", "late"], starts={("x", 0): 0})
    worker.step(2)
    worker.clock.advance(0.3)
    worker.cluster.topics["late"], worker.cluster.end_offsets["late", 0] = 1, 2
    worker.pipeline.drain(1.0)
    worker.step(3)
    worker.read(event(1, 0), event(1, 1), event(1, 2))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)
    assert worker.info.offsets["late"] == {0: 2}


def test_a_topic_that_was_there_when_the_time_was_over_counts_though_nobody_had_noticed() -> None:
    worker = Awaiting(["x", "late"], starts={("x", 0): 0}, stop_ms=STOP)
    worker.at(STOP + 4900)
    worker.step(2)
    worker.cluster.topics["late"], worker.cluster.end_offsets["late", 0] = 1, 2
    worker.at(STOP + 5001)
    worker.step(2)
    assert worker.info.state is not FINISHED
    worker.clock.advance(1.0)
    worker.step(3)
    worker.read(event(1, 0, STOP), event(1, 1, STOP))
    worker.step()
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)


def test_a_topic_that_comes_after_a_stop_does_not_count_though_its_end_is_not_known_yet() -> None:
    worker = Awaiting(["x", "late"], starts={("x", 0): 0})
    worker.step(2)
    worker.clock.advance(0.5)
    worker.cluster.slow = True
    worker.pipeline.drain(1.0)
    worker.step()
    worker.clock.advance(0.5)
    worker.cluster.topics["late"], worker.cluster.end_offsets["late", 0] = 1, 9
    worker.step(2)
    while worker.cluster.held:
        worker.cluster.answer()
    worker.read(event(1, 0))
    assert worker.info.sum == 0


def test_a_topic_that_comes_after_a_stop_counts_only_where_that_was_not_stopped() -> None:
    worker = Awaiting(["x", "late"], ["late"], starts={("x", 0): 0})
    worker.step(2)
    worker.clock.advance(0.5)
    worker.cluster.end_offsets["x", 0] = 1
    worker.pipeline.drain(1.0, [0])
    worker.step(2)
    worker.cluster.topics["late"], worker.cluster.end_offsets["late", 0] = 1, 9
    worker.clock.advance(0.5)
    worker.step(2)
    assert len(worker.reader.starts) == 2
    worker.read(event(0, 0), event(1, 0))
    assert [(info.state, info.sum) for info in worker.infos()] == [(FINISHED, 1), (COUNTING, 1)]


def test_what_waits_is_told_before_anything_is_read() -> None:
    worker = worker_of("x", starts={("x", 0): 3})
    spec = worker.pipeline.spec
    begun = replace(spec, starts=tuple(replace(start, end=10) for start in spec.starts))
    worker.pipeline = worker.built(begun, {})
    worker.pipeline.begin()
    assert (worker.info.offsets, worker.info.lag) == ({"x": {0: 3}}, 7)
