"""A job: the histograms of one accepted command, and what is known of each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from histsvc.model import HistogramSpec, Mark, WorkerSpec
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
        self._broken: set[int] = set()
        self._specs = {h.index: h for spec in specs for h in spec.histograms}
        # From where each would be taken up.
        self.marks = {index: h.mark or Mark() for index, h in self._specs.items()}
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

    def heard(self, infos: Sequence[HistogramInfo], marks: Sequence[Mark], delivered: Iterable[int]) -> None:
        """A worker tells how its histograms are, and from where each would be taken up.

        `delivered` are the indices of those whose FINISHED the broker has. What was given up stays as it was.
        """
        self._delivered.update(delivered)
        for info, mark in zip(infos, marks, strict=True):
            if info.job == self.id and info.index in self._infos:
                self.marks[info.index] = mark
                if info.index not in self._broken:
                    self._infos[info.index] = info.model_copy(update=self._places[info.index])

    def close(self, indices: Iterable[int]) -> None:
        """These histograms are about to end: whatever becomes of their worker now, nobody takes them over."""
        self._closing.update(indices)

    def drop(self, indices: Iterable[int]) -> None:
        """These histograms were stopped: they are told no more, whatever becomes of their worker."""
        for index in indices:
            self._infos.pop(index, None)
            self.marks.pop(index, None)

    def left_by(self, spec: WorkerSpec, *, steady: bool) -> WorkerSpec:
        """The worker of `spec` is gone: what another one has to take up, and from where.

        Not those that are delivered as FINISHED, or about to end. `steady`: it did not die of what it found.
        """
        left = [h for h in spec.histograms if h.index not in self._delivered | self._closing]
        now = {h.index: _messages(self._infos[h.index]) for h in left}
        further = steady or any(messages > spec.reached.get(index, -1) for index, messages in now.items())
        reached = {index: max(messages, spec.reached.get(index, 0)) for index, messages in now.items()}
        histograms = tuple(replace(h, epoch=h.epoch + 1, mark=self.marks[h.index]) for h in left)
        attempt = 0 if further else spec.attempt + 1
        return replace(spec, histograms=histograms, reached=reached, attempt=attempt)

    def broken(self, spec: WorkerSpec, reason: str) -> WorkerSpec:
        """Nobody gets any further with the histograms of `spec`: they are in ERROR from now on.

        Returns what a worker has to do that publishes them as such, and reads nothing.
        """
        broken = []
        for histogram in spec.histograms:
            self._broken.add(histogram.index)
            info = self._infos[histogram.index]
            error = info.error_message or reason
            self._infos[histogram.index] = info.model_copy(
                update={"state": State.ERROR, "error_message": error}
            )
            broken.append(replace(histogram, error=error, mark=Mark()))
        return replace(spec, histograms=tuple(broken), starts=(), awaited=())


def _messages(info: HistogramInfo) -> int:
    """How far a histogram is, in messages of all its partitions."""
    return sum(sum(read.values()) for read in info.offsets.values())


def _place(config: Mapping[str, Any]) -> dict[str, Any]:
    """Where a histogram is published: what clients need to find it."""
    return {"topic": config["topic"], "brokers": tuple(config["data_brokers"])}
