"""``/metrics``, ``/healthz`` and ``/readyz``: served by threads that only look at what they were told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, ClassVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from histsvc.clock import Clock
from histsvc.errors import SettingsError
from histsvc.metrics.exposition import families
from histsvc.protocol.heartbeat import Heartbeat

_log = logging.getLogger(__name__)
# The loop of the service tells how it is once a second; a command or a publication may hold it up a little.
_ALIVE_S = 10.0
# Who sends or takes so slowly is cut off, and so many are served at once.
_CLIENT_S = 5.0
_MOST_CLIENTS = 8


@dataclass(frozen=True)
class _Told:
    beat: Heartbeat
    # Why nobody should send commands now, empty where somebody may.
    unready: str
    at_s: float


class Web:
    """Answers HTTP; `tell` is all that the service has to do with it."""

    def __init__(self, address: str, port: int, clock: Clock) -> None:
        """Listen, on any free port for 0; raises SettingsError where that is not possible."""
        self._clock = clock
        self._told: _Told | None = None
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Heard(self))
        self._registry = registry
        try:
            self._server = _Server((address, port), _handler(self))
        except OSError as error:
            place = f"--metrics-address {address} --metrics-port {port}"
            raise SettingsError(f"{place}: {error.strerror or error}") from error
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        _log.info("metrics: http://%s:%d/metrics", address, self.port)

    def tell(self, beat: Heartbeat, unready: str) -> None:
        """How the service is now; `unready` says why nobody should send commands, if so."""
        self._told = _Told(beat, unready, self._clock.monotonic_s())

    def close(self) -> None:
        """Listen no more; those who are served now are not waited for."""
        self._server.shutdown()
        self._server.server_close()

    def heard(self) -> Iterator[Metric]:
        """The families of what was told last, none before that."""
        told = self._told
        return iter(()) if told is None else families(told.beat)

    def metrics(self) -> bytes:
        """The text that Prometheus takes."""
        return generate_latest(self._registry)

    def trouble(self, *, ready: bool) -> str:
        """What is wrong with the life of the service, or (`ready`) with what it can do; empty for nothing."""
        told = self._told
        if told is None:
            return "the service has just been started" if ready else ""
        silent_s = self._clock.monotonic_s() - told.at_s
        if silent_s > _ALIVE_S:
            return f"the service has said nothing for {silent_s:.0f} s"
        return told.unready if ready else ""


class _Heard(Collector):
    """What a Web was told, as a Collector."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def collect(self) -> Iterator[Metric]:
        """The families."""
        return self._web.heard()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve it in a thread, or not at all where too many are being served."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See socketserver."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A client that is gone, or slow, is its own business."""
        _log.debug("a client of the metrics was cut off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    web: ClassVar[Web]
    timeout = _CLIENT_S
    server_version = "histsvc"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, self.web.metrics(), CONTENT_TYPE_LATEST)
        elif path in ("/healthz", "/readyz"):
            trouble = self.web.trouble(ready=path == "/readyz")
            status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
            self._answer(status, f"{trouble or 'ok'}\n".encode(), "text/plain; charset=utf-8")
        else:
            about = b"there are /metrics, /healthz and /readyz\n"
            self._answer(HTTPStatus.NOT_FOUND, about, "text/plain; charset=utf-8")

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError, TimeoutError):
                self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: who scrapes every second would fill the log."""


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    return type("_WebHandler", (_Handler,), {"web": web})
