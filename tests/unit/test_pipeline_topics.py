"""Topics that change while they are read: they grow, are deleted, or are made anew under their name."""

from __future__ import annotations

from dataclasses import replace

from fakes import BROKERS, histogram_spec, worker_spec
from unit.worker_bench import COUNTING, ERROR, FINISHED, Worker, event

from histsvc.model import Partition, Start

STREAM = BROKERS, "events"


def watching(**ids: str) -> Worker:
    """A worker of one topic, of which the id was known when its job began."""
    spec = replace(
        worker_spec(histogram_spec("hist1d")), topic_ids=tuple(((BROKERS, t), i) for t, i in ids.items())
    )
    worker = Worker(spec=spec)
    worker.cluster.topics["events"] = 1
    worker.read(event(0, 0))
    return worker


def look(worker: Worker, times: int = 1) -> None:
    for _ in range(times):
        worker.clock.advance(1.0)
        worker.step(2)


def test_partitions_that_are_added_are_read_from_their_beginning() -> None:
    worker = watching()
    worker.cluster.topics["events"] = 3
    look(worker, 3)
    added = [Start(Partition(BROKERS, "events", number), 0) for number in (1, 2)]
    assert list(worker.reader.starts[1:]) == added
    worker.read(event(2, 0), event(1, 0), event(0, 1))
    assert (worker.info.sum, worker.info.offsets) == (4, {"events": {0: 2, 1: 1, 2: 1}})


def test_they_are_waited_for_at_the_end_as_those_that_were_there() -> None:
    worker = watching()
    worker.cluster.topics["events"] = 2
    worker.cluster.end_offsets |= {("events", 0): 1, ("events", 1): 1}
    look(worker)
    worker.pipeline.drain(5.0)
    worker.step(2)
    assert worker.info.state is COUNTING
    worker.read(event(1, 0))
    assert (worker.info.state, worker.info.sum) == (FINISHED, 2)


def test_who_reads_other_topics_has_nothing_to_do_with_it() -> None:
    specs = [histogram_spec("hist1d", i, id=t, data_topics=[t]) for i, t in enumerate(("x", "y"))]
    worker = Worker(*specs, starts={("x", 0): 0, ("y", 0): 0})
    worker.cluster.topics |= {"x": 2, "y": 1}
    look(worker)
    worker.read(event(2, 0), event(1, 0))
    assert [(info.sum, info.offsets) for info in worker.infos()] == [
        (1, {"x": {0: 0, 1: 1}}),
        (1, {"y": {0: 1}}),
    ]


def test_a_topic_that_was_made_anew_is_another_one() -> None:
    worker = watching(events="A")
    worker.cluster.topic_ids["events"] = "A"
    look(worker, 3)
    assert worker.info.state is COUNTING
    worker.cluster.topic_ids["events"] = "B"
    look(worker)
    assert worker.info.state is ERROR
    assert worker.info.error_message == (
        "the data topic 'events' was deleted and made anew; the counts are those of the one before"
    )


def test_where_the_id_was_not_known_the_first_one_holds() -> None:
    worker = watching()
    for topic_id, state in (("A", COUNTING), ("", COUNTING), ("B", ERROR)):
        worker.cluster.topic_ids["events"] = topic_id
        look(worker)
        assert worker.info.state is state


def test_a_topic_that_is_missing_once_may_not_be_known_yet() -> None:
    worker = watching()
    for partitions, times in ((0, 2), (1, 1), (0, 2)):
        worker.cluster.topics["events"] = partitions
        look(worker, times)
    assert worker.info.state is COUNTING
    look(worker)
    assert worker.info.error_message == "the data topic 'events' does not exist any more"
