"""The soak: half of the top rate and commands for a long time; nothing may be lost, and nothing may grow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from examples import command
from kafka_broker import Broker
from service_process import Service

from benchmarks.data import Events, Filled, Shape, pool
from benchmarks.live import Stream
from histsvc.client import Client, Histogram
from histsvc.clock import SystemClock
from histsvc.errors import BrokerError, CommandError
from histsvc.sources.pace import Pace

_SHAPE = Shape("compact", 1_000)
_PERIOD_S = 0.2
_ANSWER_S, _EXACT_S = 30.0, 180.0
_TOP_S = 10.0
# What is not looked at in the beginning: caches fill, and memory that was touched once stays.
_BEGIN = 0.1
# What ten topics, and the histograms, may take on the disk.
_KEPT = {"retention.bytes": "800000000", "segment.bytes": "100000000"}
_ROOMY = {"max.message.bytes": "200000000", **_KEPT}
# More than this is growth: per cent of memory, descriptors, and ms by which the last third is later.
_MOST_PER_CENT, _MOST_FILES, _MOST_LATER_MS = 5.0, 5.0, 100.0


@dataclass
class Seen:
    """What was seen from time to time: seconds, bytes, descriptors, and messages not counted yet."""

    at_s: list[float] = field(default_factory=list)
    rss_bytes: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    lag: list[int] = field(default_factory=list)

    def thirds(self, name: str, begin_s: float) -> tuple[float, float]:
        """Medians of the first and of the last third of what came after the beginning."""
        values = np.array(getattr(self, name))[np.array(self.at_s) > begin_s]
        first, _, last = np.array_split(values, 3)
        return float(np.median(first)), float(np.median(last))


@dataclass(frozen=True)
class Result:
    """Rates in events/s, times in ms, memory in MB; pairs are medians of the first and the last third."""

    seconds: float
    top_events_per_s: float
    events_per_s: float
    events: int
    commands: int
    command_ms: tuple[float, float]
    memory_mb: tuple[float, float]
    descriptors: tuple[float, float]
    lag_ms: tuple[float, float]
    wrong: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For files, and for those who compare runs."""
        return vars(self)


def soak(minutes: float, say: Callable[[str], None]) -> Result:
    """Let it run so long on a broker of its own."""
    with Broker() as broker:
        service = Service(broker)
        try:
            return _soak(broker, service, minutes * 60, say)
        finally:
            service.close()


def _soak(broker: Broker, service: Service, seconds: float, say: Callable[[str], None]) -> Result:
    service.output = f"{service.output}-large"
    broker.create_topic(service.output, config=_ROOMY)
    histograms = command("loki.json")["histograms"]
    pools = _pools(broker, histograms)
    wanted = [{**h, "data_brokers": [service.bootstrap], "topic": service.output} for h in histograms]
    with Client(service.kafka, service.commands, service.responses) as client:
        _configure(client, wanted)
        begun_s = time.monotonic()
        with Stream(service.kafka, pools) as stream:
            time.sleep(_TOP_S)
        wrong = _compare(service, wanted, stream.filled())
        top = stream.sent / (time.monotonic() - begun_s)
        say(f"at most {top:,.0f} messages/s can be sent and counted at the same time")
        _configure(client, wanted)
        commands, seen, begun_s = _Commands(client, wanted[0]), Seen(), time.monotonic()
        with Stream(service.kafka, pools, top / 2) as stream, commands:
            _watch(service, seen, seconds, say)
        rate = stream.sent / (time.monotonic() - begun_s)
        wrong += [*commands.wrong, *_compare(service, wanted, stream.filled())]
    memory, files, lag = (seen.thirds(name, seconds * _BEGIN) for name in ("rss_bytes", "files", "lag"))
    lag_ms = lag[0] / rate * 1000, lag[1] / rate * 1000
    result = Result(
        seconds, top * _SHAPE.events, rate * _SHAPE.events, stream.sent * _SHAPE.events,
        len(commands.took_s), commands.quantiles_ms(), (memory[0] / 1e6, memory[1] / 1e6), files, lag_ms, (),
    )  # fmt: skip
    return Result(**{**vars(result), "wrong": (*wrong, *_grown(result))})


def _pools(broker: Broker, histograms: Sequence[Mapping[str, Any]]) -> list[Filled]:
    """Topics like those of the scenario, with events of its pixels and sources."""
    made = []
    for name in sorted({histogram["data_topics"][0] for histogram in histograms}):
        mine = [histogram for histogram in histograms if histogram["data_topics"] == [name]]
        first, last = mine[0]["det_range"]
        first = max(first, 1)
        sources = tuple(histogram["source"] or "bank" for histogram in mine)
        broker.create_topic(name, config=_KEPT)
        made.append(pool(name, _SHAPE, Events(first, last - first + 1, sources)))
    return made


def _configure(client: Client, histograms: list[dict[str, Any]]) -> None:
    client.send({"cmd": "config", "histograms": histograms}, _ANSWER_S)


class _Commands:
    """Five a second, in turn; one more histogram comes and goes with them."""

    def __init__(self, client: Client, histogram: Mapping[str, Any]) -> None:
        extra = {**histogram, "id": "extra", "width": 8, "height": 8, "det_range": [1, 64]}
        self._turn: tuple[dict[str, Any], ...] = (
            {"cmd": "ping"},
            {"cmd": "add", "histograms": [extra]},
            {"cmd": "status"},
            {"cmd": "stop", "ids": ["extra"]},
            {"cmd": "describe"},
        )
        self.took_s: list[float] = []
        self.wrong: list[str] = []
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commands")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def quantiles_ms(self) -> tuple[float, float]:
        """Median and 99 % of the times to the replies."""
        p50, p99 = np.percentile(self.took_s, (50, 99)) * 1000
        return float(p50), float(p99)

    def _run(self) -> None:
        pace = Pace(SystemClock(), self._over.wait)
        number = 0
        # The turn is finished: what is to be compared is there alone.
        while not self._over.is_set() or number % len(self._turn):
            pace.wait_until(number * _PERIOD_S)
            begun_s = time.monotonic()
            try:
                self._client.send(self._turn[number % len(self._turn)], _ANSWER_S)
            except (BrokerError, CommandError) as error:
                self.wrong.append(f"command {number}: {error}")
            self.took_s.append(time.monotonic() - begun_s)
            number += 1


def _watch(service: Service, seen: Seen, seconds: float, say: Callable[[str], None]) -> None:
    """Look at heartbeats, memory and descriptors once in a while."""
    parent = psutil.Process(service.process.pid)
    begun_s = told_s = time.monotonic()
    with Client(service.kafka, heartbeat_topic=service.heartbeat) as client:
        beats = client.heartbeats()
        while (now_s := time.monotonic()) < begun_s + seconds:
            for beat in beats.poll(1.0):
                main = [w for w in beat.workers if w.load is not None and psutil.pid_exists(w.pid)]
                processes = [parent, *(psutil.Process(worker.pid) for worker in main)]
                seen.at_s.append(now_s - begun_s)
                seen.rss_bytes.append(max(each.memory_info().rss for each in processes))
                seen.files.append(parent.num_fds())
                seen.lag.append(sum(w.load.lag for w in main if w.load is not None))
            if now_s - told_s > 60 and seen.at_s:
                told_s = now_s
                mb, files, lag = seen.rss_bytes[-1] / 1e6, seen.files[-1], seen.lag[-1]
                say(f"largest process {mb:.0f} MB, {files} descriptors, {lag} messages not counted yet")


def _compare(service: Service, wanted: Sequence[Mapping[str, Any]], sent: Sequence[Filled]) -> list[str]:
    """Wait until everything is right; what is still wrong then is wrong for good."""
    by_topic = {each.topic: each for each in sent}
    expected = {h["id"]: by_topic[h["data_topics"][0]].counts(h) for h in wanted}
    with Client(service.kafka) as client:
        following = client.follow("*", service.output)
        deadline = time.monotonic() + _EXACT_S

        def is_right(name: str, histogram: Histogram | None) -> bool:
            return histogram is not None and np.array_equal(histogram.counts, expected[name])

        while True:
            following.poll(0.5)
            wrong = [name for name in expected if not is_right(name, following.latest.get(name))]
            if not wrong or time.monotonic() > deadline:
                return [f"{name}: counts are not those of numpy" for name in wrong]


def _grown(result: Result) -> list[str]:
    """What has become more between the first and the last third."""
    (mb, mb_last), (files, files_last), (lag, lag_last) = result.memory_mb, result.descriptors, result.lag_ms
    checks = (
        (mb_last / mb * 100 - 100, _MOST_PER_CENT, f"memory has grown from {mb:.0f} to {mb_last:.0f} MB"),
        (files_last - files, _MOST_FILES, f"descriptors have grown from {files:.0f} to {files_last:.0f}"),
        (lag_last - lag, _MOST_LATER_MS, f"the lag has grown from {lag:.0f} to {lag_last:.0f} ms"),
    )
    return [said for grown, most, said in checks if grown > most]
