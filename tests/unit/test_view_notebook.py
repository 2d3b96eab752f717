"""What a histogram shows of itself in a notebook."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib import pyplot as plt
from matplotlib.image import imread
from unit.shown import NOW_MS, of_type, pixels, shown, tof

from histsvc.client import Axis, Histogram, State
from histsvc.view.notebook import html
from histsvc.view.raster import levels, rgb

_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _without_a_display(monkeypatch: pytest.MonkeyPatch) -> Any:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def element(text: str) -> ElementTree.Element:
    """The page as a tree, which it is only where it is well-formed."""
    closed = re.sub(r"(<img [^>]*)>", r"\1/>", text.replace("&nbsp;", " "))
    return ElementTree.fromstring(closed)  # noqa: S314  (it is our own)


def table(text: str) -> dict[str, str]:
    rows = element(text).findall(".//tr")
    return {str(name.text): str(value.text) for name, value in rows}


def image(text: str) -> npt.NDArray[np.uint8]:
    """What the picture of a page has as [x][y], red, green and blue."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert found is not None
    decoded = imread(io.BytesIO(base64.b64decode(found[1])), format="png")[::-1, :, :3]
    colours: npt.NDArray[np.uint8] = np.rint(255 * decoded).astype(np.uint8).transpose(1, 0, 2)
    return colours


def heights(text: str) -> list[float]:
    """How high the steps of a spectrum are, in parts of the highest."""
    path = element(text).find(".//path")
    assert path is not None
    up = [float(y) for y in re.findall(r"V([\d.]+)H", path.attrib["d"])]
    bottom, top = 150.0, min(up)
    return [(bottom - y) / (bottom - top) for y in up]


def test_a_table_says_how_it_is() -> None:
    given = of_type("hist2d", state=State.COUNTING, rate=1234.5, data_age_ms=500, warning="w")
    assert table(html(given, NOW_MS + 2000)) == {
        "id": "hist2d",
        "state": "COUNTING",
        "counts": "378",
        "rate": "1.23k/s",
        "axis dim_0": "time of flight: 7 bins from 0 to 71 ms",
        "axis dim_1": "pixel id: 4 bins from 1 to 4097",
        "age": "2.5 s old, published 2.0 s ago",
        "warning": "w",
    }


def test_a_spectrum_is_drawn_as_steps() -> None:
    given = of_type("hist1d")
    np.testing.assert_allclose(heights(html(given, NOW_MS)), given.counts / given.counts.max(), atol=1e-3)
    texts = [each.text for each in element(html(given, NOW_MS)).findall(".//text")]
    assert texts == ["max 9", "0", "time of flight (ms)", "71"]


def test_of_a_long_spectrum_no_peak_is_lost() -> None:
    counts = np.ones(10_000)
    counts[[1234, 9999]] = 10
    drawn = heights(html(shown(counts, (tof(10_000),)), NOW_MS))
    assert len(drawn) == 420
    assert [round(height, 2) for height in drawn if height > 0.5] == [1.0, 1.0]
    assert drawn[1234 * 420 // 10_000] == drawn[-1] == 1.0


def test_an_image_is_drawn_where_it_was_counted() -> None:
    given = of_type("dethist")
    drawn = image(html(given, NOW_MS))
    shades = np.rint(levels(np.asarray(given.counts)) * 63) / 63
    np.testing.assert_array_equal(drawn, rgb(shades))
    assert drawn.shape == (8, 5, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20


def test_a_large_image_is_small_on_the_page() -> None:
    counts = np.random.default_rng(1).poisson(3, (4096, 4096)).astype(np.float64)
    counts[:2048, :2048] = 0
    text = html(shown(counts, (pixels(4096), pixels(4096, "y"))), NOW_MS)
    drawn = image(text)
    assert drawn.shape == (200, 200, 3)
    assert len(text) < 60_000
    assert drawn[:100, :100].max() <= 4
    assert drawn[100:].min(axis=(0, 1))[0] > 100


@pytest.mark.parametrize("counts", [np.zeros(10), np.full(10, -3.0)])
def test_a_spectrum_without_counts_is_drawn(counts: npt.NDArray[np.float64]) -> None:
    text = html(shown(counts, (tof(10),)), NOW_MS)
    assert "nan" not in text
    assert element(text).find(".//path") is not None


@pytest.mark.parametrize(
    "given",
    [
        shown(np.zeros((2, 2, 2)), (tof(2), tof(2), tof(2))),
        shown(np.full(10, np.nan), (tof(10),)),
        shown(np.zeros(0), (Axis(np.array([]), "", ""),)),
    ],
)
def test_what_cannot_be_drawn_has_its_table(given: Histogram) -> None:
    text = html(given, NOW_MS)
    assert "cannot be drawn" in text
    assert table(text)["id"] == "bank0"


@pytest.mark.parametrize("dimensions", [1, 2])
def test_what_others_have_written_is_escaped(dimensions: int) -> None:
    evil = '<script>alert("1")</script>'
    axis = Axis(np.arange(3.0), evil, evil, evil)
    given = shown(np.ones((2,) * dimensions), (axis,) * dimensions, name=evil, warning=evil)
    text = html(given, NOW_MS)
    assert "<script" not in text
    assert 'alert("' not in text
    assert table(text)["id"] == evil


def test_a_notebook_asks_for_html() -> None:
    given = of_type("dethist")
    assert image(given._repr_html_()).shape == (8, 5, 3)


def test_html_needs_no_matplotlib() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None; sys.path.insert(0, 'tests')\n"
        "from histsvc.client import histogram\nfrom unit.client_bench import published\n"
        "for kind in ('hist1d', 'dethist'):\n"
        "    print(len(histogram('t', published('a', 1, kind=kind))._repr_html_()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [int(length) > 500 for length in done.stdout.split()] == [True, True]


def test_a_plot_has_steps_with_a_band_of_their_errors() -> None:
    given = of_type("hist1d")
    ax = given.plot()
    steps, band = ax.patches
    np.testing.assert_array_equal(steps.get_data().values, given.counts)
    np.testing.assert_array_equal(band.get_data().values, given.counts + np.sqrt(given.counts))
    np.testing.assert_array_equal(band.get_data().baseline, given.counts - np.sqrt(given.counts))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time of flight (ms)", "counts per 7.1 ms")
    assert ax.get_ylim()[1] > (given.counts + np.sqrt(given.counts)).max()
    assert ax.get_title().startswith("hist1d\n")


def test_a_plot_of_an_image_has_a_bar() -> None:
    _, own = plt.subplots()
    given = of_type("dethist")
    assert given.plot(own) is own
    np.testing.assert_array_equal(np.asarray(own.images[0].get_array()).T, given.counts)
    (bar,) = own.child_axes
    assert bar.get_ylabel() == "counts"
    assert (own.get_xlabel(), own.get_ylabel()) == ("x (pixel)", "y (pixel)")


def test_each_plot_has_axes_of_its_own() -> None:
    assert of_type("hist1d").plot() is not of_type("hist1d").plot()


def test_a_log_scale_is_drawn_without_a_warning() -> None:
    ax = of_type("hist1d").plot(log=True)
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"


def test_one_over_another_leaves_room_for_both() -> None:
    high = shown(np.full(10, 900.0), (tof(10),), name="high")
    low = shown(np.full(5, 4.0), (tof(5, 35_500_000),), name="low")
    ax = high.plot()
    wide, tall = ax.get_xlim(), ax.get_ylim()
    low.plot(ax)
    assert (ax.get_xlim(), ax.get_ylim()) == (wide, tall)
    assert [each.get_text() for each in ax.legend().get_texts()] == ["high", "low"]
