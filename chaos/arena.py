"""The broker, the service through all its lives, and what is known of its processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

from kafka_broker import Broker
from service_process import Service

from histsvc.client import Client
from histsvc.client.following import Following
from histsvc.protocol.heartbeat import Heartbeat

TIMEOUT_S = 60.0
_OPTIONS = (
    *("--workers", "2", "--worker-timeout", "2000"),
    *("--publish-interval", "200", "--heartbeat-interval", "100"),
)


class Arena:
    """A broker and a service that may be killed; everything is gone at the end of a ``with`` block."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.lives: list[Service] = []
        # Every process that the service has ever had, as far as it was seen, and when that began.
        self._seen: dict[int, str] = {}
        self._state = f"state-{uuid4().hex[:8]}"
        self._closing = ExitStack()
        self._beats: Following[Heartbeat]

    def __enter__(self) -> Self:
        """Start both."""
        self.broker.start()
        self._closing.callback(self.broker.close)
        self.live()
        client = Client(self.service.kafka, heartbeat_topic=self.service.heartbeat)
        self._closing.callback(client.close)
        self._beats = client.heartbeats()
        return self

    def __exit__(self, *_: object) -> None:
        """End both."""
        left = self.processes()
        for life in self.lives:
            life.process.kill()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for life in self.lives:
            life.close()
        self._closing.close()

    @property
    def service(self) -> Service:
        """The one that is alive."""
        return self.lives[-1]

    def live(self) -> None:
        """Start the service, for the first time or again."""
        before = self.lives[-1] if self.lives else None
        options = (*_OPTIONS, "--state-topic", self._state, *(("--resume",) if before else ()))
        self.lives.append(Service(self.broker, *options, instead_of=before))

    def counting(self) -> list[int]:
        """The worker processes that count, by the last heartbeat, and are still there."""
        self._beats.poll(0)
        told = [worker for beat in self._beats.latest.values() for worker in beat.workers]
        mine = self.processes()
        return [worker.pid for worker in told if worker.state == "COUNTING" and worker.pid in mine]

    def healthy(self) -> bool:
        """Whether the last heartbeat, which is not old, says that all is well."""
        self._beats.poll(0)
        pid, now_ms = self.service.process.pid, time.time() * 1000
        beats = [beat for beat in self._beats.latest.values() if beat.identity.pid == pid]
        return any(now_ms - beat.message < 2000 and str(beat.state) == "RUNNING" for beat in beats)

    def processes(self) -> set[int]:
        """The processes below those services that were ever started; orphans are known from before."""
        known = _processes()
        for life in self.lives:
            self._seen.update({pid: known[pid].begun for pid in _below(life.process.pid, known)})
        return {
            pid
            for pid, begun in self._seen.items()
            if pid in known and known[pid].begun == begun and known[pid].state not in "ZX"
        }

    def open_files(self) -> int:
        """Open descriptors of the service."""
        return len(list(Path(f"/proc/{self.service.process.pid}/fd").iterdir()))


class _Process(NamedTuple):
    """What /proc says: its state, its parent, and when it began, which tells it from a later one."""

    state: str
    parent: int
    begun: str


def _processes() -> dict[int, _Process]:
    """All processes of this machine."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                found[int(folder.name)] = _Process(fields[0], int(fields[1]), fields[19])
    return found


def _below(pid: int, known: Mapping[int, _Process]) -> Iterable[int]:
    for child in [each for each, process in known.items() if process.parent == pid]:
        yield child
        yield from _below(child, known)
