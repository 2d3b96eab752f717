"""What is written when: what FINISHED always and once, the others so often, and all of it in the end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from fakes import FakeClock
from unit.shown import NOW_MS, shown, tof

from histsvc import files
from histsvc.client import Histogram, State
from histsvc.files import Saver, saver
from histsvc.files.names import file_name


def made(name: str, counts: int, after_ms: int = 0, **keys: Any) -> Histogram:
    return shown(np.full(3, counts), (tof(3),), name=name, published_ms=NOW_MS + after_ms, **keys)


def finished(name: str, counts: int, after_ms: int = 0) -> Histogram:
    return made(name, counts, after_ms, state=State.FINISHED)


class Bench:
    """A saver, its clock, and the files of which it told."""

    def __init__(self, folder: Path, every_s: float | None) -> None:
        self.clock = FakeClock()
        self.folder = folder
        self.told: list[Path] = []
        self.saver = Saver(folder, self.clock, every_s=every_s, written=self.told.append)

    def give(self, *histograms: Histogram) -> list[tuple[str, int]]:
        self.saver.take(histograms)
        return self.write()

    def write(self) -> list[tuple[str, int]]:
        """The title and the counts of each file that is written now."""
        self.saver.write()
        return self.news()

    def news(self) -> list[tuple[str, int]]:
        found = [read(file) for file in self.told]
        self.told.clear()
        return found


def read(path: Path) -> tuple[str, int]:
    with h5py.File(path) as file:
        return file["entry/data/title"].asstr()[()], int(file["entry/data/counts"][0])


@pytest.fixture
def often(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 60)


@pytest.fixture
def rarely(tmp_path: Path) -> Bench:
    return Bench(tmp_path, None)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The disk is full as long as this is not empty."""
    state: list[bool] = []

    def save(folder: Path, histogram: Histogram) -> Path:
        if state:
            raise OSError(28, "No space left on device")
        return files.save(folder, histogram)

    monkeypatch.setattr(saver, "save", save)
    return state


def test_without_a_period_only_what_finished_is_written(rarely: Bench) -> None:
    assert rarely.give(made("a", 1), finished("b", 2)) == [("b (FINISHED)", 2)]
    rarely.clock.advance(1000)
    assert rarely.give(made("a", 3)) == []
    assert rarely.give(finished("a", 4)) == [("a (FINISHED)", 4)]
    assert rarely.saver.finish() == 0
    assert rarely.news() == []


def test_each_that_finished_is_written_though_another_has_begun(rarely: Bench) -> None:
    given = finished("a", 1), made("a", 0, 1), finished("a", 2, 2), finished("b", 3, 2)
    assert rarely.give(*given) == [("a (FINISHED)", 1), ("a (FINISHED)", 2), ("b (FINISHED)", 3)]
    names = {file_name(each) for each in given if each.state is State.FINISHED}
    assert {each.name for each in rarely.folder.iterdir()} == names


def test_with_a_period_each_is_written_at_once_and_then_so_often(often: Bench) -> None:
    assert often.give(made("a", 1)) == [("a (COUNTING)", 1)]
    often.clock.advance(30)
    assert often.give(made("a", 2, 1), made("b", 7)) == [("b (COUNTING)", 7)]
    often.clock.advance(29.9)
    assert often.write() == []
    often.clock.advance(0.2)
    assert often.write() == [("a (COUNTING)", 2)]
    often.clock.advance(60)
    assert often.write() == [], "nothing has come"


def test_what_is_published_again_unchanged_is_not_written_again(often: Bench) -> None:
    often.give(made("a", 1))
    for after_ms in range(1, 5):
        often.clock.advance(61)
        assert often.give(made("a", 1, after_ms)) == []
    assert often.give(made("a", 1, 9, generation=2)) == [("a (COUNTING)", 1)]
    often.clock.advance(61)
    failed = made("a", 1, 10, generation=2, state=State.ERROR, error_message="gone")
    assert often.give(failed) == [("a (ERROR)", 1)]


def test_what_finished_is_written_when_it_comes_and_only_once(often: Bench) -> None:
    assert often.give(made("a", 1)) == [("a (COUNTING)", 1)]
    assert often.give(finished("a", 2, 1)) == [("a (FINISHED)", 2)]
    often.clock.advance(61)
    assert often.write() == []
    assert often.saver.finish() == 0
    assert often.news() == []


def test_an_older_one_that_comes_late_is_not_the_newest(often: Bench) -> None:
    assert often.give(finished("a", 5, -10), made("a", 1)) == [("a (FINISHED)", 5), ("a (COUNTING)", 1)]
    often.clock.advance(61)
    assert often.give(made("a", 2, 5), finished("a", 3, 1)) == [("a (FINISHED)", 3), ("a (COUNTING)", 2)]


def test_in_the_end_the_newest_of_each_is_written(often: Bench) -> None:
    often.give(made("a", 1), made("b", 1), made("c", 1))
    often.saver.take([made("a", 2, 1), finished("b", 2, 1)])
    assert often.saver.finish() == 0
    assert often.news() == [("b (FINISHED)", 2), ("a (COUNTING)", 2)]


def test_a_full_disk_is_told_once_and_tried_again(
    often: Bench, full: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    often.give(made("a", 1))
    full.append(True)
    with caplog.at_level(logging.WARNING):
        assert often.give(finished("a", 2, 1), finished("b", 1), made("c", 1)) == []
        for _ in range(49):
            often.clock.advance(0.2)
            assert often.write() == []
        assert often.saver.failures == 4, "of both kinds the first time, and after 5 s"
        full.clear()
        often.clock.advance(0.3)
        written = [("a (FINISHED)", 2), ("b (FINISHED)", 1), ("c (COUNTING)", 1)]
        assert sorted(often.write()) == written
    assert [record.message for record in caplog.records] == [
        f"{often.folder} cannot be written to: No space left on device; trying again every 5 s",
        f"{often.folder} is written to again; it failed 4 times until now",
    ]


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_one_that_cannot_be_written_keeps_no_others_waiting(
    name: str, often: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def save(folder: Path, histogram: Histogram) -> Path:
        if histogram.id == name:
            raise OSError(27, "File too large")
        return files.save(folder, histogram)

    monkeypatch.setattr(saver, "save", save)
    ids = ["a", "b", "c"]
    often.saver.take(finished(each, 1) for each in ids)
    often.saver.take(made(each, 2, 1) for each in ids)
    written: list[tuple[str, int]] = []
    for _ in range(3):
        written += often.write()
        often.clock.advance(5)
    others = [each for each in ids if each != name]
    expected = [
        (f"{each} ({how})", number) for each in others for number, how in ((1, "FINISHED"), (2, "COUNTING"))
    ]
    assert sorted(written) == sorted(expected)
    assert len(caplog.records) == 1, "nothing is said to be right as long as anything fails"


def test_what_cannot_be_written_in_the_end_is_counted(often: Bench, full: list[bool]) -> None:
    often.give(made("a", 1))
    full.append(True)
    often.give(finished("b", 1), finished("b", 2, 1), made("a", 2, 1))
    assert often.saver.finish() == 3
    full.clear()
    assert often.saver.finish() == 0
    assert sorted(often.news()) == [("a (COUNTING)", 2), ("b (FINISHED)", 1), ("b (FINISHED)", 2)]


def test_no_more_is_taken_than_memory_has_room_for(
    rarely: Bench, full: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saver, "_MOST_OWED_BYTES", 2 * 3 * 8)
    full.append(True)
    rarely.give(finished("a", 1))
    states = [rarely.saver.is_full]
    rarely.give(finished("a", 2, 1))
    states.append(rarely.saver.is_full)
    full.clear()
    rarely.clock.advance(5)
    rarely.write()
    assert [*states, rarely.saver.is_full] == [False, True, False]
