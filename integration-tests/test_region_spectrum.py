"""The spectrum of a region, a hist1d with `region` (protocol.md, 2.7): on the real broker, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent, accounted, in_rows, regions
from kafka_broker import MakeTopic
from service_process import Service

from histsvc.wire import da00, ev42, ev44

TOF_RANGE, BINS = (1_000.5, 90_000_000.25), 40
KEYS: dict[str, Any] = {"tof_range": TOF_RANGE, "num_bins": BINS}
# An image of 100 pixels a row: a rectangle, whole rows, rows that overlap, and far more rows than it has.
REGIONS: dict[str, tuple[list[int], int]] = {
    "rectangle": ([100 * row + 41 for row in range(20, 60)], 17),
    "rows": ([3_001, 3_101], 100),
    "overlap": ([500, 9_000, 510, 500], 30),
    "many": ([*range(77, 1 << 31, 1 << 16), -(1 << 31), (1 << 32) - 1], 2),
    "none": ([60_000, 70_000], 10),
}
# What has no pixel ids counts in all of them: events, and the first and the last bin of a frame.
WITHOUT_IDS, FRAME = [5_000_000, 89_000_000], [3, 4]


def expected(name: str, sent: Sent) -> tuple[Any, dict[str, int]]:
    """Counts, and what became of each event."""
    tof, inside = sent.tof, in_rows(sent.pixel, *REGIONS[name])
    low, high = TOF_RANGE
    outside = {"underflow": int((tof < low).sum()), "overflow": int((tof > high).sum())}
    in_tof = (tof >= low) & (tof <= high)
    counts = np.histogram(np.append(tof[inside], WITHOUT_IDS), BINS, TOF_RANGE)[0]
    counts[[0, BINS - 1]] += FRAME
    return counts, {**outside, "filtered": int((in_tof & ~inside).sum()), "sum": int(counts.sum())}


def send(sender: EventSender, topic: str) -> Sent:
    """Events of both schemas, at and around the ends of 32 bits as well; some without ids; and a frame."""
    sent = Sent()
    for schema, numbers in (("ev42", range(10)), ("ev44", range(10, 20))):
        times_ms = [BASE_MS + number for number in numbers]
        sender.pulses(topic, sent, times_ms, events=5_000, pixels=(1, 10_000), schema=schema)
    ends = {ev42: [(1 << 32) - 1, 1 << 31, 0], ev44: [-(1 << 31), -1, (1 << 31) - 1]}
    for wire, pixel in ends.items():
        tof = [2_000, 3_000_000, 91_000_000]
        sender.raw(topic, wire.serialise("source0", 1, BASE_MS * 1_000_000, tof, pixel), BASE_MS)
        sent.tof_ns.append(np.array(tof))
        sent.pixel_id.append(np.array(pixel))
    sender.raw(topic, ev44.serialise("source0", 1, BASE_MS * 1_000_000, WITHOUT_IDS, []), BASE_MS)
    frame = np.zeros(BINS, np.int64)
    frame[[0, -1]] = FRAME
    edges = np.histogram_bin_edges([], BINS, TOF_RANGE)
    sender.raw(topic, da00.serialise("source0", BASE_MS * 1_000_000, edges, frame), BASE_MS)
    sender.flush()
    return sent


def test_counts_are_those_of_numpy(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    sent = send(sender, data)
    histograms = [
        service.histogram("hist1d", data, id=name, region={"left_edges": lefts, "width": width}, **KEYS)
        for name, (lefts, width) in REGIONS.items()
    ]
    lefts, width = REGIONS["rectangle"]
    histograms.append(service.histogram("roihist", data, id="image", left_edges=lefts, width=width))
    with service.following() as published:
        service.config(histograms, start=BASE_MS, stop=BASE_MS + 1_000)
        found = published.finished(*REGIONS, "image")
    for name in REGIONS:
        counts, tally = expected(name, sent)
        info = found[name].info
        np.testing.assert_array_equal(found[name].counts, counts)
        assert {key: getattr(info, key) for key in tally} == tally
        assert accounted(info) == sent.events + len(WITHOUT_IDS) + sum(FRAME)
        assert info.warning is None
    assert [name for name in REGIONS if not in_rows(sent.pixel, *REGIONS[name]).any()] == ["none"]
    np.testing.assert_array_equal(found["image"].counts, regions(sent.pixel, lefts, width))
    # One frame is no event of the image, and neither are times without ids.
    assert found["image"].counts.sum() == in_rows(sent.pixel, lefts, width).sum()


def test_what_is_published_says_which_region(service: Service, topic: MakeTopic) -> None:
    region = {"left_edges": [41, 141], "width": 17}
    with service.following() as published:
        service.config([service.histogram("hist1d", topic("data"), id="some", region=region, **KEYS)])
        received = published.until(lambda histogram: histogram.info.id == "some")
        service.config([])
    assert received.info.config is not None
    assert received.info.config["region"] == region
    assert "det_range" not in received.info.config


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"region": {"left_edges": [1]}}, "histograms[0].region.width"),
        ({"region": {"width": 5}}, "histograms[0].region.left_edges"),
        ({"region": {"left_edges": [1, 1 << 32], "width": 5}}, "histograms[0].region.left_edges[1]"),
        ({"region": {"left_edges": [1], "width": 5}, "det_range": [1, 9]}, "histograms[0].region"),
    ],
)
def test_what_is_no_region_is_refused(
    service: Service, topic: MakeTopic, keys: dict[str, Any], field: str
) -> None:
    command = {"cmd": "config", "histograms": [service.histogram("hist1d", topic("data"), **KEYS, **keys)]}
    error = service.refused(command)
    assert (error.code, error.field) == ("INVALID_ARGUMENT", field)
    assert field in error.message
