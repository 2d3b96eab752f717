"""What one thread rings to end the wait of another."""

from __future__ import annotations

import contextlib
import socket


class Bell:
    """Readable for ``multiprocessing.connection.wait`` from when it is rung until it is silenced."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def fileno(self) -> int:
        """What becomes readable."""
        return self._heard.fileno()

    def ring(self) -> None:
        """End the wait, or the next one."""
        with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
            self._rung.send(b"\0")

    def silence(self) -> None:
        """Forget how often it was rung."""
        with contextlib.suppress(BlockingIOError):
            while self._heard.recv(4096):
                pass

    def close(self) -> None:
        """Let go of both ends; nobody may ring it any more."""
        self._heard.close()
        self._rung.close()
