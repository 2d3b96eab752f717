"""What is not well looks different, and says what it is, in words: errors, silence, ends, brokers away."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from browser import Tab, tab
from confluent_kafka.admin import AdminClient
from dashboard import Dashboard, detector, send, spectrum
from events import EventSender, Sent
from kafka_broker import Broker, MakeTopic
from matplotlib.image import imread
from playwright.sync_api import Browser
from service_process import TIMEOUT_S, Service
from test_hard_ends import halted

# A histogram counts as silent after 15 s.
LONG_MS = 1000 * TIMEOUT_S


@pytest.fixture
def own(
    own_service: Callable[..., Service], own_dashboard: Callable[..., Dashboard]
) -> tuple[Service, Dashboard]:
    """A service and a dashboard of this test alone."""
    service = own_service()
    return service, own_dashboard(service, "--allow-commands")


def until_marked(page: Tab, name: str, level: str) -> str:
    """Wait until a histogram is marked so, in its title bar and in the list; says the words."""
    mark = page.mark(name).and_(page.page.locator(f".chip.{level}"))
    mark.wait_for(timeout=LONG_MS)
    page.page.locator(f".line:has-text('{name}') .dot.{level}").wait_for()
    return mark.inner_text()


def colour(page: Tab, name: str) -> str:
    """Of the mark in the title bar."""
    return str(page.mark(name).evaluate("(mark) => getComputedStyle(mark).backgroundColor"))


def colourfulness(page: Tab, selector: str) -> float:
    """By how much the colours of an element differ from grey, as it is seen: 0 to 1."""
    # A picture of the element itself would wait until nobody writes into it.
    box: Any = page.page.locator(selector).bounding_box()
    picture = page.page.screenshot(clip=box)
    return float(np.ptp(imread(BytesIO(picture))[..., :3], axis=-1).max())


def test_an_error_is_marked_and_said_while_others_count_on(
    browser: Browser, own: tuple[Service, Dashboard], sender: EventSender, topic: MakeTopic, broker: Broker
) -> None:
    service, dashboard = own
    gone, data, sent = topic("gone"), topic("data"), Sent()
    service.config([detector(service, data), spectrum(service, gone)])
    with tab(browser, dashboard.url) as page:
        send(sender, gone, Sent())
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        fine = colour(page, "detector")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.delete_topics([gone])[gone].result(TIMEOUT_S)
        assert until_marked(page, "tof", "error") == "error"
        assert colour(page, "tof") != fine
        page.page.locator(".cell.error .message", has_text=gone).wait_for()
        page.page.locator(".lamp.error").wait_for()
        page.page.locator(".verdict", has_text=gone).wait_for()
        page.page.locator(".service .chip.error", has_text="1 in error").wait_for()
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        until_marked(page, "detector", "good")


def test_what_was_stopped_and_what_waits_look_different(
    browser: Browser, own: tuple[Service, Dashboard], sender: EventSender, topic: MakeTopic
) -> None:
    service, dashboard = own
    data, empty, sent = topic("data"), topic("empty"), Sent()
    service.config([detector(service, data), spectrum(service, empty)])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        assert until_marked(page, "tof", "waiting") == "no data yet"
        waiting = colour(page, "tof")
        until_marked(page, "detector", "late")
        late = colour(page, "detector")
        service.client.send({"cmd": "stop"})
        assert until_marked(page, "detector", "stopped") == "finished"
        assert len({waiting, late, colour(page, "detector")}) == 3
        page.page.locator(".lamp.stopped").wait_for()
        page.sees("Nothing is being measured")
        page.until_total("detector", sent.events)  # the picture stays


def test_what_counts_comes_before_what_has_ended(
    browser: Browser, own: tuple[Service, Dashboard], sender: EventSender, data: str
) -> None:
    service, dashboard = own
    ended = [detector(service, data, id=f"ended {number}") for number in range(8)]
    service.config(ended)
    with tab(browser, dashboard.url) as page:
        until_marked(page, "ended 7", "waiting")
        sent = Sent()
        service.config([spectrum(service, data)])
        send(sender, data, sent)
        page.until_sum("tof", sent.events)  # so it is in sight
        tops = [page.cell(name).bounding_box() for name in ("tof", *(each["id"] for each in ended))]
        places = [(box["y"], box["x"]) for box in tops if box is not None]
        assert places == sorted(places)
        assert len(places) == 1 + len(ended)


def test_a_service_that_is_silent_is_stale_until_it_speaks_again(
    browser: Browser, own: tuple[Service, Dashboard], sender: EventSender, topic: MakeTopic
) -> None:
    service, dashboard = own
    data, sent = topic("data"), Sent()
    service.config([detector(service, data)])
    workers = service.heartbeat_until(lambda beat: [w["pid"] for w in beat["workers"]])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        with ExitStack() as halting:
            for pid in (service.process.pid, *workers):
                halting.enter_context(halted(pid))
            page.page.locator(".service .chip.stale").wait_for(timeout=LONG_MS)
            assert until_marked(page, "detector", "stale").startswith("silent for")
            page.page.locator(".lamp.stale").wait_for()
            page.sees("Out of touch")
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        page.page.locator(".lamp.good, .lamp.late").wait_for(timeout=LONG_MS)


def test_brokers_that_are_away_are_told_and_come_back(browser: Browser) -> None:
    with Broker() as broker:
        service = Service(broker)
        dashboard = Dashboard(service)
        try:
            data, sent = "data", Sent()
            broker.create_topic(data)
            service.config([detector(service, data)])
            sender = EventSender(broker.bootstrap)
            with tab(browser, dashboard.url) as page:
                send(sender, data, sent)
                page.until_total("detector", sent.events)
                broker.stop()
                page.page.locator(".lamp.stale, .lamp.error").wait_for(timeout=LONG_MS)
                broker.start()
                send(sender, data, sent)
                page.until_total("detector", sent.events)
                page.page.locator(".lamp.good, .lamp.late").wait_for(timeout=2 * LONG_MS)
        finally:
            dashboard.close()
            service.close()


def test_a_page_says_that_the_dashboard_is_silent_or_gone_and_is_opened_anew_when_it_is_back(
    spectrum_page: tuple[Tab, Sent],
    dashboard: Dashboard,
    own_dashboard: Callable[..., Dashboard],
    service: Service,
    sender: EventSender,
    data: str,
) -> None:
    page, sent = spectrum_page
    assert colourfulness(page, ".lamp") > 0.2
    with halted(dashboard.process.pid):
        page.sees("The dashboard is silent")
        assert colourfulness(page, ".lamp") < 0.05
    page.page.locator(".lost").wait_for(state="hidden")
    dashboard.close()
    page.sees("No connection to the dashboard")
    with page.page.expect_event("load"):
        own_dashboard(service, "--port", str(urlsplit(page.url).port))
    send(sender, data, sent)
    page.until_sum("tof", sent.events)
    assert page.page.locator(".lost").count() == 0
    page.complaints.clear()  # the browser notes that nobody answered


def test_a_page_whose_connection_was_cut_is_opened_anew(
    detector_page: tuple[Tab, Sent], sender: EventSender, data: str
) -> None:
    page, sent = detector_page
    with page.page.expect_event("load"):
        page.ask("disconnect")
    send(sender, data, sent)
    page.until_total("detector", sent.events)
    assert page.page.locator(".lost").count() == 0
    page.complaints.clear()  # the browser may note what could not be sent


def test_a_window_that_draws_nothing_gets_its_pictures(
    detector_page: tuple[Tab, Sent], sender: EventSender, data: str
) -> None:
    """As one behind others, which some browsers do not call hidden."""
    page, sent = detector_page
    page.page.evaluate("() => { window.requestAnimationFrame = () => 0 }")
    for _ in range(3):
        send(sender, data, sent)
        page.until_total("detector", sent.events)
    assert page.page.locator(".lost").count() == 0
