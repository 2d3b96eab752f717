"""Which da00 messages are frames that can be counted, which variables make them, and which are none."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from fakes import config_of
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00, serialise_da00
from streaming_data_types.fbschemas.dataarray_da00 import da00_DataArray

from histsvc.model import Frame
from histsvc.wire import da00, da00_histogram

COUNTS = np.array([3, 0, 5])
EDGES = np.array([0.0, 10.0, 20.0, 30.0])


def signal(values: npt.ArrayLike = COUNTS, dims: tuple[str, ...] = ("t",), name: str = "signal") -> Variable:
    return Variable(name, np.asarray(values), list(dims))


def edges(
    name: str, values: npt.ArrayLike = EDGES, unit: str | None = "ns", dims: tuple[str, ...] = ("t",)
) -> Variable:
    return Variable(name, np.asarray(values), list(dims), unit=unit)


def read(*variables: Variable, source: str = "mon", time_ns: int = 7) -> Frame:
    return da00.deserialise(serialise_da00(source, time_ns, list(variables)))


def refused(match: str, *variables: Variable) -> None:
    with pytest.raises(ValueError, match=match):
        read(*variables)


def test_a_frame() -> None:
    frame = read(signal(), edges("frame_time"), source=" mon ", time_ns=1_700_000_000_000_000_001)
    assert (frame.source, frame.time_ns) == (" mon ", 1_700_000_000_000_000_001)
    np.testing.assert_array_equal(frame.edges_ns, EDGES, strict=True)
    np.testing.assert_array_equal(frame.counts, COUNTS.astype(np.int64), strict=True)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["tof", "t", "time_of_arrival", "frame_time"], "frame_time"),
        (["tof", "t", "time_of_arrival"], "time_of_arrival"),
        (["x", "t", "tof"], "tof"),
        (["x", "t", "y"], "t"),
        (["x"], "x"),
    ],
)
def test_the_edges_have_the_first_of_the_usual_names(names: list[str], chosen: str) -> None:
    several = [edges(name, EDGES + i) for i, name in enumerate(names)]
    assert read(*several, signal()).edges_ns[0] == names.index(chosen)


def test_only_variables_along_the_dimension_and_one_longer_are_edges() -> None:
    frame = read(
        edges("frame_time", EDGES + 1, dims=("other",)),
        edges("time_of_arrival", EDGES[:-1]),
        edges("tof", EDGES.reshape(2, 2), dims=("t", "u")),
        Variable("t", "centres", ["t"], (4,)),
        signal(name="errors"),
        edges("whatever", EDGES + 9),
        signal(),
    )
    assert frame.edges_ns.tolist() == (EDGES + 9).tolist()


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        (None, 1),
        ("", 1),
        ("ns", 1),
        ("us", 1e3),
        ("\u00b5s", 1e3),
        ("\u03bcs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
    ],
)
@pytest.mark.parametrize("dtype", ["int16", "uint64", "float32", "float64"])
def test_units_become_ns(unit: str | None, factor: float, dtype: str) -> None:
    frame = read(signal(), edges("tof", EDGES.astype(dtype), unit))
    assert frame.edges_ns.tolist() == (EDGES * factor).tolist()


@pytest.mark.parametrize("unit", ["angstrom", "NS", "ps", "µ", " ns", "counts", "m", "min"])
def test_other_units_are_refused(unit: str) -> None:
    refused("no unit of time", signal(), edges("tof", unit=unit))


@pytest.mark.parametrize(
    "values",
    [
        [0, 10, 10, 20],
        [0, 10, 5, 20],
        [3, 2, 1, 0],
        [0, np.nan, 2, 3],
        [0, 1, 2, np.inf],
        [-np.inf, 1, 2, 3],
        [-1.7e308, 0, 1, 1.7e308],
    ],
)
def test_edges_that_do_not_ascend_are_refused(values: list[float]) -> None:
    refused("not finite and ascending", signal(), edges("tof", np.array(values, np.float64)))


def test_edges_that_are_infinite_in_ns_are_refused() -> None:
    refused("not finite and ascending", signal(), edges("tof", [0, 1, 2, 1e305], "s"))


@pytest.mark.parametrize("values", [[1, -1, 2], [1.0, 0.5, 2], [1, np.nan, 2], [1, np.inf, 2], [0, -1e-9, 2]])
def test_a_signal_that_is_no_counts_is_refused(values: list[float]) -> None:
    refused("whole numbers", signal(values), edges("tof"))


@pytest.mark.parametrize(
    "values",
    [
        np.array([2**53, 1, 0]),
        np.array([2**63 - 1, 1, 0]),
        np.array([2**63, 0, 0], np.uint64),
        np.array([2**62, 2**62, 0]),
        np.full(3, 2**64 - 2048, np.uint64),
        np.array([2.0**63, 0, 0]),
    ],
)
def test_a_sum_that_is_not_exact_in_float64_is_refused(values: npt.NDArray[Any]) -> None:
    refused("is more than 2\\^53", signal(values), edges("tof"))


def test_the_largest_sum_is_read() -> None:
    largest = [2**53 - 2, 2, 0]
    assert read(signal(largest), edges("tof")).counts.tolist() == largest
    assert read(signal(np.array(largest, np.uint64)), edges("tof")).counts.tolist() == largest


@pytest.mark.parametrize(
    "variables",
    [
        [edges("tof")],
        [signal(name="Signal"), edges("tof")],
        [signal(COUNTS.reshape(1, 3), ("u", "t")), edges("tof")],
        [signal(COUNTS.reshape(3, 1)), edges("tof")],
        [Variable("signal", COUNTS), edges("tof")],
        [signal(), signal(), edges("tof")],
    ],
    ids=["missing", "capital", "two-dimensional", "one axis for two", "without dimension", "twice"],
)
def test_there_is_one_signal_of_one_dimension(variables: list[Variable]) -> None:
    refused("could be the signal", *variables)


@pytest.mark.parametrize(
    "variables",
    [
        [],
        [edges("tof", EDGES[:-1])],
        [edges("tof", np.arange(5))],
        [edges("tof", dims=("x",))],
        [edges("a"), edges("b")],
        [edges("tof"), edges("tof")],
    ],
    ids=["none", "centres", "too long", "other dimension", "two candidates", "named twice"],
)
def test_there_are_edges_and_no_doubt_which(variables: list[Variable]) -> None:
    refused("could be the edges", signal(), *variables)


@pytest.mark.parametrize("variables", [[Variable("signal", "counts", ["t"], (3,)), edges("tof")]])
def test_texts_are_no_numbers(variables: list[Variable]) -> None:
    refused("not a countable frame", *variables)
    refused("not a countable frame", signal(), Variable("tof", "edge", ["t"], (4,)))


def test_a_signal_without_bins_is_refused() -> None:
    refused("not a countable frame", signal(np.empty(0)), edges("tof", [1.0]))


def test_a_message_without_source_name_is_refused_as_the_stock_decoder_does() -> None:
    builder = flatbuffers.Builder(64)
    variables = [v.pack(builder) for v in (signal(), edges("tof"))]
    da00_DataArray.StartDataVector(builder, len(variables))
    for variable in variables:
        builder.PrependUOffsetTRelative(variable)
    data = builder.EndVector()
    da00_DataArray.Start(builder)
    da00_DataArray.AddData(builder, data)
    builder.Finish(da00_DataArray.End(builder), file_identifier=b"da00")
    payload = bytes(builder.Output())
    with pytest.raises(AttributeError):
        deserialise_da00(payload)
    with pytest.raises(ValueError, match="a name is left out"):
        da00.deserialise(payload)


def test_a_message_of_another_schema_is_refused() -> None:
    payload = da00.serialise("mon", 7, EDGES, COUNTS)
    with pytest.raises(ValueError, match="WrongSchema"):
        da00.deserialise(payload[:4] + b"ev44" + payload[8:])


@pytest.mark.parametrize("kind", ["hist1d", "hist2d", "dethist", "roihist"])
def test_what_a_service_has_published_is_no_frame(kind: str) -> None:
    """It holds all that was in those before it, which would count again and again."""
    snapshot = config_of(kind).accumulator().snapshot()
    payload = da00_histogram.serialise(snapshot, "mon", 7, "{}")
    with pytest.raises(ValueError, match="it is what a service has published"):
        da00.deserialise(payload)


def test_other_texts_are_of_no_matter() -> None:
    texts = [Variable("note", "as found", []), Variable("information", "", [])]
    numbers = [Variable("info", 3, []), Variable("info", np.arange(2), ["x"])]
    for more in (*texts, *numbers):
        assert read(signal(), edges("tof"), more).counts.tolist() == COUNTS.tolist()
    refused("published", signal(), edges("tof"), Variable("info", "", []))
    refused("a name of 1001 bytes", signal(), edges("tof"), Variable("n" * 1001, "", []))


def test_what_is_read_does_not_live_in_the_message() -> None:
    payload = da00.serialise("mon", 7, EDGES, COUNTS)
    frame = da00.deserialise(payload)
    for array in (frame.counts, frame.edges_ns):
        assert not np.shares_memory(array, np.frombuffer(payload, np.uint8))
