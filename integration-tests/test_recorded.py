"""Recorded neutrons, through a real broker, into histograms equal to numpy's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from events import accounted, image, regions
from kafka_broker import MakeTopic
from service_process import Histograms, Service

from histsvc.client import Histogram
from histsvc.protocol.info import State

SANS2D = Path(__file__).parents[2] / "shared" / "data" / "SANS2D_minimal.nxs"
TOF_RANGE = (0.0, 100_000_000.0)
TOF_BINS = 500
WIDTH, HEIGHT = 192, 640
BINS_2D = (60, 80)
LEFTS = [98_000 + 192 * row for row in range(40)]
ROI_WIDTH = 150


def made_file(folder: Path) -> Path:
    """A small run of our own: uneven pulses, one of them empty, in the layout of the recorded one."""
    rng = np.random.default_rng(7)
    sizes = np.array([900, 0, 1_250, 3, 700])
    path = folder / "made.nxs"
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/events")
        group.attrs["NX_class"] = "NXevent_data"
        group["event_index"] = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.uint64)
        group["event_id"] = rng.integers(1, WIDTH * HEIGHT + 1, sizes.sum(), dtype=np.uint32)
        group["event_time_offset"] = rng.uniform(0, 99_999, sizes.sum()).astype(np.float32)
        group["event_time_zero"] = np.arange(sizes.size) * 0.1 + 2.5
        group["event_time_zero"].attrs["offset"] = "2016-04-12T02:58:52"
    return path


@pytest.fixture(params=["made", "SANS2D"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "made":
        return made_file(tmp_path)
    if not SANS2D.exists():
        pytest.skip(f"the recorded events are not here: {SANS2D}")
    return SANS2D


def generate(service: Service, topic: str, run: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "histsvc", "generate", "-b", service.broker.bootstrap, "-t", topic]
    done = subprocess.run(
        [*command, "--nexus", str(run), *options], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def histograms(service: Service, topic: str) -> list[dict[str, Any]]:
    pixels = [1, WIDTH * HEIGHT]
    return [
        service.histogram("hist1d", topic, id="tof", tof_range=TOF_RANGE, num_bins=TOF_BINS),
        service.histogram(
            "hist2d", topic, id="both", tof_range=TOF_RANGE, det_range=pixels, num_bins=BINS_2D
        ),
        service.histogram("dethist", topic, id="image", det_range=pixels, width=WIDTH, height=HEIGHT),
        service.histogram("roihist", topic, id="roi", left_edges=LEFTS, width=ROI_WIDTH),
    ]


def check(published: dict[str, Histogram], run: Path) -> None:
    """Bin for bin against numpy on the file itself."""
    with h5py.File(run) as file:
        group = file["raw_data_1/detector_1_events" if "raw_data_1" in file else "entry/events"]
        tof = np.rint(group["event_time_offset"][:].astype(np.float64) * 1000).astype(np.int64)
        pixel = group["event_id"][:].astype(np.int64)
    expected, edges = np.histogram(tof, bins=TOF_BINS, range=TOF_RANGE)
    np.testing.assert_array_equal(published["tof"].counts, expected)
    np.testing.assert_array_equal(published["tof"].axes[0].edges, edges)
    both, tof_edges, pixel_edges = np.histogram2d(
        tof, pixel, bins=BINS_2D, range=(TOF_RANGE, (1, WIDTH * HEIGHT))
    )
    np.testing.assert_array_equal(published["both"].counts, both)
    np.testing.assert_array_equal(published["both"].axes[0].edges, tof_edges)
    np.testing.assert_array_equal(published["both"].axes[1].edges, pixel_edges)
    np.testing.assert_array_equal(published["image"].counts, image(pixel, 1, WIDTH, HEIGHT))
    np.testing.assert_array_equal(published["roi"].counts, regions(pixel, LEFTS, ROI_WIDTH))
    for received in published.values():
        assert received.info.sum == received.counts.sum()
        assert accounted(received.info) == tof.size
        assert received.info.undecodable == received.info.other_schema == 0


@pytest.mark.parametrize("schema", ["ev44", "ev42"])
def test_run_that_is_already_in_kafka(service: Service, topic: MakeTopic, run: Path, schema: str) -> None:
    data = topic("data", config={"retention.ms": "-1"})
    summary = generate(service, data, run, "--schema", schema)
    start, stop = summary["first_timestamp_ms"], summary["last_timestamp_ms"]
    with service.following() as published:
        service.config(histograms(service, data), start=start, stop=stop)
        finished = published.finished("tof", "both", "image", "roi")
        _check_story(published)
    check(finished, run)
    assert finished["tof"].info.messages == summary["messages"]
    assert finished["tof"].info.offsets == {data: {0: summary["messages"]}}
    assert finished["tof"].info.last_pulse_time // 1_000_000 == stop


@pytest.mark.parametrize("schema", ["ev44", "ev42"])
def test_run_that_is_sent_live(service: Service, topic: MakeTopic, run: Path, schema: str) -> None:
    data = topic("data", config={"retention.ms": "-1"})
    now_ms = time.time_ns() // 1_000_000
    with service.following() as published:
        # Sent before: the run begins when the generator does, which is after now.
        service.config(histograms(service, data), start=now_ms)
        summary = generate(service, data, run, "--schema", schema, "--now", "--speed", "10")
        service.client.send({"cmd": "stop"})
        finished = published.finished("tof", "both", "image", "roi")
        _check_story(published)
    check(finished, run)
    assert finished["tof"].info.start == now_ms
    assert finished["tof"].info.messages == summary["messages"]


def test_live_run_with_a_stop_ends_by_itself(service: Service, topic: MakeTopic, tmp_path: Path) -> None:
    data = topic("data", config={"retention.ms": "-1"})
    run = made_file(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    with service.following() as published:
        service.config(histograms(service, data), start=now_ms, stop=now_ms + 4_000)
        generate(service, data, run, "--now")
        finished = published.finished("tof", "both", "image", "roi")
    check(finished, run)
    assert time.time_ns() // 1_000_000 > now_ms + 4_000 + 5_000


def _check_story(published: Histograms) -> None:
    """INITIALISED first, FINISHED last, and right before it the same counts as COUNTING."""
    for name in ("tof", "both", "image", "roi"):
        story = published.of(name)
        states = [received.info.state for received in story]
        assert states[0] is State.INITIALISED
        assert story[0].counts.sum() == 0
        assert states[-2:] == [State.COUNTING, State.FINISHED]
        assert states.count(State.FINISHED) == 1
        np.testing.assert_array_equal(story[-1].counts, story[-2].counts)
