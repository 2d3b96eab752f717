"""The histograms of the fuzzer, and what numpy counts for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from fakes import config_of
from property.oracle import numpy_counts

from fuzz.frames import Counts
from fuzz.rules import Events, Rule
from histsvc.histograms.base import BLANKS, HistogramConfig
from histsvc.histograms.dethist import DethistConfig
from histsvc.histograms.hist1d import Hist1dConfig
from histsvc.histograms.hist2d import Hist2dConfig
from histsvc.histograms.roihist import RoihistConfig
from histsvc.model import Int64Array

ALL = ("ev42", "ev44", "da00")
_EVENTS = ("ev42", "ev44")
_REGION = {"left_edges": [60, -3, 14, 10, 2**31, -(2**31)], "width": 9}
_ANYTHING = [-(2.0**31), 2.0**32]
# As far as two edges may be apart, in bins, and still be the same.
_SAME = 1e-3

Read = Events | Counts | Rule | None
"""What a message is: events, a frame, of no use by a rule of events, or no frame."""


def histograms() -> list[tuple[HistogramConfig, tuple[str, ...]]]:
    """All types, and the schemas that each takes: around the good messages, and all that 32 bits hold."""
    return [
        (config_of("hist1d", tof_range=[0, 1200], num_bins=12), ALL),
        (
            config_of("hist1d", tof_range=[100.5, 900.25], num_bins=7, det_range=[10, 99.5], source=" bank "),
            ALL,
        ),
        (config_of("hist1d", tof_range=_ANYTHING, num_bins=1000), _EVENTS),
        (config_of("hist1d", tof_range=[10, 1100], region=_REGION), ALL),
        (config_of("hist2d", tof_range=[10, 1100], det_range=[5, 140], num_bins=[11, 9]), _EVENTS),
        (config_of("hist2d", tof_range=_ANYTHING, det_range=_ANYTHING, num_bins=20), ("ev44",)),
        (config_of("dethist", det_range=[7, 9], width=8, height=13), _EVENTS),
        (config_of("dethist", det_range=[2**31 - 9, 2**31], width=6, height=3, source="monitor"), _EVENTS),
        (config_of("roihist", left_edges=[60, -3, 14, 10, 2**31], width=9), _EVENTS),
    ]


class Expected:
    """What a histogram must have counted, its accounting without the zeros, and the newest pulse."""

    def __init__(self, config: HistogramConfig, schemas: Sequence[str]) -> None:
        self.tally: Counter[str] = Counter()
        self._config = config
        self._schemas = schemas
        self.counts = numpy_counts(config, np.empty(0, np.int64), np.empty(0, np.int64))
        self.pulse_ns = 0

    def merge(self, other: Expected) -> None:
        """Add what another one of the same histogram has counted."""
        self.counts += other.counts
        self.tally += other.tally
        self.pulse_ns = max(self.pulse_ns, other.pulse_ns)

    def add(self, messages: Sequence[tuple[bytes, Read]], inside: Sequence[bool]) -> None:
        """Count messages; those that are not `inside` are out of the window of time."""
        events: list[Events] = []
        for (payload, read), counts in zip(messages, inside, strict=True):
            self.tally["messages"] += 1
            if read is Rule.NO_SCHEMA:
                self.tally["undecodable"] += 1
            elif payload[4:8].decode("ascii", "replace") not in self._schemas:
                self.tally["other_schema"] += 1
            elif read is None or isinstance(read, Rule):
                self.tally["undecodable"] += 1
            elif not counts:
                self.tally["out_of_window"] += read.size
            elif self._is_filtered(read):
                self.tally["filtered"] += read.size
            elif read.size:
                self.pulse_ns = max(self.pulse_ns, read.time_ns)
                if isinstance(read, Events):
                    events.append(read)
                else:
                    self._add_frame(read)
        self._add_events(events)
        self.tally = +self.tally

    def _is_filtered(self, read: Events | Counts) -> bool:
        wanted = self._config.source_name.encode()
        source = read.source if isinstance(read, Events) else read.source.encode()
        if isinstance(read, Events):
            missing = (self._config.needs_tof and not read.tof.size) or (
                self._config.needs_pixel and not read.pixel.size
            )
            if missing:
                return True
        return bool(wanted) and source.strip(BLANKS.encode()) != wanted

    def _add_events(self, messages: Sequence[Events]) -> None:
        if not messages:
            return
        tof = np.concatenate([read.tof if read.tof.size else np.zeros_like(read.pixel) for read in messages])
        pixel = np.concatenate(
            [read.pixel if read.pixel.size else np.zeros_like(read.tof) for read in messages]
        )
        known = np.concatenate([np.full(read.size, read.pixel.size > 0) for read in messages])
        counted = self._counted(tof, pixel, known)
        counts = numpy_counts(self._config, tof[counted], pixel[counted])
        self.counts += counts
        self.tally["counted"] += int(counts.sum())

    def _counted(self, tof: Int64Array, pixel: Int64Array, known: np.ndarray) -> np.ndarray:
        """Which events lie in a bin, bool (events,); what becomes of the others is written down.

        `known`, bool (events,), says which have a pixel id.
        """
        config = self._config
        match config:
            case Hist1dConfig():
                inside = self._inside(tof, *config.tof_range, np.ones(tof.size, bool))
                first, last = config.det_range or (-np.inf, np.inf)
                passed = ~known | ((pixel >= first) & (pixel <= last))
                if config.region:
                    passed &= ~known | _held(pixel, config.region.left_edges, config.region.width)
                self.tally["filtered"] += int(np.count_nonzero(inside & ~passed))
                return inside & passed
            case Hist2dConfig():
                inside = self._inside(tof, *config.tof_range, np.ones(tof.size, bool))
                return self._inside(pixel, *config.det_range, inside)
            case DethistConfig():
                first = config.det_range[0]
                held = (pixel >= first) & (pixel < first + config.bins)
            case RoihistConfig():
                held = _held(pixel, config.left_edges, config.width)
            case _:
                raise AssertionError(config)
        self.tally["filtered"] += int(np.count_nonzero(~held))
        return held

    def _inside(self, values: Int64Array, low: float, high: float, asked: np.ndarray) -> np.ndarray:
        """Which of the values that are asked for lie in a closed range."""
        below, above = asked & (values < low), asked & (values > high)
        self.tally["underflow"] += int(np.count_nonzero(below))
        self.tally["overflow"] += int(np.count_nonzero(above))
        return asked & ~below & ~above

    def _add_frame(self, read: Counts) -> None:
        config = self._config
        assert isinstance(config, Hist1dConfig)
        edges = np.histogram_bin_edges(np.empty(0), config.num_bins, config.tof_range)
        if edges.size == read.edges_ns.size and np.all(
            np.abs(edges - read.edges_ns) <= _SAME * np.diff(edges).min()
        ):
            self.counts += read.counts
            self.tally["counted"] += read.size
            return
        centres = read.edges_ns[:-1] + np.diff(read.edges_ns) / 2
        below, above = centres < config.tof_range[0], centres > config.tof_range[1]
        weights = read.counts.astype(np.float64)
        found = np.histogram(centres, config.num_bins, config.tof_range, weights=weights)[0].astype(np.int64)
        self.counts += found
        self.tally["counted"] += int(found.sum())
        self.tally["underflow"] += int(read.counts[below].sum())
        self.tally["overflow"] += int(read.counts[above].sum())


def _held(pixel: Int64Array, left_edges: Sequence[int], width: int) -> np.ndarray:
    """Which pixels lie in any of the rows, bool (events,)."""
    held = np.zeros(pixel.size, bool)
    for left in left_edges:
        held |= (pixel >= left) & (pixel < left + width)
    return held
