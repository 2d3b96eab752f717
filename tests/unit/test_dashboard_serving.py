"""The dashboard put together: who is let in, what a browser gets, and that all of it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from bokeh.document import Document
from unit.dashboards import FakeClient, FakeClock, named

from histsvc.view.dashboard import serving
from histsvc.view.dashboard.serving import Dashboard


class FakeServer:
    """In place of the web server: opens a page for one browser, then ends."""

    def __init__(self, open_page: Callable[[Document], None], *given: object) -> None:
        self.open_page, self.given = open_page, given
        self.url = "http://here/"
        self.document = Document()
        self.threads: list[str] = []

    def run(self, stopped: Callable[[], bool]) -> None:
        self.open_page(self.document)
        self.threads = [each.name for each in threading.enumerate()]
        if stopped():
            raise OSError("no more")


def made(monkeypatch: pytest.MonkeyPatch, address: str = "127.0.0.1", **keys: Any) -> tuple[Dashboard, Any]:
    """A dashboard of somebody who follows nothing, and its server."""
    monkeypatch.setattr(serving, "PageServer", FakeServer)
    client = FakeClient()
    client.following.free()
    dashboard = Dashboard(lambda: cast(Any, client), FakeClock(), (address, 80), **keys)
    return dashboard, dashboard._server


@pytest.mark.parametrize(
    ("address", "token", "is_open"),
    [
        ("127.0.0.1", None, False),
        ("::1", None, False),
        ("0.0.0.0", None, True),
        ("10.0.0.7", None, True),
        ("10.0.0.7", "secret", False),
    ],
)
def test_whether_it_is_open_to_others(
    address: str, token: str | None, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard, server = made(monkeypatch, address, token=token, origins=["a:1"])
    assert dashboard.is_open == is_open
    assert dashboard.url == "http://here/"
    assert server.given[:-1] == (address, 80, token, ["a:1"])


@pytest.mark.parametrize("may", [False, True])
def test_a_browser_gets_a_page_that_may_send_commands_or_not(
    may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard, server = made(monkeypatch, may=may)
    dashboard.run(lambda: False)
    (root,) = server.document.roots
    stop = named(root, "command stop")
    assert may == all(each.visible for each in root.select({}) if stop in each.references())


def test_all_of_it_ends_however_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    for fails in (False, True):
        dashboard, server = made(monkeypatch)
        if fails:
            with pytest.raises(OSError, match="no more"):
                dashboard.run(lambda: True)
        else:
            dashboard.run(lambda: False)
        assert "feed" in server.threads
        assert threading.active_count() == before
