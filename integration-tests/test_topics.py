"""What comes over real topics: partitions, sources, other schemas, garbage. All of it accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent, accounted, image, regions
from kafka_broker import MakeTopic
from service_process import Service
from streaming_data_types.logdata_f144 import serialise_f144

from histsvc.wire import ev42, ev44, shapes

TOF: dict[str, Any] = {"tof_range": [0, 1e8], "num_bins": 50}
GOOD = ev44.serialise("s", 1, 5, np.arange(30), np.arange(1, 31))
LENGTHS_DIFFER = ev44.serialise("s", 1, 5, np.arange(30), np.arange(29))
BAD = [b"", None, b"short", b"\x00" * 40, GOOD[:40], GOOD[:-60], b"\xff" * 200, LENGTHS_DIFFER]
# Without pixels, without times of flight, without both.
PARTLY = [
    ev44.serialise("s", 1, 5, np.arange(30), []),
    ev42.serialise("s", 1, 5, [], np.arange(1, 31)),
    ev42.serialise("s", 1, 5, [], []),
]
TIMES = {"start": BASE_MS, "stop": BASE_MS + 1000}


def tof_counts(sent: Sent) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]


def test_partitions_topics_and_histograms(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    """Several partitions, several topics a histogram, several histograms a topic."""
    a, b, c = topic("a", partitions=4), topic("b"), topic("c", partitions=2)
    sent = {name: Sent() for name in (a, b, c)}
    for number in range(40):
        for name, partitions in ((a, 4), (b, 1), (c, 2)):
            sender.pulses(name, sent[name], [BASE_MS + number], partition=number % partitions)
    both = Sent(sent[a].tof_ns + sent[b].tof_ns, sent[a].pixel_id + sent[b].pixel_id)
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", a, b, a, id="ab", **TOF),
                service.histogram("hist1d", b, id="b", **TOF),
                service.histogram("dethist", a, id="a", det_range=[1, 100], width=10, height=10),
                service.histogram("roihist", c, id="c", left_edges=[1, 5, 90], width=8),
            ],
            **TIMES,
        )
        finished = published.finished("ab", "b", "a", "c")
    np.testing.assert_array_equal(finished["ab"].counts, tof_counts(both))
    np.testing.assert_array_equal(finished["b"].counts, tof_counts(sent[b]))
    np.testing.assert_array_equal(finished["a"].counts, image(sent[a].pixel, 1, 10, 10))
    np.testing.assert_array_equal(finished["c"].counts, regions(sent[c].pixel, [1, 5, 90], 8))
    assert finished["ab"].info.offsets == {a: {0: 10, 1: 10, 2: 10, 3: 10}, b: {0: 40}}
    assert accounted(finished["ab"].info) == both.events


def test_ten_sources_on_a_topic(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    sent = {f"source{i}": Sent() for i in range(10)}
    for number in range(20):
        for name, mine in sent.items():
            sender.pulses(data, mine, [BASE_MS + number], source=f" {name} ", events=10)
    with service.following() as published:
        histograms = [service.histogram("hist1d", data, id=name, source=name, **TOF) for name in sent]
        histograms.append(service.histogram("hist1d", data, id="all", source="  ", **TOF))
        service.config(histograms, **TIMES)
        finished = published.finished(*sent, "all")
    for name, mine in sent.items():
        np.testing.assert_array_equal(finished[name].counts, tof_counts(mine))
        assert finished[name].info.filtered == 9 * mine.events
    assert finished["all"].info.sum == sum(mine.events for mine in sent.values())


def test_everything_else_that_comes_over_a_topic(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """Good events between messages without pixels or times, empty ones, other schemas and garbage."""
    data, sent = topic("data"), Sent()
    for number in range(20):
        sender.pulses(data, sent, [BASE_MS + number])
        for payload in [*BAD, serialise_f144("motor", 1.5, 10), *PARTLY]:
            sender.raw(data, payload, BASE_MS + number)
    sender.flush()
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", data, id="tof", det_range=[1, 100], **TOF),
                service.histogram("hist2d", data, id="both", det_range=[1, 100], **TOF),
                service.histogram("dethist", data, id="image", det_range=[1, 100], width=10, height=10),
                service.histogram("hist1d", data, id="ev42", input_schema="ev42", **TOF),
            ],
            **TIMES,
        )
        finished = published.finished("tof", "both", "image", "ev42")
    infos = {name: received.info for name, received in finished.items()}
    expected = tof_counts(sent) + 20 * np.histogram(np.arange(30), bins=50, range=(0, 1e8))[0]
    np.testing.assert_array_equal(finished["tof"].counts, expected)
    assert (infos["tof"].filtered, infos["both"].filtered, infos["image"].filtered) == (600, 1200, 600)
    assert infos["both"].sum == sent.events
    assert infos["image"].sum == sent.events + 600
    for name in ("tof", "both", "image"):
        assert infos[name].messages == 20 * 13
        assert infos[name].other_schema == 20
        assert infos[name].undecodable == 20 * len(BAD)
        assert accounted(infos[name]) == sent.events + 20 * 60
    # Its schema excludes ev44, also the malformed ones of it.
    assert infos["ev42"].other_schema == 20 * (1 + 1 + 1 + 3)
    assert infos["ev42"].filtered == 20 * 30
    counters = service.heartbeat_until(lambda beat: beat["counters"] if beat["counters"] else None)
    assert counters["undecodable"]["lengths_differ"] >= 20


@pytest.mark.parametrize("schema", ["ev42", "ev44"])
def test_fixed_size_messages(service: Service, topic: MakeTopic, sender: EventSender, schema: str) -> None:
    """Large buffers with stale bytes behind the vectors, read in place between small ones."""
    data, sent = topic("data", partitions=2), Sent()
    encoder = shapes.encoder("efu", schema, "efu")
    for number, events in enumerate([1, 10, 12_400, 0, 1_000, 30_000]):
        tof, pixel = sender.rng.integers(0, 71_428_571, events), sender.rng.integers(1, 1025, events)
        for message in encoder.encode((BASE_MS + number) * 1_000_000, tof, pixel):
            sender.raw(data, message.payload, BASE_MS + number, number % 2)
        sent.tof_ns.append(tof)
        sent.pixel_id.append(pixel)
        sender.pulses(data, sent, [BASE_MS + number], pixels=(1, 1024), schema=schema)
    with service.following() as published:
        service.config(
            [
                service.histogram("hist1d", data, id="tof", **TOF),
                service.histogram("dethist", data, id="image", det_range=[1, 1024], width=32, height=32),
            ],
            **TIMES,
        )
        finished = published.finished("tof", "image")
    np.testing.assert_array_equal(finished["tof"].counts, tof_counts(sent))
    np.testing.assert_array_equal(finished["image"].counts, image(sent.pixel, 1, 32, 32))


def test_no_output_topic_at_all_is_a_warning(service: Service, topic: MakeTopic) -> None:
    histogram = service.histogram("hist1d", topic("data"), id="a", tof_range=[0, 1], num_bins=5)
    (warning,) = service.config([{**histogram, "topic": "not-there"}])["warnings"]
    assert "not-there" in warning
    error = service.refused({"cmd": "stop"})  # and so is the end of it
    assert (error.code, "not-there" in error.message) == ("UNAVAILABLE", True)
