"""da00 both ways, against the field's usual code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00, serialise_da00

from histsvc.wire import da00

PROFILE = settings(deadline=None, max_examples=150, derandomize=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
NAMES = st.sampled_from(["frame_time", "time_of_arrival", "tof", "t", "x"])
DTYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
TIMES = st.integers(-(2**63), 2**63 - 1)
NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "": 1.0}


@st.composite
def counts(draw: st.DrawFn, bins: int) -> npt.NDArray[Any]:
    """Whole numbers ≥ 0 in every type there is; 20 of the largest stay below 2^53."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    bits = 8 * dtype.itemsize - 1
    largest = 2**24 if dtype.kind == "f" else min(2**48, 2**bits - 1)
    values = draw(st_numpy.arrays(np.int64, bins, elements=st.integers(0, largest)))
    return values.astype(dtype)


@st.composite
def edges(draw: st.DrawFn, bins: int) -> npt.NDArray[Any]:
    """Ascending numbers in every type that holds them."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    steps = draw(st_numpy.arrays(np.int64, bins, elements=st.integers(1, 6)))
    low = draw(st.integers(0, 5)) if dtype.itemsize == 1 or dtype.kind == "u" else draw(st.integers(-99, 99))
    return (low + np.concatenate(([0], np.cumsum(steps)))).astype(dtype)


@PROFILE
@given(data=st.data(), bins=st.integers(1, 20), source=TEXTS, time_ns=TIMES, dim=NAMES)
def test_what_is_serialised_is_what_both_decoders_read(
    data: st.DataObject, bins: int, source: str, time_ns: int, dim: str
) -> None:
    signal, edges_ns = data.draw(counts(bins)), data.draw(edges(bins))
    payload = da00.serialise(source, time_ns, edges_ns, signal, dim)

    assert payload[4:8] == da00.SCHEMA.encode()
    theirs = deserialise_da00(payload)
    assert (theirs.source_name, theirs.timestamp_ns) == (source, time_ns)
    assert [(v.name, v.axes, v.unit) for v in theirs.data] == [
        ("signal", [dim], "counts"),
        (dim, [dim], "ns"),
    ]
    for read, given_values in zip(theirs.data, (signal, edges_ns), strict=True):
        assert read.data.dtype == given_values.dtype
        np.testing.assert_array_equal(read.data, given_values)

    mine = da00.deserialise(payload)
    assert (mine.source, mine.time_ns) == (source, time_ns)
    np.testing.assert_array_equal(mine.edges_ns, edges_ns.astype(np.float64), strict=True)
    np.testing.assert_array_equal(mine.counts, signal.astype(np.int64), strict=True)


@PROFILE
@given(data=st.data(), bins=st.integers(1, 20), source=TEXTS, time_ns=TIMES, dim=NAMES)
def test_what_the_stock_code_makes_is_read(
    data: st.DataObject, bins: int, source: str, time_ns: int, dim: str
) -> None:
    signal, unit = data.draw(counts(bins)), data.draw(st.sampled_from(list(NS)))
    edges_in_unit = data.draw(edges(bins))
    made = [
        Variable("signal", signal, [dim], unit=data.draw(st.none() | TEXTS), label="l", source="s"),
        Variable(data.draw(NAMES), edges_in_unit, [dim], unit=unit, label="l", source="s"),
        Variable("image", np.ones((bins, 3)), [dim, "y"]),
        Variable("scalar", data.draw(st.sampled_from([3.5, 7, "text"]))),
        Variable("centres", np.ones(bins), [dim]),
    ]
    payload = serialise_da00(source, time_ns, data.draw(st.permutations(made)))

    mine = da00.deserialise(payload)

    assert (mine.source, mine.time_ns) == (source, time_ns)
    np.testing.assert_array_equal(mine.counts, signal.astype(np.int64), strict=True)
    np.testing.assert_array_equal(mine.edges_ns, edges_in_unit.astype(np.float64) * NS[unit])


@PROFILE
@given(
    signal=st_numpy.arrays(
        st.sampled_from(["i8", "u8", "f8", "f4", "i1"]).map(np.dtype), 3, elements=None, fill=st.nothing()
    )
)
def test_a_signal_is_read_exactly_or_not_at_all(signal: npt.NDArray[Any]) -> None:
    payload = da00.serialise("s", 1, [0.0, 1.0, 2.0, 3.0], signal)
    values = signal.tolist()
    good = all(np.isfinite(v) and v >= 0 and v == int(v) for v in values)
    good = good and sum(int(v) for v in values) <= 2**53
    try:
        read = da00.deserialise(payload)
    except ValueError:
        assert not good
    else:
        assert good
        assert read.counts.tolist() == [int(v) for v in values]
