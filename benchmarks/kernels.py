"""Rows 6 and 7: what parser, fill kernels and snapshots take in one process, beside what else there is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.finding import Finding
from benchmarks.pairs import Spread

OURS, NUMPY, COPY = "histsvc", "numpy", "blocked copy"
_ROOT = Path(__file__).parents[1]
# What a Rust service in this field reports for these shapes, in 10⁶ events/s, on another machine; numpy had
# 5.3 and 5.8 there.
_RUST = {"hist2d, 16,000 x 8,000 bins": 67.6, "hist2d, 50,000 x 1,000 bins": 85.5}
_OF_NUMPY, _OF_COPY = 20.0, 2.0
_TARGET_FORM = "lz4"
# All but what takes longest: half of the patterns of the large shapes, and the shape of a gigabyte.
_QUICK = "not (clustered or 16 or uncompressed)"
_MAX_TIME_S, _QUICK_MAX_TIME_S = 2.0, 0.1
# Of one benchmark; numpy makes a gigabyte of bins a few dozen times.
_TIMEOUT_S = 900


@dataclass(frozen=True)
class Timed:
    """One benchmark: the seconds of its rounds, each of so many events (and messages, for the parser)."""

    row: int
    work: str
    side: str
    seconds: Sequence[float]
    events: int
    messages: int | None = None

    @property
    def ns_per_event(self) -> Spread:
        """Nanoseconds an event takes."""
        return Spread.of(self.seconds).times(1e9 / self.events)

    @property
    def rate(self) -> Spread:
        """10⁶ events/s."""
        return Spread.of([self.events / 1e6 / seconds for seconds in self.seconds])


def findings(bench: Bench) -> Iterator[Finding]:
    """Run the benchmarks of pytest in a process of their own; a wrong count ends it."""
    works: dict[str, dict[str, Timed]] = {}
    for each in _measured(bench):
        works.setdefault(each.work, {})[each.side] = each
    for sides in works.values():
        yield from _snapshot(sides) if sides[OURS].row == 7 else _events(sides)


def _measured(bench: Bench) -> list[Timed]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernels.json"
        options = {
            "--benchmark-json": file,
            "--benchmark-min-rounds": max(bench.runs, 2),  # fewer have no quartiles
            "--benchmark-max-time": _QUICK_MAX_TIME_S if bench.quick else _MAX_TIME_S,
            "--timeout": _TIMEOUT_S,
        }
        command = [sys.executable, "-m", "pytest", "benchmarks/test_kernels.py", "--benchmark-disable-gc"]
        command += [f"{name}={value}" for name, value in options.items()]
        command += ["-k", _QUICK] if bench.quick else []
        ended = subprocess.run(
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
        document = json.loads(file.read_text(encoding="utf-8"))
    return [Timed(seconds=each["stats"]["data"], **each["extra_info"]) for each in document["benchmarks"]]


def _events(sides: Mapping[str, Timed]) -> Iterator[Finding]:
    ours = sides[OURS]
    also = {
        f"{name}_ns_per_event": timed.ns_per_event.median for name, timed in sides.items() if name != OURS
    }
    if ours.messages:
        part = ours.events / ours.messages
        also |= {f"{name}_ns_per_message": sides[name].ns_per_event.median * part for name in sides}
    yield Finding(ours.row, ours.work, "an event takes", ours.ns_per_event, "ns/event", also=also)
    for shape, rate in _RUST.items():
        if ours.work.startswith(shape):
            of = _ratio(sides[NUMPY], ours)
            yield Finding(ours.row, ours.work, "of np.histogram2d", of, "", _OF_NUMPY)
            there = {"np.histogram2d_here_10⁶_events_per_s": sides[NUMPY].rate.median}
            yield Finding(ours.row, ours.work, "rate", ours.rate, "10⁶ events/s", rate, also=there)


def _snapshot(sides: Mapping[str, Timed]) -> Iterator[Finding]:
    ours = sides[OURS]
    target = _OF_COPY if ours.work.endswith(_TARGET_FORM) else None
    also = {f"{name}_ms": Spread.of(timed.seconds).median * 1e3 for name, timed in sides.items()}
    of = _ratio(ours, sides[COPY])
    yield Finding(ours.row, ours.work, f"time of a {COPY}", of, "", target, at_most=True, also=also)


def _ratio(of: Timed, to: Timed) -> Spread:
    """How much longer `of` takes than `to`; rounds are no pairs, so the quartiles are the farthest ones."""
    above, below = Spread.of(of.seconds), Spread.of(to.seconds)
    return Spread(above.median / below.median, above.low / below.high, above.high / below.low)
