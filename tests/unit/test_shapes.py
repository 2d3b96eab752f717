"""Messages of every shape say the same to the field's usual decoders, and never wrap a number."""

from __future__ import annotations

import numpy as np
import pytest

from histsvc.errors import SettingsError
from histsvc.model import Int64Array, Pulse
from histsvc.wire import ev42, ev44, shapes

SCHEMAS = ("ev42", "ev44")


def decode(schema: str, payload: bytes) -> Pulse:
    return ev42.deserialise(payload) if schema == "ev42" else ev44.deserialise(payload)


def drawn(count: int, schema: str, seed: int = 1) -> tuple[Int64Array, Int64Array]:
    smallest, largest = shapes.allowed(schema)
    draw = np.random.default_rng(seed)
    tof_ns, pixel_id = draw.integers(smallest, largest, (2, count), np.int64, endpoint=True)
    return tof_ns, pixel_id


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("shape", ["compact", "efu", "isis"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000, 12_399, 12_400])
def test_round_trip(shape: str, schema: str, count: int) -> None:
    encoder = shapes.encoder(shape, schema, "bank_3")
    tof_ns, pixel_id = drawn(count, schema)

    (message,) = encoder.encode(1_700_000_000_123_456_789, tof_ns, pixel_id)

    read = decode(schema, message.payload)
    assert (message.events, read.source) == (count, "bank_3")
    assert read.reference_time_ns == 1_700_000_000_123_456_789
    np.testing.assert_array_equal(read.tof_ns, tof_ns)
    np.testing.assert_array_equal(read.pixel_id, pixel_id)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("source", ["", "a", "source0", "source10", "x" * 40, "x" * 43])
def test_efu_messages_always_have_the_same_size(schema: str, source: str) -> None:
    encoder = shapes.Efu(schema, source)
    for count in (12_400, 0, 7, 1, 12_400):
        (message,) = encoder.encode(1, *drawn(count, schema))
        assert len(message.payload) == shapes.EFU_BYTES
        assert decode(schema, message.payload).source == source


@pytest.mark.parametrize("schema", SCHEMAS)
def test_efu_messages_have_stale_bytes_behind_their_vectors(schema: str) -> None:
    encoder = shapes.Efu(schema, "source0")
    tof_ns, pixel_id = drawn(100, schema)
    list(encoder.encode(1, tof_ns, pixel_id))

    (message,) = encoder.encode(2, tof_ns[:10], pixel_id[:10])

    dtype = "<u4" if schema == "ev42" else "<i4"
    for numbers in (tof_ns, pixel_id):
        at = message.payload.index(numbers.astype(dtype).tobytes())
        assert int.from_bytes(message.payload[at - 4 : at], "little") == 10
        assert 0 not in message.payload[at + 400 : at + 4 * shapes.EFU_EVENTS]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_efu_divides_more_events_than_fit(schema: str) -> None:
    tof_ns, pixel_id = drawn(30_000, schema)

    messages = list(shapes.Efu(schema, "source0").encode(5, tof_ns, pixel_id))

    assert [message.events for message in messages] == [12_400, 12_400, 5_200]
    read = [decode(schema, message.payload) for message in messages]
    assert {events.reference_time_ns for events in read} == {5}
    np.testing.assert_array_equal(np.concatenate([events.tof_ns for events in read]), tof_ns)
    np.testing.assert_array_equal(np.concatenate([events.pixel_id for events in read]), pixel_id)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("shape", ["compact", "efu"])
def test_messages_are_numbered(shape: str, schema: str) -> None:
    from streaming_data_types import DESERIALISERS

    encoder = shapes.encoder(shape, schema, "a")
    payloads = [message.payload for _ in range(3) for message in encoder.encode(1, *drawn(2, schema))]
    assert [DESERIALISERS[schema](payload).message_id for payload in payloads] == [0, 1, 2]


@pytest.mark.parametrize("shape", ["compact", "efu"])
@pytest.mark.parametrize(
    ("schema", "number"), [("ev42", -1), ("ev42", 2**32), ("ev44", 2**31), ("ev44", -(2**31) - 1)]
)
def test_what_does_not_fit_is_refused(shape: str, schema: str, number: int) -> None:
    good, bad = np.zeros(2, np.int64), np.array([0, number])
    encoder = shapes.encoder(shape, schema, "a")
    with pytest.raises(SettingsError, match=f"times of flight .*{number}.* do not fit {schema}"):
        list(encoder.encode(1, bad, good))
    with pytest.raises(SettingsError, match=r"pixel ids .* do not fit"):
        list(encoder.encode(1, good, bad))


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(SettingsError, match="2 times of flight, but 1 pixel ids"):
        list(shapes.Compact("ev42", "a").encode(1, np.zeros(2, np.int64), np.zeros(1, np.int64)))


def test_a_source_name_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(SettingsError, match="too long"):
        shapes.Efu("ev44", "x" * 60)
