"""Every value on and ±1 around every edge of many axes: the bins of numpy, to the last one."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import SCHEMAS, config_of, decoder_of, event_message, filling_of, payloads
from property.oracle import LIMITS, near, numpy_counts

from histsvc.histograms.base import HistogramConfig
from histsvc.kernels import axis
from histsvc.model import Int64Array
from histsvc.window import Verdict

AXES = 250


def random_axis(draw: np.random.Generator, schema: str, most_bins: int) -> tuple[tuple[float, float], int]:
    """A range and bins whose edges often miss whole numbers by a rounding error only."""
    bins = int(draw.integers(1, most_bins))
    low_value, high_value = LIMITS[schema]
    match draw.integers(4):
        case 0:
            low, high = np.sort(draw.integers(low_value, high_value, 2)).tolist()
        case 1:
            low = draw.uniform(-1000, 1000)
            high = low + draw.uniform(0, 3 * bins)
        case _:
            part = float(draw.choice([3, 7, 10, 100, 1000]))
            low = int(draw.integers(-(10**7), 10**7)) / part
            high = low + bins * (int(draw.integers(1, 500)) / part)
    return (float(low), float(high)), bins


def counts(config: HistogramConfig, schema: str, tof: Int64Array, pixel: Int64Array) -> Int64Array:
    filling = filling_of(config)
    batch = decoder_of().events(payloads([event_message(schema, tof, pixel)]))
    filling.take(batch, np.array([Verdict.COUNTS], np.uint8))
    assert filling.accumulator.tally[:4].sum() == tof.size
    return filling.accumulator.counts


@pytest.fixture(params=["formula", "table"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How bins are found: as it is best for each axis, or all by the table."""
    if request.param == "table":
        monkeypatch.setattr(axis, "_formula", lambda *_: (0.0, 0.0))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("schema", SCHEMAS)
def test_hist1d(schema: str) -> None:
    draw = np.random.default_rng(3)
    for _ in range(AXES):
        tof_range, bins = random_axis(draw, schema, 3000)
        config = config_of("hist1d", tof_range=tof_range, num_bins=bins)
        tof = near(schema, np.linspace(*tof_range, bins + 1))
        wanted = numpy_counts(config, tof, tof)
        np.testing.assert_array_equal(counts(config, schema, tof, tof), wanted, err_msg=f"{tof_range} {bins}")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("schema", SCHEMAS)
def test_hist2d(schema: str) -> None:
    draw = np.random.default_rng(4)
    for _ in range(AXES):
        (tof_range, tof_bins), (det_range, pixel_bins) = (random_axis(draw, schema, 400) for _ in range(2))
        bins = [tof_bins, pixel_bins]
        config = config_of("hist2d", tof_range=tof_range, det_range=det_range, num_bins=bins)
        tof, pixel = (
            near(schema, np.linspace(*tof_range, tof_bins + 1)),
            near(schema, np.linspace(*det_range, pixel_bins + 1)),
        )
        if tof.size == 0 or pixel.size == 0:
            continue
        size = max(tof.size, pixel.size)
        tof, pixel = draw.permutation(np.resize(tof, size)), draw.permutation(np.resize(pixel, size))
        wanted = numpy_counts(config, tof, pixel)
        np.testing.assert_array_equal(counts(config, schema, tof, pixel), wanted, err_msg=str(config))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("first", "last"), [(-0.5, 3.3e9), (7.25, 2.9e6 + 0.1), (-4e9, 9e9)])
def test_more_bins_than_the_table_of_an_axis_has_cells(first: float, last: float) -> None:
    """Cells have several thresholds then; bins narrower than 1, none or several at once."""
    bins = 5_000_000
    config = config_of("hist1d", tof_range=[first, last], num_bins=bins)
    some = np.random.default_rng(5).integers(0, bins + 1, 20_000)
    tof = near("ev42", np.linspace(first, last, bins + 1)[some])
    wanted = numpy_counts(config, tof, tof)
    assert wanted.sum() > 0
    np.testing.assert_array_equal(counts(config, "ev42", tof, tof), wanted)
