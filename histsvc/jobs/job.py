"""A job: the histograms of one accepted command, and what is known of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from histsvc.model import HistogramSpec, WorkerSpec
from histsvc.protocol.info import HistogramInfo, State


class Job:
    """Collects what workers tell of a job's histograms, and what became of those whose worker is gone.

    `first_number` is the number of its first histogram among all that run, `size` how many it had.
    """

    def __init__(self, job: str, specs: Sequence[WorkerSpec]) -> None:
        self.id = job
        self.first_number = 0
        self.size = sum(len(spec.histograms) for spec in specs)
        self._closing: set[int] = set()
        self._delivered: set[int] = set()
        self._lost: set[int] = set()
        self._specs = {h.index: h for spec in specs for h in spec.histograms}
        self._places = {index: _place(h.config) for index, h in self._specs.items()}
        self._infos = {
            histogram.index: HistogramInfo(
                id=histogram.config.get("id") or "",
                start=spec.start_ms,
                stop=spec.stop_ms,
                state=State.ERROR if histogram.error else State.INITIALISED,
                error_message=histogram.error,
                job=job,
                index=histogram.index,
                config_hash=histogram.config_hash,
                **self._places[histogram.index],
            )
            for spec in specs
            for histogram in spec.histograms
        }

    @property
    def infos(self) -> tuple[HistogramInfo, ...]:
        """The latest info of every histogram, in the order of the command."""
        return tuple(self._infos[index] for index in sorted(self._infos))

    @property
    def histograms(self) -> tuple[HistogramSpec, ...]:
        """What was asked for, but for what was stopped since."""
        return tuple(self._specs[index] for index in sorted(self._infos))

    def heard(self, infos: Iterable[HistogramInfo], delivered: Iterable[int]) -> None:
        """A worker tells how its histograms are; what another one has lost stays as it was.

        `delivered` are the indices of those whose FINISHED the broker has.
        """
        self._delivered.update(delivered)
        for info in infos:
            if info.job == self.id and info.index in self._infos and info.index not in self._lost:
                self._infos[info.index] = info.model_copy(update=self._places[info.index])

    def close(self, indices: Iterable[int]) -> None:
        """These histograms are about to end: whatever becomes of their worker now, nobody takes them over."""
        self._closing.update(indices)

    def drop(self, indices: Iterable[int]) -> None:
        """These histograms were stopped: they are told no more, whatever becomes of their worker."""
        for index in indices:
            self._infos.pop(index, None)

    def lost(self, spec: WorkerSpec, reason: str) -> WorkerSpec:
        """The worker of `spec` is gone: its histograms are in ERROR, but for those delivered as FINISHED.

        Returns what another worker has to do: to publish them as ERROR with the reason, reading nothing.
        """
        broken = []
        for histogram in spec.histograms:
            if histogram.index in self._delivered | self._closing:
                continue
            info = self._infos[histogram.index]
            self._lost.add(histogram.index)
            error = info.error_message or reason
            self._infos[histogram.index] = info.model_copy(
                update={"state": State.ERROR, "error_message": error}
            )
            broken.append(replace(histogram, error=error))
        return replace(spec, histograms=tuple(broken), starts=(), awaited=(), stands_in=spec.stands_in + 1)


def _place(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where a histogram is published: what clients need to find it."""
    return {"topic": config["topic"], "brokers": tuple(config["data_brokers"])}
