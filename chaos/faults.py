"""What is done to the processes: each is begun, and what has to be undone is undone later."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from chaos.arena import Arena

Undo = Callable[[], None]
_COMMANDS = (
    b"no JSON",
    b'{"cmd": "config", "histograms": [{"type": "hist1d"}]}',
    b'{"cmd": "add", "msg_id": 1, "histograms": [{"type": "nonsense"}]}',
    b'{"cmd": "stop", "ids": ["nobody"], "msg_id": "x"}',
    b'{"cmd": "status", "msg_id": "s"}',
    b'{"cmd": "config", "start": 9, "stop": 1}',
    b"\xff\xfe",
    b"[" * 5000,
)


class Faults:
    """Chooses one after the other; `done` counts them by name."""

    def __init__(self, arena: Arena, command: Callable[[bytes], None], seed: int) -> None:
        """`command` sends something to the command topic."""
        self.done: Counter[str] = Counter()
        self._arena = arena
        self._command = command
        self._random = random.Random(seed)
        self._undo: list[tuple[float, Undo]] = []
        self._broker_is_up = True
        self._kinds: tuple[tuple[float, Callable[[], None]], ...] = (
            (6, self._kill_worker),
            (3, self._freeze_worker),
            (2, self._kill_service),
            (2, self._freeze_service),
            (1, self._kill_broker),
            (2, self._freeze_broker),
            (3, self._bad_command),
        )

    def another(self) -> float:
        """Do something; returns after how long, s, the next may be done."""
        weights = [weight for weight, _ in self._kinds]
        (chosen,) = self._random.choices([kind for _, kind in self._kinds], weights)
        chosen()
        return self._random.uniform(0.2, 3.0)

    def undo(self, *, all_of_it: bool = False) -> None:
        """Undo what is due."""
        now_s = time.monotonic()
        due = [each for each in self._undo if all_of_it or each[0] <= now_s]
        self._undo = [each for each in self._undo if each not in due]
        for _, undo in sorted(due, key=lambda each: each[0]):
            undo()

    def _later(self, seconds: float, undo: Undo) -> None:
        self._undo.append((time.monotonic() + seconds, undo))

    def _signal(self, pid: int, number: signal.Signals) -> bool:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def _kill_worker(self) -> None:
        counting = self._arena.counting()
        if counting and self._signal(self._random.choice(counting), signal.SIGKILL):
            self.done["worker killed"] += 1

    def _freeze_worker(self) -> None:
        """For less or more time than workers have to say something."""
        counting = self._arena.counting()
        if counting:
            pid = self._random.choice(counting)
            if self._signal(pid, signal.SIGSTOP):
                self.done["worker frozen"] += 1
                self._later(self._random.uniform(0.2, 5.0), lambda: self._go_on(pid))

    def _go_on(self, pid: int) -> None:
        if pid in self._arena.processes():
            self._signal(pid, signal.SIGCONT)

    def _kill_service(self) -> None:
        if not self._broker_is_up:
            return  # it would be waited for until the broker is back
        process = self._arena.service.process
        self._arena.processes()  # its orphans are to be known
        process.kill()
        process.wait()
        self._arena.live()
        self.done["service killed"] += 1

    def _freeze_service(self) -> None:
        pid = self._arena.service.process.pid
        if self._signal(pid, signal.SIGSTOP):
            self.done["service frozen"] += 1
            time.sleep(self._random.uniform(0.2, 3.0))  # nothing else can be known of it meanwhile
            self._signal(pid, signal.SIGCONT)

    def _kill_broker(self) -> None:
        if not self._broker_is_up:
            return
        self._broker_is_up = False
        self._arena.broker.kill()
        self.done["broker killed"] += 1
        self._later(self._random.uniform(0.1, 5.0), self._start_broker)

    def _start_broker(self) -> None:
        self._arena.broker.start()
        self._broker_is_up = True

    def _freeze_broker(self) -> None:
        pid = self._arena.broker.pid
        if not self._broker_is_up or pid is None:
            return
        self._broker_is_up = False
        os.killpg(pid, signal.SIGSTOP)
        self.done["broker frozen"] += 1
        self._later(self._random.uniform(0.2, 8.0), lambda: self._thaw_broker(pid))

    def _thaw_broker(self, pid: int) -> None:
        os.killpg(pid, signal.SIGCONT)
        self._broker_is_up = True

    def _bad_command(self) -> None:
        self._command(self._random.choice(_COMMANDS))
        self.done["bad command"] += 1
