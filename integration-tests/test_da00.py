"""da00 into hist1d (protocol.md, 2.2): frames of monitors, exactly, beside events, with any edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import BASE_MS, EventSender, Sent, accounted, image
from frames import BINS, EDGES_NS, END_NS, KEYS, LAST_NS, Frames
from kafka_broker import MakeTopic
from service_process import Service
from streaming_data_types.dataarray_da00 import Variable, serialise_da00

from histsvc.client import Histogram
from histsvc.errors import Code

TIMES: dict[str, Any] = {"start": BASE_MS, "stop": BASE_MS + 1_000}
# Bins of a monitor with its first centres below the range and its last ones above, one centre on an edge of
# ours, and one on the last edge, which is closed.
OTHER_NS = np.array([-4e6, -1e6, 0.5e6, 1e6, 2.2e6, 4.2e6, 9e6, 30e6, 63e6, 65e6, 70e6])


def tof(service: Service, *topics: str, name: str = "tof", **keys: Any) -> dict[str, Any]:
    return service.histogram("hist1d", *topics, id=name, **KEYS, **keys)


def finished(service: Service, *histograms: dict[str, Any], **keys: Any) -> dict[str, Histogram]:
    with service.following() as published:
        service.config(list(histograms), **TIMES, **keys)
        return published.finished(*(histogram["id"] for histogram in histograms))


def spectrum(sent: Sent) -> npt.NDArray[Any]:
    return np.histogram(sent.tof, bins=BINS, range=(0, END_NS))[0]


def below_the_end(sent: Sent) -> int:
    return int(np.count_nonzero(sent.tof <= END_NS))


def test_equal_edges_are_added_bin_by_bin_in_any_unit_and_type(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    frames = Frames(sender, topic("data"))
    frames.send(EDGES_NS)
    frames.send(EDGES_NS, in_unit=EDGES_NS.astype(np.int32), name="time_of_arrival", dtype="int32")
    frames.send(EDGES_NS, in_unit=EDGES_NS.astype(np.float32), unit=None, name="tof", dtype="float32")
    for number, unit in enumerate(("us", "\u00b5s", "\u03bcs")):
        in_us = (EDGES_NS / 1000).astype(["float64", "float32", "int32"][number])
        frames.send(EDGES_NS, in_unit=in_us, unit=unit, dtype="uint32")
    frames.send(EDGES_NS, in_unit=(EDGES_NS / 1e6).astype(np.float32), unit="ms", dtype="float64")
    frames.send(EDGES_NS, in_unit=EDGES_NS / 1e9, unit="s", dtype="uint8")
    sender.flush()
    received = finished(service, tof(service, frames.topic))["tof"]
    np.testing.assert_array_equal(received.counts, np.sum(frames.counts, axis=0))
    info = received.info
    assert (info.sum, info.underflow, info.overflow, info.filtered) == (frames.sum, 0, 0, 0)
    assert (info.messages, info.undecodable, info.other_schema) == (8, 0, 0)
    assert info.warning is None
    # The pulse time is that of the message, not that of Kafka.
    assert info.last_pulse_time == LAST_NS


def test_other_edges_go_to_the_bin_of_their_centre_with_a_warning(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    frames = Frames(sender, topic("data"))
    frames.send(EDGES_NS)
    for edges_ns in (OTHER_NS, np.linspace(-5e6, 80e6, 777), np.linspace(0, END_NS, BINS), EDGES_NS + 1e6):
        frames.send(edges_ns)
    frames.send(np.linspace(0, END_NS, 101), in_unit=np.linspace(0, END_NS, 101, dtype=np.float32))
    sender.flush()
    received = finished(service, tof(service, frames.topic))["tof"]
    np.testing.assert_array_equal(received.counts, frames.expected())
    centres, counts = np.concatenate(frames.centres), np.concatenate(frames.counts)
    info = received.info
    assert info.underflow == counts[centres < 0].sum() > 0
    assert info.overflow == counts[centres > END_NS].sum() > 0
    assert accounted(info) == frames.sum
    assert "edges" in (info.warning or "")
    assert counts[np.isin(centres, EDGES_NS)].size >= 2, "no centre on an edge was tried"


def test_the_first_frame_with_other_edges_sets_the_warning(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    frames = Frames(sender, topic("data"))
    with service.following() as published:
        service.config([tof(service, frames.topic, source="monitor")])
        frames.send(EDGES_NS)
        elsewhere = Frames(sender, frames.topic)
        elsewhere.send(OTHER_NS, source="another")
        sender.flush()
        before = published.until(lambda h: h.info.messages == 2)
        assert (before.info.sum, before.info.filtered) == (frames.sum, elsewhere.sum)
        assert before.info.warning is None
        frames.send(OTHER_NS)
        sender.flush()
        after = published.until(lambda h: h.info.messages == 3)
        assert "edges" in (after.info.warning or "")
        np.testing.assert_array_equal(after.counts, frames.expected())
        (beat,) = service.heartbeat_until(lambda b: b["histograms"])
    assert beat["warning"] == after.info.warning


def beside(service: Service, *topics: str) -> list[dict[str, Any]]:
    """Every way to count what comes over topics with frames and events."""
    pixels = {"det_range": [11, 60]}
    return [
        tof(service, *topics, name="all"),
        tof(service, *topics, name="some", **pixels),
        tof(service, *topics, name="monitor", source=" monitor "),
        tof(service, *topics, name="da00", input_schema="da00", **pixels),
        tof(service, *topics, name="ev44", input_schema="ev44"),
        service.histogram("hist2d", *topics, id="both", **KEYS, det_range=[1, 100]),
        service.histogram("dethist", *topics, id="image", width=10, height=10, det_range=[1, 100]),
        service.histogram("roihist", *topics, id="regions", width=100, left_edges=[1]),
    ]


@pytest.mark.parametrize("topics", [1, 2])
def test_frames_beside_events_in_one_config(
    service: Service, topic: MakeTopic, sender: EventSender, topics: int
) -> None:
    names = [topic(f"data{i}", partitions=2) for i in range(topics)]
    frames, sent = Frames(sender, names[-1]), Sent()
    for number in range(20):
        frames.send(EDGES_NS, timestamp_ms=BASE_MS + number, partition=number % 2)
        sender.pulses(names[0], sent, [BASE_MS + number], partition=number // 2 % 2)
    sender.flush()
    got = finished(service, *beside(service, *names))
    inside = below_the_end(sent)
    both = spectrum(sent) + frames.expected()
    chosen = (sent.pixel >= 11) & (sent.pixel <= 60)
    some = Sent([sent.tof[chosen]], [sent.pixel[chosen]])
    np.testing.assert_array_equal(got["all"].counts, both)
    np.testing.assert_array_equal(got["some"].counts, spectrum(some) + frames.expected())
    for name in ("monitor", "da00"):
        np.testing.assert_array_equal(got[name].counts, frames.expected())
    np.testing.assert_array_equal(got["ev44"].counts, spectrum(sent))
    assert got["both"].counts.sum() == inside < sent.events
    np.testing.assert_array_equal(got["image"].counts, image(sent.pixel, 1, 10, 10))
    assert got["regions"].info.sum == sent.events
    infos = {name: received.info for name, received in got.items()}
    assert {info.messages for info in infos.values()} == {40}
    others = {"all": 0, "some": 0, "monitor": 0}
    assert {name: info.other_schema for name, info in infos.items()} == dict.fromkeys(infos, 20) | others
    wanted = dict.fromkeys(infos, sent.events) | dict.fromkeys(others, sent.events + frames.sum)
    wanted["da00"] = frames.sum
    assert {name: accounted(info) for name, info in infos.items()} == wanted
    assert infos["monitor"].filtered == sent.events
    assert all(info.warning is None and info.undecodable == 0 for info in infos.values())


def test_input_schema_of_the_command_restricts_all(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    frames, sent = Frames(sender, topic("data")), Sent()
    frames.send(EDGES_NS)
    sender.pulses(frames.topic, sent, [BASE_MS])
    histograms = [tof(service, frames.topic), tof(service, frames.topic, name="own", input_schema="ev44")]
    got = finished(service, *histograms, input_schema="da00")
    np.testing.assert_array_equal(got["tof"].counts, frames.expected())
    np.testing.assert_array_equal(got["own"].counts, spectrum(sent))
    assert [got[name].info.other_schema for name in ("tof", "own")] == [1, 1]


@pytest.mark.parametrize("kind", ["hist2d", "dethist", "roihist"])
def test_da00_is_refused_for_all_other_types(service: Service, topic: MakeTopic, kind: str) -> None:
    keys = {**KEYS, "det_range": [1, 100], "width": 10, "height": 10, "left_edges": [1]}
    data = topic("data")
    service.config([tof(service, data)])
    good, bad = tof(service, data, name="good"), service.histogram(kind, data, id="bad", **keys)
    own = service.refused({"cmd": "config", "histograms": [good, {**bad, "input_schema": "da00"}]})
    assert (own.code, own.field) == (Code.INVALID_ARGUMENT, "histograms[1].input_schema")
    shared = service.refused({"cmd": "config", "histograms": [good, bad], "input_schema": "da00"})
    assert (shared.code, shared.field) == (Code.INVALID_ARGUMENT, "input_schema")
    for error in (own, shared):
        for part in ("da00", "histograms[1]", kind, "ev44"):
            assert part in error.message
    assert [info["id"] for info in service.client.send({"cmd": "status"})["histograms"]] == ["tof"]


def wrong_frames() -> list[bytes]:
    """Messages of da00 without a frame that can be counted."""
    edges, counts = Variable("tof", EDGES_NS, ["t"], unit="ns"), np.ones(BINS)
    signal = Variable("signal", counts, ["t"])
    made = [
        [signal],
        [edges],
        [Variable("signal", counts / 2, ["t"]), edges],
        [Variable("signal", -counts, ["t"]), edges],
        [Variable("signal", np.ones((BINS, 2)), ["t", "y"]), edges],
        [signal, Variable("tof", EDGES_NS[::-1].copy(), ["t"], unit="ns")],
        [signal, Variable("tof", EDGES_NS, ["t"], unit="metres")],
        [signal, Variable("tof", EDGES_NS[:-1], ["t"], unit="ns")],
    ]
    good = serialise_da00("monitor", 1, [signal, edges])
    cut = [good[:12], good[: len(good) // 2], good[:8] + b"\xff" * 200]
    return [*(serialise_da00("monitor", 1, variables) for variables in made), *cut]


def test_frames_that_cannot_be_counted_are_counted_as_such(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    frames, sent, wrong = Frames(sender, topic("data")), Sent(), wrong_frames()
    for number in range(3):
        frames.send(EDGES_NS)
        sender.pulses(frames.topic, sent, [BASE_MS + number])
        for payload in wrong:
            sender.raw(frames.topic, payload, BASE_MS + number)
    sender.flush()
    before = service.heartbeat_until(lambda b: b["counters"])["undecodable"].get("not_counts", 0)
    alone = finished(service, tof(service, frames.topic, input_schema="ev44"))["tof"].info
    got = finished(
        service,
        tof(service, frames.topic),
        tof(service, frames.topic, name="ev44", input_schema="ev44"),
        service.histogram("dethist", frames.topic, id="image", width=10, height=10, det_range=[1, 100]),
    )
    np.testing.assert_array_equal(got["tof"].counts, spectrum(sent) + frames.expected())
    info = got["tof"].info
    assert (info.undecodable, info.other_schema, info.messages) == (3 * len(wrong), 0, 6 + 3 * len(wrong))
    assert accounted(info) == sent.events + frames.sum
    assert info.warning is None
    # Who does not read them has nothing to complain about, with or without others that do.
    for each in (alone, got["ev44"].info, got["image"].info):
        assert (each.undecodable, each.other_schema) == (0, 3 + 3 * len(wrong))
    wanted = before + 3 * len(wrong)
    service.heartbeat_until(lambda b: b["counters"]["undecodable"].get("not_counts") == wanted)


def test_what_a_service_publishes_as_da00_is_no_frame(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, output, sent = topic("data"), topic("output"), Sent()
    sender.pulses(data, sent, [BASE_MS])
    service.config([tof(service, data) | {"topic": output}], start=BASE_MS, output_schema="da00")
    service.heartbeat_until(lambda beat: {h["sum"] for h in beat["histograms"]} == {below_the_end(sent)})
    service.client.send({"cmd": "stop"})
    with service.following() as published:
        service.config([tof(service, output, name="again")], start=BASE_MS)
        info = published.until(lambda h: h.info.messages > 2 and h.info.lag == 0).info
    assert (info.undecodable, info.sum, info.underflow, info.overflow) == (info.messages, 0, 0, 0)
