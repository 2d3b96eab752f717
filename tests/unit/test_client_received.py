"""Histograms and heartbeats as clients get them, and what is none."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fakes import NOW_MS
from hostile.corpus import other_schema, undecodable
from streaming_data_types.histogram_hs00 import serialise_hs00
from streaming_data_types.histogram_hs01 import serialise_hs01
from unit.client_bench import TIME_NS, beat, published, told

from histsvc.client import State, heartbeat, histogram
from histsvc.wire import da00, x5f2

SHAPES = {"hist1d": (10,), "hist2d": (4, 3), "dethist": (4, 3), "roihist": (4, 3)}
LABELLED = {
    "hist1d": [("ns", 11)],
    "hist2d": [("ns", 5), ("", 4)],
    "dethist": [("pixel", 5), ("pixel", 4)],
    "roihist": [("pixel", 5), ("pixel", 4)],
}
AXIS = {"length": 2, "unit": "ns", "label": "t", "bin_boundaries": np.array([0.0, 1.0, 2.0])}
DEEP = b"[" * 200_000


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("schema", ["hs00", "hs01", "da00"])
@pytest.mark.parametrize("kind", SHAPES)
def test_a_histogram_has_its_types(kind: str, schema: str, integers: bool) -> None:
    payload = published("bank0", 7, kind=kind, schema=schema, integers=integers, data_age_ms=5, warning="w")
    read = histogram("output", payload)
    assert (read.topic, read.schema, read.source, read.timestamp_ns) == ("output", schema, "source", TIME_NS)
    assert (read.id, read.state, read.info.sum) == ("bank0", State.COUNTING, 7)
    assert (read.info.data_age_ms, read.info.warning, read.info.error_message) == (5, "w", None)
    assert read.counts.shape == SHAPES[kind]
    assert read.counts.ravel().tolist() == list(range(7, 7 + read.counts.size))
    assert read.counts.dtype.kind == ("f" if not integers else "u" if schema == "hs00" else "i")
    assert [(axis.unit, axis.edges.size) for axis in read.axes] == LABELLED[kind]
    assert all(axis.label for axis in read.axes)
    assert all(np.all(np.diff(axis.edges) > 0) for axis in read.axes)


def test_without_an_id_it_is_named_by_its_job_and_place() -> None:
    assert histogram("output", published("", job="job", index=3)).id == "job/3"


def test_ages_are_those_of_the_message_and_what_has_passed_since() -> None:
    young, old = histogram("output", published("a")), histogram("output", published("a", data_age_ms=70))
    assert (young.published_ago_ms(NOW_MS + 30), young.data_age_ms(NOW_MS + 30)) == (30, None)
    assert old.data_age_ms(NOW_MS + 30) == 100
    # The publisher's clock is not ours.
    assert (old.published_ago_ms(NOW_MS - 50), old.data_age_ms(NOW_MS - 50)) == (0, 70)


def foreign(serialise: Callable[[dict[str, Any]], bytes], **changes: Any) -> bytes:
    """As the field's usual serialisers make it."""
    content = {"source": "other", "timestamp": 1, "current_shape": [2], "dim_metadata": [AXIS]}
    content |= {"data": np.array([1.0, 2.0]), "info": '{"id": "a", "state": "COUNTING", "sum": 3, "new": 1}'}
    return serialise({**content, **changes})


@pytest.mark.parametrize("serialise", [serialise_hs00, serialise_hs01])
def test_another_service_than_ours_may_say_less_and_more(serialise: Callable[..., bytes]) -> None:
    read = histogram("output", foreign(serialise))
    assert (read.id, read.info.sum, read.info.job, read.counts.tolist()) == ("a", 3, "", [1.0, 2.0])


@pytest.mark.parametrize(
    "changes",
    [
        {"info": ""},
        {"info": "counting"},
        {"info": '{"id": "a"}'},
        {"info": '{"id": "a", "state": "SLEEPING"}'},
        {"info": '{"id": ["a"], "state": "COUNTING"}'},
        {"info": DEEP.decode()},
        {"current_shape": [3]},
        {"data": np.zeros(0)},
        # One axis alone for two dimensions, and edges of two bins for one.
        {"current_shape": [2, 1], "dim_metadata": [AXIS]},
        {"current_shape": [1], "data": np.array([1.0])},
        {"dim_metadata": [AXIS | {"bin_boundaries": np.array([0.0, 1.0])}]},
    ],
)
def test_a_message_that_contradicts_itself_is_no_histogram(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a histogram"):
        histogram("output", foreign(serialise_hs00, **changes))


def test_other_schemas_are_named() -> None:
    frame = da00.serialise("monitor", 1, [0.0, 1.0], [5])
    for payload, named in ((x5f2.heartbeat(beat()), "x5f2"), (b"", "''")):
        with pytest.raises(ValueError, match=f"schema '?{named}'? is none of hs00, hs01, da00"):
            histogram("output", payload)
    with pytest.raises(ValueError, match="not a histogram: ValueError: there is no variable 'info'"):
        histogram("output", frame)


def test_what_is_broken_is_a_value_error_and_nothing_else() -> None:
    for payload in (other_schema() | undecodable()).values():
        with pytest.raises(ValueError, match="schema"):
            histogram("output", payload)
        with pytest.raises(ValueError, match="not a heartbeat"):
            heartbeat(payload)


@pytest.mark.parametrize(
    "make",
    [
        lambda: published("a"),
        lambda: published("a", kind="hist2d", schema="da00"),
        lambda: x5f2.heartbeat(beat(told("a"))),
    ],
)
def test_what_was_cut_or_spoilt_is_read_or_a_value_error(make: Callable[[], bytes]) -> None:
    payload, rng, refused = make(), np.random.default_rng(1), 0
    cut = [payload[:length] for length in range(len(payload))]
    spoilt = [bytearray(payload) for _ in range(2000)]
    for copy in spoilt:
        copy[int(rng.integers(len(copy)))] = int(rng.integers(256))
    for each in [*cut, *map(bytes, spoilt)]:
        try:
            histogram("output", each) if each[4:8] in (b"hs00", b"da00") else heartbeat(each)
        except ValueError:
            refused += 1
    assert refused > len(payload) / 2


def test_threads_do_not_get_each_others_counts() -> None:
    """The stock decoder keeps one object for each integer type."""
    payloads = [published("a", counts, integers=True) for counts in (0, 1000, 2000, 3000)]
    wrong: list[int] = []

    def read(number: int) -> None:
        for _ in range(400):
            first = int(histogram("output", payloads[number]).counts[0])
            wrong.extend([first] if first != 1000 * number else [])

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval_s)
    assert wrong == []


@pytest.mark.parametrize("pack", [lambda made: made.to_json(), x5f2.heartbeat])
def test_a_heartbeat_is_the_same_in_both_schemas(pack: Callable[[Any], bytes]) -> None:
    read = heartbeat(pack(beat(told("a", "output", "b:1"), pid=4)))
    assert (read.message, read.message_interval, read.state) == (NOW_MS, 1000, "RUNNING")
    assert (read.identity.name, read.identity.host, read.identity.pid) == ("histsvc", "host", 4)
    assert [(h.id, h.topic, h.brokers) for h in read.histograms] == [("a", "output", ("b:1",))]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"beat",
        b"\xff\xfe",
        b"[]",
        b"{}",
        DEEP,
        b'{"message": Infinity, "message_interval": 1}',
        b'{"message": 1, "message_interval": NaN}',
        b'{"message": 1, "message_interval": 1, "histograms": [{"state": "SLEEPING"}]}',
    ],
)
def test_what_is_no_heartbeat_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="not a heartbeat"):
        heartbeat(text)
    if text != b"\xff\xfe":
        status = x5f2.StatusMessage("a", "1", "", "host", 1, 1000, text.decode())
        with pytest.raises(ValueError, match="not a heartbeat"):
            heartbeat(x5f2.serialise(status))
