"""Cut, flipped and forged messages before memory that cannot be touched: refused, or read as they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fakes import SCHEMAS, event_message
from hostile.guarded import Wall
from hostile.handmade import message, parts, patched
from hostile.verdict import check
from hypothesis import given, settings
from hypothesis import strategies as st

from histsvc.model import Fault

PROFILE = settings(deadline=None, max_examples=400, derandomize=True)
WALL = Wall()
EVIL = (0, 1, 2, 3, 4, 7, 8, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)


def judged(payload: bytes) -> Fault:
    address, row = WALL.parse(payload, ("a", ""))
    return check(address, payload, row, ("a", ""))


def good(schema: str, events: int = 5) -> bytes:
    return message(schema, "a", (3, 9) if schema == "ev44" else (9,), range(events), range(events))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_wall_is_real_and_good_messages_pass_before_it(schema: str) -> None:
    assert judged(event_message(schema, [1, 2], [3, 4])) is Fault.NONE
    assert judged(good(schema)) is Fault.NONE


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("events", [0, 1, 6])
def test_truncation_at_every_length(schema: str, events: int) -> None:
    payload = event_message(schema, range(events), range(events))
    faults = [judged(payload[:length]) for length in range(len(payload))]
    assert set(faults[:8]) == {Fault.NO_SCHEMA}
    assert faults[8] is Fault.OUT_OF_BOUNDS
    # Both vectors lie in the message: cut off its last event, and one of them does not.
    assert events == 0 or Fault.NONE not in faults[: len(payload) - 4 * events]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_byte_of_a_message_with_every_value(schema: str) -> None:
    payload = good(schema, 3)
    for at, value in itertools.product(range(len(payload)), range(256)):
        judged(patched(payload, at, value, 1))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_evil_offsets_and_lengths(schema: str) -> None:
    payload = good(schema)
    places = parts(schema, payload)
    for at in places.values():
        around = [at + place for place in places.values()] + [len(payload) - at + i for i in range(-9, 9)]
        for value in {*EVIL, *around, *(at - place for place in places.values())}:
            judged(patched(payload, at, value))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("vector", ["tof", "pixel"])
@pytest.mark.parametrize("length", [6, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF])
def test_a_vector_longer_than_the_message_is_refused(schema: str, vector: str, length: int) -> None:
    payload = good(schema)
    long = patched(payload, parts(schema, payload)[vector], length)
    assert judged(long) in (Fault.OUT_OF_BOUNDS, Fault.LENGTHS_DIFFER)
    if length > 6:
        assert judged(long) is Fault.OUT_OF_BOUNDS


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("soffset", [0, 1, -1, 4, 0x7FFFFFFF, -0x80000000])
def test_a_vtable_that_points_to_itself_or_away(schema: str, soffset: int) -> None:
    payload = good(schema)
    judged(patched(payload, parts(schema, payload)["table"], soffset))


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("size", [*range(24), 0x7FFF, 0xFFFE, 0xFFFF])
@pytest.mark.parametrize("which", [0, 2])
def test_vtables_of_every_size(schema: str, size: int, which: int) -> None:
    payload = good(schema)
    judged(patched(payload, parts(schema, payload)["vtable"] + which, size, 2))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_vector_that_is_not_aligned_is_read_as_the_schemas_own_code_reads_it(schema: str) -> None:
    payload = good(schema)
    at = parts(schema, payload)["tof_offset"]
    offset = int.from_bytes(payload[at : at + 4], "little")
    for shift in (1, 2, 3):
        # Behind the shifted start lies a length of its own, small enough to stay inside.
        moved = patched(patched(payload, at, offset + shift), at + offset + shift, 5)
        assert judged(moved) is Fault.NONE


@PROFILE
@given(data=st.data(), schema=st.sampled_from(SCHEMAS), events=st.integers(0, 12))
def test_random_flips(data: st.DataObject, schema: str, events: int) -> None:
    payload = bytearray(good(schema, events))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(payload) - 1))
        payload[at] = data.draw(st.integers(0, 255))
    judged(bytes(payload[: data.draw(st.integers(0, len(payload)))]))


@PROFILE
@given(schema=st.sampled_from(SCHEMAS), root=st.integers(0, 80), body=st.binary(max_size=80))
def test_garbage_with_the_right_schema(schema: str, root: int, body: bytes) -> None:
    judged(root.to_bytes(4, "little") + schema.encode() + body)


def test_much_more_of_it() -> None:
    draw = np.random.default_rng(7)
    messages = [good(schema, events) for schema in SCHEMAS for events in (0, 1, 4)]
    faults = set()
    for _ in range(20_000):
        payload = bytearray(messages[draw.integers(len(messages))])
        for at in draw.integers(8, len(payload), draw.integers(1, 5)):
            # Small numbers point inside more often than any bytes do.
            payload[at] = draw.choice([0, 1, 4, 6, 8, 12, 16, 20, 24, 255])
        faults.add(judged(bytes(payload)))
    assert {Fault.NONE, Fault.OUT_OF_BOUNDS, Fault.LENGTHS_DIFFER} <= faults
