"""The web server of the page: Bokeh's, with its own front end; nothing is loaded from anywhere else."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.auth_provider import NullAuth
from bokeh.server.server import BaseServer
from bokeh.server.util import bind_sockets
from jinja2 import Environment, FileSystemLoader
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback

from histsvc.errors import SettingsError
from histsvc.view.dashboard.auth import TokenAuth
from histsvc.view.dashboard.connection import Pages
from histsvc.view.dashboard.look import STATIC

_templates = Environment(loader=FileSystemLoader(STATIC), autoescape=True)
_LOOK_MS = 100
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class PageServer:
    """Serves one page at ``/``; `open_page` fills the document of each browser that comes.

    `token` is asked for where it is given. `origins`, as ``host:port``, are what browsers may call this
    server beside its own names, where a proxy stands before it. `more` it has to offer: paths and handlers.
    """

    def __init__(
        self,
        open_page: Callable[[Document], None],
        address: str,
        port: int,
        token: str | None,
        origins: Sequence[str],
        more: Sequence[tuple[str, type, Mapping[str, Any]]],
    ) -> None:
        """Bind the port; raises SettingsError where that cannot be."""

        def page(document: Document) -> None:
            document.template = _templates.get_template("page.html")
            open_page(document)

        try:
            sockets, self.port = bind_sockets(address, port)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SettingsError(f"{address}:{port} cannot be listened on: {reason}") from error
        self._address = address
        names = [f"{name}:{self.port}" for name in _names(address)]
        pages: Any = Pages(
            {"/": Application(FunctionHandler(page))},
            extra_patterns=list(more),
            extra_websocket_origins=[*names, *origins, *map(_without_port, origins)],
            auth_provider=NullAuth() if token is None else TokenAuth(token),
        )
        http = HTTPServer(pages)
        http.add_sockets(sockets)
        self._loop = IOLoop.current()
        self._server = BaseServer(self._loop, pages, http)

    @property
    def url(self) -> str:
        """Where the page is."""
        usual = self._address in ("localhost", "127.0.0.1", "::1")
        host = (
            "localhost"
            if usual
            else _in_url(self._address)
            if is_loopback(self._address)
            else _names(self._address)[0]
        )
        return f"http://{host}:{self.port}/"

    def run(self, stopped: Callable[[], bool]) -> None:
        """Serve until `stopped`."""

        def look() -> None:
            if stopped():
                self._loop.stop()

        self._server.start()
        looking = PeriodicCallback(look, _LOOK_MS)
        looking.start()
        try:
            self._loop.start()
        finally:
            looking.stop()
            self._server.stop()


def _without_port(origin: str) -> str:
    """Browsers leave out the port of https, and Bokeh takes what has none for 80."""
    return f"{origin.removesuffix(':443')}:80" if origin.endswith(":443") else origin


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _names(address: str) -> list[str]:
    """What browsers may call the server, by which they are told from pages of others."""
    if is_loopback(address):
        return [*_LOOPBACK, _in_url(address)]
    named = _in_url(address)
    any_address = address in ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)
    return [socket.gethostname(), socket.getfqdn(), *_LOOPBACK, *([] if any_address else [named])]
