"""What the tools that print follow, without Kafka; and a terminal that nobody sees."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from histsvc.client import Histogram


class Terminal(io.StringIO):
    """Says that it is one; its size is that of COLUMNS and LINES."""

    def isatty(self) -> bool:
        return True


class Followed:
    """Gives what each of `polls` gives, in order; after the last one nothing, or what `then` does."""

    def __init__(self, *polls: Sequence[Histogram] | Callable[[], object]) -> None:
        self.latest: dict[str, Histogram] = {}
        self.expected: set[str] = set()
        self.polled = 0
        self._polls = list(polls)

    @property
    def complete(self) -> bool:
        return bool(self.latest) and self.expected <= self.latest.keys()

    def poll(self, timeout_s: float) -> list[Histogram]:
        self.polled += 1
        assert self.polled < 1000, "it does not end"
        given = self._polls.pop(0) if self._polls else ()
        if callable(given):
            given()
            return []
        self.latest |= {each.id: each for each in given}
        return list(given)


@contextmanager
def closed_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let stdout be a pipe whose reader has gone; what is left for it must have gone elsewhere."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield
        stream.write("more")
        stream.flush()
