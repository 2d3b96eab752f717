"""Questions to brokers, asked until there is an answer or time is up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from histsvc.clock import Deadline
from histsvc.errors import BrokerError

T = TypeVar("T")


def answer(brokers: Sequence[str], question: Callable[[], Future[T]], deadline: Deadline) -> T:
    """Ask these brokers until there is an answer; raises BrokerError where there is none in time."""
    while True:
        asked = question()
        wait([asked], timeout=deadline.remaining_s())
        if not asked.done():
            raise BrokerError(f"{', '.join(brokers)} did not answer in time", retriable=True)
        try:
            return asked.result()
        except BrokerError as error:
            if not error.retriable or deadline.expired():
                raise
