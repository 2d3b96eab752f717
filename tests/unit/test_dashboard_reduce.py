"""Images are made as small as the screen, and no count gets lost on the way; numpy is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from histsvc.view.dashboard.reduce import Extent, Part, even, part, reduced, span

EDGES = np.arange(101.0)


@given(
    bins=st.integers(1, 300),
    pixels=st.integers(0, 400),
    seen=st.none() | st.tuples(st.floats(-50, 400), st.floats(-50, 400)),
)
def test_a_part_covers_what_is_seen_and_fits_the_screen(
    bins: int, pixels: int, seen: tuple[float, float] | None
) -> None:
    edges = np.arange(bins + 1.0)
    found = part(edges, None if seen is None else Extent(*seen), pixels)
    assert 0 <= found.begin < found.end <= bins
    assert found.begin % found.step == 0
    low, high = (0.0, float(bins)) if seen is None else sorted(np.clip(seen, 0, bins).tolist())
    if low < high:
        assert found.begin <= low
        assert found.end >= high
    # Blocks that begin at multiples of their size may be one more than fit, and are less than twice as many.
    assert found.blocks <= max(2 * pixels, 1) + 1


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    steps=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 99),
)
def test_each_block_has_the_mean_of_its_bins(
    shape: tuple[int, int], steps: tuple[int, int], seed: int
) -> None:
    counts = np.random.default_rng(seed).integers(0, 1000, shape)
    x, y = Part(0, shape[0], steps[0]), Part(0, shape[1], steps[1])
    found = reduced(counts, x, y)
    assert found.shape == (x.blocks, y.blocks)
    for i in range(x.blocks):
        for j in range(y.blocks):
            rows, columns = (slice(n * s, (n + 1) * s) for n, s in zip((i, j), steps, strict=True))
            assert found[i, j] == pytest.approx(counts[rows, columns].mean())


def test_of_a_piece_only_that_is_taken_and_single_bins_stay_as_they_are() -> None:
    counts = np.arange(10_000).reshape(100, 100)
    x, y = part(EDGES, Extent(10.2, 19.8), 100), part(EDGES, Extent(50, 40), 7)
    assert (x, y) == (Part(10, 20, 1), Part(40, 50, 1))
    np.testing.assert_array_equal(reduced(counts, x, y), counts[10:20, 40:50])


def test_blocks_lie_where_their_bins_are() -> None:
    assert span(EDGES, Part(0, 100, 10)) == (0, 100)
    assert span(EDGES, Part(30, 100, 40)) == (
        30,
        110,
    )  # a shorter last block is drawn as long
    assert span(EDGES * 0.5 + 3, Part(10, 20, 5)) == (8, 13)


def test_bins_of_different_widths_are_drawn_where_they_lie() -> None:
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    counts = np.array([[5.0], [6.0], [7.0]])
    np.testing.assert_array_equal(even(counts, edges, 0)[:, 0], [5, 7, 7])
    assert even(counts, np.arange(4.0), 0) is counts
