"""Fixtures of the process tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from process.workers import supervisor

from histsvc.jobs.supervisor import Supervisor
from histsvc.kafka.embedded import EmbeddedBroker


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({"data": 1, "out": 1}) as started:
        yield started


@pytest.fixture
def make_supervisor() -> Iterator[Callable[[int], Supervisor]]:
    made: list[Supervisor] = []

    def make(size: int) -> Supervisor:
        made.append(supervisor(size))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.stop(5.0)
