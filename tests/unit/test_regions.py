"""Which pixels lie in a region: every single id, against a mask of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from histsvc.histograms.region import Region
from histsvc.histograms.roihist import RoihistConfig
from histsvc.kernels.axis import Int32Array
from histsvc.kernels.regions import Held, find_held, held, held_numpy
from histsvc.model import Int64Array

CASES: dict[str, tuple[Int64Array, int]] = {
    "one pixel": (np.array([7]), 1),
    "a rectangle": (np.arange(300, 900) * 1000 + 17, 400),
    "whole rows": (np.arange(300, 900) * 1000, 1000),
    "of a large image": (np.arange(100, 2100) * 4096 + 1234, 1500),
    "of a large image, one pixel wide": (np.arange(100, 2100) * 4096 + 4095, 1),
    "of a large image, all but one pixel": (np.arange(100, 2100) * 4096 + 1, 4095),
    "one row among many ids": (np.array([5, 4_000_000]), 2_000_000),
    "in any order, with others inside, and twice": (np.array([9, 3_000_000, 9, 11, 5, 2_999_999]), 4),
    "more rows than cells": (np.arange(0, 2_000_000, 3), 2),
}


def looked_up(table: Held, pixel: npt.NDArray[Any]) -> Int32Array:
    found = np.full(pixel.size, -1, np.int32)
    find_held(pixel, *table, found)
    return found


@pytest.mark.parametrize("base", [-(2**31), 2**31 - 3_500_000, 2**32 - 2_000_000])
@pytest.mark.parametrize("case", CASES)
def test_every_id_is_found_where_it_is(case: str, base: int) -> None:
    lefts, width = CASES[case]
    mask = np.zeros(int(lefts.max()) + width + 5_000, bool)
    for left in lefts.tolist():
        mask[left : left + width] = True
    table = held(lefts + base, width)
    for dtype in (np.int32, np.uint32):
        limits = np.iinfo(dtype)
        pixel = np.arange(max(base - 3, limits.min), min(base + mask.size, limits.max + 1))
        wanted = np.where(pixel < base, False, mask[np.maximum(pixel - base, 0)])
        np.testing.assert_array_equal(looked_up(table, pixel.astype(dtype)), wanted)
        np.testing.assert_array_equal(held_numpy(pixel, table.lefts, width), wanted)
        far = np.array([limits.min, limits.max], dtype)
        inside = [int(p) - base in range(mask.size) and mask[int(p) - base] for p in far.tolist()]
        assert looked_up(table, far).tolist() == inside


@pytest.mark.parametrize("rows", [1, 2, 1000, 40_000])
@pytest.mark.parametrize("spread", [1, 3, 1000, 2**17])
def test_tables_are_no_larger_than_they_are_said_to_be(rows: int, spread: int) -> None:
    lefts = -(2**31) + np.arange(min(rows, 3 * 2**31 // spread)) * spread
    for width in (1, spread, 2**31 + 2**32):
        table = held(lefts, width)
        used = sum(part.nbytes for part in (table.lefts, table.cells, table.states))
        region = Region(left_edges=tuple(lefts.tolist()), width=width)
        assert used <= region.table_bytes + 64
        assert table.states.size <= 2**20 + 1


def test_the_tables_of_a_roihist_are_told_as_well() -> None:
    keys = {"data_brokers": ["b:1"], "data_topics": ["x"], "topic": "y", "type": "roihist", "width": 3}
    small, large = (
        RoihistConfig.model_validate({**keys, "left_edges": list(range(rows))}) for rows in (1, 1000)
    )
    assert large.table_bytes == 1000 * small.table_bytes > 0
