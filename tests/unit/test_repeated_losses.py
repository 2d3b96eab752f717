"""Workers that die one after the other at the same place: who is blamed, and when that ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import BROKERS
from unit.fake_worker import Workers, begin, spec_of

from histsvc.jobs import supervisor as module
from histsvc.model import Extent, Partition, WorkerSpec
from histsvc.protocol.info import State


@pytest.fixture(autouse=True)
def _no_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for."""
    monkeypatch.setattr(module, "wait", lambda ends, timeout_s: [])


def find_another(workers: Workers) -> None:
    """Tick until nothing waits for a worker any more."""
    workers.tick()
    while workers.supervisor.orphans:
        workers.clock.advance(0.25)
        workers.tick(1)


def deaths(workers: Workers, trying: Callable[[int], tuple[Extent, ...]] = lambda _: ()) -> list[float]:
    """Let the worker of the job die again and again; the pauses (s) until the next one."""
    pauses: list[float] = []
    for n in range(50):
        (counting,) = workers.supervisor.counting("a")
        worker = workers.fake(counting)
        worker.trying = trying(n)
        worker.die(f"died {n}")
        begun_s = workers.clock.monotonic_s()
        find_another(workers)
        if not workers.supervisor.counting("a"):
            return pauses
        pauses.append(workers.clock.monotonic_s() - begun_s)
    raise AssertionError("it never ends")


def test_where_nobody_gets_any_further_the_histograms_are_given_up() -> None:
    workers = Workers(1)
    workers.tick()
    begin(workers, spec_of("a", 0))
    pauses = deaths(workers)
    # Eight workers get nowhere, and then three that only have to say so.
    assert pauses[:8] == [0, 0.5, 1, 2, 4, 8, 16, 30]
    assert len(pauses) == 8 + 1 + 3
    assert workers.supervisor.restarts == 13
    (info,) = workers.supervisor.infos()
    assert info.state is State.ERROR
    assert "8 workers died at the same place" in str(info.error_message)


def test_the_message_that_workers_die_of_is_found_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    workers = Workers(1)
    workers.tick()
    begin(workers, spec_of("a", 0))
    place = Partition(BROKERS, "events", 0)
    batch, message = (Extent(place, 0, 99),), (Extent(place, 42, 42),)
    told = {2: batch, 3: message, 4: message}
    specs: list[WorkerSpec] = []
    for n in range(6):
        (counting,) = workers.supervisor.counting("a")
        assert counting.spec is not None
        specs.append(counting.spec)
        workers.fake(counting).trying = told.get(n, ())
        workers.fake(counting).die()
        find_another(workers)
    assert [spec.attempt for spec in specs] == [0, 0, 1, 2, 3, 4]
    assert [spec.suspects for spec in specs] == [(), (), (), batch, message, ()]
    assert [spec.poison for spec in specs] == [(), (), (), (), (), message]
    assert "offset 42 of partition 0 of 'events'" in caplog.text


def test_who_dies_of_something_else_makes_nothing_poison() -> None:
    workers = Workers(1)
    workers.tick()
    begin(workers, spec_of("a", 0))
    place = Partition(BROKERS, "events", 0)
    deaths(workers, lambda n: (Extent(place, n, n),))
    (orphan,) = workers.supervisor.infos()
    assert orphan.state is State.ERROR


def test_who_has_counted_for_a_while_did_not_die_of_what_it_found() -> None:
    workers = Workers(1)
    workers.tick()
    begin(workers, spec_of("a", 0))
    for _ in range(20):
        (counting,) = workers.supervisor.counting("a")
        workers.clock.advance(61)
        workers.fake(counting).die()
        workers.tick()
    assert [info.state for info in workers.supervisor.infos()] == [State.INITIALISED]
    assert workers.supervisor.counting("a")[0].spec.attempt == 0  # type: ignore[union-attr]
