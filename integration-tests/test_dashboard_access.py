"""Who may see a dashboard and do what there, by mouse or by keyboard."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests
from browser import Tab, tab
from dashboard import Dashboard, detector, send, spectrum
from events import EventSender, Sent
from playwright.sync_api import Browser
from service_process import Service

TOKEN = "a token that nobody guesses"


def test_a_token_is_asked_for(
    browser: Browser, own_dashboard: Callable[..., Dashboard], service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    url = own_dashboard(service, "--auth-token-file", str(file)).url
    assert requests.get(url, allow_redirects=False, timeout=10).headers["location"].startswith("/login")
    assert requests.post(url + "login", {"token": "wrong"}, timeout=10).status_code == 401
    forged = {"histsvc": "0" * 64}
    assert requests.get(url, cookies=forged, allow_redirects=False, timeout=10).status_code == 302
    with tab(browser, url) as page:
        page.page.get_by_label("The token of this dashboard").fill("something else")
        page.page.get_by_role("button", name="Open").click()
        page.sees("That is not the token.")
        page.complaints.clear()  # the browser notes the 401
        page.page.get_by_label("The token of this dashboard").fill(TOKEN)
        page.page.get_by_role("button", name="Open").click()
        page.until("has", "verdict")


def shake_hands(url: str, origin: str) -> str:
    """The first line of what the server says to a web socket that a page of `origin` opens."""
    found = re.search(r'"token":"([^"]+)"', requests.get(url, timeout=10).text)
    assert found is not None
    host = url.removeprefix("http://").rstrip("/")
    lines = ["GET /ws HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"Origin: {origin}"]
    lines.append(f"Sec-WebSocket-Protocol: bokeh, {found[1]}")
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), 10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(4096).decode(errors="replace").partition("\r\n")[0]


def test_pages_of_others_are_kept_out(own_dashboard: Callable[..., Dashboard], service: Service) -> None:
    started = own_dashboard(service, "--allow-origin", "beamline.example:443")
    assert "403" in shake_hands(started.url, "http://evil.example")
    for origin in (started.url.rstrip("/"), "https://beamline.example:443"):
        assert "101" in shake_hands(started.url, origin)


def test_without_leave_nothing_can_be_sent(
    browser: Browser,
    own_dashboard: Callable[..., Dashboard],
    service: Service,
    sender: EventSender,
    data: str,
) -> None:
    sent = Sent()
    service.config([detector(service, data)])
    with tab(browser, own_dashboard(service).url) as page:
        send(sender, data, sent)
        page.until_total("detector", sent.events)
        page.sees("Off: the dashboard was started without")
        page.drag("detector", (1.2, 1.2), (3.8, 3.8))
        page.sees("Commands are off")
        inside = sent.pixel
        x, y = (inside - 1) % 20, (inside - 1) // 20
        counts = np.sum((x >= 1) & (x < 4) & (y >= 1) & (y < 4))
        page.page.locator(".inside", has_text=f"{counts:,}").wait_for()  # it still tells what lies inside
        for name in ("Count its image", "Count its spectrum", "Stop", "Reset", "New histogram"):
            assert page.page.get_by_role("button", name=name).count() == 0


def test_a_form_says_at_the_field_what_is_wrong(
    spectrum_page: tuple[Tab, Sent], sender: EventSender, data: str
) -> None:
    page, _ = spectrum_page
    page.press("New histogram")
    page.until("value", "form type")
    page.page.get_by_label("Type").last.select_option("hist1d")
    page.until("has", "field num_bins")
    assert page.ask("value", "field data_topics") == json.dumps([data])
    page.fill("id (optional)", "made-by-hand")
    page.fill("tof_range", "[0, 100000000]")
    page.fill("num_bins", "-3")
    page.press("Add it")
    error = page.page.locator(".field-error .bk-clearfix", has_text="num_bins")
    error.wait_for()
    assert "-3" in error.inner_text()
    page.fill("num_bins", "20")
    page.press("Add it")
    page.until("has", "cell made-by-hand")
    page.page.evaluate("scrollTo(0, 0)")  # to where it can be seen
    sent = Sent()
    send(sender, data, sent)
    expected = np.histogram(sent.tof, bins=20, range=(0, 1e8))[0]
    np.testing.assert_array_equal(page.until_sum("made-by-hand", sent.events), expected)


@pytest.mark.parametrize(("button", "counts"), [("Stop", False), ("Reset", True)])
def test_what_ends_or_resets_others_is_asked_again(
    browser: Browser,
    dashboard: Dashboard,
    service: Service,
    sender: EventSender,
    data: str,
    button: str,
    counts: bool,
) -> None:
    sent, after = Sent(), Sent()
    service.config([spectrum(service, data)])
    with tab(browser, dashboard.url) as page:
        send(sender, data, sent)
        page.until_sum("tof", sent.events)
        page.press(button)
        page.page.locator(".question", has_text="tof").wait_for()
        page.press("No")
        send(sender, data, sent)
        page.until_sum("tof", sent.events)
        page.press(button)
        page.press("Yes")
        page.page.locator(".sent .good", has_text="ACK").first.wait_for()
        if counts:
            send(sender, data, after)
            page.until_sum("tof", after.events)
        else:
            page.mark("tof").and_(page.page.locator(".chip.stopped")).wait_for()


def test_all_of_it_works_by_keyboard(
    browser: Browser, dashboard: Dashboard, service: Service, sender: EventSender, data: str
) -> None:
    sent = Sent()
    service.config([spectrum(service, data)])
    with tab(browser, dashboard.url, color_scheme="light") as page:
        send(sender, data, sent)
        page.until_sum("tof", sent.events)
        dark = "() => document.documentElement.dataset.theme"
        assert page.page.evaluate(dark) == "light"
        page.page.keyboard.press("d")
        assert page.page.evaluate(dark) == "dark"
        whole = page.until("range", "tof")
        until_focused(page, "tof")
        page.page.keyboard.press("+")
        near = page.until("range", "tof", lambda at: at[1] - at[0] < 0.9 * (whole[1] - whole[0]))
        page.page.keyboard.press("ArrowRight")
        page.until("range", "tof", lambda at: at[0] > near[0])
        page.page.keyboard.press("0")
        page.until("range", "tof", lambda at: at == whole)


def until_focused(page: Tab, name: str) -> None:
    """Press the tabulator until the picture of a histogram, or what belongs to it, has the focus."""
    for _ in range(60):
        if page.ask("isFocused", name):
            return
        page.page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached by keyboard")
