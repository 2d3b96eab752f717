"""histsvc demo: embedded broker, service, generator and client on this machine, compared with numpy."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from histsvc.cli.demo_oracle import FIRST, HEIGHT, WIDTH, Oracle, config
from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import at_least, not_negative
from histsvc.cli.sending import Sending
from histsvc.cli.stop import Stop
from histsvc.client import Client, Follower, Histogram, histogram
from histsvc.clock import Clock, Deadline, Every, SystemClock
from histsvc.errors import BrokerError, CommandError
from histsvc.kafka.embedded import EmbeddedBroker
from histsvc.kafka.event_producer import EventProducer
from histsvc.protocol.info import State
from histsvc.settings import KafkaSettings
from histsvc.sources.gaussian import GaussianSource
from histsvc.sources.pace import Pace
from histsvc.wire import shapes

COMMANDS, RESPONSES, HEARTBEAT = "demo_commands", "demo_responses", "demo_heartbeat"
EVENTS, HISTOGRAMS = "demo_events", "demo_histograms"
_SOURCES = ("bank0", "bank1")
_RATE_HZ = 14.0
# The first start compiles the kernels.
_READY_S = 180.0
_LAST_S = 10.0


def main(arguments: list[str]) -> int:
    """Run the demo; returns 0 only if every count is exact."""
    made = OneLineParser(prog="histsvc demo", description=__doc__, auto_env_var_prefix="HISTSVC_DEMO_")
    made.add_argument("--duration", type=not_negative, default=0.0, help="seconds; 0: until Ctrl-C")
    made.add_argument("--events", type=at_least(1), default=1000, help="of each message")
    options = made.parse_args(arguments)
    stop = Stop()
    with stop.signals():
        try:
            exact = _demo(options.duration, options.events, stop)
        except (BrokerError, CommandError, TimeoutError) as error:
            print(f"histsvc demo: {error}", file=sys.stderr)
            return 1
    return 0 if exact else 1


def _demo(duration_s: float, events: int, stop: Stop) -> bool:
    clock = SystemClock()
    topics = {COMMANDS: 1, RESPONSES: 1, HEARTBEAT: 1, EVENTS: 2, HISTOGRAMS: 1}
    with EmbeddedBroker(topics) as broker:
        kafka = KafkaSettings((broker.bootstrap,))
        _say(f"embedded broker on {broker.bootstrap}")
        with _service(broker.bootstrap), Client(kafka, COMMANDS, RESPONSES) as client:
            follower = client.follow([HISTOGRAMS])
            command = config(broker.bootstrap, EVENTS, HISTOGRAMS)
            _say(f"config: {', '.join(h['type'] for h in command['histograms'])} of topic {EVENTS!r}")
            _say(f"reply:  {json.dumps(client.send(command))}")
            oracle = Oracle(EventProducer(kafka, clock))
            deadline = Deadline(clock, duration_s or float("inf"))
            failure = _generate(oracle, events, stop, deadline, follower, clock)
            _say(f"reply to stop: {json.dumps(client.send({'cmd': 'stop', 'msg_id': 'demo-stop'}))}")
            finished = _finished(follower, clock)
    exact, lines = oracle.verdict(finished)
    print("\n".join(["", *lines]))
    if failure is not None:
        print(f"the generator failed: {failure}")
        exact = False
    print(f"{oracle.events:,} events sent: {'every count is exact' if exact else 'NOT EXACT'}", flush=True)
    return exact


@contextmanager
def _service(bootstrap: str) -> Iterator[None]:
    """The service as users run it, in a process of its own, from ready to its clean end."""
    topics = ["-t", COMMANDS, "-rt", RESPONSES, "-hb", HEARTBEAT]
    process = subprocess.Popen(
        [sys.executable, "-m", "histsvc", "serve", "-b", bootstrap, *topics],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which ends the service when all is counted
    )
    ready = threading.Event()
    reader = threading.Thread(target=_relay, args=(process, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(_READY_S) or process.poll() is not None:
            raise TimeoutError("the service did not become ready")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_LAST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        reader.join(_LAST_S)
        if process.stderr is not None:
            process.stderr.close()
        _say(f"service ended with exit code {code}")


def _relay(process: subprocess.Popen[str], ready: threading.Event) -> None:
    """Show what the service logs; it is ready when it says so, and waiting is over when it ends."""
    for line in process.stderr or ():
        _say(f"service: {line.rstrip()}")
        if " ready: " in line:
            ready.set()
    ready.set()


def _generate(
    oracle: Oracle, events: int, stop: Stop, deadline: Deadline, follower: Follower, clock: Clock
) -> str | None:
    """Send events until the time is up or somebody stops it, and show meanwhile what is published."""
    source = GaussianSource(
        sources=_SOURCES, events=events, seed=1, width=WIDTH, height=HEIGHT, first_pixel=FIRST, detector=True
    )
    sending_stop = Stop()
    sending = Sending(oracle, clock, sending_stop, EVENTS)
    encoders = {name: shapes.encoder("compact", "ev44", name) for name in _SOURCES}
    pulses = source.pulses(Pace(clock, sending_stop.wait).times_ns(itertools.count(), _RATE_HZ))
    thread = threading.Thread(target=sending.send, args=(pulses, encoders), daemon=True)
    thread.start()
    show, latest = Every(clock, 1.0), dict[str, Histogram]()
    while not (stop.requested() or deadline.expired()) and thread.is_alive():
        for topic, payload in follower.poll(0.1):
            received = histogram(topic, payload)
            latest[received.info.id] = received
        if show.due() and latest:
            states = [f"{name} {h.info.state} {h.info.sum:,}" for name, h in latest.items()]
            _say(f"sent {oracle.events:,} events | {' | '.join(states)}")
    sending_stop.request()
    thread.join()
    return sending.failure


def _finished(follower: Follower, clock: Clock) -> dict[str, Histogram]:
    """The final histograms: FINISHED is published last, the counts right before it as COUNTING."""
    counts: dict[str, Histogram] = {}
    finished: dict[str, Histogram] = {}
    deadline = Deadline(clock, _LAST_S)
    while len(finished) < len(counts) or not counts:
        if deadline.expired():
            break
        for topic, payload in follower.poll(0.1):
            received = histogram(topic, payload)
            counts[received.info.id] = received
            if received.info.state is State.FINISHED:
                finished[received.info.id] = received
    return finished


def _say(line: str) -> None:
    print(line, flush=True)
