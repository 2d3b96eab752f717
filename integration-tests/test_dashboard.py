"""The dashboard in a real browser, before the real service: what is shown is what was counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from browser import Tab, tab
from dashboard import HEIGHT, WIDTH, Dashboard, counted, detector, send, spectrum
from events import EventSender, Sent
from playwright.sync_api import Browser
from service_process import Service


def drawn(page: Tab) -> list[float]:
    """The numbers of a region that was drawn."""
    return [page.ask("value", f"region {name}") for name in ("First x", "First y", "Width", "Height")]


def test_pictures_show_what_was_counted(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    sent = Sent()
    service.config([detector(service, data), spectrum(service, data)])
    with tab(browser, dashboard.url) as page:
        for _ in range(3):
            send(sender, data, sent)
            page.until_total("detector", sent.events)
            np.testing.assert_array_equal(page.image("detector"), counted(sent))
        expected = np.histogram(sent.tof, bins=50, range=(0, 1e8))[0]
        np.testing.assert_array_equal(page.until_sum("tof", sent.events), expected)
        np.testing.assert_allclose(page.column("tof", "error"), np.sqrt(expected))
        page.sees("COUNTING")
        assert page.page.locator(".lamp.good, .lamp.late").count() == 1
        assert page.page.title() == "histsvc"


def test_a_region_that_is_drawn_is_counted_and_seen_by_every_page(
    browser: Browser,
    dashboard: Dashboard,
    own_dashboard: Callable[..., Dashboard],
    service: Service,
    sender: EventSender,
    data: str,
) -> None:
    sent = Sent()
    service.config([detector(service, data)])
    with tab(browser, dashboard.url) as page, tab(browser, dashboard.url) as other:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        page.drag("detector", (4.3, 2.4), (11.6, 5.5))
        name = page.until("value", "region name")
        assert drawn(page) == [4, 2, 8, 4]
        page.press("Count its image")
        page.page.locator("b.good", has_text="ACK").first.wait_for()
        after = Sent()
        send(sender, data, after, 20)
        inside = counted(after)[4:12, 2:6]
        for each in (page, other):
            each.until_total(name, inside.sum())
            np.testing.assert_array_equal(each.image(name), inside)
            each.until("regions", "detector", lambda names: name in names)
            assert "add" in each.page.locator(".sent").first.inner_text()
    dashboard.close()
    # One that knows nothing of what was drawn, as after a restart.
    with tab(browser, own_dashboard(service).url) as again:
        again.until("regions", "detector", lambda names: name in names)
        again.until_total(name, inside.sum())


def test_numbers_can_be_changed_and_an_error_is_told(detector_page: tuple[Tab, Sent]) -> None:
    page, _ = detector_page
    page.drag("detector", (0.5, 0.5), (3.5, 3.5))
    page.fill("Width", "400")
    page.press("Count its image")
    page.sees("must lie inside of the image of 20 by 10 pixels")
    page.fill("Width", "5")
    page.fill("Name", "detector")
    page.press("Count its image")
    page.page.locator("b.bad", has_text="ERR").first.wait_for()
    page.sees('"detector" runs already')


def test_a_range_of_a_spectrum(spectrum_page: tuple[Tab, Sent], sender: EventSender, data: str) -> None:
    page, _ = spectrum_page
    page.drag("tof", (20.0, 1.0), (40.0, 2.0))  # in ms, as the axis is
    name = page.until("value", "region name")
    low, high = page.ask("value", "region From"), page.ask("value", "region To")
    assert (low, high) == (pytest.approx(20, abs=0.5), pytest.approx(40, abs=0.5))
    page.press("Count this range")
    page.page.locator("b.good", has_text="ACK").first.wait_for()
    after = Sent()
    send(sender, data, after, 20)
    expected = np.histogram(after.tof, bins=200, range=(low * 1e6, high * 1e6))[0]
    np.testing.assert_array_equal(page.until_sum(name, expected.sum()), expected)


def test_an_image_can_be_turned_and_zoomed(detector_page: tuple[Tab, Sent], data: str) -> None:
    page, sent = detector_page
    assert counted(sent)[0, 0] != counted(sent)[-1, 0]
    page.cell("detector").get_by_role("button", name="Options").click()
    page.cell("detector").get_by_label("Turned").select_option(label="90°")
    page.until("image", "detector", lambda found: found is not None and found["shape"] == [WIDTH, HEIGHT])
    # What is drawn keeps the coordinates of the data: the axes are turned, x goes up.
    np.testing.assert_array_equal(page.image("detector"), counted(sent).T)
    page.drag("detector", (1.4, 3.4), (2.6, 7.6))  # across is y now
    page.until("value", "region name")
    assert drawn(page) == [3, 1, 5, 2]
