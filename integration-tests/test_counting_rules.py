"""What is counted where (protocol.md, 2.2): events at every limit, through the real broker, against numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import BASE_MS, EventSender, Sent, accounted, image, regions
from kafka_broker import MakeTopic
from service_process import Service
from streaming_data_types.eventdata_ev44 import serialise_ev44

from histsvc.client import Histogram
from histsvc.model import Int64Array
from histsvc.wire import ev42, ev44

TIMES: dict[str, Any] = {"start": BASE_MS, "stop": BASE_MS + 1_000}
TOF_RANGE = (1_000.5, 90_000.25)
PIXELS = (10, 49)
BINS = 40
# On, just below and just above every edge, and far outside.
TOF = np.unique(
    np.concatenate(
        [np.round(np.linspace(*TOF_RANGE, BINS + 1)) + shift for shift in (-1, 0, 1)]
        + [np.array([0, 500, 90_001, 2_000_000_000])]
    )
).astype(np.int64)
PIXEL = np.array([0, 9, 10, 11, 29, 30, 48, 49, 50, 51, 1_000])
KEYS: dict[str, Any] = {"tof_range": TOF_RANGE, "num_bins": BINS}


def send(sender: EventSender, topic: str, sent: Sent, tof: npt.ArrayLike, pixel: npt.ArrayLike) -> None:
    sender.raw(topic, ev44.serialise("source0", 1, BASE_MS * 1_000_000, tof, pixel), BASE_MS)
    sender.flush()
    sent.tof_ns.append(np.asarray(tof, np.int64))
    sent.pixel_id.append(np.asarray(pixel, np.int64))


def every_pair(sender: EventSender, topic: str) -> Sent:
    """Each time of flight with each pixel, in one message."""
    sent = Sent()
    tof, pixel = np.meshgrid(TOF, PIXEL)
    send(sender, topic, sent, tof.ravel(), pixel.ravel())
    return sent


def counted(service: Service, histograms: Sequence[dict[str, Any]], **keys: Any) -> dict[str, Histogram]:
    with service.following() as published:
        service.config(list(histograms), **TIMES, **keys)
        return published.finished(*(histogram["id"] for histogram in histograms))


def tally(received: Histogram) -> tuple[int, int, int, int]:
    info = received.info
    return info.sum, info.underflow, info.overflow, info.filtered


def of_range(values: Int64Array, low: float, high: float) -> tuple[int, int]:
    """How many are below the first edge, and how many otherwise outside."""
    return int((values < low).sum()), int((values > high).sum())


def test_events_at_every_edge(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    sent = every_pair(sender, data)
    first, last = PIXELS
    found = counted(
        service,
        [
            service.histogram("hist1d", data, id="tof", **KEYS),
            service.histogram("hist1d", data, id="some", det_range=PIXELS, **KEYS),
            service.histogram(
                "hist2d", data, id="both", tof_range=TOF_RANGE, det_range=PIXELS, num_bins=[40, 7]
            ),
            service.histogram("hist2d", data, id="square", det_range=PIXELS, **KEYS),
        ],
    )
    tof, pixel = sent.tof, sent.pixel
    inside = (pixel >= first) & (pixel <= last)
    np.testing.assert_array_equal(found["tof"].counts, np.histogram(tof, BINS, TOF_RANGE)[0])
    np.testing.assert_array_equal(found["some"].counts, np.histogram(tof[inside], BINS, TOF_RANGE)[0])
    for name, bins in (("both", (40, 7)), ("square", (BINS, BINS))):
        wanted, *edges = np.histogram2d(tof, pixel, bins, (TOF_RANGE, PIXELS))
        np.testing.assert_array_equal(found[name].counts, wanted)
        for axis, edge in zip(found[name].axes, edges, strict=True):
            np.testing.assert_array_equal(axis.edges, edge)
    below, above = of_range(tof, *TOF_RANGE)
    assert tally(found["tof"]) == (tof.size - below - above, below, above, 0)
    # det_range: outside of the time of flight first, then the pixels.
    below, above = of_range(tof, *TOF_RANGE)
    in_tof = (tof >= TOF_RANGE[0]) & (tof <= TOF_RANGE[1])
    left_out = int((in_tof & ~inside).sum())
    assert tally(found["some"]) == (int((in_tof & inside).sum()), below, above, left_out)
    low, high = of_range(pixel[in_tof], first, last)
    assert tally(found["both"]) == (int((in_tof & inside).sum()), below + low, above + high, 0)
    assert {accounted(each.info) for each in found.values()} == {sent.events}


def test_images_and_regions(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    sent = every_pair(sender, data)
    pixel = sent.pixel
    lefts = [10, 28, 49, 29]
    found = counted(
        service,
        [
            # The given end is ignored, too short or too long.
            service.histogram("dethist", data, id="short", det_range=[10, 11], width=8, height=5),
            service.histogram("dethist", data, id="long", det_range=[10, 1e6], width=8, height=5),
            service.histogram("roihist", data, id="apart", left_edges=[9, 29, 48], width=3),
            service.histogram("roihist", data, id="overlap", left_edges=lefts, width=3),
        ],
    )
    for name in ("short", "long"):
        np.testing.assert_array_equal(found[name].counts, image(pixel, 10, 8, 5))
        assert tally(found[name])[1:] == (0, 0, int(((pixel < 10) | (pixel >= 50)).sum()))
    for name, edges in (("apart", [9, 29, 48]), ("overlap", lefts)):
        wanted = regions(pixel, edges, 3)
        np.testing.assert_array_equal(found[name].counts, wanted)
        assert found[name].info.sum == wanted.sum() == found[name].counts.sum()
        x, rows = (axis.edges for axis in found[name].axes)
        np.testing.assert_array_equal(x, np.arange(4))
        np.testing.assert_array_equal(rows, np.arange(len(edges) + 1))
    for name in ("short", "long", "apart"):
        assert accounted(found[name].info) == sent.events
    # Pixels 29 and 30 count twice.
    twice = int(((pixel == 29) | (pixel == 30)).sum())
    assert found["overlap"].info.sum == int(np.isin(pixel, [10, 11, 29, 30, 49, 50, 51]).sum()) + twice


def test_equal_ends_of_ranges_are_what_numpy_makes_of_them(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data")
    sent = Sent()
    send(sender, data, sent, [6, 7, 7, 8, 7], [3, 3, 4, 4, 5])
    found = counted(
        service,
        [
            service.histogram("hist1d", data, id="tof", tof_range=[7, 7], num_bins=5),
            service.histogram("hist2d", data, id="both", tof_range=[7, 7], det_range=[4, 4], num_bins=3),
            service.histogram("hist1d", data, id="pixel", tof_range=[0, 10], num_bins=5, det_range=[4, 4]),
        ],
    )
    wanted, edges = np.histogram(sent.tof, 5, (7, 7))
    np.testing.assert_array_equal(found["tof"].counts, wanted)
    np.testing.assert_array_equal(found["tof"].axes[0].edges, edges)
    both = np.histogram2d(sent.tof, sent.pixel, 3, ((7, 7), (4, 4)))[0]
    np.testing.assert_array_equal(found["both"].counts, both)
    np.testing.assert_array_equal(found["pixel"].counts, np.histogram([7, 8], 5, (0, 10))[0])


def test_numbers_of_ev42_are_unsigned_and_of_ev44_signed(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data = topic("data")
    high = np.array([0, 1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1])
    low = np.array([-(1 << 31), -5, 0, 5, (1 << 31) - 1])
    sender.raw(data, ev42.serialise("s", 1, 5, high, high), BASE_MS)
    sender.raw(data, ev44.serialise("s", 1, 5, low, low), BASE_MS)
    sender.flush()
    both = np.concatenate([high, low])
    everything = (-float(1 << 31), float(1 << 32) - 1)
    histograms = [
        service.histogram("hist1d", data, id=name, tof_range=everything, num_bins=9, **schema)
        for name, schema in (
            ("any", {}),
            ("ev42", {"input_schema": "ev42"}),
            ("ev44", {"input_schema": "ev44"}),
        )
    ]
    pixels = service.histogram(
        "roihist", data, id="pixel", left_edges=[(1 << 31) - 2, (1 << 32) - 3], width=3
    )
    found = counted(service, [*histograms, pixels])
    for name, values in (("any", both), ("ev42", high), ("ev44", low)):
        np.testing.assert_array_equal(found[name].counts, np.histogram(values, 9, everything)[0])
        assert found[name].info.other_schema == (0 if name == "any" else 1)
    wanted = regions(both, [(1 << 31) - 2, (1 << 32) - 3], 3)
    np.testing.assert_array_equal(found["pixel"].counts, wanted)
    assert wanted.sum() == 4


@pytest.mark.parametrize("times", [[1, 9, 4], [9], []])
def test_pulse_time_of_ev44_is_the_newest_of_the_message(
    service: Service, topic: MakeTopic, sender: EventSender, times: list[int]
) -> None:
    data = topic("data")
    indices = list(range(len(times)))
    payload = serialise_ev44("s", 1, [time * 10**9 for time in times], indices, [5, 6, 7], [1, 2, 3])
    sender.raw(data, payload, BASE_MS)
    sender.flush()
    found = counted(service, [service.histogram("hist1d", data, id="tof", tof_range=[0, 10], num_bins=10)])
    assert found["tof"].info.last_pulse_time == max(times, default=0) * 10**9
    assert found["tof"].info.sum == 3


def test_schemas_of_the_command_and_of_a_histogram(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    """Every schema that fits counts where none is given; that of the histogram goes before the command's."""
    data, in_42, in_44 = topic("data"), Sent(), Sent()
    sender.pulses(data, in_42, [BASE_MS], schema="ev42")
    sender.pulses(data, in_44, [BASE_MS, BASE_MS + 1], schema="ev44")
    plain = service.histogram("hist1d", data, id="plain", tof_range=[0, 1e8], num_bins=9)
    own = {**plain, "id": "own", "input_schema": "ev44", "output_schema": "hs00"}
    restricted = counted(service, [plain, own], input_schema="ev42", output_schema="hs01")
    free = counted(service, [{**plain, "id": "free"}])
    sums = {name: each.info.sum for name, each in (restricted | free).items()}
    assert sums == {"plain": in_42.events, "own": in_44.events, "free": in_42.events + in_44.events}
    assert {name: each.schema for name, each in (restricted | free).items()} == {
        "plain": "hs01",
        "own": "hs00",
        "free": "hs00",
    }


def test_order_of_the_accounts(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    """An event is put in the first that fits: window, source or vector, time of flight, pixel."""
    data = topic("data")

    def message(at: int, source: str, tof: list[int], pixel: list[int]) -> None:
        sender.raw(data, ev44.serialise(source, 1, 5, tof, pixel), at)

    message(BASE_MS, "mine", [5, 50, 500, 50], [1, 1, 1, 9])  # counted, twice; and outside in both
    message(BASE_MS, "other", [5, 500], [1, 9])  # filtered, whatever the rest
    message(BASE_MS, "mine", [5, 500], [])
    message(BASE_MS + 1_001, "other", [5, 500, 50], [1, 9, 1])  # out of the window before all else
    message(BASE_MS, "mine", [5, 500, 50, 50], [9, 0, 0, 9])
    sender.flush()
    keys: dict[str, Any] = {"tof_range": [10, 100], "source": " mine "}
    found = counted(
        service,
        [
            service.histogram("hist1d", data, id="tof", num_bins=3, **keys),
            service.histogram("hist1d", data, id="some", num_bins=3, det_range=[1, 2], **keys),
            service.histogram("hist2d", data, id="both", num_bins=3, det_range=[1, 2], **keys),
        ],
    )
    assert {name: (*tally(each), each.info.out_of_window) for name, each in found.items()} == {
        # sum, underflow, overflow, filtered, out of window
        "tof": (4, 3, 3, 2, 3),
        "some": (1 + 0, 3, 3, 2 + 3, 3),
        "both": (1, 2 + 1, 2 + 2, 2 + 2, 3),
    }
