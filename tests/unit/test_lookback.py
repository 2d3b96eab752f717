"""What a worker that is gone has published is found again, and nothing else is taken for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from fake_topics import World
from fakes import BROKERS, NOW_MS, config_of, histogram_spec, worker_spec

from histsvc.histograms.base import HistogramConfig
from histsvc.model import HistogramSpec, Mark, Partition, Place
from histsvc.ports import Reader
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import HISTOGRAM_DESERIALISERS, HISTOGRAM_SERIALISERS, hs00
from histsvc.worker.lookback import LookBack, Wanted
from histsvc.worker.resume import outranking


def config(index: int = 0) -> HistogramConfig:
    return config_of("hist1d", topic="out", id=str(index))


def spec(index: int = 0, generation: int = 1, epoch: int = 2, **known: Place | None) -> HistogramSpec:
    mark = Mark(generation, None, known.get("place", Place(0, 0)))
    return replace(histogram_spec("hist1d", index), epoch=epoch, mark=mark)


def message(total: int, index: int = 0, **changes: Any) -> bytes:
    """A publication with `total` counts; `counts` may be others, and `schema` another."""
    serialise = HISTOGRAM_SERIALISERS[changes.pop("schema", "hs00")]
    snapshot = config(index).accumulator().snapshot()
    snapshot.counts.data[0] = changes.pop("counts", total)
    about = {"job": "job", "index": index, "config_hash": "hash", "sum": total, "state": State.COUNTING}
    return serialise(snapshot, "histsvc", 1, HistogramInfo(**{**about, **changes}).to_json())


class Looking:
    """A topic, and who looks for publications in it."""

    def __init__(self) -> None:
        self.world = World()
        self.world.make("out")
        self.begun_ms = NOW_MS

    def wrote(self, *payloads: bytes | None) -> Looking:
        self.world.write("out", *payloads)
        return self

    def back(self, *specs: HistogramSpec) -> LookBack:
        wanted = {
            each.index: Wanted("job", self.begun_ms, each, config(each.index)) for each in specs or [spec()]
        }
        world = self.world
        reader = cast(Reader, world.reader())
        return LookBack(wanted, reader, world, HISTOGRAM_DESERIALISERS, world.clock)

    def found(self, *specs: HistogramSpec) -> dict[int, int]:
        """The sums that are found, by index."""
        back = self.back(*specs)
        for _ in range(10_000):
            self.world.clock.advance(0.01)
            if back.step():
                for published in back.found.values():
                    assert int(np.sum(published.counts)) == published.info.sum
                return {index: published.info.sum for index, published in back.found.items()}
        raise AssertionError("it never ends")


def test_the_last_one_counts_wherever_it_lies_behind_the_place_that_is_known() -> None:
    assert Looking().wrote(*(message(n) for n in range(25))).found() == {0: 24}


@pytest.mark.parametrize("schema", HISTOGRAM_SERIALISERS)
def test_it_is_found_in_every_schema(schema: str) -> None:
    written = [message(n, schema=schema) for n in range(25)]
    cut = [written[-1][: len(written[-1]) // 2]]
    monitor = HISTOGRAM_SERIALISERS["da00"](config().accumulator().snapshot(), "job", 1, "{}")
    assert Looking().wrote(*written, monitor, *cut).found() == {0: 24}


def test_what_lies_before_that_place_is_not_read() -> None:
    looking = Looking().wrote(message(1), message(2), message(3))
    assert looking.found(spec(place=Place(0, 2))) == {0: 3}
    assert looking.world.given == 1


def test_many_histograms_of_one_topic_are_found_in_one_reading() -> None:
    looking = Looking().wrote(message(1, 0), message(5, 1), message(2, 0), message(7, 2))
    assert looking.found(spec(0), spec(1, place=Place(0, 1))) == {0: 2, 1: 5}
    assert looking.world.given == 4


@pytest.mark.parametrize(
    "other",
    [
        {"job": "job2"},
        {"config_hash": "other"},
        {"index": 3},
        {"counts": 8},
        {"counts": 2.0**53, "sum": 2**53},
    ],
)
def test_what_is_of_another_or_does_not_add_up_is_not_believed(other: dict[str, Any]) -> None:
    assert Looking().wrote(message(3), message(9, **other)).found() == {0: 3}


def test_what_a_reset_has_made_void_is_not_believed() -> None:
    looking = Looking().wrote(message(9), message(0, generation=2), message(4, generation=2))
    assert looking.found(spec(generation=2)) == {0: 4}
    assert Looking().wrote(message(9)).found(spec(generation=2)) == {}
    # Nobody heard that there was one; the topic knows.
    assert looking.found(spec(generation=1)) == {0: 4}


def test_a_late_word_of_an_earlier_epoch_is_none() -> None:
    looking = Looking().wrote(message(5, epoch=2), message(9, epoch=1))
    assert looking.found(spec(epoch=3)) == {0: 5}


def test_the_last_epoch_is_told_also_where_nothing_is_to_be_believed() -> None:
    """A service that was killed may not have stored that a worker had taken over."""
    looking = Looking().wrote(
        message(5, epoch=4), message(9, 1, epoch=7, counts=3), message(9, epoch=9, job="x")
    )
    back = looking.back(spec(0), spec(1), spec(2))
    while not back.step():
        looking.world.clock.advance(0.01)
    assert back.epochs == {0: 4, 1: 7}
    made = outranking(worker_spec(spec(0), spec(1), spec(2, epoch=3)), back.epochs)
    assert [h.epoch for h in made.histograms] == [5, 8, 3]


def test_counts_of_another_shape_are_not_believed() -> None:
    snapshot = config_of("hist1d", num_bins=3).accumulator().snapshot()
    about = HistogramInfo(job="job", config_hash="hash", state=State.COUNTING)
    assert Looking().wrote(hs00.serialise(snapshot, "histsvc", 1, about.to_json())).found() == {}


def test_what_is_no_histogram_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    whole = message(3)
    looking = Looking().wrote(None, b"", b"job", whole, whole[:-20], b"\x08\x00\x00\x00hs00 job", b"other")
    assert looking.found() == {0: 3}
    assert "cannot be read" in caplog.text


def test_where_no_place_is_known_all_partitions_are_read_from_when_the_job_began() -> None:
    looking = Looking()
    looking.world.make("out", 3)
    looking.world.write("out", message(9), time_ms=NOW_MS - 20_000, number=2)
    looking.world.write("out", message(1), message(2), time_ms=NOW_MS, number=2)
    looking.world.write("out", message(3, 1), time_ms=NOW_MS, number=1)
    assert looking.found(spec(0, place=None), spec(1, place=Place(1, 0))) == {0: 2, 1: 3}
    assert looking.world.given == 3
    looking.begun_ms = NOW_MS + 60_000
    assert looking.found(spec(place=None)) == {}


def test_what_was_removed_is_passed_over_and_a_topic_made_anew_is_read_from_its_beginning() -> None:
    looking = Looking().wrote(*(message(n) for n in range(9)))
    looking.world.retain("out", 5)
    assert looking.found(spec(place=Place(0, 2))) == {0: 8}
    anew = Looking().wrote(message(1), message(2))
    assert anew.found(spec(place=Place(0, 7))) == {0: 2}


def test_brokers_that_are_away_are_waited_for() -> None:
    looking = Looking().wrote(message(3))
    looking.world.away.add(BROKERS)
    back = looking.back()
    for _ in range(50):
        looking.world.clock.advance(0.1)
        assert not back.step()
    looking.world.away.clear()
    for _ in range(50):
        looking.world.clock.advance(0.1)
        if back.step():
            break
    assert back.found[0].info.sum == 3


def test_an_end_at_which_more_follows_is_none() -> None:
    """A broker that has just come back may know less than it will in a moment."""
    looking = Looking().wrote(*(message(n) for n in range(25)))
    back = looking.back()
    while not looking.world.given:
        assert not back.step()
    log = looking.world.logs[Partition(BROKERS, "out", 0)]
    whole, log.rows = log.rows, log.rows[: looking.world.given]
    assert not back.step()  # the end of those
    log.rows = whole
    while not back.step():
        pass
    assert back.found[0].info.sum == 24


@pytest.mark.parametrize("gone", ["deleted", "smaller", "denied"])
def test_a_topic_that_is_not_to_be_read_any_more_holds_nobody_up(
    gone: str, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Looking().wrote(message(3))
    place = Place(0, 0)
    if gone == "deleted":
        looking.world.delete("out")
    elif gone == "denied":
        looking.world.denied.add(BROKERS)
    else:
        place = Place(1, 0)
    assert looking.found(spec(place=place)) == {}
    assert ("'out' cannot be read any more" in caplog.text) == (gone != "smaller")
