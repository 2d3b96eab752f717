"""/metrics says what the heartbeat says, and /readyz whether commands are read."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from events import BASE_MS, EventSender, Sent
from kafka_broker import Broker, MakeTopic
from service_process import TIMEOUT_S, Service
from test_workers import TOF


def page(service: Service, path: str) -> tuple[int, str]:
    (url,) = re.findall(r"metrics: (http://\S+)/metrics", service.log)
    try:
        with urllib.request.urlopen(f"{url}/{path}", timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(service: Service, path: str, *lines: str) -> str:
    """Wait until a page has these lines."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        _, text = page(service, path)
        if set(lines) <= set(text.splitlines()):
            return text
        assert time.monotonic() < deadline, f"{lines} in\n{text}"
        time.sleep(0.05)  # it is told once a second


def test_what_is_counted_is_seen(
    own_service: Callable[..., Service], topic: MakeTopic, sender: EventSender
) -> None:
    service = own_service("--metrics-port", "0")
    assert page(service, "healthz") == (200, "ok\n")
    until(service, "readyz", "ok")
    assert 'histsvc_undecodable_total{reason="no_schema"} 0.0' in page(service, "metrics")[1]
    data, sent = topic("data"), Sent()
    service.config([service.histogram("hist1d", data, id="tof", **TOF)])
    sender.pulses(data, sent, range(BASE_MS, BASE_MS + 5))
    for _ in range(3):
        sender.raw(data, b"", BASE_MS)
    sender.flush()
    job = service.heartbeat_until(
        lambda beat: beat["histograms"][0]["job"] if beat["histograms"][0]["sum"] == sent.events else None
    )
    who = f'{{id="tof",index="0",job="{job}"'
    until(
        service,
        "metrics",
        f"histsvc_events_total {float(sent.events)}",
        "histsvc_messages_total 8.0",
        'histsvc_undecodable_total{reason="no_schema"} 3.0',
        f"histsvc_histogram_counts{who}}} {float(sent.events)}",
        f'histsvc_histogram_dropped_messages{who},reason="undecodable"}} 3.0',
        'histsvc_state{state="RUNNING"} 1.0',
    )
    assert service.terminate() == 0


def test_it_is_not_ready_while_the_broker_is_lost_from_the_beginning(broker: Broker) -> None:
    """A command topic that does not exist is waited for."""
    options = ["-b", broker.bootstrap, "-t", "no-such-commands", "--metrics-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "histsvc", "serve", *options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        found = None
        while found is None:
            found = re.search(r"metrics: http://(\S+)/metrics", process.stderr.readline())
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{found.group(1)}/readyz", timeout=TIMEOUT_S)
        with urllib.request.urlopen(f"http://{found.group(1)}/healthz", timeout=TIMEOUT_S) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(TIMEOUT_S) == 0


def test_a_port_that_is_taken_ends_the_service_with_one_line(own_service: Callable[..., Service]) -> None:
    service = own_service("--metrics-port", "0")
    (port,) = re.findall(r"metrics: http://127.0.0.1:(\d+)/", service.log)
    options = ["-b", service.bootstrap, "-t", "c", "--metrics-port", port]
    done = subprocess.run(
        [sys.executable, "-m", "histsvc", "serve", *options], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert f"--metrics-port {port}" in done.stderr
