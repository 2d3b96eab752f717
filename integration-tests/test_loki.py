"""A real instrument's configuration: 14 histograms over 10 topics."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from events import BASE_MS, EventSender, Sent, image
from kafka_broker import MakeTopic
from service_process import Service

# The same shape as the shared scenario, which is used where it is there.
SCENARIO = Path(__file__).parents[2] / "shared" / "scenarios" / "loki.json"
ROWS = [1568, 448, 336, 448, 336, 784, 896, 560, 896]


def loki(bootstrap: str) -> dict[str, Any]:
    if SCENARIO.exists():
        command: dict[str, Any] = json.loads(SCENARIO.read_text())
    else:
        command = {"cmd": "config", "input_schema": "ev44", "output_schema": "hs01", "histograms": _made()}
    for histogram in command["histograms"]:
        histogram["data_brokers"] = [bootstrap]
    return command


def _made() -> list[dict[str, Any]]:
    firsts = 1 + 512 * np.concatenate(([0], np.cumsum(ROWS)[:-1]))
    common = {"tof_range": [0, 1e8], "num_bins": 50, "left_edges": [], "topic": "out"}
    banks = [
        {
            "type": "dethist",
            "id": f"bank{i}",
            "data_topics": [f"bank{i}"],
            "det_range": [int(first), int(first) + 512 * rows - 1],
            "width": 512,
            "height": rows,
            **common,
        }
        for i, (first, rows) in enumerate(zip(firsts, ROWS, strict=True))
    ]
    monitors = [
        {
            "type": "hist1d",
            "id": f"monitor{i}",
            "data_topics": ["monitors"],
            "source": f"cbm{i + 1}",
            **common,
        }
        for i in range(5)
    ]
    return [*banks, *monitors]


def test_loki_counts_exactly_with_no_more_readers_than_cores(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    command = loki(service.broker.bootstrap)
    names = {name: topic("loki") for h in command["histograms"] for name in h["data_topics"]}
    sent = {histogram["id"]: Sent() for histogram in command["histograms"]}
    for histogram in command["histograms"]:
        histogram["data_topics"] = [names[name] for name in histogram["data_topics"]]
        histogram["topic"] = service.output
    with service.following() as published:
        service.client.send(command)
        workers = service.heartbeat_until(
            lambda beat: beat["workers"] if len(beat["histograms"]) == 14 else None
        )
        reading = [worker for worker in workers if worker["state"] == "COUNTING"]
        assert 1 <= len(reading) <= (os.cpu_count() or 1)
        _send(command, sent, sender)
        service.client.send({"cmd": "stop"})
        finished = published.finished(*sent)
    for histogram in command["histograms"]:
        received, mine = finished[histogram["id"]], sent[histogram["id"]]
        if histogram["type"] == "dethist":
            first, width, height = histogram["det_range"][0], histogram["width"], histogram["height"]
            np.testing.assert_array_equal(received.counts, image(mine.pixel, first, width, height))
        else:
            expected = np.histogram(mine.tof, bins=50, range=(0, 1e8))[0]
            np.testing.assert_array_equal(received.counts, expected)
        assert received.info.sum == mine.events
        assert received.schema == "hs01"


def _send(command: dict[str, Any], sent: dict[str, Sent], sender: EventSender) -> None:
    for pulse in range(14):
        for histogram in command["histograms"]:
            sender.pulses(
                histogram["data_topics"][0],
                sent[histogram["id"]],
                [BASE_MS + 71 * pulse],
                events=500,
                pixels=(int(histogram["det_range"][0]) or 1, int(histogram["det_range"][1])),
                source=histogram["source"] or "bank",
            )
