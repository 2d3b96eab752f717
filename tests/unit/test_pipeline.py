"""The path of an event through a worker, with fakes at both ends."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import (
    BROKERS,
    NOW_MS,
    event_message,
    histogram_spec,
)
from unit.worker_bench import COUNTING, ERROR, EVENT, FINISHED, INITIALISED, STOP, Worker, event

from histsvc.errors import BrokerError
from histsvc.model import HistogramSpec, Partition
from histsvc.ports import OffsetAt


def test_it_begins_with_initialised_and_then_counts() -> None:
    worker = Worker()
    assert worker.outbox.states() == [INITIALISED]
    worker.read(event(0, 0), event(0, 1))
    assert (worker.info.state, worker.info.sum, worker.info.offsets) == (COUNTING, 2, {"events": {0: 2}})
    worker.clock.advance(1)
    worker.step()
    assert worker.outbox.states() == [INITIALISED, COUNTING]


def test_the_next_batch_is_read_ahead_where_one_came() -> None:
    worker = Worker()
    worker.step()
    assert worker.reader.reads_ahead == 0
    worker.read(event(0, 0))
    worker.step()
    assert worker.reader.reads_ahead == 1


def test_each_histogram_counts_its_own_topics_of_all_partitions() -> None:
    worker = Worker(
        histogram_spec("hist1d", 0, data_topics=["x"], id="0"),
        histogram_spec("dethist", 1, data_topics=["y"], id="1"),
        histogram_spec("roihist", 2, data_topics=["y", "x", "y"], id="2"),
        starts={("x", 0): 5, ("x", 1): 0, ("y", 0): 7},
    )
    worker.read(event(0, 5), event(1, 0), event(2, 7), event(1, 1))
    worker.read(event(0, 6), event(0, 4), event(1, 1))
    assert [info.sum for info in worker.infos()] == [4, 1, 5]
    assert [info.messages for info in worker.infos()] == [4, 1, 5]
    assert worker.infos()[0].offsets == {"x": {0: 7, 1: 2}}
    assert worker.infos()[2].offsets == {"x": {0: 7, 1: 2}, "y": {0: 8}}
    assert worker.pipeline.counters["messages"] == 5
    assert worker.pipeline.counters["events"] == 5


def test_messages_out_of_the_window_are_accounted_for() -> None:
    worker = Worker(start_ms=NOW_MS, stop_ms=STOP)
    worker.read(event(0, 0, NOW_MS - 1), event(0, 1), event(0, 2, STOP), event(0, 3, STOP + 1))
    assert (worker.info.sum, worker.info.out_of_window, worker.info.messages) == (2, 2, 4)


def test_done_by_messages_when_every_partition_is_and_read_no_more() -> None:
    worker = Worker(starts={("events", 0): 0, ("events", 1): 0}, stop_ms=STOP)
    worker.read(event(0, 0), event(0, 1, STOP + 1001), event(0, 2), event(1, 0))
    assert (worker.reader.dropped, worker.info.state, worker.info.sum) == ([0], COUNTING, 2)
    worker.read(event(0, 3), event(1, 1, STOP + 1000), event(1, 2))
    assert worker.info.sum == 3
    worker.read(event(1, 3, STOP + 1001))
    assert worker.reader.dropped == [0, 1]
    assert worker.outbox.states() == [INITIALISED, COUNTING, FINISHED]
    assert worker.outbox.drafts[-1].info.sum == 3
    reads = worker.reader.reads
    worker.clock.advance(60)
    worker.step(5)
    assert worker.reader.reads == reads
    assert worker.outbox.states()[-1] is FINISHED
    assert len(worker.outbox.drafts) == 3


def test_one_is_done_while_another_goes_on() -> None:
    worker = Worker(
        histogram_spec("hist1d", 0, data_topics=["x"]),
        histogram_spec("hist1d", 1, data_topics=["x", "y"]),
        starts={("x", 0): 0, ("y", 0): 0},
        stop_ms=STOP,
    )
    worker.read(event(0, 0), event(0, 1, STOP + 5000))
    assert [info.state for info in worker.infos()] == [FINISHED, COUNTING]
    worker.read(event(1, 0))
    assert [info.sum for info in worker.infos()] == [1, 2]


def test_silence_alone_ends_nothing_before_stop_and_5_s() -> None:
    worker = Worker(stop_ms=STOP)
    worker.at(STOP + 5000)
    worker.read(ends={0: 0})
    worker.step(5)
    assert (worker.info.state, worker.cluster.asked) == (INITIALISED, [])


def test_by_the_clock_it_is_done_at_the_end_offsets_of_that_time() -> None:
    worker = Worker(stop_ms=STOP)
    worker.cluster.end_offsets["events", 0] = 3
    worker.at(STOP + 5001)
    worker.step(3)
    assert worker.cluster.asked == [([Partition(BROKERS, "events", 0)], OffsetAt.LATEST)]
    assert worker.info.state is INITIALISED
    worker.read(event(0, 0), event(0, 1))
    assert worker.info.state is COUNTING
    worker.clock.advance(3600)
    worker.step(5)
    assert worker.info.state is COUNTING
    worker.read(event(0, 2), event(0, 3))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 3)
    assert len(worker.cluster.asked) == 1


@pytest.mark.parametrize("seen", ["end of partition", "a later message"])
def test_by_the_clock_a_control_record_at_the_end_is_passed(seen: str) -> None:
    worker = Worker(stop_ms=STOP)
    worker.cluster.end_offsets["events", 0] = 3
    worker.at(STOP + 5001)
    worker.step(2)
    worker.read(event(0, 0), event(0, 1))
    assert worker.info.state is COUNTING
    if seen == "end of partition":
        worker.read(ends={0: 3})
    else:
        worker.read(event(0, 3))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)


def test_an_empty_topic_is_done_by_the_clock() -> None:
    worker = Worker(stop_ms=STOP)
    worker.at(STOP + 5001)
    worker.step(2)
    assert worker.info.state is FINISHED
    assert worker.outbox.states()[-2:] == [INITIALISED, FINISHED]


def test_what_comes_while_the_end_is_asked_for_is_counted() -> None:
    worker = Worker(stop_ms=STOP)
    worker.cluster.slow = True
    worker.at(STOP + 5001)
    worker.step()
    worker.read(event(0, 0))
    worker.cluster.answer()
    worker.read(event(0, 1))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)


def test_a_broker_that_does_not_say_where_the_end_is_is_asked_again() -> None:
    worker = Worker(stop_ms=STOP)
    worker.cluster.slow = True
    worker.at(STOP + 5001)
    worker.step()
    worker.cluster.held.pop()[0].set_exception(BrokerError("down", retriable=True))
    worker.step(2)
    assert not worker.cluster.held  # not at once
    worker.at(STOP + 5301)
    worker.step(2)
    assert worker.info.state is INITIALISED
    worker.cluster.answer()
    worker.step(2)
    assert (worker.info.state, len(worker.cluster.asked)) == (FINISHED, 2)


def test_a_partition_that_cannot_be_read_breaks_only_its_histograms() -> None:
    worker = Worker(
        histogram_spec("hist1d", 0, data_topics=["x"]),
        histogram_spec("hist1d", 1, data_topics=["x", "y"]),
        histogram_spec("hist1d", 2, data_topics=["y"]),
        starts={("x", 0): 0, ("y", 0): 0},
    )
    worker.read(event(0, 0), event(1, 0), failures={0: "the topic was deleted"})
    worker.read(event(0, 1), event(1, 1))
    assert [info.state for info in worker.infos()] == [ERROR, ERROR, COUNTING]
    assert [info.error_message for info in worker.infos()] == ["the topic was deleted"] * 2 + [None]
    assert [info.sum for info in worker.infos()] == [1, 2, 2]
    assert worker.reader.dropped == [0]
    assert not worker.pipeline.finished


def test_a_histogram_in_error_is_published_and_counts_nothing() -> None:
    broken = HistogramSpec(0, histogram_spec("hist1d").config, ("ev44",), "hs00", "hash", "no data")
    worker = Worker(broken, starts={})
    assert worker.outbox.states() == [INITIALISED]
    for _ in range(3):
        worker.clock.advance(1)
        worker.step()
    assert worker.outbox.states() == [INITIALISED, ERROR, ERROR, ERROR]
    assert worker.outbox.drafts[-1].info.error_message == "no data"


def test_a_reset_takes_the_chosen_only() -> None:
    worker = Worker(histogram_spec("hist1d", 0), histogram_spec("dethist", 1))
    worker.read(event(0, 0))
    worker.pipeline.reset([1])
    assert [(info.sum, info.generation) for info in worker.infos()] == [(1, 1), (0, 2)]
    worker.read(event(0, 1))
    assert [(info.sum, info.offsets["events"][0]) for info in worker.infos()] == [(2, 2), (1, 2)]
    worker.pipeline.reset(None)
    assert [(info.sum, info.generation, info.state) for info in worker.infos()] == [
        (0, 2, COUNTING),
        (0, 3, COUNTING),
    ]
    assert worker.outbox.drafts[-1].snapshot.counts.data.sum() == 0


def test_lag_and_age_of_the_data() -> None:
    worker = Worker(starts={("events", 0): 0, ("events", 1): 0})
    worker.reader.known_ends = {0: 5, 1: 3}
    worker.read(event(0, 0, NOW_MS - 700), event(1, 0, NOW_MS - 300))
    assert (worker.info.lag, worker.info.data_age_ms) == (6, 300)


def test_faults_are_counted_by_reason_each_message_once() -> None:
    worker = Worker(histogram_spec("hist1d", 0), histogram_spec("dethist", 1))
    bad = [b"", EVENT[:20], event_message("ev44", [1], [1, 2]), b"\x08\0\0\0f144" + bytes(9)]
    worker.read(*((0, i, NOW_MS, payload) for i, payload in enumerate([*bad, EVENT])))
    assert [(info.undecodable, info.other_schema, info.sum) for info in worker.infos()] == [(3, 1, 1)] * 2
    counted = np.array([n for name, n in worker.pipeline.counters.items() if "undecodable" in name])
    assert (counted.tolist(), worker.pipeline.counters["other_schema"]) == ([1, 1, 1], 1)
