"""Counts as integers (--output-dtype int): the smallest type that holds them, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from stock_histograms import INTEGERS, STOCK

from histsvc.model import Role, Snapshot, Variable
from histsvc.wire import HISTOGRAM_DESERIALISERS, HISTOGRAM_SERIALISERS

# Edges that float32 or an integer would not carry.
X = np.array([0.1, 1 / 3, 2.0**53 + 2])
Y = np.array([-1e-300, 0.5, 1e17, 1.7e308])

# The largest count of a histogram, and the bits of the type that has it: without a sign, and with one.
BITS = [
    (0, 32, 32),
    (2**31 - 1, 32, 32),
    (2**31, 32, 64),
    (2**32 - 1, 32, 64),
    (2**32, 64, 64),
    (2**53 + 1, 64, 64),
    (2**63 - 1, 64, 64),
]
CASES = [
    (most, schema, INTEGERS[schema][(unsigned if schema == "hs00" else signed) == 64])
    for most, unsigned, signed in BITS
    for schema in STOCK
]


def snapshot(most: int) -> Snapshot:
    """An image of 2 by 3 bins of which the last has the most counts."""
    counts = np.array([[0, 1, 2], [3, 4, 5]], np.int64).clip(max=most)
    counts[1, 2] = most
    return Snapshot(
        (
            Variable("counts", Role.COUNTS, ("x", "y"), counts, "counts"),
            Variable("x_edges", Role.EDGES, ("x",), X, "ns", "time"),
            Variable("y_edges", Role.EDGES, ("y",), Y, "", "pixel"),
        )
    )


def sent(schema: str, most: int, *, integers: bool) -> tuple[Snapshot, bytes]:
    made = snapshot(most)
    return made, HISTOGRAM_SERIALISERS[schema](made, "me", 7, "{}", integers=integers)


@pytest.mark.parametrize(("most", "schema", "dtype"), CASES)
def test_the_smallest_type_that_holds_the_counts_is_read_back_exactly(
    most: int, schema: str, dtype: str
) -> None:
    made, payload = sent(schema, most, integers=True)
    read = STOCK[schema](payload)
    assert read["data"].dtype == np.dtype(dtype)
    assert read["data"].tolist() == made.counts.data.tolist()
    assert read["current_shape"] == [2, 3]
    ours = HISTOGRAM_DESERIALISERS[schema](payload)
    assert (ours.data.dtype, ours.data.tolist()) == (np.dtype(dtype), made.counts.data.tolist())


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("schema", STOCK)
def test_edges_and_all_else_are_the_same_whatever_the_type_of_the_counts(schema: str, integers: bool) -> None:
    read = STOCK[schema](sent(schema, 2**31, integers=integers)[1])
    edges = [axis["bin_boundaries"] for axis in read["dim_metadata"]]
    assert [axis.dtype for axis in edges] == [np.float64, np.float64]
    assert [axis.tolist() for axis in edges] == [X.tolist(), Y.tolist()]
    assert [(axis["length"], axis["unit"], axis["label"]) for axis in read["dim_metadata"]] == [
        (2, "ns", "time"),
        (3, "", "pixel"),
    ]
    assert (read["source"], read["timestamp"], read["info"]) == ("me", 7, "{}")


@pytest.mark.parametrize("schema", STOCK)
@pytest.mark.parametrize("most", [0, 2**31, 2**53])
def test_float64_is_the_default_and_exact_up_to_its_last_whole_number(schema: str, most: int) -> None:
    made = snapshot(most)
    read = STOCK[schema](HISTOGRAM_SERIALISERS[schema](made, "me", 7, "{}"))
    assert read["data"].dtype == np.float64
    assert [[int(n) for n in row] for row in read["data"]] == made.counts.data.tolist()


@pytest.mark.parametrize("schema", STOCK)
def test_the_type_depends_on_the_moment_and_not_on_messages_before(schema: str) -> None:
    sizes = [STOCK[schema](sent(schema, most, integers=True)[1])["data"].itemsize for most in (5, 2**40, 5)]
    assert sizes == [4, 8, 4]
