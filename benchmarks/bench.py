"""What every benchmark is given: the broker, how much to do, and services to do it with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from kafka_broker import Broker
from service_process import Service


@dataclass(frozen=True)
class Bench:
    """A running broker; `runs` of each side, and with `quick` less of everything."""

    broker: Broker
    runs: int
    quick: bool

    @contextlib.contextmanager
    def service(self, *options: str) -> Iterator[Service]:
        """A service as users run it, whose output topic takes large histograms; gone afterwards."""
        made = Service(self.broker, *options)
        try:
            made.output = f"{made.output}-large"
            self.broker.create_topic(made.output, config={"max.message.bytes": "200000000"})
            yield made
        finally:
            made.close()
