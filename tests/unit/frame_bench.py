"""Frames (da00) on their way into histograms, on a bench."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from fakes import config_of, payloads

from histsvc.histograms.base import HistogramConfig
from histsvc.model import HistogramSpec
from histsvc.window import Verdict
from histsvc.wire import EVENT_LAYOUTS, FRAME_DESERIALISERS, da00
from histsvc.worker.fill import Filling
from histsvc.worker.read import Decoder

EDGES = np.linspace(0, 100, 11)
ALL = ("ev42", "ev44", "da00")


def frame(
    counts: npt.ArrayLike, edges: npt.ArrayLike = EDGES, source: str = "monitor", time_ns: int = 7
) -> bytes:
    return da00.serialise(source, time_ns, edges, np.asarray(counts))


def ones(number: int = 10) -> list[int]:
    return [1] * number


class Path:
    """Decoder and fillings, as a worker puts them together."""

    def __init__(
        self,
        *configs: HistogramConfig,
        schemas: Sequence[str] = ALL,
        frames: bool = True,
    ) -> None:
        self.configs = configs or (config_of("hist1d"),)
        sources = sorted({config.source_name for config in self.configs if config.source_name})
        self.decoder = Decoder(EVENT_LAYOUTS, sources, FRAME_DESERIALISERS if frames else {})
        self.fillings = [
            Filling(
                HistogramSpec(i, {}, tuple(schemas) if config.type == "hist1d" else ALL[:2], "hs00", ""),
                config,
                np.array([True]),
                self.decoder.schemas,
                sources,
            )
            for i, config in enumerate(self.configs)
        ]

    def take(self, *messages: bytes, outside: Sequence[int] = ()) -> Filling:
        """One read; the messages `outside` are out of the window. Returns the first histogram."""
        verdicts = np.full(len(messages), Verdict.COUNTS, np.uint8)
        verdicts[list(outside)] = Verdict.OUT_OF_WINDOW
        for batch, rows in self.decoder.decode(payloads(messages)):
            for filling in self.fillings:
                filling.take(batch, verdicts[rows])
        return self.fillings[0]


def counts(filling: Filling) -> list[int]:
    read: list[int] = filling.accumulator.snapshot().counts.data.tolist()
    return read


BAD = [
    frame(np.full(10, 0.5)),
    frame(np.full(10, -1)),
    frame(ones(9), EDGES),
    frame(ones(), EDGES[::-1].copy()),
    frame(ones())[:100],
    frame(np.full(10, np.nan)),
    frame(np.full(10, 2**62)),
    b"\x08\0\0\0da00" + bytes(8),
]
