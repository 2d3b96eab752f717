"""Messages that the broker has removed before they were read: an ERROR with their number, or told."""

from __future__ import annotations

import pytest
from fakes import histogram_spec
from unit.test_resume import last, publish, successor, two
from unit.worker_bench import COUNTING, ERROR, Worker, event

GONE = (
    "7 messages of partition 0 of 'events', from offset 2 on, "
    "were removed by the broker before they were read"
)


def overtaken(on_data_loss: str = "error", oldest: int = 9) -> Worker:
    """A worker that has counted two messages; the oldest that is kept is another one."""
    worker = Worker(on_data_loss=on_data_loss)
    worker.read(event(0, 0), event(0, 1))
    worker.cluster.kept["events", 0] = [(oldest, 0)]
    worker.cluster.slow = True
    worker.overtake(0)
    return worker


def answered(worker: Worker) -> Worker:
    worker.cluster.answer()
    worker.step()
    return worker


def test_it_is_an_error_that_says_how_many_are_lost() -> None:
    worker = overtaken()
    worker.step(3)
    assert (worker.info.state, worker.pipeline.idle) == (COUNTING, False)
    answered(worker)
    assert worker.info.state is ERROR
    assert worker.info.error_message == f"{GONE} (--on-data-loss continue would count on)"
    # What was counted before stays as it was.
    assert (worker.info.sum, worker.info.lost, worker.info.offsets) == (2, 0, {"events": {0: 2}})
    assert len(worker.cluster.asked) == 1


def test_or_it_goes_on_with_what_is_there_and_says_so() -> None:
    worker = answered(overtaken("continue"))
    assert worker.reader.moved == {0: 9}
    worker.read(event(0, 9), event(0, 10))
    info = worker.info
    assert (info.state, info.sum, info.lost, info.warning) == (COUNTING, 4, 7, GONE)
    assert info.offsets == {"events": {0: 11}}
    worker.pipeline.reset(None)
    assert worker.info.lost == 0


def test_a_topic_that_ends_before_is_an_error_whatever_is_asked_for() -> None:
    worker = answered(overtaken("continue", oldest=0))
    assert worker.info.state is ERROR
    assert "ends before offset 2" in str(worker.info.error_message)
    assert worker.reader.moved == {}


@pytest.mark.parametrize("on_data_loss", ["error", "continue"])
@pytest.mark.parametrize("oldest", [1, 2])
def test_who_has_counted_what_is_gone_loses_nothing(on_data_loss: str, oldest: int) -> None:
    """Two histograms that were taken up at different offsets."""
    worker = Worker(*two())
    worker.read(event(0, 0), event(0, 1))
    publish(worker)
    heir = successor(worker, {0: last(worker, 0), 1: last(worker, 1)}, on_data_loss=on_data_loss)
    heir.cluster.kept["events", 0] = [(oldest, 0)]
    heir.overtake(0)
    heir.step()
    assert heir.reader.moved == {0: oldest}
    heir.read(*(event(0, n) for n in range(oldest, 3)))
    first, second = heir.infos()
    assert (first.state, first.sum, first.lost) == (COUNTING, 3, 0)
    expected = (COUNTING, 3 - oldest, oldest) if on_data_loss == "continue" else (ERROR, 0, 0)
    assert (second.state, second.sum, second.lost) == expected


def test_who_has_nothing_more_to_want_is_not_asked() -> None:
    worker = Worker(histogram_spec("hist1d"))
    worker.pipeline.drain(0)
    assert worker.pipeline.finished
    worker.overtake(0)
    worker.step()
    assert worker.info.error_message is None
