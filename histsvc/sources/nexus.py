"""Recorded events: the pulses of an NXevent_data group of a NeXus file. Needs h5py (`histsvc[nexus]`)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.errors import SettingsError, needs
from histsvc.model import Int64Array, Pulse
from histsvc.sources.nexus_time import date_ns, ns_per, whole_ns

_BLOCK_EVENTS = 1_000_000
"""Read so many events at once: one read per pulse costs more than the pulse."""

_DATASETS = ("event_id", "event_time_offset", "event_time_zero", "event_index")


class NexusSource:
    """The pulses of one group of events, checked from the first event to the last when it is made.

    `allowed` are the smallest and the largest number that may go out (those of the schema); `group` the path
    of the NXevent_data group (default: the first); `source` the source name (default: the instrument's name,
    else the group's, else histsvc). Raises SettingsError naming the file and the dataset.

    `time_ns` is int64 (pulses,): ns since the Unix epoch; `events` is the number of all events.
    """

    def __init__(
        self, path: Path, allowed: tuple[int, int], *, group: str | None = None, source: str | None = None
    ) -> None:
        self._path = path
        self._allowed = allowed
        with self._opened() as file:
            self.group = self._find_group(file, group)
            events = file[self.group]
            self._check_shapes(events)
            self.source = source or _instrument(events) or self.group.rpartition("/")[2] or "histsvc"
            self.time_ns = self._pulse_times(events["event_time_zero"])
            self.events = int(events["event_id"].shape[0])
            self._first = self._first_events(events["event_index"])
            for _ in self._read(events):
                pass  # reading checks: better a refusal now than half a run in Kafka

    def pulses(self, *, repeat: bool = False) -> Iterator[Pulse]:
        """Yield every pulse in the order of the file, also those without events.

        With `repeat` for ever: each time with pulse times that follow on those of the time before.
        """
        if not self.time_ns.size:
            return
        for lap in itertools.count() if repeat else range(1):
            with self._opened() as file:
                for pulse in self._read(file[self.group]):
                    yield pulse.shifted(lap * self._lap_ns())

    def _lap_ns(self) -> int:
        """How much later the file begins again: its span and one mean period (1 s for a lone pulse)."""
        span_ns = int(self.time_ns.max() - self.time_ns.min())
        return span_ns + span_ns // (self.time_ns.size - 1) if span_ns else 1_000_000_000

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with needs("h5py", "nexus", "a NeXus file"):
            import h5py
        if not self._path.is_file():
            raise SettingsError(f"{self._path}: there is no such file")
        try:
            with h5py.File(self._path, "r") as file:
                yield file
        except (OSError, RuntimeError) as error:  # h5py raises both for damaged files
            raise SettingsError(f"{self._path}: cannot be read as HDF5: {error}") from error

    @contextmanager
    def _blaming(self, dataset: Any) -> Iterator[None]:
        """Put the file and the dataset in front of what a SettingsError says."""
        try:
            yield
        except SettingsError as error:
            raise self._error(dataset, str(error)) from error

    def _error(self, dataset: Any, message: str) -> SettingsError:
        return SettingsError(f"{self._path}: {dataset.name}: {message}")

    def _find_group(self, file: Any, wanted: str | None) -> str:
        groups: list[str] = []

        def note(name: str, item: Any) -> None:
            if _is_group(item, "NXevent_data"):
                groups.append(name)

        file.visititems(note)
        if not groups:
            raise SettingsError(f"{self._path}: has no group of events (NX_class = NXevent_data)")
        if wanted is None:
            return groups[0]
        if wanted.strip("/") not in groups:
            there = ", ".join(groups)
            raise SettingsError(f"{self._path}: {wanted!r} is no group of events; there are {there}")
        return wanted.strip("/")

    def _check_shapes(self, group: Any) -> None:
        for name in _DATASETS:
            if name not in group:
                raise self._error(group, f"has no dataset {name}")
            if getattr(group[name], "ndim", None) != 1:
                raise self._error(group[name], "is not a one-dimensional dataset")
        for name, other in (("event_time_offset", "event_id"), ("event_index", "event_time_zero")):
            if group[name].shape != group[other].shape:
                lengths = f"{group[name].shape[0]} values, but {other} has {group[other].shape[0]}"
                raise self._error(group[name], lengths)

    def _pulse_times(self, dataset: Any) -> Int64Array:
        since = _text(dataset.attrs.get("offset", dataset.attrs.get("start")))
        with self._blaming(dataset):
            times = whole_ns(dataset[()], ns_per(_text(dataset.attrs.get("units")) or "s"))
            offset_ns = date_ns(since) if since else 0
            if times.size and max(abs(int(times.min())), abs(int(times.max()))) > 2**63 - 1 - abs(offset_ns):
                raise SettingsError("a pulse time does not fit 64 bits of ns")
            return times + offset_ns

    def _first_events(self, dataset: Any) -> Int64Array:
        """Int64 (pulses + 1,): pulse i has the events from [i] up to, not including, [i + 1]."""
        with self._blaming(dataset):
            if dataset.dtype.kind not in "iu":
                raise SettingsError(f"integers are needed, not {dataset.dtype}")
            first = np.append(whole_ns(dataset[()], 1), self.events)
            if first[0] != 0:
                raise SettingsError(f"begins at event {first[0]}, so that the events before are in no pulse")
            if (np.diff(first) < 0).any():
                pulse = int(np.argmax(np.diff(first) < 0))
                raise SettingsError(
                    f"pulse {pulse} begins at event {first[pulse]}, but what follows at {first[pulse + 1]}"
                )
        return first

    def _read(self, group: Any) -> Iterator[Pulse]:
        ids, offsets = group["event_id"], group["event_time_offset"]
        with self._blaming(offsets):
            factor = ns_per(_text(offsets.attrs.get("units")) or "us")
        if ids.dtype.kind not in "iu":
            raise self._error(ids, f"integers are needed, not {ids.dtype}")
        begin = 0
        while begin < self.time_ns.size:
            limit = self._first[begin] + _BLOCK_EVENTS
            end = max(begin + 1, int(np.searchsorted(self._first, limit, side="right")) - 1)
            low, high = self._first[begin], self._first[end]
            tof_ns = self._numbers(offsets, low, high, factor, " ns")
            pixel_id = self._numbers(ids, low, high, 1, "")
            for pulse in range(begin, end):
                window = slice(self._first[pulse] - low, self._first[pulse + 1] - low)
                yield Pulse(self.source, int(self.time_ns[pulse]), tof_ns[window], pixel_id[window])
            begin = end

    def _numbers(self, dataset: Any, low: int, high: int, factor: int, unit: str) -> Int64Array:
        with self._blaming(dataset):
            numbers = whole_ns(dataset[low:high], factor)
            smallest, largest = self._allowed
            outside = (numbers < smallest) | (numbers > largest)
            if outside.any():
                event = int(np.argmax(outside))
                raise SettingsError(
                    f"event {low + event}: {numbers[event]}{unit}; the schema takes {smallest} to {largest}"
                )
        return numbers


def _text(value: object) -> str:
    """Read an attribute or a string dataset, which may be bytes or an array of one; empty for None."""
    if isinstance(value, np.ndarray):
        array: npt.NDArray[Any] = value
        value = array.flat[0] if array.size else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return "" if value is None else str(value).strip()


def _is_group(item: Any, nx_class: str) -> bool:
    return hasattr(item, "keys") and _text(item.attrs.get("NX_class")) == nx_class


def _instrument(group: Any) -> str:
    """Find the name nearest to the group: of an enclosing group, or of an NXinstrument beside it."""
    while group.name != "/":
        group = group.parent
        for named in (*(item for item in group.values() if _is_group(item, "NXinstrument")), group):
            name = named.get("name")
            if hasattr(name, "dtype") and (text := _text(name[()])):
                return text
    return ""
