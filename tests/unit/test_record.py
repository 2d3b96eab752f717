"""What is kept of the jobs that run comes back as it was, and is taken up with marks and new epochs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import BROKERS, histogram_spec, worker_spec

from histsvc.jobs.record import JOBS, MARKS, JobRecord, Record, from_json, marked, to_json
from histsvc.model import Extent, Mark, Partition, Place

EXTENT = (Extent(Partition(BROKERS, "events", 0), 3, 3),)
SPEC = replace(
    worker_spec(histogram_spec("hist1d", 3, tof_range=[0, 1e8]), histogram_spec("roihist", 5), start_ms=7),
    topic_ids=(((BROKERS, "events"), "AbC"),),
    awaited=((BROKERS, "later"),),
    attempt=2,
    reached={3: 9},
    suspects=EXTENT,
    poison=EXTENT,
)


def test_records_come_back_as_they_were() -> None:
    jobs = Record(JOBS, "me", jobs=(JobRecord("a", 4, 2, (SPEC,)), JobRecord("b", 6, 1, ())))
    assert from_json(to_json(jobs)) == jobs
    mark = Mark(3, {"events": {0: 5, 1: 1 << 60}}, Place(1, 9))
    marks = Record(MARKS, "", marks={"a": {3: mark, 5: Mark()}})
    assert from_json(to_json(marks)) == marks


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{", b'{"kind": 3}', b'{"kind":"jobs"}', b"\xff"])
def test_what_is_no_record_is_said(payload: bytes) -> None:
    with pytest.raises(ValueError, match="no record of a service"):
        from_json(payload)


def test_jobs_are_taken_up_from_their_marks_in_a_new_epoch_and_without_a_past() -> None:
    known = Mark(2, None, Place(0, 7))
    (job,) = marked([JobRecord("a", 4, 2, (SPEC,))], {"a": {3: known}, "other": {5: known}})
    (spec,) = job.specs
    assert [(h.epoch, h.mark) for h in spec.histograms] == [(2, known), (2, Mark())]
    assert (spec.attempt, spec.reached, spec.suspects) == (0, {}, ())
    # What does not depend on how its workers fared stays.
    assert (spec.poison, spec.starts, spec.topic_ids) == (EXTENT, SPEC.starts, SPEC.topic_ids)


def test_a_mark_of_before_holds_where_no_newer_one_is_known() -> None:
    mark = Mark(2, {"events": {0: 5}}, None)
    before = replace(SPEC, histograms=(replace(SPEC.histograms[0], epoch=4, mark=mark),))
    (job,) = marked([JobRecord("a", 4, 2, (before,))], {})
    assert [(h.epoch, h.mark) for h in job.specs[0].histograms] == [(5, mark)]
