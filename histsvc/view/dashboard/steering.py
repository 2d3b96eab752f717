"""Commands of all pages and what became of them; each waits for its reply in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from histsvc.client import BrokerError, Client, CommandError
from histsvc.clock import Clock, now_ms

_log = logging.getLogger(__name__)
_KEPT = 100
_THREADS = 4


@dataclass(eq=False)
class Sent:
    """A command on its way, and its outcome: `outcome` is ACK, ERR, NO REPLY or FAILED, and empty until then.

    `about_field` is what an ERR is about, as ``histograms[0].num_bins``; `reply` what came with an ACK.
    """

    sent_ms: int
    command: Mapping[str, Any]
    outcome: str = ""
    message: str = ""
    about_field: str = ""
    reply: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> str:
        """What it is, in some words."""
        ids = [str(each.get("id", "")) for each in self.command.get("histograms") or () if each.get("id")]
        ids += list(map(str, self.command.get("ids", ())))
        return " ".join([str(self.command.get("cmd", "")), ", ".join(ids)]).strip()


class Steering:
    """Sends commands; `history` has the last of them, the newest first. `may`: it does so at all."""

    def __init__(self, client: Client, clock: Clock, *, may: bool) -> None:
        self.may = may
        self.version = 0
        self._client = client
        self._clock = clock
        self._history: deque[Sent] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, "command")

    @property
    def history(self) -> list[Sent]:
        """The last commands, the newest first."""
        with self._lock:
            return list(self._history)

    def send(self, command: Mapping[str, Any], answered: Callable[[Sent], None]) -> None:
        """Send a command; `answered` is called from another thread. PermissionError where it may not."""
        if not self.may:
            raise PermissionError("commands are off: the dashboard was started without --allow-commands")
        sent = Sent(now_ms(self._clock), command)
        with self._lock:
            self._history.appendleft(sent)
            self.version += 1
        self._pool.submit(self._ask, sent, answered)

    def close(self) -> None:
        """End; what is under way is waited for, as long as a reply may take."""
        self._pool.shutdown(cancel_futures=True)

    def _ask(self, sent: Sent, answered: Callable[[Sent], None]) -> None:
        try:
            sent.reply = self._client.send(sent.command)
            warnings = sent.reply.get("warnings") or ()
            sent.outcome, sent.message = "ACK", "; ".join(map(str, warnings))
        except CommandError as error:
            sent.outcome, sent.message, sent.about_field = "ERR", error.message, error.field or ""
        except (TimeoutError, BrokerError) as error:
            sent.outcome, sent.message = "NO REPLY", str(error)
        except Exception as error:  # noqa: BLE001  (in the log, and told to whoever waits for it)
            _log.exception("a command was not sent: %s", sent.about)
            sent.outcome, sent.message = "FAILED", f"{type(error).__name__}: {error}"
        with self._lock:
            self.version += 1
        answered(sent)
