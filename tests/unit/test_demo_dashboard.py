"""The dashboard of the demo: what its lines say of it, and which port it gets."""

from __future__ import annotations

import socket

import pytest

from histsvc.cli.demo.dashboard import Dashboard, free_port
from histsvc.cli.demo.show import Page

URL = "http://localhost:8888/"
NO_BOKEH = "the dashboard needs Bokeh: pip install 'histsvc[view]' (No module named 'bokeh')"


def heard(*lines: str) -> tuple[Page, list[str]]:
    said: list[str] = []
    dashboard = Dashboard(said.append)
    for line in lines:
        dashboard.hear(line)
    return dashboard.page, said


def test_its_address_and_open_pages_are_found_in_its_log() -> None:
    page, said = heard("INFO Starting Bokeh server", URL, "INFO pages open: 1", "INFO pages open: 2")
    assert page == Page(URL, 2)
    assert said == [f"dashboard: {URL}", "dashboard: pages open: 1", "dashboard: pages open: 2"]


def test_what_its_web_server_does_is_not_said_and_troubles_are() -> None:
    warning = "WARNING brokers do not answer: timed out"
    page, said = heard(URL, "INFO 200 GET / (127.0.0.1) 30.1ms", warning, "INFO pages open: many")
    assert page == Page(URL)
    assert said == [f"dashboard: {URL}", f"dashboard: {warning}"]


def test_its_end_is_told_and_nobody_has_a_page_open_any_more() -> None:
    said: list[str] = []
    dashboard = Dashboard(said.append)
    for line in (URL, "INFO pages open: 3"):
        dashboard.hear(line)
    dashboard.ended(-9)
    assert dashboard.page == Page(URL, 0, "it ended with exit code -9")
    assert said[-1] == "dashboard: it ended with exit code -9; the demo goes on without"


def test_why_it_cannot_start_is_told_in_its_own_words() -> None:
    said: list[str] = []
    dashboard = Dashboard(said.append)
    dashboard.hear(f"histsvc dashboard: {NO_BOKEH}")
    dashboard.ended(2)
    assert dashboard.page == Page("", 0, NO_BOKEH)
    assert said == [f"dashboard: {NO_BOKEH}; the demo goes on without"]


def test_a_port_that_somebody_has_is_left_to_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert free_port(port) == 0
        with socket.create_connection(("127.0.0.1", port)), other.accept()[0]:
            pass
    assert free_port(port) == port


@pytest.mark.parametrize("line", ["", "pages open: 1", "INFO pages open: -1"])
def test_other_lines_open_no_page(line: str) -> None:
    assert heard(line)[0].open == 0
