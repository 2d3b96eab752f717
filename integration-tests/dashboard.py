"""What the tests of the dashboard show in it: a detector and a spectrum of known events."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
from events import EventSender, Sent, image
from service_process import TIMEOUT_S, Service

WIDTH, HEIGHT = 20, 10
FIRST = 1


class Dashboard:
    """``histsvc dashboard`` for the topics of a service, on any free port."""

    def __init__(self, service: Service, *options: str) -> None:
        named = ["-t", service.commands, "-rt", service.responses, "-hb", service.heartbeat]
        given = ["-b", *service.kafka.brokers, *named, "--port", "0", *options]
        # A pipe that nobody reads could hold it up.
        self._errors = TemporaryFile("w+")  # noqa: SIM115  (closed with the dashboard)
        self._log: str | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "histsvc", "dashboard", *given],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.close()

    def close(self) -> str:
        """End it as an operator would; says what it has logged."""
        if self._log is not None:
            return self._log
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(TIMEOUT_S)
            raise
        self._errors.seek(0)
        self._log = self._errors.read()
        for stream in (self.process.stdout, self._errors):
            if stream is not None:
                stream.close()
        assert code == 0, self._log
        return self._log


def now_ms() -> int:
    """Now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


def detector(service: Service, data: str, **keys: Any) -> dict[str, Any]:
    """An image of 20 by 10 pixels."""
    shape = {"det_range": [FIRST, FIRST + WIDTH * HEIGHT - 1], "width": WIDTH, "height": HEIGHT}
    return service.histogram("dethist", data, **{"id": "detector", **shape, **keys})


def spectrum(service: Service, data: str, **keys: Any) -> dict[str, Any]:
    """A spectrum of 50 bins."""
    return service.histogram("hist1d", data, **{"id": "tof", "tof_range": [0, 1e8], "num_bins": 50, **keys})


def send(sender: EventSender, data: str, sent: Sent, pulses: int = 10) -> None:
    """Send events of this moment, all of them in the detector."""
    sender.pulses(data, sent, [now_ms()] * pulses, pixels=(FIRST, FIRST + WIDTH * HEIGHT - 1))


def counted(sent: Sent) -> npt.NDArray[np.int64]:
    """What the detector shows, as [x][y]."""
    return image(sent.pixel, FIRST, WIDTH, HEIGHT)
