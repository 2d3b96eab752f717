"""Requests that are answered when what they asked for has reached the broker, or when their time is up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future

from histsvc.clock import Deadline
from histsvc.model import Place
from histsvc.protocol.info import State
from histsvc.worker.pipeline import Pipeline
from histsvc.worker.publication import Publication

# What is left, after counting on, for the last histograms to reach the broker.
_DELIVERY_S = 0.5


class Pending(ABC):
    """A request that waits for its answer."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def answer(self) -> tuple[str, ...] | None:
        """What did not reach the broker, one line each; None as long as it may yet."""
        if not self._done() and not self._deadline.expired():
            return None
        return tuple(self._undelivered())

    @abstractmethod
    def _done(self) -> bool:
        """Whether everything has been sent and answered."""

    @abstractmethod
    def _undelivered(self) -> list[str]:
        """What was not sent, or not delivered."""


class ResetPending(Pending):
    """Waits for the zeroed messages of a reset, whatever is published after them."""

    def __init__(self, publications: Sequence[Publication], deadline: Deadline) -> None:
        super().__init__(deadline)
        self._zeroed: list[tuple[Publication, list[Future[Place]]]] = [(p, p.sent) for p in publications]

    def _done(self) -> bool:
        return all(future.done() for _, sent in self._zeroed for future in sent)

    def _undelivered(self) -> list[str]:
        return [line for p, sent in self._zeroed if (line := p.lack(sent)) is not None]


class FinishPending(Pending):
    """Lets a job end: count on for a while, then publish FINISHED and wait for that."""

    def __init__(
        self, pipeline: Pipeline | None, indices: Sequence[int] | None, drain_s: float, deadline: Deadline
    ) -> None:
        """`indices` are the histograms that end (None: all of the job); `pipeline` is None where none counts.

        Counting on leaves time for the delivery.
        """
        super().__init__(deadline)
        self.indices = indices
        self._pipeline = pipeline
        if pipeline is not None:
            pipeline.drain(min(drain_s, max(0.0, deadline.remaining_s() - _DELIVERY_S)), indices)

    def _done(self) -> bool:
        return all(p.ended and not p.waiting for p in self._finishing())

    def _undelivered(self) -> list[str]:
        if self._pipeline is not None:
            self._pipeline.drain(0.0, self.indices)
        return [line for p in self._finishing() if (line := p.lack_of_end()) is not None]

    def _finishing(self) -> list[Publication]:
        chosen = [] if self._pipeline is None else self._pipeline.chosen(self.indices)
        return [p for p in chosen if p.filling.state is not State.ERROR]
