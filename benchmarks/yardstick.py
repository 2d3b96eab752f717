"""What the service is compared with, each in a process of its own that runs when it is told to.

    python -m benchmarks.yardstick discard BROKER MESSAGES TOPIC [...]
    python -m benchmarks.yardstick naive BROKER MESSAGES HISTOGRAM

For each line on standard input it reads MESSAGES messages of each topic from its beginning, and prints a JSON
object with the seconds, the CPU seconds of the process, and the events that it has counted (naive).
HISTOGRAM is a hist1d or dethist as in a command, in JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from streaming_data_types.eventdata_ev44 import deserialise_ev44

from histsvc.kafka.connection import consumer_settings
from histsvc.settings import Security

_BATCH = 4096
_WAIT_S = 0.01


def discard(consumer: Consumer, wanted: int) -> int:
    """Take messages in batches, ask each for what any reader needs, and drop it."""
    seen = 0
    while seen < wanted:
        for message in consumer.consume(_BATCH, _WAIT_S):
            if message.error() is None:
                message.value()
                message.timestamp()
                message.offset()
                seen += 1
    return 0


def naive(consumer: Consumer, wanted: int, histogram: Mapping[str, Any]) -> int:
    """One message at a time, with the field's usual decoder and numpy."""
    spectrum = histogram["type"] == "hist1d"
    source = histogram.get("source")
    bins, low_high = histogram.get("num_bins", 0), histogram.get("tof_range", (0, 0))
    if not spectrum:
        bins, first = histogram["width"] * histogram["height"], histogram["det_range"][0]
        low_high = first, first + bins
    counts = np.zeros(bins, np.int64)
    seen = 0
    while seen < wanted:
        message = consumer.poll(1.0)
        if message is None or message.error() is not None:
            continue
        events = deserialise_ev44(message.value())
        if source in (None, "", events.source_name):
            column = events.time_of_flight if spectrum else events.pixel_id
            counts += np.histogram(column, bins=bins, range=low_high)[0]
        seen += 1
    return int(counts.sum())


def measured(kind: str, broker: str, messages: int, arguments: Sequence[str]) -> Iterator[dict[str, float]]:
    """Run once for each line on standard input."""
    if kind == "discard":
        topics, work = arguments, discard
    else:
        histogram = json.loads(arguments[0])
        topics, work = histogram["data_topics"], partial(naive, histogram=histogram)
    consumer = Consumer(consumer_settings((broker,), Security()))
    for _ in sys.stdin:
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
        events = work(consumer, messages * len(topics))
        yield {
            "seconds": time.perf_counter() - begun_s,
            "cpu_s": time.process_time() - cpu_s,
            "events": events,
        }
        consumer.unassign()
    consumer.close()


def main() -> None:
    """See the module."""
    kind, broker, messages, *arguments = sys.argv[1:]
    for result in measured(kind, broker, int(messages), arguments):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
