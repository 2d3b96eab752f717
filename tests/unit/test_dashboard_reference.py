"""What a picture is compared with: a moment that was frozen, or a file."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from bokeh.models import FileInput, Step
from unit.cells import ShownCell
from unit.dashboards import of_type, press, source, told, with_info

from histsvc.files import save
from histsvc.view.dashboard.choice import Choice
from histsvc.view.dashboard.reference import Reference, frozen, loaded
from histsvc.view.dashboard.shown import Shown

BEGIN_NS = 1_700_000_000_000_000_000


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A file of a spectrum that was counted for 4 s."""
    histogram = with_info(
        of_type("hist1d", seed=5), first_pulse_time=BEGIN_NS, last_pulse_time=BEGIN_NS + 4_000_000_000
    )
    return save(tmp_path, histogram).read_bytes()


def load(shown: ShownCell, name: str, content: bytes) -> None:
    """Choose a file, as a browser tells it."""
    chosen = shown.root.select_one({"type": FileInput})
    chosen.set_from_json("value", base64.b64encode(content).decode())
    chosen.set_from_json("filename", name)


def test_each_is_divided_by_its_own_time() -> None:
    reference = Reference(np.ones(2), 4.0, "")
    assert reference.scale(Choice()) == 1
    assert reference.scale(Choice(per_s=True)) == 0.25
    assert Reference(np.ones(2), 0.0, "").scale(Choice(per_s=True)) == 0


def test_what_is_frozen_is_what_came_and_stays() -> None:
    counts = np.array([5.0, 9.0])
    reference = frozen(Shown(counts, np.array([1.0, 2.0]), 3.0, 0.5), "then")
    whole = frozen(Shown(counts, None, 3.0, 1.0), "then")
    counts[:] = 0
    assert reference.counts.tolist() == [4, 7]
    assert whole.counts.tolist() == [5, 9]
    assert (reference.seconds, reference.about) == (3, "then")


def test_a_file_has_counts_and_their_time(content: bytes) -> None:
    reference = loaded(content, "run1.nxs", (10,))
    np.testing.assert_array_equal(reference.counts, of_type("hist1d", seed=5).counts)
    assert (reference.seconds, reference.about) == (4, "run1.nxs")


def test_what_cannot_be_compared_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"run1.nxs has 10 bins, and this histogram 8 by 5"):
        loaded(content, "run1.nxs", (8, 5))
    with pytest.raises(ValueError, match="no NeXus file"):
        loaded(b"something else", "run1.nxs", (10,))


def test_a_file_is_shown_and_told_until_it_is_dropped(content: bytes) -> None:
    shown = ShownCell(of_type("hist1d"))
    load(shown, "<b>run1</b>.nxs", content)
    drawn = source(shown.draw(), Step, 1).data["y"]
    np.testing.assert_array_equal(drawn[:-1], of_type("hist1d", seed=5).counts)
    assert "&lt;b&gt;run1" in told(shown.root, "answer")
    press(shown.root, "reference drop")
    assert len(source(shown.draw(), Step, 1).data["y"]) == 0
    assert told(shown.root, "answer") == ""


def test_the_same_file_can_be_chosen_again(content: bytes) -> None:
    shown = ShownCell(of_type("hist1d"))
    load(shown, "run1.nxs", content)
    press(shown.root, "reference drop")
    load(shown, "run1.nxs", content)
    assert len(source(shown.draw(), Step, 1).data["y"]) == 11


def test_a_file_that_does_not_fit_changes_nothing(content: bytes) -> None:
    shown = ShownCell(of_type("hist1d"))
    load(shown, "run1.nxs", content)
    load(shown, "<b>", b"something else")
    assert "bad" in told(shown.root, "answer")
    drawn = source(shown.draw(), Step, 1).data["y"]
    np.testing.assert_array_equal(drawn[:-1], of_type("hist1d", seed=5).counts)


def test_other_bins_are_not_compared(content: bytes) -> None:
    shown = ShownCell(of_type("hist1d"))
    load(shown, "run1.nxs", content)
    shown.publish(of_type("dethist", name="hist1d"))
    shown.draw()
    assert told(shown.root, "answer") == ""
    shown.publish(of_type("hist1d"))
    assert len(source(shown.draw(), Step, 1).data["y"]) == 0
