"""Tries parts in processes that may die, and finds out of which message they did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path

from fuzz import found
from fuzz.supply import Part

CHILD = (sys.executable, "-m", "fuzz.child")
_LAST_LINES = 15
_MOST_FINDINGS = 10


@dataclass(frozen=True)
class Finding:
    """Messages of a part that end the process that tries them, in the file `kept`, and what it said last."""

    part: str
    kept: Path
    ended: str
    said: str


@dataclass
class Report:
    """What was tried, by what became of it, and what was found."""

    seen: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class _Run:
    """A child that has ended: the last batch and message that it took in hand, -1 for none."""

    batch: int
    message: int
    code: int
    said: str
    seen: Counter[str]

    @property
    def ended(self) -> str:
        return signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"


class Hunt:
    """Tries parts, several at once."""

    def __init__(self, keep_in: Path, child: Sequence[str] = CHILD) -> None:
        """What is found goes into `keep_in`; `child` is the command that tries a part."""
        self._keep_in = keep_in
        self._child = child

    def run(self, parts: Sequence[Part], at_once: int, told: Callable[[Part, Report], None]) -> Report:
        """Try all parts, `at_once` of them together; `told` hears of each that is done."""
        total = Report()
        with ThreadPoolExecutor(at_once) as threads:
            for part, report in zip(parts, threads.map(self._try, parts), strict=True):
                total.seen.update(report.seen)
                total.findings += report.findings
                told(part, report)
        return total

    def _try(self, part: Part) -> Report:
        """Try a part; behind a batch that ends the process it goes on with the next, but not for ever."""
        report = Report()
        while part.first < part.last and len(report.findings) < _MOST_FINDINGS:
            run = self._run(part)
            report.seen.update(run.seen)
            if run.code == 0:
                break
            if run.batch < 0:
                raise RuntimeError(f"nothing could be tried of {part}: {run.ended}\n{run.said}")
            report.findings.append(self._found(replace(part, first=run.batch, last=run.batch + 1), run))
            part = replace(part, first=run.batch + 1)
        return report

    def _found(self, part: Part, run: _Run) -> Finding:
        """Which message of a batch it was; the whole batch where each alone does no harm."""
        ((_, messages),) = part.batches(found.FOLDER)
        alone = self._run(part, "--alone")
        if alone.code != 0 and alone.message >= 0:
            run, messages = alone, messages[alone.message : alone.message + 1]
        return Finding(str(part), found.keep(messages, self._keep_in), run.ended, run.said)

    def _run(self, part: Part, *options: str) -> _Run:
        # Kernels are compiled with checks, and kept apart from those without (histsvc/kernels/cache.py).
        paths = os.pathsep.join(sys.path)
        environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": paths}
        command = [*self._child, str(part), "--found", str(found.FOLDER), *options]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said, complaints = process.communicate()
        batch, message, seen = -1, -1, Counter[str]()
        for line in said.splitlines():
            told = json.loads(line)
            batch, message = told.get("batch", batch), told.get("message", message)
            seen.update(told.get("seen", {}))
        last = "\n".join(complaints.splitlines()[-_LAST_LINES:])
        return _Run(batch, message, process.returncode, last, seen)


def parts_of(messages: int, seed: int, batch: int, most: int) -> list[Part]:
    """Cut so many mutated messages, in batches of `batch`, into parts of at most `most` batches."""
    batches = -(-messages // batch)
    firsts = range(0, batches, most)
    return [
        Part(kind, number, first, min(first + most, batches))
        for kind, number, first in zip(repeat("mutated"), repeat(seed), firsts, strict=False)
    ]
