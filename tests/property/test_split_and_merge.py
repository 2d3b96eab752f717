"""A histogram is a sum: over batches cut anywhere, over accumulators, over snapshots."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fakes import NOW_MS, config_of, decoder_of, event_message, filling_of, raw, tally_of
from hypothesis import given, settings
from hypothesis import strategies as st
from property.oracle import KINDS

from histsvc.histograms.base import HistogramConfig
from histsvc.model import RawMessages
from histsvc.window import Verdict
from histsvc.wire.shapes import Efu
from histsvc.worker.fill import Filling

REGION = {"left_edges": [9, 1, 2], "width": 2}
PROFILE = settings(deadline=None, max_examples=40, derandomize=True)


def stream(seed: int, count: int) -> list[bytes]:
    """Messages that make every entry of the accounting, small and large ones mixed."""
    draw = np.random.default_rng(seed)
    efu = {schema: Efu(schema, "a") for schema in ("ev42", "ev44")}
    messages = []
    for i in range(count):
        schema = ("ev42", "ev44")[draw.integers(2)]
        size = int(draw.choice([0, 1, 7, 100, 3000]))
        tof, pixel = draw.integers(0, 120, size), draw.integers(0, 16, size)
        match draw.integers(8):
            case 0:
                messages.append(b"garbage"[: draw.integers(8)])
            case 1:
                messages.append(b"\x10\0\0\0f144" + bytes(16))
            case 2:
                (made,) = efu[schema].encode(i, tof, pixel)
                messages.append(made.payload)
            case kind:
                source = "b" if kind == 3 else "a"
                messages.append(event_message(schema, tof, () if kind == 4 else pixel, source, 1000 + i))
    return messages


def messages_of(payloads: list[bytes], first: int) -> RawMessages:
    return raw([(0, first + i, NOW_MS, payload) for i, payload in enumerate(payloads)])


def take(filling: Filling, payloads: list[bytes], first: int) -> None:
    """Count messages; every fifth one is out of the window."""
    batch = decoder_of("a").events(messages_of(payloads, first))
    outside = np.arange(first, first + len(payloads)) % 5 == 4
    filling.take(batch, np.where(outside, Verdict.OUT_OF_WINDOW, Verdict.COUNTS).astype(np.uint8))


def pieces(payloads: list[bytes], cuts: list[int]) -> list[tuple[int, list[bytes]]]:
    bounds = [0, *sorted(cut % (len(payloads) + 1) for cut in cuts), len(payloads)]
    return [(begin, payloads[begin:end]) for begin, end in itertools.pairwise(bounds)]


def whole(config: HistogramConfig, payloads: list[bytes]) -> Filling:
    filling = filling_of(config)
    take(filling, payloads, 0)
    return filling


def made(kind: str) -> HistogramConfig:
    """A histogram of a type, or a spectrum of a region."""
    if kind == "region":
        return config_of("hist1d", source="a", region=REGION)
    return config_of(kind, source="a")


seeds = st.tuples(st.integers(0, 2**32), st.integers(1, 30))
cutting = st.lists(st.integers(0, 30), max_size=8)


@pytest.mark.parametrize("kind", [*KINDS, "region"])
@PROFILE
@given(seed=seeds, cuts=cutting)
def test_batches_may_be_cut_anywhere(kind: str, seed: tuple[int, int], cuts: list[int]) -> None:
    payloads, config = stream(*seed), made(kind)
    once, cut = whole(config, payloads), filling_of(config)
    for first, piece in pieces(payloads, cuts):
        take(cut, piece, first)
    np.testing.assert_array_equal(cut.accumulator.counts, once.accumulator.counts)
    assert tally_of(cut) == tally_of(once)
    assert (cut.state, cut.last_pulse_ns) == (once.state, once.last_pulse_ns)


@pytest.mark.parametrize("kind", [*KINDS, "region"])
@PROFILE
@given(seed=seeds, cuts=cutting)
def test_accumulators_and_snapshots_merge_exactly(kind: str, seed: tuple[int, int], cuts: list[int]) -> None:
    payloads, config = stream(*seed), made(kind)
    once, parts = whole(config, payloads), []
    for first, piece in pieces(payloads, cuts):
        parts.append(filling_of(config))
        take(parts[-1], piece, first)

    snapshot = parts[0].accumulator.snapshot()
    for part in parts[1:]:
        snapshot = snapshot.merge(part.accumulator.snapshot())
        parts[0].accumulator.merge(part.accumulator)

    assert tally_of(parts[0]) == tally_of(once)
    wanted = once.accumulator.snapshot()
    for merged in (snapshot, parts[0].accumulator.snapshot()):
        for mine, other in zip(merged.variables, wanted.variables, strict=True):
            assert (mine.name, mine.role, mine.dims, mine.unit) == (
                other.name,
                other.role,
                other.dims,
                other.unit,
            )
            np.testing.assert_array_equal(mine.data, other.data)


def test_the_stream_of_these_tests_has_something_of_everything() -> None:
    tally = tally_of(whole(config_of("hist1d", source="a", tof_range=[5, 100]), stream(1, 200)))
    wanted = "counted underflow overflow filtered out_of_window messages undecodable other_schema"
    assert set(tally) == set(wanted.split())


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_is_not_changed_by_later_messages_and_resets(kind: str) -> None:
    filling = whole(config_of(kind), stream(1, 30))
    snapshot = filling.accumulator.snapshot()
    before = snapshot.counts.data.copy()
    assert before.sum() > 0
    take(filling, stream(2, 30), 30)
    filling.reset()
    np.testing.assert_array_equal(snapshot.counts.data, before)
    assert tally_of(filling) == {}
    assert filling.accumulator.counts.sum() == 0


@pytest.mark.parametrize("change", [{"num_bins": 11}, {"tof_range": [0, 101]}, {"det_range": [1, 2]}])
def test_different_histograms_do_not_merge(change: dict[str, object]) -> None:
    one, other = config_of("hist2d").accumulator(), config_of("hist2d", **change).accumulator()
    with pytest.raises(ValueError, match="different histograms"):
        one.merge(other)
    with pytest.raises(ValueError, match="different histograms"):
        one.snapshot().merge(other.snapshot())


def test_spectra_of_different_regions_do_not_merge() -> None:
    one = config_of("hist1d", region=REGION).accumulator()
    for region in (None, {**REGION, "width": 3}):
        with pytest.raises(ValueError, match="different histograms"):
            one.merge(config_of("hist1d", region=region).accumulator())


def test_different_types_do_not_merge() -> None:
    with pytest.raises(ValueError, match="different histograms"):
        config_of("dethist").accumulator().merge(config_of("roihist").accumulator())
    with pytest.raises(ValueError, match="different histograms"):
        config_of("hist1d").accumulator().snapshot().merge(config_of("hist2d").accumulator().snapshot())
