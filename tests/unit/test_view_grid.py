"""Histograms side by side: nothing lies upon anything else, and files are there as a whole."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from unit.shown import AXES, NOW_MS, figure, of_type, pixels, shown, tof

from histsvc.client import Histogram, State
from histsvc.errors import SettingsError
from histsvc.view.grid import Grid, check_file, save

WINDOW_IN = (16.0, 9.0)


def many(number: int) -> list[Histogram]:
    """All types, some of them long or large or in error, with names of all lengths."""
    kinds = [of_type(kind, name="") for kind in AXES]
    kinds.append(shown(np.full(100, 1e6), (tof(100),), state=State.ERROR, error_message="too large " * 9))
    kinds.append(shown(np.ones((100, 10)), (pixels(100), pixels(10, "y"))))
    kinds.append(shown(np.ones((10, 100)), (pixels(10), pixels(100, "y"))))
    chosen = enumerate(itertools.islice(itertools.cycle(kinds), number))
    return [
        replace(each, info=each.info.model_copy(update={"id": f"{'bank' * (place % 12)}{place}"}))
        for place, each in chosen
    ]


def names(made: Any) -> list[str]:
    return [axes.get_title().splitlines()[0] for axes in made.axes]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("largest_in", [None, WINDOW_IN])
@pytest.mark.parametrize("number", [1, 4, 9, 14])
def test_nothing_lies_upon_anything_else(
    number: int, largest_in: tuple[float, float] | None, log: bool
) -> None:
    made = figure()
    Grid(made, log=log, largest_in=largest_in).show(many(number), NOW_MS)
    made.canvas.draw()
    assert len(made.axes) == number
    boxes = [axes.get_tightbbox() for axes in made.axes]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert made.bbox.x0 <= box.x0 < box.x1 <= made.bbox.x1
        assert made.bbox.y0 <= box.y0 < box.y1 <= made.bbox.y1
    for axes in made.axes:
        size = axes.get_window_extent().transformed(made.dpi_scale_trans.inverted())
        assert max(size.width, size.height) > 1.0, "too small to be read"


@pytest.mark.parametrize(
    ("number", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (4, 2, 2), (5, 2, 3), (9, 3, 3), (14, 4, 4)]
)
def test_grids_are_as_square_as_possible(number: int, rows: int, columns: int) -> None:
    made = figure()
    Grid(made, log=False).show(many(number), NOW_MS)
    grids = {axes.get_gridspec().get_geometry() for axes in made.axes}
    assert grids == {(rows, columns)}


def test_the_first_25_by_id_are_shown() -> None:
    made = figure()
    grid = Grid(made, log=False)
    histograms = [of_type("hist1d", name=f"bank{number}") for number in reversed(range(28))]
    grid.show(histograms, NOW_MS)
    assert names(made) == [f"bank{number}" for number in range(25)]
    assert grid.left_out == 3
    grid.show(histograms[:2], NOW_MS)
    assert grid.left_out == 0


def test_what_fits_is_changed_in_place_and_all_else_drawn_anew() -> None:
    made = figure()
    grid = Grid(made, log=False)
    spectrum, image = of_type("hist1d", name="b"), of_type("dethist", name="c")
    assert grid.show([image, spectrum], NOW_MS)
    first = list(made.axes)
    assert not grid.show([image, spectrum], NOW_MS)
    assert grid.show([image, spectrum], NOW_MS + 100_000), "titles have another age and colour"
    assert grid.show([image, of_type("hist1d", name="b", seed=2)], NOW_MS + 100_000)
    assert made.axes == first

    larger = shown(np.ones((3, 4)), (pixels(3), pixels(4, "y")), name="c")
    assert grid.show([spectrum, larger], NOW_MS)
    assert not set(made.axes) & set(first)
    np.testing.assert_array_equal(made.axes[1].images[0].get_array(), np.ones((4, 3)))
    assert grid.show([spectrum, larger, of_type("roihist", name="a")], NOW_MS)
    assert names(made) == ["a", "b", "c"]
    made.canvas.draw()


def test_who_has_changed_the_size_of_the_window_keeps_it_until_the_grid_is_another() -> None:
    made = figure()
    grid = Grid(made, log=False, largest_in=WINDOW_IN)
    grid.show([of_type("hist1d")], NOW_MS)
    made.set_size_inches(3, 2)
    grid.show([of_type("dethist")], NOW_MS)
    assert made.get_size_inches().tolist() == [3, 2]
    grid.show(many(2), NOW_MS)
    assert made.get_size_inches()[0] > 3


def test_without_any_it_waits() -> None:
    made = figure()
    grid = Grid(made, log=False)
    assert grid.show([], NOW_MS)
    assert "waiting" in made.texts[0].get_text()
    assert not grid.show([], NOW_MS)
    assert grid.show([of_type("hist1d")], NOW_MS)
    assert (len(made.axes), made.texts) == (1, [])


@pytest.mark.parametrize(("name", "number"), [("a.png", 27), ("a.PNG", 2), ("a.pdf", 2), ("a.svg", 2)])
def test_a_file_is_written(tmp_path: Path, name: str, number: int) -> None:
    before = os.umask(0o027)
    try:
        left_out = save(tmp_path / name, many(number), NOW_MS, log=False)
    finally:
        os.umask(before)
    assert left_out == max(0, number - 25)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    assert (tmp_path / name).stat().st_size > 10_000
    assert not pyplot.get_fignums()


@pytest.mark.parametrize(("owner", "fails"), [(Figure, "savefig"), (os, "fsync"), (Path, "replace")])
def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, fails: str
) -> None:
    file = tmp_path / "a.png"
    file.write_text("as it was")

    def fail(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(owner, fails, fail)
    with pytest.raises(OSError, match="No space"):
        save(file, many(1), NOW_MS, log=False)
    assert file.read_text() == "as it was"
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.foo", "ends with one of .* .pdf, .*.png"),
        ("png", "ends with one of"),
        (".png", "ends with one of"),
        ("not-there/a.png", "there is no folder .*not-there"),
        ("file/a.png", "there is no folder"),
        ("folder.png", "is a folder"),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=why):
        check_file(tmp_path / name)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may write everywhere
    with pytest.raises(SettingsError, match="cannot be written to"):
        check_file(tmp_path / "a.png")
