"""What is received: histograms and heartbeats, out of the messages that carry them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from histsvc.client.counts import CountsField
from histsvc.clock import SystemClock, now_ms
from histsvc.protocol.heartbeat import Heartbeat
from histsvc.protocol.info import HistogramInfo, State
from histsvc.wire import HISTOGRAM_DESERIALISERS, x5f2
from histsvc.wire.histogram import Axis

if TYPE_CHECKING:
    from histsvc.client.convert.to_hist import Hist
    from histsvc.client.convert.to_scipp import DataArray as ScippArray
    from histsvc.client.convert.to_xarray import DataArray as XarrayArray

# The stock decoder shares one object for each integer type: two threads would get each other's counts.
_decoding = threading.Lock()


@dataclass(frozen=True, eq=False, repr=False)
class Histogram:
    """A histogram as it was received: `counts` has one dimension for each of `axes`.

    `timestamp_ns` is when it was published, ns since the epoch; `info` says everything else. It is a
    ``PlottableHistogram`` of scikit-hep's UHI (``uhi.typing.plottable``), which mplhep and others draw.
    """

    topic: str
    schema: str
    source: str
    timestamp_ns: int
    info: HistogramInfo
    axes: tuple[Axis, ...]
    counts: CountsField = CountsField()  # noqa: RUF009  (it holds nothing itself)

    @property
    def id(self) -> str:
        """The configured id, or ``job/index`` where there is none."""
        return self.info.name

    @property
    def state(self) -> State:
        """INITIALISED, COUNTING, FINISHED or ERROR."""
        return self.info.state

    @property
    def kind(self) -> str:
        """What is in the bins, in the words of UHI: counts."""
        return "COUNT"

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes; ``dim_0`` and so on where these are not all there and different."""
        names = tuple(axis.name for axis in self.axes)
        if all(names) and len(set(names)) == len(names):
            return names
        return tuple(f"dim_{number}" for number in range(len(names)))

    def values(self) -> npt.NDArray[np.float64]:
        """The counts of all bins, float64, for UHI."""
        return self.counts()

    def variances(self) -> npt.NDArray[np.float64]:
        """Those of counts are the counts, float64, for UHI."""
        return self.counts()

    def data_age_ms(self, now_ms: int) -> int | None:
        """How old the newest data in it are at `now_ms` (since the epoch); None where nothing was read."""
        if self.info.data_age_ms is None:
            return None
        return self.info.data_age_ms + self.published_ago_ms(now_ms)

    def published_ago_ms(self, now_ms: int) -> int:
        """How long ago it was published, at `now_ms` since the epoch."""
        return max(0, now_ms - self.timestamp_ns // 1_000_000)

    def to_hist(self) -> Hist[Any]:
        """As ``hist.Hist`` of scikit-hep, with exactly these edges and counts.

        Needs the extra `hist`, else it raises MissingExtraError, an ImportError.
        """
        from histsvc.client.convert.to_hist import to_hist

        return to_hist(self)

    def to_xarray(self) -> XarrayArray:
        """As ``xarray.DataArray``: middles of bins are coordinates, edges are beside them, `info` in `attrs`.

        Needs the extra `xarray`, else it raises MissingExtraError, an ImportError.
        """
        from histsvc.client.convert.to_xarray import to_xarray

        return to_xarray(self)

    def to_scipp(self) -> ScippArray:
        """As ``scipp.DataArray``: edges with their unit are coordinates, variances are the counts.

        Needs the extra `scipp`, else it raises MissingExtraError, an ImportError. Raises ValueError for what
        scipp has no unit or number for.
        """
        from histsvc.client.convert.to_scipp import to_scipp

        return to_scipp(self)

    def plot(self, ax: Any = None, *, log: bool = False) -> Any:
        """Draw into matplotlib Axes, new ones if none are given, and return them.

        Counts over one axis are steps with a band of √n, over two an image with a bar of colours; `log` is
        for the scale of the counts. Needs the extra `view`, else it raises MissingExtraError, an ImportError.
        """
        from histsvc.view.notebook import plot

        return plot(self, ax, log=log)

    def _repr_html_(self) -> str:
        """What notebooks show: a small picture and a table."""
        from histsvc.view.notebook import html

        return html(self, now_ms(SystemClock()))

    def __repr__(self) -> str:
        axes = ", ".join(map(_described, self.dims, self.axes))
        return f"<Histogram {self.id!r}: {self.state}, {self.info.sum:,} counts, {axes}>"


def _described(name: str, axis: Axis) -> str:
    """An axis in some words, as ``tof: 50 bins from 0 to 7.1e+07 ns``."""
    if not len(axis):
        return f"{name}: no bins"
    return f"{name}: {len(axis)} bins from {axis[0][0]:g} to {axis[-1][1]:g} {axis.unit}".rstrip()


def histogram(topic: str, payload: bytes) -> Histogram:
    """Read a histogram message; raises ValueError where it is none, or of a schema that carries none."""
    schema = payload[4:8].decode("ascii", "replace")
    if schema not in HISTOGRAM_DESERIALISERS:
        raise ValueError(f"schema {schema!r} is none of {', '.join(HISTOGRAM_DESERIALISERS)}")
    try:
        with _decoding:
            read = HISTOGRAM_DESERIALISERS[schema](payload)
        info = HistogramInfo.from_json(read.info)
        counts = np.asarray(read.data)
        if counts.shape != tuple(axis.edges.size - 1 for axis in read.axes):
            raise ValueError(f"the axes do not fit counts of shape {counts.shape}")
    except Exception as error:  # the stock decoders raise anything on bytes that are no message
        raise ValueError(f"not a histogram: {type(error).__name__}: {error}") from error
    return Histogram(topic, schema, read.source, read.timestamp_ns, info, read.axes, counts)


def heartbeat(payload: bytes) -> Heartbeat:
    """Read a heartbeat, JSON or x5f2; raises ValueError where it is none."""
    try:
        is_x5f2 = payload[4:8] == x5f2.SCHEMA.encode()
        return Heartbeat.from_json(x5f2.deserialise(payload).status_json if is_x5f2 else payload)
    except Exception as error:  # as above; JSON that is nested too deeply is no ValueError either
        raise ValueError(f"not a heartbeat: {type(error).__name__}: {error}") from error
