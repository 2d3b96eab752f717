"""The compiled parser reads of every valid message what the field's usual decoders read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from fakes import SCHEMAS, decoder_of, event_message, payloads
from hostile.handmade import message
from hypothesis import given, settings
from hypothesis import strategies as st
from property.oracle import LIMITS

from histsvc.kernels.vectors import vector_at
from histsvc.model import Column, EventBatch, Fault, Pulse
from histsvc.wire import EVENT_DESERIALISERS, ev42, ev44
from histsvc.wire.shapes import EFU_BYTES, Efu, Message

PROFILE = settings(deadline=None, max_examples=150, derandomize=True)
NAMES = ("a", "bank 3", "Prüfling µ")


def batch_of(messages: Sequence[bytes]) -> EventBatch:
    return decoder_of(*NAMES).events(payloads(messages))


def read(batch: EventBatch, i: int) -> Pulse:
    """Message i of a batch, as tools see single messages; its source must be one of NAMES or empty."""
    table = batch.table
    source = int(table[Column.SOURCE, i])
    return Pulse(
        NAMES[source] if source >= 0 else "",
        int(table[Column.REFERENCE_TIME_NS, i]),
        vector_at(table, i, Column.TOF_ADDRESS, Column.TOF_LENGTH),
        vector_at(table, i, Column.PIXEL_ADDRESS, Column.PIXEL_LENGTH),
    )


def assert_same(mine: Pulse, theirs: Pulse) -> None:
    assert mine.source == (theirs.source.strip() if theirs.source.strip() in NAMES else "")
    assert mine.reference_time_ns == theirs.reference_time_ns
    np.testing.assert_array_equal(mine.tof_ns, theirs.tof_ns)
    np.testing.assert_array_equal(mine.pixel_id, theirs.pixel_id)


def numbers(schema: str, size: int) -> st.SearchStrategy[list[int]]:
    low, high = LIMITS[schema]
    return st.lists(st.integers(low, high), min_size=size, max_size=size)


sources = st.one_of(
    st.sampled_from([*NAMES, "", " a\t", "\n bank 3\v\f\r", "bank  3", "a\0"]), st.text(max_size=9)
)
times = st.integers(-(2**63), 2**63 - 1)


@st.composite
def valid(draw: st.DrawFn) -> tuple[str, bytes]:
    """A schema and a valid message of it, perhaps with stale bytes behind."""
    schema, size = draw(st.sampled_from(SCHEMAS)), draw(st.integers(0, 20))
    tof, pixel = draw(numbers(schema, size)), draw(numbers(schema, size))
    tail = draw(st.binary(max_size=20))
    if schema == "ev42":
        time = draw(st.integers(0, 2**63 - 1))
        return schema, ev42.serialise(draw(sources), draw(st.integers(0, 9)), time, tof, pixel) + tail
    reference = draw(st.lists(times, max_size=5))
    return schema, message(schema, draw(sources), reference, tof, pixel, tail=tail)


@PROFILE
@given(messages=st.lists(valid(), min_size=1, max_size=8))
def test_valid_messages_are_read_as_by_the_usual_decoders(messages: list[tuple[str, bytes]]) -> None:
    batch = batch_of([payload for _, payload in messages])
    assert not batch.column(Column.FAULT).any()
    for i, (schema, payload) in enumerate(messages):
        assert SCHEMAS[batch.column(Column.SCHEMA)[i]] == schema
        assert_same(read(batch, i), EVENT_DESERIALISERS[schema](payload))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("left_out", ["source", "times", "tof", "pixel"])
def test_a_field_that_is_absent_is_empty(schema: str, left_out: str) -> None:
    fields = {"source": "a", "times": (7,), "tof": (1, 2, 3), "pixel": (4, 5, 6)}
    batch = batch_of([message(schema, **{**fields, left_out: None})])  # type: ignore[arg-type]
    assert batch.column(Column.FAULT).tolist() == [Fault.NONE]
    assert batch.events.tolist() == [3]
    got = read(batch, 0)
    assert got.source == ("" if left_out == "source" else "a")
    assert got.reference_time_ns == (0 if left_out == "times" else 7)
    assert got.tof_ns.tolist() == ([] if left_out == "tof" else [1, 2, 3])
    assert got.pixel_id.tolist() == ([] if left_out == "pixel" else [4, 5, 6])


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_message_without_any_field_has_no_events(schema: str) -> None:
    batch = batch_of([message(schema, None, None, None, None)])
    assert batch.column(Column.FAULT).tolist() == [Fault.NONE]
    assert batch.events.tolist() == [0]


@pytest.mark.parametrize(
    ("reference", "newest"), [((), 0), ((5,), 5), ((5, 9, 7), 9), ((-3, -8), -3), ((2**62, 1), 2**62)]
)
def test_the_newest_reference_time_is_that_of_the_message(reference: tuple[int, ...], newest: int) -> None:
    assert read(batch_of([message("ev44", "a", reference, (1,), (1,))]), 0).reference_time_ns == newest


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(("tof", "pixel"), [((1,), (1, 2)), ((1, 2, 3), (1,))])
def test_vectors_of_different_lengths_are_malformed(schema: str, tof: list[int], pixel: list[int]) -> None:
    batch = batch_of([event_message(schema, tof, pixel)])
    assert batch.column(Column.FAULT).tolist() == [Fault.LENGTHS_DIFFER]
    assert batch.events.tolist() == [0]


@pytest.mark.parametrize("schema", SCHEMAS)
@PROFILE
@given(sizes=st.lists(st.sampled_from([0, 1, 2, 5, 2040, 2047, 2048, 9000]), min_size=1, max_size=6))
def test_messages_are_read_in_place(schema: str, sizes: list[int]) -> None:
    draw = np.random.default_rng(len(sizes))
    low, high = LIMITS[schema]
    vectors = [draw.integers(low, high, (2, size), np.int64, endpoint=True) for size in sizes]
    messages = [event_message(schema, tof, pixel, time_ns=i) for i, (tof, pixel) in enumerate(vectors)]
    batch = batch_of(messages)
    assert not batch.column(Column.FAULT).any()
    for payload, address, length in zip(messages, batch.column(Column.TOF_ADDRESS), sizes, strict=True):
        begin = np.frombuffer(payload, np.uint8).ctypes.data
        assert length == 0 or begin <= address <= begin + len(payload) - 4 * length
    for i, (tof, pixel) in enumerate(vectors):
        assert_same(read(batch, i), Pulse("a", i, tof, pixel))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_stale_bytes_behind_the_vectors_are_not_events(schema: str) -> None:
    encoder, draw = Efu(schema, "a"), np.random.default_rng(1)
    sizes, vectors = (12_400, 3, 0, 700), []
    messages: list[Message] = []
    for i, size in enumerate(sizes):
        vectors.append(draw.integers(0, 2**31 - 1, (2, size)))
        messages += encoder.encode(i, *vectors[-1])
    assert {len(made.payload) for made in messages} == {EFU_BYTES}
    batch = batch_of([made.payload for made in messages])
    assert batch.events.tolist() == list(sizes)
    for i, vector in enumerate(vectors):
        assert_same(read(batch, i), Pulse("a", i, *vector))


def test_schemas_without_events_and_payloads_without_a_schema_are_told_apart() -> None:
    head = b"\x10\0\0\0"
    given_payloads = [
        b"",
        b"ev44",
        head + b"ev4",
        head + b"f144",
        head + b"\0\0\0\0",
        head + b"f14\xff",
        b'{"a": 1}',
    ]
    batch = batch_of(given_payloads)
    nameless, other = Fault.NO_SCHEMA, Fault.OTHER_SCHEMA
    assert batch.column(Column.FAULT).tolist() == [nameless, nameless, nameless, other, *[nameless] * 3]
    assert set(batch.column(Column.SCHEMA).tolist()) == {-1}


def test_a_decoder_of_one_schema_takes_the_other_for_another_schema() -> None:
    from histsvc.worker.read import Decoder

    raw = payloads([event_message(schema, [1], [1]) for schema in SCHEMAS])
    batch = Decoder([ev44.LAYOUT], ["a"], {}).events(raw)
    assert batch.column(Column.FAULT).tolist() == [Fault.OTHER_SCHEMA, Fault.NONE]
    assert batch.column(Column.SCHEMA).tolist() == [-1, 0]


def test_no_messages_make_an_empty_batch() -> None:
    assert batch_of([]).table.shape == (len(Column), 0)
