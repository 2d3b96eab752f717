"""Row 12: how long it takes to start, beside Python that does nothing."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.bench import Bench
from benchmarks.finding import Finding
from benchmarks.pairs import Run, Sides, Spread, interleaved
from benchmarks.sides import cpu_seconds

_BARE, _IMPORT, _HELP, _SERVE = "python -c pass", "import histsvc", "histsvc --help", "histsvc serve"
_COMMANDS = {
    _BARE: ["-c", "pass"],
    _IMPORT: ["-c", "import histsvc"],
    _HELP: ["-m", "histsvc", "--help"],
}
_TARGETS = {_IMPORT: 3.0, _HELP: 5.0}
_SERVE_TARGET = 15.0
# Beside the multiple of bare Python, `serve` may take this long: it talks to brokers.
_BROKERS_S = 0.2
# The first start may compile the kernels.
_TIMEOUT_S = 120.0


def findings(bench: Bench) -> Iterator[Finding]:
    """Measure all of them in turn; the first of each, which may compile kernels, is dropped."""
    topics = {option: f"bench-startup{option}" for option in ("-t", "-rt", "-hb")}
    for topic in topics.values():
        bench.broker.create_topic(topic)
    serve = ["-m", "histsvc", "serve", "-b", bench.broker.bootstrap]
    serve += [word for pair in topics.items() for word in pair]
    sides: dict[str, Callable[[], Run]] = {name: partial(_run, words) for name, words in _COMMANDS.items()}
    measured = interleaved({**sides, _SERVE: partial(_until_ready, serve)}, bench.runs)
    for name in _COMMANDS:
        value = measured.ratio(_BARE, name)
        also = _figures(measured, name)
        yield Finding(12, name, f"of {_BARE}", value, "", _TARGETS.get(name), at_most=True, also=also)
    pairs = zip(measured.runs[_SERVE], measured.runs[_BARE], strict=True)
    value = Spread.of([(run.seconds - _BROKERS_S) / bare.seconds for run, bare in pairs])
    name, how = f"{_SERVE} until ready", f"less {_BROKERS_S} s, of {_BARE}"
    also = _figures(measured, _SERVE)
    yield Finding(12, name, how, value, "", _SERVE_TARGET, at_most=True, also=also)


def _figures(measured: Sides, name: str) -> dict[str, float]:
    return {"seconds": measured.seconds(name).median, "cpu_s": measured.cpu_s(name).median}


def _run(words: list[str]) -> Run:
    """Python with these arguments, until it has ended."""
    cpu_s, begun_s = _ended_cpu_s(), time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True, timeout=_TIMEOUT_S)
    return Run(time.perf_counter() - begun_s, _ended_cpu_s() - cpu_s)


def _ended_cpu_s() -> float:
    """What all children have used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _until_ready(words: list[str]) -> Run:
    """A service until its log says that it is ready; that it is ended then is not measured."""
    begun_s = time.perf_counter()
    with subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True) as process:
        # Killed, it ends its log, and with that the wait for a line that does not come.
        late = threading.Timer(_TIMEOUT_S, process.kill)
        late.start()
        try:
            assert process.stderr is not None
            lines: list[str] = []
            while not lines or " ready: " not in lines[-1]:
                lines.append(process.stderr.readline())
                assert lines[-1], f"histsvc serve does not get ready: {''.join(lines)}"
            run = Run(time.perf_counter() - begun_s, cpu_seconds(process.pid))
            process.terminate()
            process.communicate(timeout=_TIMEOUT_S)
        finally:
            late.cancel()
            process.kill()
    assert process.returncode == 0, f"histsvc serve ended with {process.returncode}"
    return run
