"""The demo itself: everything is put together, runs for its time, and is judged."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from histsvc.cli.demo.dashboard import Dashboard
from histsvc.cli.demo.director import Director
from histsvc.cli.demo.oracle import Oracle
from histsvc.cli.demo.script import EVENTS, HISTOGRAMS, Step, steps
from histsvc.cli.demo.service import running
from histsvc.cli.demo.show import Show, Stage
from histsvc.cli.demo.witness import Witness
from histsvc.cli.sending import Sending
from histsvc.cli.stop import Stop
from histsvc.client import Client, State
from histsvc.client.topic_reader import TopicReader
from histsvc.clock import Deadline, Every, SystemClock, now_ms
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.kafka.event_producer import EventProducer
from histsvc.ports import OffsetAt
from histsvc.settings import KafkaSettings
from histsvc.sources.pace import Pace
from histsvc.sources.scene import SOURCES, SceneSource
from histsvc.view import grid
from histsvc.wire import shapes

COMMANDS, RESPONSES, HEARTBEAT = "demo_commands", "demo_responses", "demo_heartbeat"
_TOPICS = {COMMANDS: 1, RESPONSES: 1, HEARTBEAT: 1, EVENTS: 2, HISTOGRAMS: 1}
_RATE_HZ = 14.0
_POLL_S = 0.1
_RATE_S = 2.0
_LAST_S = 10.0


def run(
    duration_s: float,
    events: int,
    folder: Path | None,
    show: Show,
    stop: Stop,
    *,
    dashboard: bool,
    stays: bool,
) -> bool:
    """Run for so many seconds, or until it is stopped; says whether every count is exact.

    `dashboard`: with one. `stays`: it goes on after that as long as a page of it is open. Raises BrokerError
    and TimeoutError where broker or service fail.
    """
    with EmbeddedBroker(_TOPICS) as broker:
        show.note(f"embedded broker on {broker.bootstrap}")
        given = ["-b", broker.bootstrap, "-t", COMMANDS, "-rt", RESPONSES, "-hb", HEARTBEAT]
        stage = Stage(stays=stays and dashboard)
        with ExitStack() as stack:
            if dashboard:
                shown = Dashboard(show.note)
                stack.enter_context(shown.running(given))
                stage.page = shown.page
            service = stack.enter_context(running(given, show.note, stop))
            client = stack.enter_context(Client(broker.bootstrap, COMMANDS, RESPONSES, HEARTBEAT))
            kafka = KafkaSettings((broker.bootstrap,))
            said = stack.enter_context(closing(TopicReader(kafka, [COMMANDS, RESPONSES], OffsetAt.EARLIEST)))
            demo = _Demo(kafka, client, said, service, show, stage)
            demo.play(duration_s, events, stop)
            demo.end()
    return demo.judge(folder)


class _Demo:
    """A demo on its way: a thread sends events, another one commands, and this one shows what comes."""

    def __init__(
        self,
        kafka: KafkaSettings,
        client: Client,
        said: TopicReader,
        service: subprocess.Popen[str],
        show: Show,
        stage: Stage,
    ) -> None:
        """`said` reads all commands and replies."""
        self._clock = SystemClock()
        (self._bootstrap,) = kafka.brokers
        self._service = service
        self._show = show
        self._stage = stage
        self._oracle = Oracle(EventProducer(kafka, self._clock))
        self._director = Director(client, self._oracle, self._clock)
        self._said = said
        self._witness = Witness(self._director.own)
        self._beats = client.heartbeats()
        self._following = client.follow()
        self._rate_due = Every(self._clock, _RATE_S)
        self._rate_from = (self._clock.monotonic_s(), 0)
        self._failure: str | None = None

    def play(self, duration_s: float, events: int, stop: Stop) -> None:
        """Generate events and follow the script until time is up or somebody stops it."""
        endless = self._stage.stays or not duration_s
        script = steps(self._bootstrap, duration_s, endless=endless)
        self._do(next(script))
        sending_stop = Stop()
        with ThreadPoolExecutor(2) as pool:
            generating = pool.submit(self._generate, events, sending_stop)
            try:
                self._follow(script, pool, duration_s, stop, generating)
            finally:
                sending_stop.request()
            self._failure = generating.result()

    def _follow(
        self,
        script: Iterator[Step],
        pool: ThreadPoolExecutor,
        duration_s: float,
        stop: Stop,
        generating: Future[str | None],
    ) -> None:
        begun_s, end = self._clock.monotonic_s(), Deadline(self._clock, duration_s or float("inf"))
        step, doing = next(script, None), pool.submit(lambda: None)
        while not (stop.requested() or generating.done()):
            if end.expired() and not self._stage.is_looked_at:
                break
            self._stage.elapsed_s = self._clock.monotonic_s() - begun_s
            self._stage.left_s = end.remaining_s() if duration_s else None
            if doing.done():
                doing.result()  # what went wrong in it goes wrong here
                if step is not None and self._stage.elapsed_s >= step.at_s:
                    if self._changes().get(step.needs) in (None, "reset_counts"):
                        doing = pool.submit(self._do, step)
                    step = next(script, None)
            self._look()
        doing.result()

    def _changes(self) -> dict[str, str]:
        """What others have changed of what the demo counts."""
        return self._witness.changes(list(self._oracle.expected))

    def _do(self, step: Step) -> None:
        self._stage.said.append(self._director.do(step))

    def _look(self) -> None:
        """Take in what has come and show it."""
        if self._service.poll() is not None:
            raise TimeoutError(f"the service ended with exit code {self._service.returncode}")
        self._following.poll(_POLL_S)
        self._beats.poll(0)
        for _, message in self._said.poll(0):
            self._witness.hear(message)
        stage = self._stage
        stage.histograms = dict(self._following.latest)
        stage.beat = next(iter(self._beats.latest.values()), None)
        stage.sent = self._oracle.events
        if self._rate_due.due():
            (before_s, before), now_s = self._rate_from, self._clock.monotonic_s()
            self._rate_from = (now_s, stage.sent)
            stage.rate = (stage.sent - before) / (now_s - before_s) if now_s > before_s else 0.0
        self._show.update(stage)

    def _generate(self, events: int, stop: Stop) -> str | None:
        """Send pulses until it is stopped; says what went wrong."""
        sending = Sending(self._oracle, self._clock, stop, EVENTS)
        encoders = {name: shapes.encoder("compact", "ev44", name) for name in SOURCES}
        times_ns = Pace(self._clock, stop.wait).times_ns(itertools.count(), _RATE_HZ)
        sending.send(SceneSource(events, seed=1).pulses(times_ns), encoders)
        return sending.failure

    def end(self) -> None:
        """Stop all histograms and wait for the last of each."""
        self._do(Step(0.0, "everything", {"cmd": "stop"}))
        deadline = Deadline(self._clock, _LAST_S)
        self._stage.left_s, self._stage.stays = 0.0, False
        while not deadline.expired():
            self._look()
            finished = {name for name, h in self._stage.histograms.items() if h.state is State.FINISHED}
            expected = self._oracle.expected.keys() - self._changes().keys()
            if finished >= expected and self._witness.has_heard(self._director.last_id):
                return

    def judge(self, folder: Path | None) -> bool:
        """Show the verdict, and keep pictures if asked to."""
        own = {name: h for name, h in self._stage.histograms.items() if name in self._oracle.expected}
        if folder is not None:
            for name, histogram in own.items():
                grid.save(folder / f"{name}.png", [histogram], now_ms(self._clock), log=False)
        finished = {name: h for name, h in own.items() if h.state is State.FINISHED}
        changes = self._changes()
        exact, lines = self._oracle.verdict(finished, changes)
        if self._failure is not None:
            exact = False
            lines.append(f"the generator failed: {self._failure}")
        words = "NOT EXACT" if not exact else "every count is exact"
        if exact and changes:
            is_all = changes.keys() >= self._oracle.expected.keys()
            words = "nothing is left to judge" if is_all else "every count that was judged is exact"
        self._stage.page = None
        last = f"{self._oracle.events:,} events sent: {words}"
        self._show.verdict(self._stage, [*lines, last], exact=exact)
        return exact
