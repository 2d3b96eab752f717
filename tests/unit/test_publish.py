"""When a histogram is published (protocol.md, section 4)."""

from __future__ import annotations

import pytest
from unit.bench import COUNTING, ERROR, FINISHED, INITIALISED, Bench

from histsvc.errors import BrokerError
from histsvc.model import Place


def undelivered(bench: Bench) -> list[str]:
    return [line for p in bench.publisher.publications if (line := p.lack(p.sent)) is not None]


def test_the_first_is_initialised_whatever_was_counted_or_went_wrong() -> None:
    bench = Bench()
    assert bench.outbox.states() == [INITIALISED]
    assert (bench.last.sum, bench.last.diff, bench.last.rate, bench.last.last_pulse_time) == (0, 0, 0, 0)


def test_what_changes_is_published_every_interval() -> None:
    bench = Bench(interval_ms=500)
    published = []
    for _ in range(40):
        bench.count()
        published += bench.go(0.1)
    assert 7 <= len(published) <= 8
    assert {info.state for info in published} == {COUNTING}


def test_an_interval_of_the_histogram_goes_first() -> None:
    bench = Bench(interval_ms=500, publish_interval_ms=2000)
    published = []
    for _ in range(41):
        bench.count()
        published += bench.go(0.1)
    assert len(published) == 2


@pytest.mark.parametrize(("width", "seconds"), [(4, 1), (125_001, 10)])
def test_what_does_not_change_is_published_once_a_second_or_every_10_s(width: int, seconds: int) -> None:
    bench = Bench("dethist", width=width, height=1)
    published = bench.go(3.5 * seconds)
    assert [info.state for info in published] == [INITIALISED] * 3


def test_accounting_alone_is_a_change_but_not_a_count() -> None:
    bench = Bench()
    bench.count(tof=101)
    assert [(info.state, info.overflow) for info in bench.go(0.6)] == [(INITIALISED, 1)]


def test_a_slow_broker_gets_fewer_histograms_and_the_newest() -> None:
    bench = Bench()
    bench.outbox.hold = True
    bench.count()
    assert len(bench.go(5)) == 1
    bench.count(2)
    assert bench.go(5) == []
    bench.outbox.deliver()
    assert [info.sum for info in bench.go(0.2)] == [3]


def test_at_the_end_counts_go_out_before_finished() -> None:
    bench = Bench()
    bench.count(3)
    bench.filling.finish()
    assert [(info.state, info.sum, info.diff) for info in bench.go(30)] == [
        (COUNTING, 3, 3),
        (FINISHED, 3, 3),
    ]


@pytest.mark.parametrize("counted", [0, 3])
def test_at_the_end_counts_that_went_out_do_not_go_out_again(counted: int) -> None:
    bench = Bench()
    bench.count(counted)
    bench.go(2)
    bench.filling.finish()
    assert [(info.state, info.sum) for info in bench.go(30)] == [(FINISHED, counted)]


def test_at_the_end_accounting_alone_needs_no_counts() -> None:
    bench = Bench()
    bench.count(tof=101)
    bench.filling.finish()
    assert [(info.state, info.overflow) for info in bench.go(30)] == [(FINISHED, 1)]


def test_counts_that_failed_to_go_out_go_out_at_the_end() -> None:
    bench = Bench()
    bench.outbox.error = BrokerError("down", retriable=True)
    bench.count(3)
    bench.go(0.6)
    assert bench.last.sum == 3
    bench.outbox.error = None
    bench.filling.finish()
    assert [(info.state, info.sum) for info in bench.go(5)] == [(COUNTING, 3), (FINISHED, 3)]


def test_counts_that_failed_to_go_out_are_published_again_after_an_interval() -> None:
    bench = Bench("dethist", width=125_001, height=1)
    bench.outbox.error = BrokerError("down", retriable=True)
    bench.count(3)
    bench.go(0.6)
    bench.outbox.error = None
    assert [info.sum for info in bench.go(0.8)] == [3]


def test_an_error_is_published_once_a_second() -> None:
    bench = Bench()
    bench.filling.fail("it broke")
    published = bench.go(5)
    assert 4 <= len(published) <= 5
    assert {(info.state, info.error_message) for info in published} == {(ERROR, "it broke")}
    bench.filling.finish()
    assert bench.go(2)[-1].state is ERROR


def test_a_reset_publishes_zeros_at_once_and_counts_anew() -> None:
    bench = Bench()
    bench.count(5)
    bench.go(1)
    bench.count(2)
    bench.filling.reset()
    bench.publication.zeroed({"events": {0: 7}})
    bench.publisher.publish_now([bench.publication], None)
    assert (bench.last.state, bench.last.sum, bench.last.diff, bench.last.rate) == (COUNTING, 0, 0, 0)
    assert (bench.last.generation, bench.last.messages) == (2, 0)
    assert bench.outbox.drafts[-1].snapshot.counts.data.sum() == 0
    bench.count(4)
    (info,) = bench.go(0.6)
    assert (info.sum, info.diff) == (4, 4)


def test_what_is_finished_is_not_reset() -> None:
    bench = Bench()
    bench.count(5)
    bench.filling.finish()
    bench.filling.reset()
    assert (bench.filling.generation, bench.filling.accumulator.sum) == (1, 5)


def test_what_is_not_delivered_is_said_with_the_reason() -> None:
    bench = Bench()
    assert undelivered(bench) == []
    bench.outbox.hold = True
    bench.count()
    bench.go(1)
    assert ["no answer" in line for line in undelivered(bench)] == [True]
    bench.outbox.error = BrokerError("message too large", retriable=False)
    bench.outbox.deliver()
    assert ["message too large" in line for line in undelivered(bench)] == [True]


def test_last_counts_that_were_not_delivered_are_said_although_finished_was() -> None:
    bench = Bench()
    bench.count(3)
    bench.outbox.hold = True
    bench.filling.finish()
    bench.publisher.step()
    counts, end = bench.outbox.futures[-2:]
    end.set_result(Place(0, 9))
    assert len(undelivered(bench)) == 1
    counts.set_exception(BrokerError("down", retriable=True))
    assert len(undelivered(bench)) == 1


def test_an_end_that_failed_to_go_out_goes_out_once_the_broker_is_back() -> None:
    bench = Bench()
    bench.count(3)
    bench.outbox.error = BrokerError("down", retriable=True)
    bench.filling.finish()
    bench.go(5)
    bench.outbox.error = None
    published = bench.go(5)
    assert [(info.state, info.sum) for info in published] == [(COUNTING, 3), (FINISHED, 3)]


def test_what_is_too_large_is_not_made_again_all_the_time() -> None:
    bench = Bench("dethist", width=125_001, height=1)
    bench.count(3)
    bench.outbox.error = BrokerError("message too large", retriable=False)
    told = [info.state for info in bench.go(30)]
    assert 1 <= told.count(COUNTING) <= 4
    assert 2 <= told.count(ERROR) <= 4


def test_what_the_broker_refuses_is_told_without_counts_and_goes_on_counting() -> None:
    bench = Bench()
    bench.count(3)
    bench.outbox.error = BrokerError("MSG_SIZE_TOO_LARGE", retriable=False)
    bench.go(0.5, step_s=0.5)
    bench.outbox.error = None
    assert bench.publisher.infos()[0].state is ERROR
    bench.publisher.step()
    told = bench.outbox.drafts[-1]
    assert told.info.state is ERROR
    assert told.info.error_message == "it cannot be published on topic 'histograms': MSG_SIZE_TOO_LARGE"
    assert (told.info.sum, told.snapshot.counts.data.sum()) == (3, 0)
    bench.count(2)
    bench.go(2)
    assert (bench.last.state, bench.last.sum, bench.last.error_message) == (COUNTING, 5, None)
    assert bench.outbox.drafts[-1].snapshot.counts.data.sum() == 5
    assert bench.publisher.infos()[0].state is COUNTING


def test_a_refused_end_is_not_taken_for_delivered() -> None:
    bench = Bench()
    bench.count(3)
    bench.outbox.error = BrokerError("MSG_SIZE_TOO_LARGE", retriable=False)
    bench.filling.finish()
    bench.publisher.step()
    assert bench.outbox.states() == [INITIALISED, COUNTING, FINISHED]
    bench.outbox.error = None
    bench.publisher.step()
    assert bench.last.state is ERROR
    assert "MSG_SIZE_TOO_LARGE" in (bench.publication.lack_of_end() or "")
    bench.go(1)
    assert bench.last.state is FINISHED
    assert bench.publication.lack_of_end() is None
