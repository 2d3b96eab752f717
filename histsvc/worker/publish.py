"""Publishes the histograms of a worker: what is due goes out, at most one message of each under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from histsvc.clock import Clock, Deadline
from histsvc.model import Mark, Place
from histsvc.protocol.info import HistogramInfo, State
from histsvc.worker.fill import Filling
from histsvc.worker.publication import Draft, Position, Publication

# How long publishing may keep a worker from reading and answering, but for the one that is being made.
_STEP_S = 0.05


class Outbox(Protocol):
    """Serialises and sends drafts, beside the reading thread."""

    def post(self, draft: Draft) -> Future[Place]:
        """The future ends with where the broker has put the message, or with an error."""
        ...


class Publisher:
    """Publishes the histograms of a worker, in order, at most one message of each under way."""

    def __init__(
        self,
        publications: Sequence[Publication],
        outbox: Outbox,
        position: Callable[[Filling], Position],
        clock: Clock,
    ) -> None:
        self.publications = publications
        self._clock = clock
        self._outbox = outbox
        self._position = position

    def step(self) -> None:
        """Publish what is due, oldest first, and no more than fits into one step of the worker."""
        enough = Deadline(self._clock, _STEP_S)
        due = [p for p in self.publications if p.due() or p.refusal_due()]
        for publication in sorted(due, key=_published_s):
            if not publication.due():
                self._tell_refusal(publication)
            elif publication.filling.state is State.FINISHED:
                self._publish_final(publication)
            else:
                self._publish(publication, publication.filling.state)
            if enough.expired():
                break

    def due_in_s(self) -> float:
        """After how long the next histogram is to be published, seconds; may be negative."""
        return min((p.due_in_s() for p in self.publications), default=float("inf"))

    def publish_now(self, publications: Sequence[Publication], state: State | None) -> None:
        """Publish these whatever is due, as `state` or (None) as what they are."""
        for publication in publications:
            self._publish(publication, state or publication.filling.state)

    def marks(self) -> list[Mark]:
        """From where each histogram would be taken up."""
        return [p.mark for p in self.publications]

    def infos(self) -> list[HistogramInfo]:
        """The info of every histogram as it is now."""
        return [p.info(self._position(p.filling), p.state) for p in self.publications]

    def _publish_final(self, publication: Publication) -> None:
        """Clients ignore the data of a FINISHED message, so counts not yet seen go out as COUNTING before."""
        if publication.counts_changed:
            self._publish(publication, State.COUNTING, State.FINISHED)
        else:
            self._publish(publication, State.FINISHED)

    def _tell_refusal(self, publication: Publication) -> None:
        """Nobody sees a histogram that the broker refuses, as too large, say: one without counts tells."""
        empty = publication.filling.accumulator.snapshot().zeroed()
        draft = publication.message(self._position(publication.filling), State.ERROR, empty)
        publication.told(self._outbox.post(draft))

    def _publish(self, publication: Publication, *states: State) -> None:
        """Post one message for each state, all of the same moment."""
        position = self._position(publication.filling)
        snapshot = publication.filling.accumulator.snapshot()
        drafts = [publication.draft(position, state, snapshot) for state in states]
        publication.posted([self._outbox.post(draft) for draft in drafts])


def _published_s(publication: Publication) -> float:
    return publication.published_s
