"""histsvc save: the files that it writes of a real service, when, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent, image
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from tool_process import SAVE, piped, printed, refused

from histsvc.client import State
from histsvc.files.names import file_name
from histsvc.ports import OffsetAt

KEYS: dict[str, dict[str, Any]] = {
    "hist1d": {"tof_range": [0, TOF_END_NS], "num_bins": 50},
    "dethist": {"det_range": [1, 100], "width": 20, "height": 5},
}
TIMES_MS = [BASE_MS + number for number in range(12)]


def where(service: Service, by: str) -> list[str]:
    topic = ["-hb", service.heartbeat] if by == "heartbeat" else ["-t", service.output]
    return ["-b", service.bootstrap, *topic]


def configured(service: Service, data: str, **times: int) -> None:
    both = [service.histogram(kind, data, id=kind, **keys) for kind, keys in KEYS.items()]
    service.config(both, start=BASE_MS, **times)


def counted(sent: Sent) -> dict[str, Any]:
    """What numpy counts of the same events."""
    return {"hist1d": np.histogram(sent.tof, 50, (0, TOF_END_NS))[0], "dethist": image(sent.pixel, 1, 20, 5)}


def contents(path: Path) -> tuple[str, str, Any]:
    """Id, state and counts of a file."""
    with h5py.File(path) as file:
        info = file["entry/info"].attrs
        return info["id"], info["state"], file["entry/data/counts"][()]


def next_file(process: subprocess.Popen[str]) -> Path:
    """The next file that it says it has written; it is there as a whole."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it ended"
    return Path(line.strip())


def until_file(process: subprocess.Popen[str], name: str, state: str, counts: int) -> Path:
    """The first file that is of this histogram, in this state and with so many counts."""
    while True:
        file = next_file(process)
        found, its_state, its_counts = contents(file)
        if (found, its_state, int(its_counts.sum())) == (name, state, counts):
            return file


@pytest.mark.parametrize("by", ["heartbeat", "topic"])
def test_once(by: str, service: Service, topic: MakeTopic, sender: EventSender, tmp_path: Path) -> None:
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, TIMES_MS, events=1000)
    with service.following() as output:
        configured(service, data)
        for kind in KEYS:
            output.until(lambda h, k=kind: (h.info.id, h.info.sum) == (k, sent.events))  # type: ignore[misc]
    service.heartbeat_until(lambda beat: [h["sum"] for h in beat["histograms"]] == [sent.events] * 2)
    # On a topic there may be what earlier tests have published.
    asked = [*where(service, by), "--to", str(tmp_path), "--once", "--id", *KEYS]
    named = printed(*SAVE, *asked).splitlines()
    assert sorted(named) == sorted(map(str, tmp_path.iterdir()))
    found = {name: (state, counts) for name, state, counts in map(contents, tmp_path.iterdir())}
    assert found.keys() == KEYS.keys()
    for name, expected in counted(sent).items():
        assert found[name][0] == "COUNTING"
        np.testing.assert_array_equal(found[name][1], expected)


def test_each_that_finished_is_written_however_many_follow(
    service: Service, topic: MakeTopic, sender: EventSender, tmp_path: Path
) -> None:
    """Runs follow one another under the same ids, faster than anybody looks; another reader sees them all."""
    data, sent, begun_ns = topic("data"), Sent(), time.time_ns()
    sender.pulses(data, sent, TIMES_MS, events=100)
    with (
        service.following(OffsetAt.EARLIEST) as output,
        piped(*SAVE, *where(service, "topic"), "--to", str(tmp_path)) as process,
    ):
        configured(service, data, stop=TIMES_MS[-1])
        until_file(process, "hist1d", "FINISHED", sent.events)
        for _ in range(12):
            configured(service, data, stop=TIMES_MS[-1])
        last = service.histogram("hist1d", data, id="last", **KEYS["hist1d"])
        service.config([last], start=BASE_MS, stop=TIMES_MS[-1])
        until_file(process, "last", "FINISHED", sent.events)
        output.finished("last")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    published = {file_name(each): each for each in output.all if each.state is State.FINISHED}
    since = {name for name, each in published.items() if each.timestamp_ns >= begun_ns}
    assert len(since) >= 12
    # What FINISHED just before, of the tests before this one, is written, too.
    assert since <= {path.name for path in tmp_path.iterdir()} <= published.keys()
    for name, each in ((name, published[name]) for name in since):
        np.testing.assert_array_equal(contents(tmp_path / name)[2], each.counts)


def test_every(service: Service, topic: MakeTopic, sender: EventSender, tmp_path: Path) -> None:
    data, sent = topic("data"), Sent()
    configured(service, data)
    options = [*where(service, "heartbeat"), "--to", str(tmp_path), "--every", "1", "--id", "hist1*"]
    with piped(*SAVE, *options) as process:
        until_file(process, "hist1d", "INITIALISED", 0)
        for _ in range(2):
            sender.pulses(data, sent, TIMES_MS, events=1000)
            file = until_file(process, "hist1d", "COUNTING", sent.events)
            np.testing.assert_array_equal(contents(file)[2], counted(sent)["hist1d"])
        service.client.send({"cmd": "stop"})
        until_file(process, "hist1d", "FINISHED", sent.events)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    assert {contents(path)[0] for path in tmp_path.iterdir()} == {"hist1d"}
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".nxs"]


def test_what_finishes_with_the_service_is_written(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender, tmp_path: Path
) -> None:
    service = own_service()
    data, sent = topic("data"), Sent()
    configured(service, data)
    with piped(*SAVE, *where(service, "topic"), "--to", str(tmp_path), "--every", "60") as process:
        next_file(process), next_file(process)
        with service.following() as output:
            sender.pulses(data, sent, TIMES_MS, events=1000)
            output.until(lambda h: h.info.sum == sent.events)
        assert service.terminate() == 0
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, errors) == (0, "")
    finished = [each for each in map(contents, tmp_path.iterdir()) if each[1] == "FINISHED"]
    assert sorted(name for name, _, _ in finished) == sorted(KEYS)
    for name, _, counts in finished:
        np.testing.assert_array_equal(counts, counted(sent)[name])


def test_what_is_wrong_is_one_line(broker: Broker, service: Service, tmp_path: Path) -> None:
    there = [*where(service, "topic"), "--to", str(tmp_path)]
    assert "no such folder" in refused(2, *SAVE, *there[:-1], str(tmp_path / "not-there"))
    once = refused(1, *SAVE, *there, "--once", "--timeout", "0.5", "--id", "nobody")
    assert once == "histsvc save: no such histogram was published within 0.5 s\n"
    away = refused(1, *SAVE, "-b", "127.0.0.1:1", "-t", "output", "--to", str(tmp_path))
    assert away == "histsvc save: 127.0.0.1:1 did not answer in time\n"
    assert not list(tmp_path.iterdir())
