"""More than 255 events in a bin: what spills over from its byte is neither lost nor counted twice."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import config_of, decoder_of, event_message, filling_of, payloads, tally_of

from histsvc.kernels.transpose import transpose, transpose_numpy
from histsvc.model import Int64Array, Tally
from histsvc.window import Verdict
from histsvc.worker.fill import Filling

KINDS = ("dethist", "hist2d", "roihist")
# Around the places where a byte is full.
SIZES = (255, 1, 1, 254, 513, 0, 256, 100_000, 3)


def events(size: int, seed: int) -> tuple[Int64Array, Int64Array]:
    """Most of them in one bin, the others in it and beside it, some outside of all."""
    draw = np.random.default_rng(seed)
    pixel_id = np.where(draw.random(size) < 0.9, 6, draw.integers(0, 14, size))
    return np.where(draw.random(size) < 0.9, 55, draw.integers(-5, 105, size)), pixel_id


def expected(kind: str, tof: Int64Array, pixel_id: Int64Array) -> Int64Array:
    """What numpy counts with the configuration of `raw_config`."""
    if kind == "hist2d":
        limits = ((0, 100), (1, 12))
        return np.histogram2d(tof, pixel_id, (10, 5), limits)[0].astype(np.int64)
    rows = np.histogram(pixel_id, 12, (0.5, 12.5))[0]
    return rows.reshape(3, 4).T.astype(np.int64)


def made(kind: str) -> Filling:
    return filling_of(config_of(kind, **({"num_bins": [10, 5]} if kind == "hist2d" else {})))


def count(filling: Filling, tof: Int64Array, pixel_id: Int64Array) -> None:
    batch = decoder_of().events(payloads([event_message("ev44", tof, pixel_id)]))
    filling.take(batch, np.array([Verdict.COUNTS], np.uint8))


def counts(filling: Filling) -> Int64Array:
    return filling.accumulator.snapshot().counts.data


@pytest.mark.parametrize("gathering", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_snapshot_is_exact(kind: str, gathering: bool) -> None:
    filling = made(kind)
    wanted = np.zeros(counts(filling).shape, np.int64)
    for seed, size in enumerate(SIZES):
        sent = events(size, seed)
        count(filling, *sent)
        wanted += expected(kind, *sent)
        np.testing.assert_array_equal(counts(filling), wanted)
        np.testing.assert_array_equal(counts(filling), wanted)
        if gathering:
            assert filling.accumulator.counts.sum() == wanted.sum()
    assert wanted.max() > 50_000
    assert tally_of(filling)["counted"] == wanted.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_two_are_merged_and_put_to_zero(kind: str) -> None:
    one, other = made(kind), made(kind)
    first, second = events(700, 1), events(300, 2)
    count(one, *first)
    count(other, *second)
    one.accumulator.merge(other.accumulator)
    np.testing.assert_array_equal(counts(one), expected(kind, *first) + expected(kind, *second))
    np.testing.assert_array_equal(counts(other), expected(kind, *second))
    one.accumulator.reset()
    assert not counts(one).any()
    count(one, *second)
    np.testing.assert_array_equal(counts(one), expected(kind, *second))


@pytest.mark.parametrize("kind", KINDS)
def test_counts_go_out_narrow_as_long_as_all_fit(kind: str) -> None:
    filling = made(kind)
    sent = events(1000, 3)
    count(filling, *sent)
    assert counts(filling).dtype == np.uint32
    accumulator = filling.accumulator
    first = int(counts(filling).flat[0])
    accumulator.counts[0, 0] += (1 << 32) - 1 - accumulator.sum
    accumulator.tally[Tally.COUNTED] = (1 << 32) - 1
    assert counts(filling).dtype == np.uint32
    accumulator.counts[0, 0] += 1
    accumulator.tally[Tally.COUNTED] += 1
    assert counts(filling).dtype == np.int64
    wanted = expected(kind, *sent)
    assert counts(filling).sum() == 1 << 32
    assert int(counts(filling).flat[0]) - first == (1 << 32) - wanted.sum()
    np.testing.assert_array_equal(counts(filling).flat[1:], wanted.flat[1:])


@pytest.mark.parametrize("dtype", [np.int64, np.uint32])
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (32, 128), (33, 129), (31, 127), (70, 300)])
def test_images_of_any_size_are_turned(
    shape: tuple[int, int], dtype: type[np.int64] | type[np.uint32]
) -> None:
    draw = np.random.default_rng(1)
    high = draw.integers(0, (1 << 40) if dtype is np.int64 else (1 << 32) - 256, shape)
    low = draw.integers(0, 256, shape, np.uint8)
    turned, wanted = np.empty(shape[::-1], dtype), np.empty(shape[::-1], dtype)
    transpose(high, low, turned)
    transpose_numpy(high, low, wanted)
    np.testing.assert_array_equal(turned, wanted)
    assert turned[-1, -1] == int(high[-1, -1]) + int(low[-1, -1])
