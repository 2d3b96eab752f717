"""Reads the command topic: waits for it, finds the place in it, and finds it again where it was lost."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait

from histsvc.clock import Clock
from histsvc.commands.steps import Steps, insist, pause
from histsvc.model import Partition, Start
from histsvc.ports import Clusters, OffsetAt, Reader, Waitable

_log = logging.getLogger(__name__)
# How long the answer of a broker may go unseen.
_ASKING_S = 0.01


class CommandListener:
    """Gives every message of one topic to `receive`, from when `ready` is true; `tick` never blocks.

    Nothing is read before `warm` says so: whoever sends a command then is not kept waiting.
    """

    def __init__(
        self,
        reader: Reader,
        clusters: Clusters,
        clock: Clock,
        brokers: tuple[str, ...],
        topic: str,
        warm: Callable[[], bool],
        receive: Callable[[int, bytes], None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.ready = False
        self._reader = reader
        self._cluster = clusters.of(brokers)
        self._clock = clock
        self._brokers = brokers
        self._topic = topic
        self._warm = warm
        self._receive = receive
        self._placing: Steps[None] | None = self._start()

    @property
    def lost(self) -> bool:
        """Whether commands cannot be read now: the place in the topic is not known, or not yet."""
        return self._placing is not None

    def tick(self) -> None:
        """Take what has come, or go on with what puts the reader in its place."""
        if self._placing is None:
            self._read()
            return
        try:
            next(self._placing)
        except StopIteration:
            self._placing = None

    def wait(self, others: Sequence[Waitable], timeout_s: float) -> None:
        """Wait until commands may have come, or one of `others` is ready, for no longer than `timeout_s`."""
        if self._placing is None:
            self._reader.wait(others, timeout_s)
        else:
            wait(others, min(timeout_s, _ASKING_S))

    def close(self) -> None:
        """Read no more; otherwise a thread that waits for commands would be waited for at the end."""
        self._reader.release()

    def _read(self) -> None:
        raw = self._reader.read(0)
        for offset, payload in zip(raw.offset.tolist(), raw.payload, strict=True):
            self._receive(offset, payload)
        for slot, reason in raw.failures.items():
            self.counters["command_read_failed"] += 1
            _log.error("commands cannot be read: %s", reason)
            if slot not in raw.hindered:
                self._placing = self._start_again()

    def _start(self) -> Steps[None]:
        """Wait for the command topic and for a warm worker; then commands sent from now on are read."""
        _log.info("starting: loading the kernels (the first start compiles them, for some seconds)")
        partitions = yield from self._partitions()
        while not self._warm():
            yield
        yield from self._place(partitions, OffsetAt.LATEST)
        if len(partitions) > 1:
            _log.warning(
                "command topic %r has %d partitions: commands keep their order only within one",
                self._topic,
                len(partitions),
            )
        self.ready = True
        _log.info("ready: commands sent to %r from now on are read", self._topic)

    def _start_again(self) -> Steps[None]:
        """The place in the command topic is lost, as when it was made anew: read all that is there now."""
        partitions = yield from self._partitions()
        yield from self._place(partitions, OffsetAt.EARLIEST)
        _log.warning("commands are read again, from the beginning of %r", self._topic)

    def _place(self, partitions: list[Partition], at: OffsetAt) -> Steps[None]:
        ask = lambda: self._cluster.offsets(partitions, at)  # noqa: E731
        found = yield from insist(ask, self._cluster, self._clock, "offsets of the commands")
        self._reader.assign([Start(partition, begin.offset) for partition, begin in found.items()])

    def _partitions(self) -> Steps[list[Partition]]:
        topic, said = self._topic, False
        while True:
            ask = lambda: self._cluster.describe([topic])  # noqa: E731
            facts = yield from insist(ask, self._cluster, self._clock, f"command topic {topic!r}")
            if facts[topic].partitions:
                return [Partition(self._brokers, topic, number) for number in range(facts[topic].partitions)]
            if not said:
                _log.warning("there is no command topic %r yet: waiting for it", topic)
                said = True
            yield from pause(self._clock)
