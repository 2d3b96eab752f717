"""What the outbox does with a histogram that is sent."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from multiprocessing import Pipe
from typing import Any

import pytest
from unit.worker_bench import Worker

from histsvc.errors import BrokerError
from histsvc.model import Place
from histsvc.ports import Outgoing
from histsvc.wire import HISTOGRAM_SERIALISERS
from histsvc.worker.link import ChildLink
from histsvc.worker.outbox import ThreadOutbox

TIMEOUT_S = 10.0


class LookingSender:
    """Looks, when it is given a message, whether the counts that it was made of are still there."""

    def __init__(self, snapshot: weakref.ref[Any]) -> None:
        self._snapshot = snapshot
        self.found: list[bool] = []

    def send(self, message: Outgoing) -> Future[Place]:
        self.found.append(self._snapshot() is not None)
        sent: Future[Place] = Future()
        sent.set_result(Place(0, 7))
        return sent

    def serve(self, timeout_s: float) -> None:
        """Reports have come."""

    def give_up(self) -> None:
        """Never asked."""


def test_counts_are_let_go_of_before_their_message_is_sent() -> None:
    drafts = Worker().outbox.drafts
    sender = LookingSender(weakref.ref(drafts[0].snapshot))
    outbox = ThreadOutbox(sender, HISTOGRAM_SERIALISERS, "histsvc")
    outbox.post(drafts.pop()).result(TIMEOUT_S)
    assert sender.found == [False]
    assert outbox.counters == {"published": 1}


def test_what_nobody_wants_any_more_is_not_sent() -> None:
    """Its service is gone: another one may publish the same histograms by now."""
    drafts, wanted = [*Worker().outbox.drafts, *Worker().outbox.drafts], [True]
    sender = LookingSender(weakref.ref(drafts[0].snapshot))
    outbox = ThreadOutbox(sender, HISTOGRAM_SERIALISERS, "histsvc", lambda: wanted[0])
    assert outbox.post(drafts[0]).result(TIMEOUT_S) == Place(0, 7)
    wanted[0] = False
    with pytest.raises(BrokerError, match="the service is gone"):
        outbox.post(drafts[1]).result(TIMEOUT_S)
    assert len(sender.found) == 1


def test_a_worker_knows_at_once_that_its_service_is_gone() -> None:
    parent, child = Pipe()
    link = ChildLink(child)
    assert link.alive()
    parent.send("a request that nobody has read yet")
    assert link.alive()
    parent.close()
    assert not link.alive()
    child.close()
