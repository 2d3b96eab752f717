"""What ``histsvc generate`` does once it knows what to send: send it, stop when told to, sum it up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Protocol

from histsvc.cli.stop import Stop
from histsvc.clock import Clock
from histsvc.errors import BrokerError
from histsvc.model import Pulse
from histsvc.wire.shapes import Encoder

_PATIENCE_S = 30.0
_PATIENCE_STOPPED_S = 5.0


@dataclass
class Summary:
    """What was sent (`messages`, their `events` and `bytes`), and of its messages delivered and failed.

    `first_timestamp_ms` and `last_timestamp_ms` are the smallest and largest Kafka timestamp, None without
    messages; `seconds` is the time from the start to the last acknowledgement.
    """

    messages: int = 0
    events: int = 0
    bytes: int = 0
    delivered: int = 0
    failed: int = 0
    first_timestamp_ms: int | None = None
    last_timestamp_ms: int | None = None
    seconds: float = 0.0

    def count(self, size: int, events: int, timestamp_ms: int) -> None:
        """Add a message of `size` bytes that was handed over."""
        self.messages += 1
        self.events += events
        self.bytes += size
        first, last = self.first_timestamp_ms, self.last_timestamp_ms
        self.first_timestamp_ms = timestamp_ms if first is None else min(first, timestamp_ms)
        self.last_timestamp_ms = timestamp_ms if last is None else max(last, timestamp_ms)

    def lines(self) -> tuple[str, str]:
        """One line to read and one of JSON."""
        rate = self.events / self.seconds if self.seconds else 0.0
        text = (
            f"{self.messages} messages, {self.events} events, {self.bytes} bytes in {self.seconds:.1f} s "
            f"({rate:.3g} events/s): {self.delivered} delivered, {self.failed} failed"
        )
        return text, json.dumps(asdict(self))


class Producer(Protocol):
    """What sends, as `histsvc.kafka.event_producer.EventProducer` does and describes it."""

    @property
    def delivered(self) -> int:
        """Messages that Kafka has acknowledged."""
        ...

    @property
    def failed(self) -> int:
        """Messages that were not delivered."""
        ...

    @property
    def failure(self) -> str | None:
        """Why the first one failed."""
        ...

    def produce(
        self,
        topic: str,
        payload: bytes,
        timestamp_ms: int,
        *,
        partition: int | None,
        give_up: Callable[[], bool],
    ) -> bool:
        """Hand a message over."""
        ...

    def flush(self, patience_s: Callable[[], float]) -> None:
        """Wait for all reports."""
        ...


class Sending:
    """Sends pulses to a topic until they end, somebody stops it or a message fails."""

    def __init__(
        self, producer: Producer, clock: Clock, stop: Stop, topic: str, partition: int | None = None
    ) -> None:
        self.summary = Summary()
        self.failure: str | None = None
        self._producer = producer
        self._clock = clock
        self._stop = stop
        self._topic = topic
        self._partition = partition
        self._start_s = clock.monotonic_s()

    def send(self, pulses: Iterable[Pulse], encoders: Mapping[str, Encoder]) -> None:
        """Send the messages of every pulse, then wait for their acknowledgements, and sum up in any case.

        `encoders` has one for each source. `failure` says afterwards why something was not delivered.
        """
        try:
            for pulse in pulses:
                if self._stop.requested() or self._producer.failure or not self._send(pulse, encoders):
                    break
        except BrokerError as error:
            self.failure = str(error)
        finally:
            self._finish()

    def _send(self, pulse: Pulse, encoders: Mapping[str, Encoder]) -> bool:
        timestamp_ms = pulse.reference_time_ns // 1_000_000
        encoder = encoders[pulse.source]
        for payload, events in encoder.encode(pulse.reference_time_ns, pulse.tof_ns, pulse.pixel_id):
            taken = self._producer.produce(
                self._topic,
                payload,
                timestamp_ms,
                partition=self._partition,
                give_up=self._stop.requested,
            )
            if not taken:
                return False
            self.summary.count(len(payload), events, timestamp_ms)
        return True

    def _patience_s(self) -> float:
        if self.failure:
            return 0.0
        return _PATIENCE_STOPPED_S if self._stop.requested() else _PATIENCE_S

    def _finish(self) -> None:
        self._producer.flush(self._patience_s)
        self.failure = self.failure or self._producer.failure
        self.summary.delivered = self._producer.delivered
        self.summary.failed = self._producer.failed
        self.summary.seconds = round(self._clock.monotonic_s() - self._start_s, 3)
