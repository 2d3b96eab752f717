"""What is known of a job's histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fakes import histogram_spec, worker_spec

from histsvc.jobs.job import Job
from histsvc.model import Mark, Place
from histsvc.protocol.info import HistogramInfo, State

SPECS = (
    worker_spec(
        histogram_spec("hist1d", 2, id="c"), histogram_spec("dethist", 0, id=None), start_ms=5, stop_ms=9
    ),
    worker_spec(replace(histogram_spec("hist1d", 1, id="b"), error="no data"), start_ms=5, stop_ms=9),
)


def info(index: int, state: State, count: int = 0, job: str = "job") -> HistogramInfo:
    return HistogramInfo(index=index, state=state, sum=count, job=job)


def tell(job: Job, infos: Sequence[HistogramInfo], delivered: Sequence[int]) -> None:
    job.heard(infos, [Mark()] * len(infos), delivered)


def states(job: Job) -> list[State]:
    return [info.state for info in job.infos]


def test_at_first_all_are_as_configured_in_the_order_of_the_command() -> None:
    infos = Job("job", SPECS).infos
    assert [(i.index, i.id, i.state, i.error_message) for i in infos] == [
        (0, "", State.INITIALISED, None),
        (1, "b", State.ERROR, "no data"),
        (2, "c", State.INITIALISED, None),
    ]
    assert {(i.job, i.start, i.stop, i.config_hash) for i in infos} == {("job", 5, 9, "hash")}


def test_the_latest_that_was_heard_holds() -> None:
    job = Job("job", SPECS)
    tell(job, [info(0, State.COUNTING, 3), info(2, State.COUNTING, 4)], ())
    tell(job, [info(0, State.FINISHED, 5)], ())
    assert [(i.state, i.sum) for i in job.infos] == [
        (State.FINISHED, 5),
        (State.ERROR, 0),
        (State.COUNTING, 4),
    ]


def test_another_job_is_not_listened_to_nor_what_was_dropped() -> None:
    job = Job("job", SPECS)
    job.drop([2])
    tell(job, [info(0, State.COUNTING, 3, job="other"), info(2, State.COUNTING, 3)], ())
    assert states(job) == [State.INITIALISED, State.ERROR]
    assert job.infos[1].error_message == "no data"


def test_an_error_that_its_worker_takes_back_is_over() -> None:
    job = Job("job", SPECS)
    tell(job, [info(0, State.ERROR, 3)], ())
    tell(job, [info(0, State.COUNTING, 4)], ())
    assert (job.infos[0].state, job.infos[0].sum) == (State.COUNTING, 4)


def test_what_a_worker_leaves_is_taken_up_from_where_it_told() -> None:
    job = Job("job", SPECS)
    mark = Mark(3, {"events": {0: 5}}, Place(1, 2))
    job.heard([info(0, State.COUNTING, 3)], [mark], ())
    left = job.left_by(SPECS[0], steady=False)
    assert [(h.index, h.epoch, h.mark) for h in left.histograms] == [(2, 2, Mark()), (0, 2, mark)]
    assert (left.starts, left.job, left.stop_ms) == (SPECS[0].starts, "job", 9)
    # Nobody is told that anything is lost: it is not.
    assert states(job) == [State.COUNTING, State.ERROR, State.INITIALISED]
    assert [h.epoch for h in job.left_by(left, steady=False).histograms] == [3, 3]


def test_what_was_delivered_as_finished_or_is_ending_is_taken_up_by_nobody() -> None:
    job = Job("job", SPECS)
    tell(job, [info(0, State.FINISHED, 3), info(2, State.FINISHED, 4)], (0,))
    assert [h.index for h in job.left_by(SPECS[0], steady=False).histograms] == [2]
    job.close([2])
    assert job.left_by(SPECS[0], steady=False).histograms == ()


def at(offset: int) -> HistogramInfo:
    return info(0, State.COUNTING).model_copy(update={"offsets": {"events": {0: offset, 1: 3}}})


def test_workers_that_get_no_further_are_counted() -> None:
    job = Job("job", SPECS)
    left = job.left_by(SPECS[0], steady=False)
    assert left.attempt == 0  # who dies first has got somewhere
    for attempt in (1, 2):
        left = job.left_by(left, steady=False)
        assert left.attempt == attempt
    tell(job, [at(4)], ())
    left = job.left_by(left, steady=False)
    assert (left.attempt, left.reached) == (0, {0: 7, 2: 0})
    left = job.left_by(left, steady=False)
    assert left.attempt == 1
    # Its successor begins at an older publication, and has got no further than the one before.
    tell(job, [at(3)], ())
    left = job.left_by(left, steady=False)
    assert (left.attempt, left.reached) == (2, {0: 7, 2: 0})
    assert job.left_by(left, steady=True).attempt == 0


def test_what_is_given_up_is_in_error_and_has_to_be_published_so() -> None:
    job = Job("job", SPECS)
    tell(job, [info(0, State.COUNTING, 3)], ())
    broken = job.broken(job.left_by(SPECS[0], steady=False), "it died")
    assert states(job) == [State.ERROR] * 3
    assert [(i.sum, i.error_message) for i in job.infos] == [(3, "it died"), (0, "no data"), (0, "it died")]
    assert [(h.index, h.error, h.mark) for h in broken.histograms] == [
        (2, "it died", Mark()),
        (0, "it died", Mark()),
    ]
    assert (broken.starts, broken.job, broken.stop_ms) == ((), "job", 9)
    tell(job, [info(0, State.COUNTING, 9), info(0, State.INITIALISED)], ())
    assert (job.infos[0].state, job.infos[0].sum) == (State.ERROR, 3)


def test_an_error_keeps_its_first_reason() -> None:
    job = Job("job", SPECS)
    (histogram,) = job.broken(SPECS[1], "it died").histograms
    assert histogram.error == "no data"
    assert job.infos[1].error_message == "no data"
