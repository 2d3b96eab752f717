"""Many pages, slow ones, hidden pictures, and no growth: what a dashboard that is left open must stand."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import psutil
import pytest
from browser import Tab, tab
from dashboard import FIRST, Dashboard, detector, now_ms, send, spectrum
from events import EventSender, Sent, image
from playwright.sync_api import Browser, WebSocket
from service_process import Service

UPDATES = 500
MEGABYTE = 1 << 20
BUSY_MS = 4_000
# 1,000 by 1,000 pixels: a picture of it is far larger than everything else that is sent.
LARGE = {"det_range": [FIRST, FIRST + 999_999], "width": 1_000, "height": 1_000}


def stuck(page: Tab) -> None:
    """Let a browser do nothing else for some seconds."""
    end = f"Date.now() + {BUSY_MS}"
    page.page.evaluate(f"() => {{ setTimeout(() => {{ const e = {end}; while (Date.now() < e) {{}} }}, 0) }}")


def test_a_slow_page_skips_to_the_newest_and_holds_nobody_back(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    sent = Sent()
    service.config([detector(service, data, publish_interval_ms=100)])
    with tab(browser, dashboard.url) as slow, tab(browser, dashboard.url) as quick:
        send(sender, data, sent)
        for page in (slow, quick):
            page.until_total("detector", sent.events)
        before = slow.ask("updates"), quick.ask("updates")
        stuck(slow)
        deadline = time.monotonic() + BUSY_MS / 1000 - 1
        pictures = 0
        while time.monotonic() < deadline:
            send(sender, data, sent, 1)
            quick.until_total("detector", sent.events)
            pictures += 1
        skipped = slow.ask("updates") - before[0]  # answered as soon as it is no longer stuck
        slow.until_total("detector", sent.events)
        assert pictures >= 4
        assert quick.ask("updates") - before[1] >= pictures
        assert skipped <= 2


class Traffic:
    """Bytes that a page was sent."""

    def __init__(self, page: Tab) -> None:
        self.received = 0
        page.page.on("websocket", self._hear)
        page.page.reload()

    def _hear(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._count)

    def _count(self, frame: Any) -> None:
        self.received += len(frame)


def test_pictures_that_nobody_sees_are_neither_made_nor_sent(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    service.config([detector(service, data, **LARGE, id="large"), spectrum(service, data)])
    sent = Sent()
    with tab(browser, dashboard.url) as page:
        traffic = Traffic(page)
        send(sender, data, sent)
        page.until_sum("tof", sent.events)
        page.until("image", "large")
        page.page.get_by_label("large").uncheck()
        page.until("has", "plot large", lambda there: not there)
        before = traffic.received
        for _ in range(10):
            send(sender, data, sent)
            page.until_sum("tof", sent.events)
        hidden = traffic.received - before
        page.page.get_by_label("large").check()
        page.until("image", "large")
        page.until_total("large", sent.events / _blocks(page))
        seen = traffic.received - before - hidden
        assert hidden < 10 * 20_000 < seen


def test_a_large_image_is_reduced_and_finer_where_it_is_zoomed(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    side, sent = 4_096, Sent()
    huge = {"det_range": [FIRST, FIRST + side * side - 1], "width": side, "height": side}
    service.config([detector(service, data, **huge, id="huge")])
    with tab(browser, dashboard.url) as page:
        sender.pulses(data, sent, [now_ms()] * 50, events=1_000, pixels=(FIRST, FIRST + side * side - 1))
        whole = page.until("image", "huge", lambda found: found is not None and sum(found["values"]) > 0)
        rows, columns = whole["shape"]
        assert max(rows, columns) <= 2 * 800  # no more than there are on the screen
        page.until("zoom", ["huge", 1000, 1100, 2000, 2060])
        near = page.until("image", "huge", lambda found: found["shape"] == [60, 100])
        expected = image(sent.pixel, FIRST, side, side)[1000:1100, 2000:2060]
        np.testing.assert_array_equal(np.array(near["values"]).reshape(60, 100).T, expected)
        assert expected.sum() > 0


def _blocks(page: Tab) -> int:
    """How many pixels are one on the screen."""
    shape = page.until("image", "large")["shape"]
    return int((1000 // shape[0]) * (1000 // shape[1]))


@pytest.mark.timeout(400)
def test_nothing_grows(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    kinds = detector(service, data, publish_interval_ms=100), spectrum(service, data, publish_interval_ms=100)
    service.config([*kinds])
    with tab(browser, dashboard.url) as page:
        server = psutil.Process(dashboard.process.pid)
        sizes = []
        for target in (100, 100 + UPDATES):
            until_updated(page, sender, data, target)
            sizes.append((heap(page), server.memory_info().rss))
        (page_before, server_before), (page_after, server_after) = sizes
        assert page_after["JSHeapUsedSize"] - page_before["JSHeapUsedSize"] < 2 * MEGABYTE
        assert page_after["Nodes"] - page_before["Nodes"] < 100
        assert page_after["JSEventListeners"] - page_before["JSEventListeners"] < 50
        assert server_after - server_before < 8 * MEGABYTE


def until_updated(page: Tab, sender: EventSender, data: str, updates: int) -> None:
    while page.ask("updates") < updates:
        sender.pulses(data, Sent(), [now_ms()], pixels=(FIRST, FIRST + 199))
        page.page.wait_for_timeout(50)


def heap(page: Tab) -> dict[str, float]:
    """What the browser holds of a page, after it has cleared up."""
    tools = page.page.context.new_cdp_session(page.page)
    tools.send("Performance.enable")
    tools.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    return found
