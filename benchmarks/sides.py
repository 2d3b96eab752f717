"""The sides of a comparison as processes: yardsticks, and the service as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import psutil
from service_process import Service

from benchmarks.pairs import Run

_TIMEOUT_S = 300.0


class Yardstick:
    """A process of benchmarks.yardstick, which reads some topics each time it is called; for ``with``."""

    def __init__(self, kind: str, bootstrap: str, messages: int, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.yardstick", kind, bootstrap, str(messages), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=_TIMEOUT_S)

    def __call__(self) -> Run:
        """Read once."""
        self.begin()
        return self.end()

    def begin(self) -> None:
        """Begin to read."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> Run:
        """Wait until it has read."""
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        return Run(said["seconds"], said["cpu_s"])


class Yardsticks:
    """Several that read at the same time, a process for each list of arguments; for ``with``."""

    def __init__(self, kind: str, bootstrap: str, messages: int, each: Sequence[Sequence[str]]) -> None:
        self._each = [Yardstick(kind, bootstrap, messages, arguments) for arguments in each]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._each:
            each.__exit__(kind, error, trace)

    def __call__(self) -> Run:
        """Let all read once; the time is that until the last has."""
        begun_s = time.perf_counter()
        for each in self._each:
            each.begin()
        cpu_s = sum(each.end().cpu_s for each in self._each)
        return Run(time.perf_counter() - begun_s, cpu_s)


class Counted:
    """A service and topics: each run is a command that counts all of them, until every histogram is FINISHED.

    `window` are the keys of the command that select all of it, `expected` the counts by id. The time is from
    before the command is sent until the last histogram was received. A run whose counts are not those of
    numpy raises AssertionError.
    """

    def __init__(
        self,
        service: Service,
        window: Mapping[str, int],
        histograms: Sequence[Mapping[str, Any]],
        expected: Mapping[str, npt.NDArray[np.int64]],
    ) -> None:
        self._service = service
        self._window = window
        common = {"data_brokers": [service.bootstrap], "topic": service.output}
        self._histograms = [{**histogram, **common} for histogram in histograms]
        self._expected = expected

    def __call__(self) -> Run:
        """Count once."""
        names = [histogram["id"] for histogram in self._histograms]
        self._wait_for_spares()
        with self._service.following() as published:
            cpu_s, begun_s = cpu_seconds(self._service.process.pid), time.perf_counter()
            self._service.config(self._histograms, **self._window)
            finished = published.finished(*names, timeout_s=_TIMEOUT_S)
            run = Run(time.perf_counter() - begun_s, cpu_seconds(self._service.process.pid) - cpu_s)
        for name, expected in self._expected.items():
            assert np.array_equal(finished[name].counts, expected), f"{name} is wrong: {finished[name].info}"
        return run

    def _wait_for_spares(self) -> None:
        """Commands in a row find workers that have not started yet, which is not what is measured."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while True:
            states = [worker["state"] for worker in self._service.client.send({"cmd": "status"})["workers"]]
            if states.count("SPARE") > (os.cpu_count() or 1):
                return
            assert time.monotonic() < deadline_s, states


def cpu_seconds(pid: int) -> float:
    """What a process and all its children have used."""
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))
