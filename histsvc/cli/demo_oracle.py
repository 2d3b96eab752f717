"""The demo's judge: numpy's histograms of what was really sent, against what the service published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.cli.sending import Producer
from histsvc.client import Histogram
from histsvc.wire import ev44

WIDTH, HEIGHT = 48, 32
FIRST, LAST = 1, WIDTH * HEIGHT
TOF_RANGE = (0, 71_428_571)
TOF_BINS = 100
BINS_2D = (50, 48)
LEFT_EDGES = [FIRST + WIDTH * row + 12 for row in range(10, 22)]
ROI_WIDTH = 24


def config(broker: str, data_topic: str, output_topic: str) -> dict[str, Any]:
    """The demo's command: one histogram of each type, all of the same stream."""
    common = {"data_brokers": [broker], "data_topics": [data_topic], "topic": output_topic}
    detector = [FIRST, LAST]
    return {
        "cmd": "config",
        "msg_id": "demo-config",
        "input_schema": "ev44",
        "output_schema": "hs01",
        "histograms": [
            {**common, "type": "hist1d", "id": "tof", "tof_range": TOF_RANGE, "num_bins": TOF_BINS},
            {
                **common,
                "type": "hist2d",
                "id": "tof-pixel",
                "tof_range": TOF_RANGE,
                "det_range": detector,
                "num_bins": BINS_2D,
            },
            {
                **common,
                "type": "dethist",
                "id": "detector",
                "det_range": detector,
                "width": WIDTH,
                "height": HEIGHT,
            },
            {**common, "type": "roihist", "id": "region", "left_edges": LEFT_EDGES, "width": ROI_WIDTH},
        ],
    }


class Oracle:
    """A producer that lets numpy count every message that it hands on."""

    def __init__(self, inner: Producer) -> None:
        self.events = 0
        self.counts: dict[str, npt.NDArray[np.float64]] = {
            "tof": np.zeros(TOF_BINS),
            "tof-pixel": np.zeros(BINS_2D),
            "detector": np.zeros((WIDTH, HEIGHT)),
            "region": np.zeros((ROI_WIDTH, len(LEFT_EDGES))),
        }
        self._inner = inner

    @property
    def delivered(self) -> int:
        """Messages that Kafka has acknowledged."""
        return self._inner.delivered

    @property
    def failed(self) -> int:
        """Messages that were not delivered."""
        return self._inner.failed

    @property
    def failure(self) -> str | None:
        """Why the first one failed."""
        return self._inner.failure

    def produce(
        self,
        topic: str,
        payload: bytes,
        timestamp_ms: int,
        *,
        partition: int | None,
        give_up: Callable[[], bool],
    ) -> bool:
        """Hand a message on, and count it if it was taken."""
        taken = self._inner.produce(topic, payload, timestamp_ms, partition=partition, give_up=give_up)
        if taken:
            self._count(payload)
        return taken

    def flush(self, patience_s: Callable[[], float]) -> None:
        """Wait for all reports."""
        self._inner.flush(patience_s)

    def _count(self, payload: bytes) -> None:
        read = ev44.deserialise(payload)
        tof, pixel = read.tof_ns, read.pixel_id
        self.events += tof.size
        self.counts["tof"] += np.histogram(tof, bins=TOF_BINS, range=TOF_RANGE)[0]
        both, _, _ = np.histogram2d(tof, pixel, bins=BINS_2D, range=(TOF_RANGE, (FIRST, LAST)))
        self.counts["tof-pixel"] += both
        image = np.bincount(pixel - FIRST, minlength=WIDTH * HEIGHT)
        self.counts["detector"] += image.reshape(HEIGHT, WIDTH).T
        for row, left in enumerate(LEFT_EDGES):
            self.counts["region"][:, row] += image[left - FIRST : left - FIRST + ROI_WIDTH]

    def verdict(self, published: dict[str, Histogram]) -> tuple[bool, list[str]]:
        """Whether every bin of every histogram is exact and every event accounted for, and a line of each."""
        lines, exact = [], True
        for name, expected in self.counts.items():
            found = published.get(name)
            if found is None:
                lines.append(f"{name:<10} was never published as FINISHED")
                exact = False
                continue
            info = found.info
            accounted = info.sum + info.underflow + info.overflow + info.filtered + info.out_of_window
            good = np.array_equal(found.counts, expected) and accounted == self.events
            exact = exact and good
            lines.append(
                f"{name:<10} {int(expected.sum()):>12,} expected {info.sum:>12,} counted "
                f"{accounted:>12,} accounted for   {'exact' if good else 'WRONG'}"
            )
        return exact and self.events > 0, lines
