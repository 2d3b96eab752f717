"""What one worker has published, another one takes up: nothing is missed, and nothing counted twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import NOW_MS, event_message, histogram_spec
from unit.worker_bench import COUNTING, ERROR, EVENT, FINISHED, INITIALISED, STOP, Worker, event

from histsvc.model import HistogramSpec, Mark, Place
from histsvc.protocol.info import HistogramInfo
from histsvc.worker.publication import Draft
from histsvc.worker.resume import Published


def published(draft: Draft) -> Published:
    """What a reader of the output topic gets."""
    return Published(
        HistogramInfo.from_json(draft.info.to_json()), draft.snapshot.counts.data.astype(np.float64)
    )


def last(worker: Worker, index: int = 0) -> Published:
    return published([draft for draft in worker.outbox.drafts if draft.info.index == index][-1])


def successor(
    worker: Worker, found: Mapping[int, Published], on_data_loss: str = "error", **marks: Mark
) -> Worker:
    """Takes up what a worker has left; `marks` by the id of a histogram."""
    spec = worker.spec
    histograms = tuple(
        replace(h, epoch=2, mark=marks.get(str(h.config["id"]), Mark())) for h in spec.histograms
    )
    return Worker(spec=replace(spec, histograms=histograms), found=found, on_data_loss=on_data_loss)


def publish(worker: Worker) -> None:
    worker.clock.advance(0.5)
    worker.step()


def test_counts_and_accounting_go_on_from_what_was_published() -> None:
    worker = Worker()
    outside = event_message("ev44", [500, 5], [1, 1], time_ns=9)
    worker.read(event(0, 0), (0, 1, NOW_MS, outside), (0, 2, NOW_MS, b""))
    publish(worker)
    worker.read(event(0, 3))  # counted, but never published
    heir = successor(worker, {0: last(worker)})
    assert [start.offset for start in heir.reader.starts] == [3]
    assert heir.outbox.states() == [COUNTING]
    info = heir.info
    assert (info.sum, info.overflow, info.undecodable, info.messages) == (2, 1, 1, 3)
    assert (info.epoch, info.resumed, info.generation, info.last_pulse_time) == (2, 1, 1, 9)
    assert 0 < info.first_pulse_time == last(worker).info.first_pulse_time <= info.last_pulse_time
    assert info.offsets == {"events": {0: 3}}
    heir.read(event(0, 3), event(0, 4))
    assert (heir.info.sum, heir.info.messages, heir.info.offsets) == (4, 5, {"events": {0: 5}})


def test_what_was_lost_is_still_told() -> None:
    worker = Worker()
    worker.pipeline.fillings[0].lose(7, "7 messages were removed")
    worker.read(event(0, 7))
    publish(worker)
    heir = successor(worker, {0: last(worker)})
    assert (heir.info.lost, heir.info.warning) == (7, "7 messages were removed")


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        *((kind, {}) for kind in ("hist1d", "hist2d", "dethist", "roihist")),
        ("hist1d", {"region": {"left_edges": [1, 11], "width": 1}}),
    ],
)
def test_every_type_goes_on_with_the_same_bins(kind: str, keys: dict[str, Any]) -> None:
    payload = event_message("ev44", [5, 15, 95, 95], [1, 2, 11, 12])
    worker, whole = Worker(histogram_spec(kind, **keys)), Worker(histogram_spec(kind, **keys))
    worker.read((0, 0, NOW_MS, payload))
    publish(worker)
    heir = successor(worker, {0: last(worker)})
    for each in (heir, whole):
        each.read((0, 0, NOW_MS, payload), (0, 1, NOW_MS, payload))
        publish(each)
    assert np.array_equal(last(heir).counts, last(whole).counts)
    assert last(heir).info.sum == last(whole).info.sum > 0


def test_where_nothing_was_published_it_begins_where_its_job_did() -> None:
    worker = Worker(starts={("events", 0): 7})
    worker.read(event(0, 7))
    heir = successor(worker, {})
    assert [start.offset for start in heir.reader.starts] == [7]
    assert (heir.outbox.states(), heir.info.sum) == ([INITIALISED], 0)


def test_after_a_reset_of_which_nothing_is_left_it_begins_where_that_was() -> None:
    worker = Worker()
    worker.read(event(0, 0), event(0, 1))
    worker.pipeline.reset(None)
    (mark,) = worker.pipeline.publisher.marks()
    assert (mark.generation, mark.base) == (2, {"events": {0: 2}})
    heir = successor(worker, {}, h=replace(mark, place=None))
    assert [start.offset for start in heir.reader.starts] == [2]
    assert (heir.info.sum, heir.info.generation) == (0, 2)
    heir.read(event(0, 2))
    assert heir.info.sum == 1


def two() -> tuple[HistogramSpec, HistogramSpec]:
    return histogram_spec("hist1d", 0, id="a"), histogram_spec(
        "hist1d", 1, id="b", publish_interval_ms=60_000
    )


def test_histograms_of_different_offsets_skip_what_each_has_counted() -> None:
    worker = Worker(*two())
    worker.read(event(0, 0), event(0, 1))
    publish(worker)
    found = {0: last(worker, 0), 1: last(worker, 1)}
    assert [found[i].info.sum for i in (0, 1)] == [2, 0]
    heir = successor(worker, found)
    assert [start.offset for start in heir.reader.starts] == [0]
    assert [info.offsets["events"][0] for info in heir.infos()] == [2, 0]
    heir.read(event(0, 0), event(0, 1), event(0, 2))
    assert [(info.sum, info.messages) for info in heir.infos()] == [(3, 3), (3, 3)]


def test_what_is_finished_stays_so_and_holds_nobody_back() -> None:
    worker = Worker(*two(), stop_ms=STOP)
    worker.read(event(0, 0), event(0, 1, STOP + 1001))
    worker.step(2)
    assert worker.outbox.states(0)[-1] is FINISHED
    found = {0: last(worker, 0)}
    # The other one begins anew, and reads from where the job began.
    heir = successor(worker, found)
    assert heir.outbox.states(0) == [FINISHED]
    assert [info.state for info in heir.infos()] == [FINISHED, INITIALISED]
    heir.read(event(0, 0))
    assert [info.sum for info in heir.infos()] == [1, 1]
    assert heir.infos()[0].offsets == found[0].info.offsets


def test_a_partition_that_was_done_stays_so() -> None:
    worker = Worker(starts={("events", 0): 0, ("events", 1): 0}, stop_ms=STOP)
    worker.read(event(0, 0), event(0, 1, STOP + 1001), event(1, 0))
    publish(worker)
    found = {0: last(worker)}
    assert found[0].info.done == {"events": [0]}
    heir = successor(worker, found)
    heir.step()
    assert heir.reader.dropped == [0]
    heir.read(event(0, 1), event(1, 1))
    assert (heir.info.sum, heir.info.offsets) == (3, {"events": {0: 1, 1: 2}})


def test_partitions_that_came_later_are_read_from_where_they_were() -> None:
    worker = Worker()
    worker.cluster.topics["events"] = 2
    worker.clock.advance(1.0)
    worker.step(2)
    assert [start.partition.number for start in worker.reader.starts] == [0, 1]
    worker.read(event(1, 0), event(1, 1))
    publish(worker)
    heir = successor(worker, {0: last(worker)})
    assert [(start.partition.number, start.offset) for start in heir.reader.starts] == [(0, 0), (1, 2)]
    heir.read(event(1, 2))
    assert heir.info.sum == 3


def test_counts_that_do_not_fit_are_refused() -> None:
    worker = Worker()
    found = last(worker)
    with pytest.raises(ValueError, match=r"shape \(3,\) are no histogram of shape \(10,\)"):
        successor(worker, {0: Published(found.info, np.zeros(3))})


def test_what_was_remarked_of_the_counts_is_said_again_but_not_of_topics() -> None:
    worker = Worker()
    found = last(worker)
    said = found.info.model_copy(update={"warning": "data topic 'x' does not exist yet; other edges"})
    assert successor(worker, {0: Published(said, found.counts)}).info.warning == "other edges"


def test_an_error_of_the_job_stays_one() -> None:
    worker = Worker(replace(histogram_spec("hist1d"), error="start is too old"))
    heir = successor(worker, {})
    assert (heir.outbox.states(), heir.info.error_message) == ([ERROR], "start is too old")


def test_diff_and_rate_are_those_that_were_published_until_something_is_added() -> None:
    worker = Worker()
    worker.read(*(event(0, n) for n in range(4)))
    publish(worker)
    heir = successor(worker, {0: last(worker)})
    assert last(heir).info.diff == 4
    heir.read(event(0, 4))
    publish(heir)
    assert last(heir).info.diff == 1


def test_where_a_message_lies_is_known_once_it_is_delivered() -> None:
    worker = Worker()
    (mark,) = worker.pipeline.publisher.marks()
    assert mark == Mark(1, None, Place(0, 0))
    worker.outbox.hold = True
    worker.read((0, 0, NOW_MS, EVENT))
    publish(worker)
    assert worker.pipeline.publisher.marks() == [mark]
    worker.outbox.deliver()
    assert worker.pipeline.publisher.marks() == [Mark(1, None, Place(0, 1))]
