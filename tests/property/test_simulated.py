"""Made-up events of any histogram fall into its bins wherever events of 32 bits can; numpy is the oracle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fakes import config_of
from hypothesis import given, settings
from hypothesis import strategies as st
from property.oracle import LIMITS, Limits, axes, limits, numpy_counts
from unit.simulated_bench import wish

from histsvc.histograms.base import HistogramConfig
from histsvc.model import Frame, Pulse
from histsvc.sources.simulated_log import EVENTS, TopicLog
from histsvc.wire import EVENT_DESERIALISERS, INPUT_SERIALISERS, da00

PROFILE = settings(deadline=None, max_examples=300, derandomize=True)
SCHEMAS = st.sampled_from([["ev44"], ["ev42"], ["ev42", "ev44"]])


def held(schema: str, *ranges: Limits) -> bool:
    """Whether there is a whole number in each range that the schema carries."""
    low, high = LIMITS[schema]
    return all(np.ceil(max(least, low)) <= np.floor(min(most, high)) for least, most in ranges)


def wide(pair: Limits) -> Limits:
    return pair if pair[0] < pair[1] else (pair[0] - 0.5, pair[1] + 0.5)


def made(config: HistogramConfig, schemas: Sequence[str], number: int) -> Pulse | Frame:
    """A made-up message, decoded; its schema is one of those that are allowed."""
    histogram = wish(config.type, schemas)._replace(config=config)
    payload = TopicLog("events", [histogram], INPUT_SERIALISERS).message(number)
    schema = payload[4:8].decode()
    assert schema in schemas
    return EVENT_DESERIALISERS[schema](payload) if schema != "da00" else da00.deserialise(payload)


def total(config: HistogramConfig, pulse: Pulse | Frame) -> int:
    assert isinstance(pulse, Pulse)
    assert pulse.pixel_id.size in (EVENTS, 0)
    return int(numpy_counts(config, pulse.tof_ns, pulse.pixel_id).sum())


@PROFILE
@given(
    axis=axes(3000),
    det_range=st.none() | limits(),
    schemas=SCHEMAS,
    frames=st.booleans(),
    number=st.integers(0, 10**11),
)
def test_hist1d(
    axis: tuple[Limits, int], det_range: Limits | None, schemas: list[str], frames: bool, number: int
) -> None:
    tof_range, bins = axis
    config = config_of("hist1d", tof_range=tof_range, num_bins=bins, det_range=det_range)
    possible = any(held(schema, wide(tof_range)) for schema in schemas)
    message = made(config, [*schemas, "da00"] if frames else schemas, number)
    if isinstance(message, Frame):
        assert not possible
        assert message.counts.sum() == EVENTS
        np.testing.assert_array_equal(message.edges_ns, config.axes()["time_of_flight"])
        return
    assert total(config, message) == (EVENTS if possible else 0)
    if det_range is not None and possible:
        pixel = message.pixel_id
        assert np.all((pixel >= det_range[0]) & (pixel <= det_range[1]))


@PROFILE
@given(tof=axes(40), pixel=axes(40), schemas=SCHEMAS, number=st.integers(0, 10**11))
def test_hist2d(tof: tuple[Limits, int], pixel: tuple[Limits, int], schemas: list[str], number: int) -> None:
    config = config_of("hist2d", tof_range=tof[0], det_range=pixel[0], num_bins=[tof[1], pixel[1]])
    possible = any(held(schema, wide(tof[0]), wide(pixel[0])) for schema in schemas)
    assert total(config, made(config, schemas, number)) == (EVENTS if possible else 0)


@PROFILE
@given(
    first=st.integers(-(2**33), 2**33) | st.integers(-20, 20) | st.integers(2**31 - 20, 2**31 + 20),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    schemas=SCHEMAS,
    number=st.integers(0, 10**11),
)
def test_dethist(first: int, width: int, height: int, schemas: list[str], number: int) -> None:
    config = config_of("dethist", det_range=[first, first], width=width, height=height)
    possible = any(held(schema, (first, first + width * height - 1)) for schema in schemas)
    assert total(config, made(config, schemas, number)) == (EVENTS if possible else 0)


@PROFILE
@given(
    lefts=st.lists(st.integers(-20, 20) | st.integers(2**31 - 20, 2**31 + 20), min_size=1, max_size=6),
    width=st.integers(1, 9),
    number=st.integers(0, 10**11),
)
def test_roihist_and_spectra_of_a_region(lefts: list[int], width: int, number: int) -> None:
    config = config_of("roihist", left_edges=lefts, width=width)
    assert total(config, made(config, ["ev42", "ev44"], number)) >= EVENTS
    spectrum = config_of("hist1d", region={"left_edges": lefts, "width": width})
    message = made(spectrum, ["ev42", "ev44"], number)
    assert total(spectrum, message) == EVENTS
    assert isinstance(message, Pulse)
    assert message.pixel_id.size == EVENTS
    assert all(any(left <= p < left + width for left in lefts) for p in message.pixel_id.tolist())
