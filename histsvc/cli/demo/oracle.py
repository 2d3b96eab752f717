"""The demo's judge: numpy's histograms of what was really sent, against what the service published."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.cli.sending import Producer
from histsvc.client import Histogram
from histsvc.model import Pulse
from histsvc.wire import ev44

_PATIENCE_S = 10.0
_NOTHING = Pulse("", 0, np.empty(0, np.int64), np.empty(0, np.int64))


class Expected:
    """What numpy makes of the events that one histogram has to count; `config` is that of the command."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.events = 0
        self.counts = _counted(config, _NOTHING).astype(np.float64)
        self._config = config

    def clear(self) -> None:
        """Begin again, as reset_counts does."""
        self.events = 0
        self.counts[:] = 0

    def count(self, pulse: Pulse) -> None:
        """Count the events of a message, where it is of the right source."""
        self.events += pulse.tof_ns.size
        if pulse.source == self._config["source"]:
            self.counts += _counted(self._config, pulse)


class Oracle:
    """A producer that lets numpy count every message that it hands on."""

    def __init__(self, inner: Producer) -> None:
        self.events = 0
        self.expected: dict[str, Expected] = {}
        self._inner = inner
        self._between = threading.Lock()

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

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is sent meanwhile, and everything that was sent before is delivered."""
        with self._between:
            self._inner.flush(lambda: _PATIENCE_S)
            yield

    def add(self, histograms: Sequence[Mapping[str, Any]]) -> None:
        """Expect these as well, from now on; by their id."""
        self.expected |= {histogram["id"]: Expected(histogram) for histogram in histograms}

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
        with self._between:
            taken = self._inner.produce(topic, payload, timestamp_ms, partition=partition, give_up=give_up)
            if taken:
                pulse = ev44.deserialise(payload)
                self.events += pulse.tof_ns.size
                for expected in self.expected.values():
                    expected.count(pulse)
        return taken

    def flush(self, patience_s: Callable[[], float]) -> None:
        """Wait for all reports."""
        self._inner.flush(patience_s)

    def verdict(
        self, published: Mapping[str, Histogram], changed: Mapping[str, str]
    ) -> tuple[bool, list[str]]:
        """Whether every bin of every histogram is exact and every event accounted for, and a line of each.

        Those that others have `changed` are not judged; it tells the command with which they have.
        """
        lines, exact = [], self.events > 0
        for name, expected in self.expected.items():
            if name in changed:
                lines.append(f"{name:<8} changed from the page ({changed[name]}): not judged")
                continue
            found = published.get(name)
            good = found is not None and _is_exact(found, expected)
            exact = exact and good
            lines.append(_line(name, found, expected, good))
        return exact, lines


def _is_exact(found: Histogram, expected: Expected) -> bool:
    return np.array_equal(found.counts, expected.counts) and _accounted(found) == expected.events


def _accounted(found: Histogram) -> int:
    info = found.info
    return info.sum + info.underflow + info.overflow + info.filtered + info.out_of_window


def _line(name: str, found: Histogram | None, expected: Expected, good: bool) -> str:
    if found is None:
        return f"{name:<8} was never published as FINISHED"
    return (
        f"{name:<8} {int(expected.counts.sum()):>11,} expected  {found.info.sum:>11,} counted  "
        f"{_accounted(found):>11,} accounted  {'exact' if good else 'WRONG'}"
    )


def _counted(config: Mapping[str, Any], pulse: Pulse) -> npt.NDArray[Any]:
    """The histogram of one message, of the shape that is published."""
    tof, pixel = pulse.tof_ns, pulse.pixel_id
    counts: npt.NDArray[Any]
    match config["type"]:
        case "hist1d":
            counts = np.histogram(tof, bins=config["num_bins"], range=config["tof_range"])[0]
        case "hist2d":
            ranges = (config["tof_range"], config["det_range"])
            counts = np.histogram2d(tof, pixel, bins=config["num_bins"], range=ranges)[0]
        case "dethist":
            first, bins = config["det_range"][0], config["width"] * config["height"]
            image = np.bincount(pixel - first, minlength=bins).reshape(config["height"], config["width"])
            counts = image.T
        case _:
            width, lefts = config["width"], config["left_edges"]
            image = np.bincount(pixel, minlength=max(lefts) + width)
            counts = np.stack([image[left : left + width] for left in lefts], axis=1)
    return counts
