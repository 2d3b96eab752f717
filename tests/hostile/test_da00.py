"""Cut, changed and forged da00 messages: refused with a ValueError, or a frame; never much work or memory."""

from __future__ import annotations

import itertools
import struct
import sys
import tracemalloc
from collections.abc import Iterator, Sequence

import flatbuffers
import numpy as np
import pytest
from hostile.handmade import patched
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_data_types.dataarray_da00 import Variable, deserialise_da00, serialise_da00
from streaming_data_types.fbschemas.dataarray_da00 import da00_DataArray

from histsvc.model import Frame
from histsvc.wire import da00

PROFILE = settings(deadline=None, max_examples=300, derandomize=True)
VALUES = (0, 1, 2, 3, 4, 7, 8, 11, 12, 16, 0x7F, 0x80, 0xFE, 0xFF)
WORDS = (0, 1, 4, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFC, 0xFFFFFFFF)
# A good message of two variables takes 1,000 calls; one of as many variables as there may be 16,000.
MOST_CALLS = 20_000
# Python's own objects of a decode; nothing that grows with what the message claims.
MOST_BYTES = 100_000
SIGNAL = Variable("signal", np.arange(3), ["t"])
EDGES = Variable("tof", np.arange(4.0), ["t"], unit="us")
GOOD = serialise_da00("mon", 7, [SIGNAL, EDGES])


@pytest.fixture(scope="module", autouse=True)
def traced_memory() -> Iterator[None]:
    """Begun and ended once: to end it while another thread allocates can crash Python (gh-128679)."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def judged(payload: bytes) -> Frame | None:
    """The frame, None where it is refused; any other exception is a failure."""
    try:
        frame = da00.deserialise(payload)
    except ValueError:
        return None
    assert frame.counts.ndim == 1
    assert frame.edges_ns.shape == (frame.counts.size + 1,)
    assert frame.counts.min() >= 0
    assert sum(frame.counts.tolist()) < 2**63
    assert np.isfinite(frame.edges_ns).all()
    assert (np.diff(frame.edges_ns) > 0).all()
    return frame


def work(payload: bytes) -> tuple[int, int]:
    """How many calls judging takes, and how many bytes at most; the frame itself is small or none."""
    calls = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    judged(payload)
    before_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    judged(payload)
    most_bytes = tracemalloc.get_traced_memory()[1] - before_bytes
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judged(payload)
    finally:
        sys.setprofile(before)
    return calls, most_bytes


def assert_cheap(payload: bytes) -> None:
    calls, most_bytes = work(payload)
    assert calls < MOST_CALLS
    assert most_bytes < MOST_BYTES


def shared(variables: Sequence[tuple[Variable, int]]) -> bytes:
    """A message in which each variable is named several times in the list, and there only once."""
    builder = flatbuffers.Builder(1024)
    places = [place for each, times in variables for place in [each.pack(builder)] * times]
    da00_DataArray.StartDataVector(builder, len(places))
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    data = builder.EndVector()
    source = builder.CreateString("mon")
    da00_DataArray.Start(builder)
    da00_DataArray.AddSourceName(builder, source)
    da00_DataArray.AddData(builder, data)
    builder.Finish(da00_DataArray.End(builder), file_identifier=b"da00")
    return bytes(builder.Output())


def test_the_good_message_is_good() -> None:
    frame = judged(GOOD)
    assert frame is not None
    assert frame.counts.tolist() == [0, 1, 2]
    assert judged(shared([(SIGNAL, 1), (EDGES, 1)])) is not None


def test_truncation_at_every_length() -> None:
    frames = [judged(GOOD[:length]) for length in range(len(GOOD))]
    # Behind the last text only its padding is left.
    assert not any(frames[:-3])


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_every_byte_with_several_values(width: int) -> None:
    refused = 0
    for at, value in itertools.product(range(len(GOOD) - width + 1), VALUES if width == 1 else WORDS):
        refused += judged(patched(GOOD, at, value, width)) is None
    assert refused


def test_every_word_points_everywhere() -> None:
    for at, to in itertools.product(range(0, len(GOOD), 4), range(0, len(GOOD), 4)):
        judged(patched(GOOD, at, to - at))


@PROFILE
@given(data=st.data())
def test_random_changes_cost_little_and_are_what_the_stock_decoder_reads(data: st.DataObject) -> None:
    payload = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        payload[data.draw(st.integers(8, len(payload) - 1))] = data.draw(st.sampled_from(VALUES))
    assert_cheap(bytes(payload))
    frame = judged(bytes(payload))
    try:
        stock = {v.name: v for v in deserialise_da00(bytes(payload)).data}
    except Exception:  # noqa: BLE001 - the stock decoder also unpacks what is not needed, and raises anything
        return
    if frame is not None:
        np.testing.assert_array_equal(frame.counts, stock["signal"].data)


@PROFILE
@given(root=st.integers(0, 80), body=st.binary(max_size=80))
def test_garbage_with_the_right_schema(root: int, body: bytes) -> None:
    judged(root.to_bytes(4, "little") + b"da00" + body)


@pytest.mark.parametrize("payload", [b"", b"\0", b"da00", b"\0\0\0\0da0", b"\0\0\0\0\xff\xff\xff\xff"])
def test_next_to_nothing(payload: bytes) -> None:
    assert judged(payload) is None


LONG = "x" * 1_000_000
MANY = 30_000
BOMBS = {
    "many variables": [(Variable("n", np.arange(3), ["t"]), MANY), (SIGNAL, 1), (EDGES, 1)],
    "shared long name": [(Variable(LONG, np.arange(3), ["t"]), 98), (SIGNAL, 1), (EDGES, 1)],
    "shared long dimension": [(Variable("n", np.arange(3), [LONG]), 98), (SIGNAL, 1), (EDGES, 1)],
    "shared long label": [(Variable("n", np.arange(3), ["t"], label=LONG), 98), (SIGNAL, 1), (EDGES, 1)],
    "shared long text": [(Variable("n", LONG, ["t"]), 98), (SIGNAL, 1), (EDGES, 1)],
    "shared long data": [(Variable("n", np.zeros(10**6), ["t"]), 98), (SIGNAL, 1), (EDGES, 1)],
    "many axes": [(Variable("signal", np.arange(3), ["t"] * MANY), 50), (EDGES, 1)],
    "many axes elsewhere": [(Variable("n", np.arange(3), ["t"] * MANY), 98), (SIGNAL, 1), (EDGES, 1)],
    "many dimensions": [(Variable("signal", np.zeros((1,) * 60), ["t"]), 50), (EDGES, 1)],
    "as many as there may be": [(Variable("n", np.arange(3), ["t"]), 98), (SIGNAL, 1), (EDGES, 1)],
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_little(name: str) -> None:
    assert_cheap(shared(BOMBS[name]))


def test_what_is_not_needed_may_be_long() -> None:
    for name in ("shared long label", "shared long text", "shared long data", "many axes elsewhere"):
        assert judged(shared(BOMBS[name])) is not None
    assert judged(shared(BOMBS["as many as there may be"])) is not None
    assert judged(shared([(Variable("n", np.arange(3), ["t"]), 99), (SIGNAL, 1), (EDGES, 1)])) is None


def vectors(payload: bytes) -> list[int]:
    """Where numbers lie that may be lengths of vectors or texts: all small ones."""
    words = struct.unpack(f"<{len(payload) // 4}I", payload[: len(payload) // 4 * 4])
    return [4 * i for i, word in enumerate(words) if 0 < word < 100]


@pytest.mark.parametrize("length", [1000, 1001, 10**6, 2**28, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1])
def test_lengths_beyond_the_message_cost_little(length: int) -> None:
    places = vectors(GOOD)
    assert len(places) > 10
    for at in places:
        assert_cheap(patched(GOOD, at, length))


def test_shapes_beyond_the_data_are_refused() -> None:
    for shape in (0, 1, 2, 4, 2**31, 2**62, 2**63 - 1, -1, -3, -(2**63)):
        where = GOOD.index(struct.pack("<IQ", 1, 3)) + 4
        assert judged(patched(GOOD, where, shape, 8)) is None
        assert_cheap(patched(GOOD, where, shape, 8))
