"""The examples that instruments send: counted as they stand, every histogram with the keys of every type."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, EventSender, Sent, image
from examples import command, placed, until_read
from kafka_broker import MakeTopic
from service_process import Histograms, Service

from histsvc.client import Histogram, TopicReader
from histsvc.ports import OffsetAt

# More than the largest image before compression, which the service goes by.
ROOMY = {"max.message.bytes": "200000000"}
PATIENCE_S = 60
PULSES = 10


def filled(command: dict[str, Any], sender: EventSender) -> dict[str, Sent]:
    """What was sent for each stream of each source: events of the pixels of its first histogram."""
    sent: dict[str, Sent] = {}
    for histogram in command["histograms"]:
        data, source = histogram["data_topics"][0], histogram["source"]
        if f"{data}/{source}" in sent:
            continue
        mine = sent[f"{data}/{source}"] = Sent()
        first, last = histogram["det_range"]
        times_ms = [BASE_MS + 71 * pulse for pulse in range(PULSES)]
        sender.pulses(data, mine, times_ms, events=500, pixels=(max(first, 1), last), source=source or "bank")
    return sent


def messages(command: dict[str, Any]) -> dict[str, int]:
    """How many messages each histogram reads: those of all sources on its topic."""
    sources: dict[str, set[str]] = {}
    for histogram in command["histograms"]:
        sources.setdefault(histogram["data_topics"][0], set()).add(histogram["source"])
    return {h["id"]: PULSES * len(sources[h["data_topics"][0]]) for h in command["histograms"]}


def check(config: dict[str, Any], received: Histogram, sent: Sent) -> None:
    if config["type"] == "dethist":
        wanted = image(sent.pixel, config["det_range"][0], config["width"], config["height"])
    else:
        wanted = np.histogram(sent.tof, config["num_bins"], config["tof_range"])[0]
    np.testing.assert_array_equal(received.counts, wanted)
    assert received.info.sum == sent.events
    assert received.schema == "hs01"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["loki.json", "odin.json"])
def test_scenario(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender, name: str
) -> None:
    # 16.8 million bins take longer to prepare and to serialise than the 4 s that a command has otherwise.
    service = own_service("--command-timeout", f"{PATIENCE_S * 1000}")
    histograms = command(name)["histograms"]
    streams = {stream for histogram in histograms for stream in histogram["data_topics"]}
    topics = {stream: topic(stream) for stream in streams}
    output = topics[histograms[0]["topic"]] = topic("output", config=ROOMY)
    made = placed(name, service.bootstrap, topics)
    follower = TopicReader(service.kafka, [output], OffsetAt.LATEST)
    published = Histograms(follower)
    try:
        assert service.client.send(made, PATIENCE_S) == {"msg_id": made["msg_id"], "response": "ACK"}
        workers = service.heartbeat_until(
            lambda beat: beat["workers"] if len(beat["histograms"]) == len(histograms) else None
        )
        assert 1 <= [worker["state"] for worker in workers].count("COUNTING") <= (os.cpu_count() or 1)
        sent = filled(made, sender)
        until_read(published, messages(made), PATIENCE_S)
        service.client.send({"cmd": "stop"}, PATIENCE_S)
        finished = published.finished(*(config["id"] for config in made["histograms"]), timeout_s=PATIENCE_S)
    finally:
        follower.close()
    for config in made["histograms"]:
        check(config, finished[config["id"]], sent[f"{config['data_topics'][0]}/{config['source']}"])
