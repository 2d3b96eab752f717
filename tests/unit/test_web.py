"""/metrics, /healthz and /readyz, and those who ask for them badly."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import pytest
from fakes import FakeClock
from unit.test_exposition import beat

from histsvc.errors import SettingsError
from histsvc.metrics import web as module
from histsvc.metrics.web import Web

LOOPBACK = "127.0.0.1"


class Browser:
    """A Web, and who asks it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.web = Web(LOOPBACK, 0, self.clock)

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection(LOOPBACK, self.web.port, timeout=30)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    made = Browser()
    yield made
    made.web.close()


def test_metrics_are_those_that_were_told_last_and_of_the_process(browser: Browser) -> None:
    status, text = browser.get("/metrics")
    assert (status, "histsvc_messages_total" in text) == (200, False)
    assert "process_cpu_seconds_total" in text
    browser.web.tell(beat({"messages": 5}), "")
    assert "histsvc_messages_total 5.0" in browser.get("/metrics?x=1")[1]
    browser.web.tell(beat({"messages": 6}), "")
    assert "histsvc_messages_total 6.0" in browser.get("/metrics")[1]


def test_ready_is_who_says_so_and_alive_who_says_anything(browser: Browser) -> None:
    assert browser.get("/healthz") == (200, "ok\n")
    assert browser.get("/readyz") == (503, "the service has just been started\n")
    browser.web.tell(beat(), "commands are not read")
    assert browser.get("/readyz") == (503, "commands are not read\n")
    assert browser.get("/healthz") == (200, "ok\n")
    browser.web.tell(beat(), "")
    assert browser.get("/readyz") == (200, "ok\n")
    browser.clock.advance(11)
    assert (
        browser.get("/healthz") == browser.get("/readyz") == (503, "the service has said nothing for 11 s\n")
    )


def test_other_questions(browser: Browser) -> None:
    assert browser.get("/")[0] == 404
    assert browser.get("/healthz", "HEAD") == (200, "")
    assert browser.get("/metrics", "POST")[0] == 501


def test_who_asks_slowly_or_not_at_all_is_cut_off_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module._Handler, "timeout", 0.5)
    browser = Browser()
    try:
        silent = [socket.create_connection((LOOPBACK, browser.web.port), 30) for _ in range(30)]
        for each in silent:
            # All are let go of, at once or when their time is over.
            assert each.recv(1) == b""
            each.close()
        assert browser.get("/healthz")[0] == 200
    finally:
        browser.web.close()


def test_a_port_that_is_taken_is_wrong_use(browser: Browser) -> None:
    with pytest.raises(SettingsError, match=f"--metrics-port {browser.web.port}"):
        Web(LOOPBACK, browser.web.port, browser.clock)


def test_after_the_end_nobody_listens() -> None:
    browser = Browser()
    browser.web.close()
    with pytest.raises(ConnectionError):
        browser.get("/healthz")
