"""histsvc watch and bin/view_output_messages.py: what they print of a real service, and how they end."""

from __future__ import annotations

import json
import signal
from typing import Any

import numpy as np
import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent, image, regions
from kafka_broker import SASL_CLIENT, Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from tool_process import WATCH, WATCH_SCRIPT, piped, printed, refused, run, terminal

LEFTS, WIDTH = [1, 21, 41], 10
KINDS: dict[str, dict[str, Any]] = {
    "hist1d": {"tof_range": [0, TOF_END_NS], "num_bins": 50},
    "hist2d": {"tof_range": [0, TOF_END_NS], "num_bins": [20, 10], "det_range": [1, 101]},
    "dethist": {"det_range": [1, 100], "width": 20, "height": 5},
    "roihist": {"left_edges": LEFTS, "width": WIDTH},
}
AXES = {
    "hist1d": [("time of flight", "ns")],
    "hist2d": [("time of flight", "ns"), ("pixel id", "")],
    "dethist": [("x", "pixel"), ("y", "pixel")],
    "roihist": [("x", "pixel"), ("row", "pixel")],
}
TIMES_MS = [BASE_MS + number for number in range(12)]


def expected(sent: Sent) -> dict[str, Any]:
    """What numpy counts of the same events."""
    tof_bins = np.linspace(0, TOF_END_NS, 21)
    return {
        "hist1d": np.histogram(sent.tof, 50, (0, TOF_END_NS))[0],
        "hist2d": np.histogram2d(sent.tof, sent.pixel, [tof_bins, np.linspace(1, 101, 11)])[0],
        "dethist": image(sent.pixel, 1, 20, 5),
        "roihist": regions(sent.pixel, LEFTS, WIDTH),
    }


def counted(
    service: Service, topic: MakeTopic, sender: EventSender, schema: str = "hs00"
) -> tuple[str, Sent]:
    """Let the service count into all types, until that is published and heartbeats tell it."""
    data, sent = topic("data"), Sent()
    sender.pulses(data, sent, TIMES_MS, events=1000)
    sums = {kind: int(counts.sum()) for kind, counts in expected(sent).items()}
    with service.following() as output:
        histograms = [service.histogram(kind, data, id=kind, **keys) for kind, keys in KINDS.items()]
        service.config(histograms, start=BASE_MS, output_schema=schema)
        for kind in KINDS:
            output.until(lambda h, k=kind: (h.info.id, h.info.sum) == (k, sums[k]))  # type: ignore[misc]
    service.heartbeat_until(lambda beat: {h["id"]: h["sum"] for h in beat["histograms"]} == sums)
    return data, sent


def where(service: Service, by: str) -> list[str]:
    topic = ["-hb", service.heartbeat] if by == "heartbeat" else ["-t", service.output]
    return ["-b", service.bootstrap, *topic]


@pytest.mark.parametrize("by", ["heartbeat", "topic"])
def test_once_as_text(by: str, service: Service, topic: MakeTopic, sender: EventSender) -> None:
    _, sent = counted(service, topic, sender)
    shapes = {"hist1d": "50", "hist2d": "20\u00d710", "dethist": "20\u00d75", "roihist": "10\u00d73"}
    lines = printed(*WATCH, *where(service, by), "--id", *KINDS, "--once").splitlines()
    words = {line.split()[1]: line.split() for line in lines}
    assert sorted(words) == sorted(KINDS)
    for kind, counts in expected(sent).items():
        assert words[kind][2:4] == ["COUNTING", f"{int(counts.sum()):,}"]
        assert shapes[kind] in words[kind]
    assert words["roihist"][-1].startswith("filtered=")


@pytest.mark.parametrize("schema", ["hs00", "hs01", "da00"])
@pytest.mark.parametrize("by", ["heartbeat", "topic"])
def test_once_as_json_is_what_numpy_counts(
    by: str, schema: str, service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    _, sent = counted(service, topic, sender, schema)
    lines = printed(*WATCH, *where(service, by), "--id", *KINDS, "--once", "--json").splitlines()
    read = {each["id"]: each for each in map(json.loads, lines)}
    assert sorted(read) == sorted(KINDS)
    for kind, counts in expected(sent).items():
        told: dict[str, Any] = read[kind]
        np.testing.assert_array_equal(told["counts"], counts)
        assert (told["topic"], told["schema"], told["source"]) == (service.output, schema, "histsvc")
        assert (told["state"], told["info"]["sum"]) == ("COUNTING", counts.sum())
        assert [len(axis["edges"]) - 1 for axis in told["axes"]] == list(counts.shape)
        assert [(axis["label"], axis["unit"]) for axis in told["axes"]] == AXES[kind]
    np.testing.assert_allclose(read["hist1d"]["axes"][0]["edges"], np.linspace(0, TOF_END_NS, 51))


def test_patterns_choose_and_counts_may_be_left_out(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    counted(service, topic, sender)
    chosen = ["--id", "hist1?", "det*", "--once", "--json", "--no-counts"]
    read = [json.loads(line) for line in printed(*WATCH, *where(service, "heartbeat"), *chosen).splitlines()]
    assert sorted(each["id"] for each in read) == ["dethist", "hist1d"]
    assert all("counts" not in each and "edges" not in each["axes"][0] for each in read)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_comes_is_printed_until_a_signal_ends_it(
    options: list[str], number: signal.Signals, service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    data, sent = counted(service, topic, sender)
    with piped(*WATCH, *where(service, "topic"), "--id", "hist1d", *options) as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline()
        sender.pulses(data, sent, [TIMES_MS[-1] + 1], events=345)
        total = "12345" if options else "12,345"
        last = next(line for line in watch.stdout if total in line)
        watch.send_signal(number)
        rest, errors = watch.communicate(timeout=TIMEOUT_S)
    assert (watch.returncode, errors) == (0, "")
    names = [
        json.loads(line)["id"] if options else line.split()[1] for line in (first, last, *rest.splitlines())
    ]
    assert set(names) == {"hist1d"}
    assert total not in first


def test_a_pipe_that_nobody_reads_any_more_ends_it_without_one_more_line(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    counted(service, topic, sender)
    with service.following() as output:
        service.client.send({"cmd": "stop"})
        output.finished("hist1d")
    with piped(*WATCH, *where(service, "topic"), "--id", "hist1d") as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert "FINISHED" in watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(TIMEOUT_S) == 0
        assert watch.stderr.read() == ""


def test_a_pipe_that_is_closed_in_the_middle_of_a_line_ends_it(service: Service, topic: MakeTopic) -> None:
    """One object is larger than what a pipe holds."""
    bins = service.histogram("hist1d", topic("data"), id="large", tof_range=[0, 1e8], num_bins=20_000)
    service.config([bins])
    with piped(*WATCH, *where(service, "topic"), "--id", "large", "--json") as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert watch.stdout.read(1) == "{"
        watch.stdout.close()
        assert watch.wait(TIMEOUT_S) == 0
        assert watch.stderr.read() == ""


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_in_a_terminal_lines_are_as_wide_as_it_is(columns: int, service: Service, topic: MakeTopic) -> None:
    ids = ("tof", "an id of more letters than most")
    service.config([service.histogram("hist1d", topic("data"), id=name, **KINDS["hist1d"]) for name in ids])
    asked = [*where(service, "topic"), "--id", *ids]
    with terminal(*WATCH, *asked, columns=columns, rows=24) as shown:
        text = shown.until(lambda said: all(name in said for name in ids) and said.endswith("\n"))
        assert shown.end(signal.SIGINT) == 0
    assert text.split()[:3] == ["PUBLISHED", "ID", "STATE"]
    assert ("SHAPE" in text) == (columns > 80)
    assert max(map(len, text.splitlines())) <= columns


def test_the_older_tool_is_the_same_with_its_options(
    broker: Broker, service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    _, sent = counted(service, topic, sender)
    names = {"security.protocol": "--security-protocol", "sasl.mechanism": "--sasl-mechanism"}
    names |= {"sasl.username": "--sasl-username", "sasl.password": "--sasl-password"}
    login = [word for key, value in SASL_CLIENT.items() for word in (names[key], value)]
    both = [
        ["-b", broker.bootstrap, "-t", service.output],
        ["--brokers", broker.sasl_bootstrap, "--topic", service.output, *login],
    ]
    for options in both:
        with piped(*WATCH_SCRIPT, *options) as watch:
            assert watch.stdout is not None
            line = next(line for line in watch.stdout if " hist1d " in line)
            assert f"{sent.events:,}" in line
            watch.send_signal(signal.SIGINT)
            _, errors = watch.communicate(timeout=TIMEOUT_S)
        assert (watch.returncode, errors) == (0, "")


def test_what_is_missing_is_one_line_and_code_1(
    service: Service, topic: MakeTopic, sender: EventSender
) -> None:
    counted(service, topic, sender)
    for by in ("heartbeat", "topic"):
        once = [*where(service, by), "--once", "--timeout", "1", "--id", "nobody"]
        said = refused(1, *WATCH, *once)
        assert said == "histsvc watch: no such histogram was published within 1 s\n"
        done = run(*WATCH, *once, "hist1d")
        assert (done.returncode, done.stdout.split()[1]) == (1, "hist1d")
        assert done.stderr == "histsvc watch: not all were published within 1 s: nobody\n"


def test_brokers_that_are_not_there_are_one_line_and_code_1() -> None:
    said = refused(1, *WATCH, "-b", "127.0.0.1:1", "-t", "output")
    assert said == "histsvc watch: 127.0.0.1:1 did not answer in time\n"


def test_the_script_names_the_option_that_is_missing() -> None:
    said = refused(2, *WATCH_SCRIPT, "-t", "output")
    assert said.startswith("histsvc watch: ")
    assert "-b/--brokers" in said
