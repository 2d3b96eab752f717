"""What is known of a job's histograms."""

from __future__ import annotations

from dataclasses import replace

from fakes import histogram_spec, worker_spec

from histsvc.jobs.job import Job
from histsvc.protocol.info import HistogramInfo, State

SPECS = (
    worker_spec(
        histogram_spec("hist1d", 2, id="c"), histogram_spec("dethist", 0, id=None), start_ms=5, stop_ms=9
    ),
    worker_spec(replace(histogram_spec("hist1d", 1, id="b"), error="no data"), start_ms=5, stop_ms=9),
)


def info(index: int, state: State, count: int = 0, job: str = "job") -> HistogramInfo:
    return HistogramInfo(index=index, state=state, sum=count, job=job)


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
    job.heard([info(0, State.COUNTING, 3), info(2, State.COUNTING, 4)], ())
    job.heard([info(0, State.FINISHED, 5)], ())
    assert [(i.state, i.sum) for i in job.infos] == [
        (State.FINISHED, 5),
        (State.ERROR, 0),
        (State.COUNTING, 4),
    ]


def test_another_job_is_not_listened_to_nor_what_was_dropped() -> None:
    job = Job("job", SPECS)
    job.drop([2])
    job.heard([info(0, State.COUNTING, 3, job="other"), info(2, State.COUNTING, 3)], ())
    assert states(job) == [State.INITIALISED, State.ERROR]
    assert job.infos[1].error_message == "no data"


def test_an_error_that_its_worker_takes_back_is_over() -> None:
    job = Job("job", SPECS)
    job.heard([info(0, State.ERROR, 3)], ())
    job.heard([info(0, State.COUNTING, 4)], ())
    assert (job.infos[0].state, job.infos[0].sum) == (State.COUNTING, 4)


def test_a_lost_worker_leaves_errors_and_something_to_publish() -> None:
    job = Job("job", SPECS)
    job.heard([info(0, State.COUNTING, 3)], ())
    orphan = job.lost(SPECS[0], "it died")
    assert states(job) == [State.ERROR] * 3
    assert [(i.sum, i.error_message) for i in job.infos] == [(3, "it died"), (0, "no data"), (0, "it died")]
    assert [(h.index, h.error) for h in orphan.histograms] == [(2, "it died"), (0, "it died")]
    assert (orphan.starts, orphan.job, orphan.stop_ms) == ((), "job", 9)
    job.heard([info(0, State.COUNTING, 9), info(0, State.INITIALISED)], ())
    assert job.infos[0].state is State.ERROR


def test_what_was_delivered_as_finished_stays_finished() -> None:
    job = Job("job", SPECS)
    job.heard([info(0, State.FINISHED, 3), info(2, State.FINISHED, 4)], (0, 2))
    orphan = job.lost(SPECS[0], "it died")
    assert orphan.histograms == ()
    assert states(job) == [State.FINISHED, State.ERROR, State.FINISHED]


def test_what_was_finished_but_not_delivered_is_lost() -> None:
    job = Job("job", SPECS)
    job.heard([info(0, State.FINISHED, 3), info(2, State.FINISHED, 4)], (2,))
    orphan = job.lost(SPECS[0], "it died")
    assert [histogram.index for histogram in orphan.histograms] == [0]
    assert states(job) == [State.ERROR, State.ERROR, State.FINISHED]


def test_an_error_keeps_its_first_reason() -> None:
    job = Job("job", SPECS)
    (histogram,) = job.lost(SPECS[1], "it died").histograms
    assert histogram.error == "no data"
    assert job.infos[1].error_message == "no data"
