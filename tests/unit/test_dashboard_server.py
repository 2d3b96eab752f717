"""Where the page is served, and the pages of whom may talk to the server."""

from __future__ import annotations

import asyncio
import socket

import pytest
import requests
from bokeh.document import Document
from unit.dashboards import TIMEOUT_S
from unit.served import served

from histsvc.errors import SettingsError
from histsvc.view.dashboard import server as module
from histsvc.view.dashboard.server import PageServer, is_loopback


@pytest.mark.parametrize(
    ("address", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("fe80::1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_which_addresses_only_this_machine_can_reach(address: str, only_here: bool) -> None:
    assert is_loopback(address) == only_here


def test_the_page_is_made_of_files_of_its_own() -> None:
    with served() as server:
        page = server.get().text
        assert "http://cdn" not in page
        assert "https://" not in page
        assert [each.template is not None for each in server.pages] == [True]
        script = requests.get(server.url + "static/js/bokeh.min.js", timeout=TIMEOUT_S)
        assert script.status_code == 200


def test_only_pages_of_this_server_may_talk_to_it() -> None:
    with served(origins=["beamline.example:8443"]) as server:
        port, page_token = server.url.rstrip("/").rpartition(":")[2], server.page_token()
        allowed = [f"http://{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")]
        for origin in [*allowed, "https://beamline.example:8443"]:
            assert server.talks(origin, page_token), origin
        for origin in (
            "http://evil.example",
            f"http://evil.example:{port}",
            f"http://localhost.evil.example:{port}",
            "http://localhost:1",
            "http://localhost",
            "https://beamline.example:8444",
            "null",
        ):
            assert not server.talks(origin, page_token), origin


def test_pages_behind_a_proxy_with_https_may_talk_to_it() -> None:
    with served(origins=["beamline.example:443"]) as server:
        assert server.talks("https://beamline.example", server.page_token())


def listening(address: str, monkeypatch: pytest.MonkeyPatch) -> PageServer:
    """A server that binds no port: not every machine has every kind of address."""
    monkeypatch.setattr(module, "bind_sockets", lambda address, port: ([], 8888))
    monkeypatch.setattr(socket, "gethostname", lambda: "beam")
    monkeypatch.setattr(socket, "getfqdn", lambda: "beam.example")
    return PageServer(_empty, address, 8888, None, ["proxy.example:80"], [])


def _empty(_: Document) -> None:
    raise AssertionError("nobody opens a page")


HERE = {"localhost:8888", "127.0.0.1:8888", "[::1]:8888"}
NAMED = {"beam:8888", "beam.example:8888"}


@pytest.mark.parametrize(
    ("address", "names", "url"),
    [
        ("127.0.0.1", HERE, "http://localhost:8888/"),
        ("localhost", HERE, "http://localhost:8888/"),
        ("::1", HERE, "http://localhost:8888/"),
        ("0.0.0.0", HERE | NAMED, "http://beam:8888/"),
        ("::", HERE | NAMED, "http://beam:8888/"),
        ("", HERE | NAMED, "http://beam:8888/"),
        ("192.0.2.7", HERE | NAMED | {"192.0.2.7:8888"}, "http://beam:8888/"),
        ("2001:db8::7", HERE | NAMED | {"[2001:db8::7]:8888"}, "http://beam:8888/"),
    ],
)
def test_the_names_by_which_browsers_may_call_it(
    address: str, names: set[str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made() -> tuple[set[str], str]:
        server = listening(address, monkeypatch)
        return server._server._tornado.websocket_origins, server.url

    origins, found = asyncio.run(made())
    assert found == url
    # An address in its bare form is no name that a browser could send.
    assert {each for each in origins if each != f"{address}:8888" or each in names} == names | {
        "proxy.example:80"
    }


def test_the_address_that_is_told_leads_to_the_page() -> None:
    with served("127.0.0.2") as server:
        assert server.get().status_code == 200


# What could not be bound is let go by tornado only when it is collected.
_unbound = pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning",
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
)


@_unbound
@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_a_port_in_use_is_named_with_its_address(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"{address}:{port}.*in use"):
            PageServer(_empty, address, port, None, [], [])


@_unbound
@pytest.mark.parametrize("address", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_somebody_else_is_named(address: str) -> None:
    with pytest.raises(SettingsError, match=f"{address}:0 "):
        PageServer(_empty, address, 0, None, [], [])


def test_a_stopped_server_gives_its_port_back() -> None:
    with served() as server:
        port = int(server.url.rstrip("/").rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        pass
