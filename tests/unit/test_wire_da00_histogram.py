"""Histograms published as da00: what the usual decoder, and a reader that makes arrays of scipp, find."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scipp as sc
from fakes import config_of
from streaming_data_types.dataarray_da00 import Variable as StockVariable
from streaming_data_types.dataarray_da00 import da00_DataArray_t, deserialise_da00, serialise_da00

from histsvc.model import Role, Snapshot, Tally, Variable
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import da00_histogram

KINDS = ("hist1d", "hist2d", "dethist", "roihist")
FIRST_NS, LAST_NS = 1_700_000_000_123_456_789, 1_700_000_100_123_456_789
INFO = HistogramInfo(
    id="Zähler \u03bb", state=State.COUNTING, first_pulse_time=FIRST_NS, last_pulse_time=LAST_NS
)


def counted(kind: str = "hist2d") -> Snapshot:
    accumulator = config_of(kind, num_bins=[4, 3] if kind == "hist2d" else 7).accumulator()
    accumulator.counts[:] = np.arange(accumulator.counts.size).reshape(accumulator.counts.shape) ** 2
    accumulator.tally[Tally.COUNTED] = accumulator.counts.sum()
    return accumulator.snapshot()


def along(label: str, unit: str = "ns", dim: str = "", bins: int = 2) -> Variable:
    dim = dim or label
    return Variable(f"{dim}_edges", Role.EDGES, (dim,), np.arange(bins + 1.0), unit, label)


def of(*edges: Variable, **changes: Any) -> Snapshot:
    """A histogram of these axes."""
    dims = tuple(each.dims[0] for each in edges)
    counts = np.ones([each.data.size - 1 for each in edges], np.int64)
    return Snapshot((Variable("counts", Role.COUNTS, dims, counts, "counts"), *edges))


def made(snapshot: Snapshot, info: HistogramInfo = INFO, *, integers: bool = False) -> bytes:
    return da00_histogram.serialise(snapshot, "histsvc", 7, info.to_json(), integers=integers)


def variables(payload: bytes) -> dict[str, StockVariable]:
    return {each.name: each for each in deserialise_da00(payload).data}


def as_stock(read: da00_DataArray_t) -> bytes:
    """The same as the stock code serialises it, for which a number is eight bytes if it is no array."""
    for each in read.data:
        each.data = np.array(each.data) if isinstance(each.data, int) else each.data
    made: bytes = serialise_da00(*read)
    return made


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_the_stock_code_would_make_of_it(kind: str, integers: bool) -> None:
    payload = made(counted(kind), integers=integers)
    assert deserialise_da00(as_stock(deserialise_da00(payload))) == deserialise_da00(payload)


def test_every_variable_has_what_the_protocol_says() -> None:
    snapshot = counted("hist2d")
    read = variables(made(snapshot))
    assert list(read) == ["signal", "errors", "tof", "pixel", "start_time", "end_time", "info"]
    said = {name: (each.axes, each.shape, each.unit, each.label) for name, each in read.items()}
    assert said == {
        "signal": (["tof", "pixel"], (4, 3), "counts", "counts"),
        "errors": (["tof", "pixel"], (4, 3), "counts", "errors of the counts"),
        "tof": (["tof"], (5,), "ns", "time of flight"),
        "pixel": (["pixel"], (4,), "", "pixel id"),
        "start_time": ([], (), "ns", "first pulse"),
        "end_time": ([], (), "ns", "last pulse"),
        "info": ([], (len(INFO.to_json().encode()),), None, None),
    }
    counts = snapshot.counts.data
    np.testing.assert_array_equal(read["signal"].data, counts.astype(np.float64), strict=True)
    np.testing.assert_array_equal(read["errors"].data, np.sqrt(counts.astype(np.float64)), strict=True)
    for name, dim in (("tof", "time_of_flight"), ("pixel", "pixel")):
        np.testing.assert_array_equal(read[name].data, snapshot.edges(dim).data, strict=True)
    assert (read["start_time"].data, read["end_time"].data) == (FIRST_NS, LAST_NS)
    assert read["info"].data == INFO.to_json()


@pytest.mark.parametrize(
    ("pulses", "there"),
    [
        ({}, []),
        ({"last_pulse_time": LAST_NS}, ["end_time"]),
        ({"first_pulse_time": FIRST_NS}, ["start_time"]),
        ({"first_pulse_time": LAST_NS, "last_pulse_time": LAST_NS}, ["start_time", "end_time"]),
    ],
)
def test_times_that_are_not_known_are_not_there(pulses: dict[str, int], there: list[str]) -> None:
    read = variables(made(counted(), HistogramInfo(state=State.INITIALISED, **pulses)))
    assert [name for name in read if name.endswith("_time")] == there


@pytest.mark.parametrize("most", [0, 1, 2**53, 2**63 - 1])
@pytest.mark.parametrize("integers", [False, True])
def test_errors_are_the_roots_whatever_the_type_of_the_counts(most: int, integers: bool) -> None:
    for counts in (np.array([0, 4, most]), np.array([0, 4, most % 2**32], np.uint32)):
        snapshot = Snapshot((Variable("counts", Role.COUNTS, ("x",), counts, "counts"), along("x", bins=3)))
        errors = variables(made(snapshot, integers=integers))["errors"].data
        np.testing.assert_array_equal(errors, np.sqrt(counts.astype(np.float64)), strict=True)


def test_arrays_are_aligned() -> None:
    for each in variables(made(counted())).values():
        if isinstance(each.data, np.ndarray):
            assert each.data.ctypes.data % 8 == 0


def scipp_array(payload: bytes) -> sc.DataArray:
    """What a reader makes of it that knows nothing of us: errors of the signal, and coordinates."""
    read = {
        each.name: sc.array(dims=each.axes, values=np.asarray(each.data), unit=each.unit)
        for each in deserialise_da00(payload).data
    }
    data = read.pop("signal")
    data.variances = (read.pop("errors") ** 2).values
    return sc.DataArray(data, coords=read)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scipp_array_is_made_of_it_without_knowing_it(kind: str) -> None:
    snapshot = counted(kind)
    array = scipp_array(made(snapshot))
    np.testing.assert_array_equal(array.values, snapshot.counts.data)
    np.testing.assert_allclose(array.variances, snapshot.counts.data)
    assert array.unit == "counts"
    for dim, read in zip(snapshot.counts.dims, array.dims, strict=True):
        assert array.coords.is_edges(read, read)
        np.testing.assert_array_equal(array.coords[read].values, snapshot.edges(dim).data)
    assert array.coords["start_time"].value == FIRST_NS
    assert json.loads(array.coords["info"].value)["id"] == INFO.id
    # The physics of scipp works on it: bins can be brought together, exactly.
    assert sc.sum(array).value == snapshot.counts.data.sum()


def test_integers_are_a_scipp_array_too() -> None:
    read = variables(made(counted(), integers=True))
    data = sc.array(dims=read["signal"].axes, values=read["signal"].data, unit="counts")
    assert data.dtype == sc.DType.int32
    assert sc.sum(data).value == counted().counts.data.sum()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["time of flight", "pixel id"], ["tof", "pixel"]),
        (["x", "x"], ["x", "dim_1"]),
        (["signal", "errors"], ["dim_0", "dim_1"]),
        (["info", "start_time"], ["dim_0", "dim_1"]),
        (["dim_1", ""], ["dim_0", "dim_1"]),
        (["two words", "tof"], ["dim_0", "tof"]),
        (["time of flight", "tof"], ["tof", "dim_1"]),
    ],
)
def test_no_two_variables_have_one_name(labels: list[str], names: list[str]) -> None:
    axes = [along(label, dim=f"d{number}") for number, label in enumerate(labels)]
    payload = made(of(*axes))
    assert variables(payload)["signal"].axes == names
    assert len(variables(payload)) == len(deserialise_da00(payload).data)
    read = da00_histogram.deserialise(payload)
    assert [(axis.name, axis.label) for axis in read.axes] == list(zip(names, labels, strict=True))


def test_units_are_read_back_though_pixel_is_none_that_others_know() -> None:
    axes = [along("x", "pixel"), along("id", ""), along("t", "\u00b5s")]
    payload = made(of(*axes))
    assert [variables(payload)[name].unit for name in ("x", "id", "t")] == [None, "", "\u00b5s"]
    assert [axis.unit for axis in da00_histogram.deserialise(payload).axes] == ["pixel", "", "\u00b5s"]


GOOD = [
    StockVariable("signal", np.arange(2), ["x"]),
    StockVariable("x", np.arange(3.0), ["x"]),
    StockVariable("info", "{}", []),
]


@pytest.mark.parametrize("left_out", ["signal", "x", "info"])
def test_what_is_missing_is_named(left_out: str) -> None:
    rest = [each for each in GOOD if each.name != left_out]
    with pytest.raises(ValueError, match=f"there is no variable '{left_out}'"):
        da00_histogram.deserialise(serialise_da00("s", 1, rest))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (StockVariable("info", 3, []), "the variable 'info' is 3"),
        (StockVariable("signal", "abc", []), "the variable 'signal' is 'abc'"),
        (StockVariable("signal", 3, []), "the variable 'signal' is 3"),
        (StockVariable("x", "abc", []), "the variable 'x' is 'abc'"),
        (StockVariable("x", np.arange(3.0), ["y"]), "the edges 'x' have the axes"),
        (StockVariable("x", np.zeros((3, 1)), ["x", "y"]), "the edges 'x' have the axes"),
    ],
)
def test_what_is_something_else_is_named(other: StockVariable, said: str) -> None:
    rest = [each for each in GOOD if each.name != other.name]
    with pytest.raises(ValueError, match=said):
        da00_histogram.deserialise(serialise_da00("s", 1, [*rest, other]))


def test_others_may_say_less_and_more() -> None:
    more = [StockVariable("temperature", 3.5, []), StockVariable("mask", np.zeros(2, np.uint8), ["x"])]
    read = da00_histogram.deserialise(serialise_da00("other", 1, [*more, *GOOD]))
    assert (read.source, read.timestamp_ns, read.info, read.data.tolist()) == ("other", 1, "{}", [0, 1])
    (axis,) = read.axes
    assert (axis.name, axis.label, axis.edges.tolist()) == ("x", "", [0.0, 1.0, 2.0])
