"""How a command waits without blocking: as a generator that the service's loop advances."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TypeVar

from histsvc.clock import Clock, Deadline
from histsvc.errors import BrokerError, Code, CommandError
from histsvc.ports import Cluster

_log = logging.getLogger(__name__)
_AGAIN_S = 0.2

T = TypeVar("T")
Steps = Generator[None, None, T]


def wait_for(future: Future[T], deadline: Deadline, what: str) -> Steps[T]:
    """Wait for a future; raises what it raises, or CommandError UNAVAILABLE when time is up."""
    while not future.done():
        if deadline.expired():
            raise CommandError(Code.UNAVAILABLE, f"{what} did not answer in time")
        yield
    return future.result()


def wait_until(condition: Callable[[], T | None], deadline: Deadline, what: str) -> Steps[T]:
    """Wait until a condition gives something; raises CommandError UNAVAILABLE with `what` when time is up."""
    while (found := condition()) is None:
        if deadline.expired():
            raise CommandError(Code.UNAVAILABLE, what)
        yield
    return found


def ask(
    cluster: Cluster, question: Callable[[], Future[T]], deadline: Deadline, whom: str, field: str | None
) -> Steps[T]:
    """Ask a cluster until it answers: a topic just made, or a broker just started, needs more than one try.

    Raises CommandError: UNAVAILABLE when time is up, PERMISSION_DENIED where the brokers refuse.
    """
    said, denied = "no answer in time", False
    while not deadline.expired():
        answer = question()
        while not answer.done() and not deadline.expired():
            cluster.look()
            yield
        if not answer.done():
            break
        try:
            return answer.result()
        except BrokerError as error:
            said, denied = str(error), error.denied
            if denied or cluster.refused or not error.retriable:
                break
        yield
    reason = cluster.trouble
    hint = f" ({reason})" if reason and reason not in said else ""
    # Why brokers do not answer may be found out while the last question waits.
    code = Code.PERMISSION_DENIED if denied or cluster.refused else Code.UNAVAILABLE
    raise CommandError(code, f"{whom}: {said}{hint}", field)


def insist(question: Callable[[], Future[T]], cluster: Cluster, clock: Clock, what: str) -> Steps[T]:
    """Ask the own brokers until they answer: a service that is started before its broker waits for it."""
    said = ""
    while True:
        answer = question()
        while not answer.done():
            yield
        try:
            return answer.result()
        except BrokerError as error:
            reason = str(error)
            # That the brokers cannot be reached is said once for all who need them.
            if reason != said and not cluster.trouble:
                _log.warning("%s: %s; trying again", what, reason)
                said = reason
        yield from pause(clock)


def pause(clock: Clock) -> Steps[None]:
    """Wait a little before something is asked again."""
    again = Deadline(clock, _AGAIN_S)
    while not again.expired():
        yield


def need(deadline: Deadline, seconds: float) -> None:
    """Raise CommandError UNAVAILABLE where too little time is left to begin what cannot be broken off."""
    if deadline.remaining_s() < seconds:
        raise CommandError(
            Code.UNAVAILABLE, f"nothing was done: only {deadline.remaining_s():.1f} s were left for it"
        )
