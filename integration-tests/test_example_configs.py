"""The examples count what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from events import BASE_MS, EventSender, Sent, accounted, image, in_rows, regions
from examples import FOLDER, command, command_files, placed, until_read
from kafka_broker import MakeTopic
from service_process import Service

from histsvc.client import Histogram
from histsvc.histograms.registry import histogram_types
from histsvc.wire import da00

OWN_TESTS = {"historic.json", "add.json", "da00.json", "simulation.json", "loki.json", "odin.json"}
LIVE = [name for name in command_files() if name not in OWN_TESTS]
LAST_PIXEL = 10_000


def here(name: str, service: Service, data: str) -> dict[str, Any]:
    """The command of an example on the topics of this test."""
    return placed(name, service.bootstrap, {"histsvc_events": data, "histsvc_histograms": service.output})


def ack(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to an example: no warnings."""
    return {"msg_id": sent["msg_id"], "response": "ACK"}


def expected(config: dict[str, Any], sent: Sent) -> npt.NDArray[Any]:
    """What numpy counts."""
    tof, pixel = sent.tof, sent.pixel
    match config["type"]:
        case "hist1d":
            if "region" in config:
                tof = tof[in_rows(pixel, **config["region"])]
            return np.histogram(tof, config["num_bins"], config["tof_range"])[0]
        case "hist2d":
            ranges = (config["tof_range"], config["det_range"])
            both: npt.NDArray[Any] = np.histogram2d(tof, pixel, config["num_bins"], ranges)[0]
            return both
        case "dethist":
            return image(pixel, config["det_range"][0], config["width"], config["height"])
    return regions(pixel, config["left_edges"], config["width"])


def check(command: dict[str, Any], published: dict[str, Histogram], sent: Sent) -> None:
    for config in command["histograms"]:
        received = published[config["id"]]
        np.testing.assert_array_equal(received.counts, expected(config, sent))
        assert received.info.sum > 0
        assert received.schema == command.get("output_schema", "hs00")


def test_there_is_an_example_for_every_type_and_one_with_all() -> None:
    used = {name: [h["type"] for h in command(name)["histograms"]] for name in LIVE}
    for kind in histogram_types():
        assert used[f"{kind}.json"] == [kind]
    assert set(used["all_types.json"]) == set(histogram_types())


def test_the_table_of_examples_names_every_file() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in FOLDER.iterdir() if path.name != "README.md"}
    assert {name for name in re.findall(r"\]\(([^)]+)\)", text) if "/" not in name} == files


@pytest.mark.parametrize("name", LIVE)
def test_live_example(service: Service, topic: MakeTopic, sender: EventSender, name: str) -> None:
    data, sent = topic("data"), Sent()
    command = here(name, service, data)
    with service.following() as published:
        assert service.client.send(command) == ack(command)
        sender.pulses(data, sent, range(1, 21), events=1000, pixels=(1, LAST_PIXEL), schema="ev42")
        names = [config["id"] for config in command["histograms"]]
        until_read(published, dict.fromkeys(names, 20))
        service.client.send({"cmd": "stop"})
        finished = published.finished(*names)
    check(command, finished, sent)


def test_historic_example(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data, sent, outside = topic("data", config={"retention.ms": "-1"}), Sent(), Sent()
    command = here("historic.json", service, data)
    start, stop = command["start"], command["stop"]
    pixels = (9, 9 + 512 * 240 - 1)
    sender.pulses(data, outside, [start - 1], pixels=pixels)
    sender.pulses(data, sent, [start, *range(start + 10, stop, 3_000), stop], events=1000, pixels=pixels)
    sender.pulses(data, outside, [stop + 1], pixels=pixels)
    with service.following() as published:
        assert service.client.send(command) == ack(command)
        finished = published.finished(*(config["id"] for config in command["histograms"]))
    check(command, finished, sent)
    for received in finished.values():
        assert received.info.sum == sent.events
        assert (
            accounted(received.info) == sent.events + 100
        )  # the one behind stop was read; that before start not


def test_example_of_add_counts_beside_what_runs(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, before, after = topic("data"), Sent(), Sent()
    first, more = here("hist1d.json", service, data), here("add.json", service, data)
    pixels = (1, LAST_PIXEL)
    with service.following() as published:
        assert service.client.send(first) == ack(first)
        sender.pulses(data, before, range(1, 11), events=1000, pixels=pixels)
        assert service.client.send(more) == ack(more)
        sender.pulses(data, after, range(11, 21), events=1000, pixels=pixels)
        until_read(published, {"tof": 20, "added-region": 10})
        service.client.send({"cmd": "stop"})
        finished = published.finished("tof", "added-region")
    check(more, finished, after)
    both = Sent(before.tof_ns + after.tof_ns, before.pixel_id + after.pixel_id)
    check(first, finished, both)
    assert finished["tof"].info.job != finished["added-region"].info.job


def test_example_of_da00_counts_frames_beside_events(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    events, monitor, sent = topic("events"), topic("monitor"), Sent()
    topics = {"histsvc_events": events, "histsvc_monitor": monitor, "histsvc_histograms": service.output}
    command = placed("da00.json", service.bootstrap, topics)
    frames, others = sender.rng.integers(0, 1000, (2, 20, 50))
    edges = np.linspace(0, 100_000_000, 51)
    with service.following() as published:
        assert service.client.send(command) == ack(command)
        for number, (frame, other) in enumerate(zip(frames, others, strict=True)):
            time_ms = BASE_MS + number
            for source, counts in (("monitor_1", frame), ("monitor_2", other)):
                sender.raw(monitor, da00.serialise(source, time_ms * 1_000_000, edges, counts), time_ms)
        sender.pulses(events, sent, range(1, 21), events=1000)
        until_read(published, {"monitor": 40, "tof": 20})
        service.client.send({"cmd": "stop"})
        finished = published.finished("monitor", "tof")
    np.testing.assert_array_equal(finished["monitor"].counts, frames.sum(axis=0))
    assert finished["monitor"].info.filtered == others.sum()
    assert finished["monitor"].info.warning is None
    np.testing.assert_array_equal(finished["tof"].counts, expected(command["histograms"][1], sent))


def test_example_of_simulation_needs_no_data(own_service: Callable[..., Service]) -> None:
    service = own_service("--simulation-mode")
    topics = {"histsvc_simulated_events": "no-such-topic", "histsvc_histograms": service.output}
    command = placed("simulation.json", service.bootstrap, topics)
    names = [histogram["id"] for histogram in command["histograms"]]
    with service.following() as published:
        assert service.client.send(command) == ack(command)
        for name in names:
            published.until(lambda h, n=name: h.info.id == n and h.info.sum > 0)  # type: ignore[misc]
        service.client.send({"cmd": "stop"})
        finished = published.finished(*names)
    sums = [finished[name].info.sum for name in names]
    assert sums == [int(finished[name].counts.sum()) for name in names]
    assert min(sums) > 0
