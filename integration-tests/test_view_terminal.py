"""histsvc view --terminal: what it shows of a real service, live and once, and how it ends."""

from __future__ import annotations

import re
import signal

import pytest
from events import BASE_MS, TOF_END_NS, EventSender, Sent
from kafka_broker import MakeTopic
from service_process import Service
from tool_process import VIEW_TERMINAL, printed, refused, terminal

ON, OFF = "\x1b[?1049h", "\x1b[?1049l"  # the screen on which nothing is kept, and the one of before
TIMES_MS = [BASE_MS + number for number in range(12)]


def configured(service: Service, data: str, which: str = "") -> None:
    spectrum = service.histogram(
        "hist1d", data, id=f"spectrum{which}", tof_range=[0, TOF_END_NS], num_bins=50
    )
    detector = service.histogram(
        "dethist", data, id=f"detector{which}", det_range=[1, 100], width=20, height=5
    )
    service.config([spectrum, detector], start=BASE_MS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live(number: signal.Signals, service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    # The last heartbeat may still tell of what another test has left, as this one with the other signal.
    which = f"-{number.name.lower()}"
    ids = [f"spectrum{which}", f"detector{which}"]
    command = [*VIEW_TERMINAL, "-b", service.bootstrap, "-hb", service.heartbeat, "--id", *ids]
    with terminal(*command, columns=100, rows=30) as shown:
        shown.until(lambda said: "waiting for histograms" in said)
        configured(service, data, which)
        shown.until(lambda said: f"{ids[0]}  INITIALISED  0 counts  no data yet" in said)
        sender.pulses(data, Sent(), TIMES_MS, events=1000)
        text = shown.until(
            lambda said: all(re.search(rf"{name}  COUNTING  12k counts", said) for name in ids)
        )
        service.client.send({"cmd": "stop"})
        shown.until(lambda said: f"{ids[0]}  FINISHED  12k counts" in said)
        assert shown.end(number) == 0
        assert shown.as_before
    assert "\u2588" in text
    assert "\u2580" in text
    assert (shown.shown.count(ON), shown.shown.count(OFF)) == (1, 1)
    assert "Traceback" not in shown.shown
    assert max(map(len, text.splitlines())) <= 100


def test_once(service: Service, topic: MakeTopic, sender: EventSender) -> None:
    data = topic("data")
    sender.pulses(data, Sent(), TIMES_MS, events=1000)
    with service.following() as output:
        configured(service, data)
        for name in ("spectrum", "detector"):
            output.until(lambda h, n=name: (h.info.id, h.info.sum) == (n, 12_000))  # type: ignore[misc]
    text = printed(*VIEW_TERMINAL, "-b", service.bootstrap, "-t", service.output, "--id", "spec*", "--log")
    assert text.startswith("spectrum  COUNTING  12k counts")
    assert "detector" not in text
    asked = ["-t", service.output, "--id", "nobody", "--timeout", "0.5"]
    said = refused(1, *VIEW_TERMINAL, "-b", service.bootstrap, *asked)
    assert said == "histsvc view: no such histogram was published within 0.5 s\n"
