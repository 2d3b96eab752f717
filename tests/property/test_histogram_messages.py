"""Published histograms both ways, in every schema, against the field's usual decoders."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import config_of
from hypothesis import given, settings
from hypothesis import strategies as st
from property.oracle import KINDS
from stock_histograms import STOCK

from histsvc.model import Role, Snapshot, Tally
from histsvc.wire import HISTOGRAM_DESERIALISERS, HISTOGRAM_SERIALISERS

PROFILE = settings(deadline=None, max_examples=30, derandomize=True)
SCHEMAS = tuple(STOCK)
DIMS = {
    "hist1d": [("ns", [0.0, 50.0, 100.0])],
    "hist2d": [("ns", [0.0, 50.0, 100.0]), ("", [1.0, 4.0, 7.0, 10.0])],
    "dethist": [("pixel", [0.0, 1.0, 2.0, 3.0, 4.0]), ("pixel", [0.0, 1.0, 2.0, 3.0])],
    "roihist": [("pixel", [0.0, 1.0, 2.0, 3.0, 4.0]), ("pixel", [0.0, 1.0, 2.0, 3.0])],
}

NAMES = {"hist1d": ["tof"], "hist2d": ["tof", "pixel"], "dethist": ["x", "y"], "roihist": ["x", "row"]}


def snapshot_of(kind: str, seed: int) -> Snapshot:
    bins = [2, 3] if kind == "hist2d" else 2
    config = config_of(kind, num_bins=bins, det_range=[1, 10], tof_range=[0, 100])
    accumulator = config.accumulator()
    accumulator.counts[:] = np.random.default_rng(seed).integers(0, 2**53, accumulator.counts.shape)
    accumulator.tally[Tally.COUNTED] = accumulator.counts.sum()
    return accumulator.snapshot()


def counted(kind: str) -> tuple[int, ...]:
    return tuple(len(edges) - 1 for _, edges in DIMS[kind])


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("kind", KINDS)
@PROFILE
@given(
    seed=st.integers(0, 2**32),
    source=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    time_ns=st.integers(0, 2**63 - 1),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
)
def test_both_ways(kind: str, schema: str, seed: int, source: str, time_ns: int, text: str) -> None:
    snapshot, info = snapshot_of(kind, seed), json.dumps({"id": text})
    payload = HISTOGRAM_SERIALISERS[schema](snapshot, source, time_ns, info)

    assert payload[4:8] == schema.encode()
    read = STOCK[schema](payload)
    assert (read["source"], read["timestamp"], read["info"]) == (source, time_ns, info)
    assert read["data"].dtype == np.float64
    assert read["data"].shape == tuple(read["current_shape"]) == counted(kind)
    np.testing.assert_array_equal(read["data"], snapshot.counts.data)
    for dim, (unit, edges) in zip(read["dim_metadata"], DIMS[kind], strict=True):
        assert (dim["length"], dim["unit"], dim["bin_boundaries"].tolist()) == (len(edges) - 1, unit, edges)
        assert dim["label"]

    mine = HISTOGRAM_DESERIALISERS[schema](payload)
    assert (mine.schema, mine.source, mine.timestamp_ns, mine.info) == (schema, source, time_ns, info)
    np.testing.assert_array_equal(mine.data, snapshot.counts.data)
    assert [axis.edges.tolist() for axis in mine.axes] == [edges for _, edges in DIMS[kind]]
    assert [axis.unit for axis in mine.axes] == [unit for unit, _ in DIMS[kind]]
    assert [axis.name for axis in mine.axes] == NAMES[kind]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_exact_up_to_2_to_the_53(kind: str, schema: str) -> None:
    made = snapshot_of(kind, 0)
    counts = np.full(made.counts.data.shape, 2**53 - 1)
    counts.flat[-1] = 1
    large = [replace(v, data=counts) if v.role is Role.COUNTS else v for v in made.variables]
    snapshot = Snapshot(tuple(large))
    read = STOCK[schema](HISTOGRAM_SERIALISERS[schema](snapshot, "s", 1, "{}"))
    assert [int(n) for n in read["data"].reshape(-1)] == snapshot.counts.data.reshape(-1).tolist()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_image_is_indexed_x_then_row(schema: str) -> None:
    accumulator = config_of("dethist", width=4, height=3).accumulator()
    accumulator.counts[:] = np.arange(12).reshape(3, 4)  # counts of the pixels in the order of their ids
    accumulator.tally[Tally.COUNTED] = 66
    read = STOCK[schema](HISTOGRAM_SERIALISERS[schema](accumulator.snapshot(), "s", 1, "{}"))
    assert [[int(read["data"][i % 4, i // 4]) for i in range(12)]] == [list(range(12))]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("other", [b"", b"12345678", b"\x08\0\0\0ev44" + bytes(20)])
def test_what_is_no_histogram_is_not_read(schema: str, other: bytes) -> None:
    with pytest.raises(Exception, match=r"."):
        HISTOGRAM_DESERIALISERS[schema](other)
