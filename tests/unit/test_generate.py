"""The command line of `histsvc generate`, from its arguments to its summary, without Kafka."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from histsvc.cli import generate
from histsvc.cli.stop import Stop
from histsvc.errors import BrokerError
from histsvc.wire import ev42, ev44, shapes

RECORDED_NS = 1_588_291_200_000_000_000


class FakeProducer:
    """Takes every message, and fails on request."""

    made: FakeProducer
    on_message: Callable[[], object]
    error: str | None
    unreachable: bool

    def __init__(self, *_: object) -> None:
        type(self).made = self
        self.messages: list[tuple[str, bytes, int, int | None]] = []
        self.delivered = self.failed = 0
        self.failure: str | None = None
        self.patience_s: float | None = None

    def produce(
        self,
        topic: str,
        payload: bytes,
        timestamp_ms: int,
        *,
        partition: int | None,
        give_up: Callable[[], bool],
    ) -> bool:
        if self.unreachable:
            raise BrokerError("nobody there", retriable=True)
        self.messages.append((topic, payload, timestamp_ms, partition))
        self.failure = self.error
        type(self).on_message()
        return not give_up() or self.failure is None

    def poll(self, timeout_s: float) -> None:
        pass

    def flush(self, patience_s: Callable[[], float]) -> None:
        self.patience_s = patience_s()
        self.failed = len(self.messages) if self.failure else 0
        self.delivered = len(self.messages) - self.failed


@pytest.fixture(autouse=True)
def producer(monkeypatch: pytest.MonkeyPatch) -> type[FakeProducer]:
    class Producer(FakeProducer):
        on_message = staticmethod(lambda: None)
        error = None
        unreachable = False

    monkeypatch.setattr(generate, "EventProducer", Producer)
    return Producer


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "run.nxs"
    with h5py.File(path, "w") as file:
        group = file.create_group("entry/bank")
        group.attrs["NX_class"] = "NXevent_data"
        group["event_id"] = np.arange(5, dtype=np.uint32)
        group["event_time_offset"] = np.arange(5, dtype=np.float32)
        group["event_time_zero"] = np.array([0.0, 0.0019, 0.02])
        group["event_time_zero"].attrs["offset"] = "2020-05-01"
        group["event_index"] = np.array([0, 2, 2], np.uint64)
    return path


def run(*arguments: str) -> int:
    return generate.main(["-b", "localhost:9092", "-t", "data", *arguments])


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    text, line = capsys.readouterr().out.splitlines()
    read: dict[str, Any] = json.loads(line)
    assert text.startswith(f"{read['messages']} messages, {read['events']} events, {read['bytes']} bytes")
    return read


def test_made_up_events(producer: type[FakeProducer], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-n", "3", "-ne", "7", "--rate", "0", "--sources", "2", "--seed", "5", "--partition", "4") == 0

    messages = producer.made.messages
    read = [ev42.deserialise(payload) for _, payload, _, _ in messages]
    assert [events.source for events in read] == ["source0", "source1"] * 3
    assert {(topic, partition) for topic, _, _, partition in messages} == {("data", 4)}
    assert [events.reference_time_ns // 1_000_000 for events in read] == [message[2] for message in messages]
    assert summary(capsys) == {
        "messages": 6,
        "events": 42,
        "bytes": sum(len(message[1]) for message in messages),
        "delivered": 6,
        "failed": 0,
        "first_timestamp_ms": messages[0][2],
        "last_timestamp_ms": messages[-1][2],
        "seconds": pytest.approx(0, abs=5),
    }


def test_equal_seeds_send_equal_events(producer: type[FakeProducer]) -> None:
    seen = []
    for seed in ("5", "5", "6"):
        run("-n", "2", "--rate", "0", "--seed", seed, "-dh", "--pixels", "8x4", "--first-pixel", "100")
        seen.append([ev42.deserialise(message[1]) for message in producer.made.messages])
    first, second, third = ([np.stack((e.tof_ns, e.pixel_id)) for e in events] for events in seen)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)
    assert 100 <= np.stack(first)[:, 1].min() < np.stack(first)[:, 1].max() < 132


@pytest.mark.parametrize(
    ("arguments", "events", "size"),
    [
        (["--shape", "isis"], [100_000], None),
        (["--shape", "compact"], [1000], None),
        (["--shape", "efu", "-ne", "3"], [3], shapes.EFU_BYTES),
        (["--shape", "efu", "--num-events", "12401"], [12_400, 1], shapes.EFU_BYTES),
        (["--num_events", "0"], [0], None),
    ],
)
@pytest.mark.parametrize("schema", ["ev42", "ev44"])
def test_shapes(
    producer: type[FakeProducer], arguments: list[str], events: list[int], size: int | None, schema: str
) -> None:
    assert run("--num-messages", "1", "--schema", schema, *arguments) == 0
    payloads = [message[1] for message in producer.made.messages]
    decode = ev42.deserialise if schema == "ev42" else ev44.deserialise
    assert [decode(payload).tof_ns.size for payload in payloads] == events
    assert size is None or {len(payload) for payload in payloads} == {size}


def test_recorded_events(
    producer: type[FakeProducer], recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--nexus", str(recorded), "--schema", "ev44") == 0
    read = [ev44.deserialise(message[1]) for message in producer.made.messages]
    assert [events.tof_ns.tolist() for events in read] == [[0, 1000], [], [2000, 3000, 4000]]
    assert [events.reference_time_ns - RECORDED_NS for events in read] == [0, 1_900_000, 20_000_000]
    assert [message[2] - RECORDED_NS // 1_000_000 for message in producer.made.messages] == [0, 1, 20]
    assert (totals := summary(capsys))["events"] == 5
    assert (totals["first_timestamp_ms"], totals["last_timestamp_ms"]) == (1588291200000, 1588291200020)


def test_recorded_events_repeated(producer: type[FakeProducer], recorded: Path) -> None:
    assert run("--nexus", str(recorded), "-n", "5", "--source", "mine") == 0
    read = [ev42.deserialise(message[1]) for message in producer.made.messages]
    assert [events.reference_time_ns - RECORDED_NS for events in read[3:]] == [30_000_000, 31_900_000]
    assert {events.source for events in read} == {"mine"}


def test_recorded_events_moved_to_now(producer: type[FakeProducer], recorded: Path) -> None:
    assert run("--nexus", str(recorded), "--now", "--speed", "2") == 0
    times = [ev42.deserialise(message[1]).reference_time_ns for message in producer.made.messages]
    assert [time - times[0] for time in times] == [0, 1_900_000, 20_000_000]
    assert times[0] > RECORDED_NS + 10**9


def test_times_before_1970_need_now(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(recorded, "a") as file:
        del file["entry/bank/event_time_zero"].attrs["offset"]
    assert run("--nexus", str(recorded)) == 2
    assert "use --now" in capsys.readouterr().err
    assert run("--nexus", str(recorded), "--now", "--speed", "0") == 0


def test_what_was_not_delivered_ends_the_run(
    producer: type[FakeProducer], capsys: pytest.CaptureFixture[str]
) -> None:
    producer.error = "too large"
    assert run("--rate", "0") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[1])["failed"] == 1
    assert captured.err.splitlines()[-1].endswith("not everything was delivered: too large")


def test_a_broker_that_cannot_be_reached_is_given_up(
    producer: type[FakeProducer], capsys: pytest.CaptureFixture[str]
) -> None:
    producer.unreachable = True
    assert run("--rate", "0") == 1
    assert producer.made.patience_s == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1].endswith("nobody there")
    assert json.loads(captured.out.splitlines()[1])["first_timestamp_ms"] is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("rate", ["0", "0.001"])
def test_a_signal_ends_it_at_once_and_cleanly(
    producer: type[FakeProducer], capsys: pytest.CaptureFixture[str], number: int, rate: str
) -> None:
    before = signal.getsignal(number)
    producer.on_message = staticmethod(lambda: os.kill(os.getpid(), number))
    assert run("--rate", rate) == 0
    assert summary(capsys)["delivered"] == 1
    assert signal.getsignal(number) is before


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Start something in another thread that is over when the test is."""
    threads: list[threading.Thread] = []

    def start(what: Callable[[], object]) -> None:
        threads.append(threading.Thread(target=what))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(10)


def test_a_wait_ends_when_a_stop_is_asked_for(later: Callable[[Callable[[], object]], None]) -> None:
    stop = Stop()
    assert not stop.wait(0.001)
    later(stop.request)
    assert stop.wait(100)
    assert stop.wait(100)
    assert stop.requested()
