"""Make the pictures of the dashboard in README.md: the page of the demo, and that of a service in trouble.

Run it from the repository, with the development environment (`bin/test` makes it and fetches the broker):

    PYTHONPATH=integration-tests .venv/bin/python docs/make_dashboard_pictures.py docs/images
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from browser import Tab, launched, tab
from confluent_kafka.admin import AdminClient
from dashboard import Dashboard
from kafka_broker import Broker
from PIL import Image
from playwright.sync_api import Browser
from service_process import Service
from tool_process import piped

from histsvc.cli.demo.script import EVENTS, HISTOGRAMS, steps
from histsvc.clock import SystemClock
from histsvc.kafka.event_producer import EventProducer
from histsvc.settings import KafkaSettings
from histsvc.sources.pace import Pace
from histsvc.sources.scene import MONITOR, SOURCES, SceneSource
from histsvc.wire import shapes

SMALL, LARGE = {"width": 1280, "height": 800}, {"width": 2560, "height": 1440}
THEMES = ("light", "dark")
# Where one of the rings is left of the beam stop, by its pixels.
CORNERS = (10.5, 28.5), (34.5, 66.5)
IMAGE, SPECTRUM = "left ring", "left ring tof"
# What the detector has after 25 s, a little later than the demo has added its own region.
COUNTS = 25 * 14 * 2000
PICTURES = 3
DEMO_S, WAIT_S = 300.0, 60.0
MONITOR_EVENTS = "monitor_events"
RATE_HZ, PULSE_EVENTS = 14.0, 2000
MOST_BYTES = 300_000


def save(page: Tab, file: Path) -> None:
    """Take a picture of the page."""
    Image.open(io.BytesIO(page.page.screenshot())).convert("RGB").save(file, optimize=True)
    assert file.stat().st_size < MOST_BYTES, f"{file} has {file.stat().st_size} bytes"


def take_demo(browser: Browser, folder: Path) -> None:
    """The demo, with a region of its detector that was drawn with the mouse, in all sizes and colours."""
    with piped("-m", "histsvc", "demo", "--plain", "--duration", "0", limit_s=DEMO_S) as demo:
        url = address(demo.stdout or ())
        with tab(browser, url) as page:
            page.until("total", "detector", lambda total: total is not None and total > 0, WAIT_S)
            count_region(page)
            page.until("total", "detector", lambda total: total >= COUNTS, WAIT_S)
        for theme, size in itertools.product(THEMES, (SMALL, LARGE)):
            with tab(browser, url, viewport=size, color_scheme=theme) as page:
                page.until("pictures", None, lambda each: each and max(each.values()) >= PICTURES)
                save(page, folder / f"dashboard-{theme}-{size['width']}.png")
        demo.send_signal(signal.SIGINT)
        told, complaints = demo.communicate()
    assert (demo.returncode, complaints) == (0, ""), f"{told}{complaints}"


def address(lines: Iterable[str]) -> str:
    """Where the demo says that its dashboard is."""
    begin = "dashboard: http"
    return next(line.strip().removeprefix("dashboard: ") for line in lines if line.startswith(begin))


def count_region(page: Tab) -> None:
    """Draw a rectangle, and have its image and its spectrum counted."""
    page.drag("detector", *CORNERS)
    for name, button in ((IMAGE, "Count its image"), (SPECTRUM, "Count its spectrum")):
        page.fill("Name", name)
        page.press(button)
        page.until("has", f"plot {name}")


def take_trouble(browser: Browser, folder: Path) -> None:
    """One histogram counts, one is in error as its topic is gone, and one was stopped."""
    with Broker() as broker, contextlib.closing(Service(broker)) as service:
        for topic in (EVENTS, MONITOR_EVENTS, HISTOGRAMS):
            broker.create_topic(topic)
        service.client.send(command(broker.bootstrap))
        dashboard = Dashboard(service, "--allow-commands")
        pages = tab(browser, dashboard.url, viewport=SMALL)
        try:
            with sending(broker.bootstrap) as monitor_ends, pages as page:
                page.until("total", "detector", lambda total: total is not None and total >= COUNTS, WAIT_S)
                monitor_ends.set()
                admin = AdminClient({"bootstrap.servers": broker.bootstrap})
                admin.delete_topics([MONITOR_EVENTS])[MONITOR_EVENTS].result(WAIT_S)
                service.client.send({"cmd": "stop", "ids": ["peak"]})
                for name, mark in (("spectrum", "error"), ("peak", "finished")):
                    page.mark(name).filter(has_text=mark).wait_for()
                save(page, folder / "dashboard-trouble.png")
        finally:
            dashboard.close()


def command(bootstrap: str) -> dict[str, Any]:
    """That of the demo, but for the spectrum, whose events have a topic of their own."""
    first = dict(next(steps(bootstrap, 0.0, endless=True)).command)
    histograms = [
        {**each, "data_topics": [MONITOR_EVENTS]} if each["source"] == MONITOR else each
        for each in first["histograms"]
    ]
    return {**first, "histograms": histograms}


@contextlib.contextmanager
def sending(bootstrap: str) -> Iterator[threading.Event]:
    """Send the events of the demo; those of the monitor until the event that this gives is set."""
    over, monitor_ends = threading.Event(), threading.Event()

    def run() -> None:
        clock = SystemClock()
        producer = EventProducer(KafkaSettings((bootstrap,)), clock)
        encoders = {name: shapes.encoder("compact", "ev44", name) for name in SOURCES}
        times_ns = Pace(clock, over.wait).times_ns(itertools.count(), RATE_HZ)
        for pulse in SceneSource(PULSE_EVENTS, seed=1).pulses(times_ns):
            if pulse.source == MONITOR and monitor_ends.is_set():
                continue
            topic = MONITOR_EVENTS if pulse.source == MONITOR else EVENTS
            at_ns = pulse.reference_time_ns
            for message in encoders[pulse.source].encode(at_ns, pulse.tof_ns, pulse.pixel_id):
                producer.produce(topic, message.payload, at_ns // 1_000_000)
        producer.flush(lambda: WAIT_S)

    thread = threading.Thread(target=run, name="events")
    thread.start()
    try:
        yield monitor_ends
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Make all pictures in the folder that the argument names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for the PNG files")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        sys.exit(f"{folder} is not a folder")
    with launched() as browser:
        take_demo(browser, folder)
        take_trouble(browser, folder)


if __name__ == "__main__":
    main()
