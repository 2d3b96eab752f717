"""Every command ends in exactly one reply, in the order of the commands."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from histsvc.clock import Deadline
from histsvc.commands.add import add
from histsvc.commands.config import config
from histsvc.commands.context import Context
from histsvc.commands.describe import describe
from histsvc.commands.ping import ping
from histsvc.commands.reset_counts import reset_counts
from histsvc.commands.status import status
from histsvc.commands.steps import Steps
from histsvc.commands.stop import stop
from histsvc.errors import Code, CommandError, shown
from histsvc.protocol import replies
from histsvc.protocol.commands import Command, at_most, check_keys, command, unknown_keys
from histsvc.protocol.strict_json import decode, tolerated

_log = logging.getLogger(__name__)

_ENDING = CommandError(Code.UNAVAILABLE, "nothing was done, or not all of it: the service ends")

Handler = Callable[[Context, Command, Deadline], Steps[Mapping[str, Any]]]
HANDLERS: Mapping[str, Handler] = {
    "config": config,
    "add": add,
    "stop": stop,
    "reset_counts": reset_counts,
    "status": status,
    "ping": ping,
    "describe": describe,
}
# Brokers take messages of about 1 MB; a reply that is never delivered is worse than one that says so.
_LARGEST_REPLY = 1_000_000


@dataclass(frozen=True)
class _Received:
    offset: int
    payload: bytes
    deadline: Deadline


@dataclass
class _Current:
    command: Command
    offset: int
    begun_s: float
    steps: Steps[Mapping[str, Any]]


class Dispatcher:
    """Does one command at a time; `step` never blocks."""

    def __init__(self, context: Context, service_id: str, reply: Callable[[bytes], None]) -> None:
        self.counters: Counter[str] = Counter()
        self._context = context
        self._service_id = service_id
        self._reply = reply
        self._waiting: deque[_Received] = deque()
        self._current: _Current | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a command is under way or waits."""
        return self._current is not None or bool(self._waiting)

    def receive(self, offset: int, payload: bytes) -> None:
        """Take a message of the command topic; it is done when those before it are."""
        self._waiting.append(
            _Received(offset, payload, Deadline(self._context.clock, self._context.timeout_s))
        )

    def close(self) -> None:
        """Refuse from now on what waits, but let the command that is under way go on: the service ends."""
        self._closed = True

    def abort(self) -> None:
        """Answer what is still under way or waits."""
        if self._current is not None:
            self._current.steps.close()
            self._current.steps = _refused(_ENDING)
        while self.busy:
            self.step()

    def step(self) -> bool:
        """Advance the current command, or begin the next; says whether it has ended."""
        if self._current is None and self._waiting:
            self._begin(self._waiting.popleft())
        current = self._current
        if current is None:
            return self.busy
        try:
            next(current.steps)
            return False
        except StopIteration as finished:
            reply = replies.ack(current.command.msg_id, finished.value)
            if len(reply) > _LARGEST_REPLY:
                self._end(current, *_failure(current, _too_large(len(reply))))
            else:
                self._end(current, reply, "ACK")
        except CommandError as error:
            self._end(current, *_failure(current, error))
        except Exception as error:  # noqa: BLE001 (a bug of one command must not end the service; it is counted)
            _log.exception("command at offset %d failed", current.offset)
            self._context.supervisor.discard_reserved()
            internal = CommandError(Code.INTERNAL, f"{type(error).__name__}: {error}")
            self._end(current, *_failure(current, internal))
        return True

    def _begin(self, received: _Received) -> None:
        refusal: CommandError | None = None
        try:
            try:
                content = decode(received.payload)
            except CommandError as error:
                content, refusal = tolerated(received.payload), error
        except ValueError as error:
            self._not_a_command(received.offset, f"ERR not a JSON object: {error}")
            return
        if not isinstance(content, dict):
            self._not_a_command(received.offset, "ERR not a JSON object")
            return
        size, most = len(received.payload), self._context.settings.limits.max_command_bytes
        if size > most:
            message = f"the command has {size} bytes, more than the {most} allowed (--max-command-bytes)"
            refusal = CommandError(Code.RESOURCE_EXHAUSTED, message)
        given = command(content)
        if given.target in ("", self._service_id):
            self.counters["commands"] += 1
            begun_s = self._context.clock.monotonic_s()
            steps = self._steps(given, received.deadline, refusal)
            self._current = _Current(given, received.offset, begun_s, steps)

    def _steps(
        self, given: Command, deadline: Deadline, refusal: CommandError | None
    ) -> Steps[Mapping[str, Any]]:
        if refusal is not None:
            raise refusal
        if self._closed:
            raise _ENDING
        if given.msg_id is None:
            # Nobody waits for the reply: it has all its time from when it is its turn.
            deadline = Deadline(self._context.clock, self._context.timeout_s)
        elif deadline.expired():
            raise CommandError(Code.UNAVAILABLE, "nothing was done: the commands before took all the time")
        check_keys(given)
        if given.cmd not in HANDLERS:
            raise CommandError(
                Code.INVALID_ARGUMENT,
                f"cmd: {shown(given.content.get('cmd'))} is not one of {', '.join(HANDLERS)}",
                "cmd",
            )
        result = dict((yield from HANDLERS[given.cmd](self._context, given, deadline)))
        lacking: list[str] = []
        if self._context.memory is not None:  # what is answered is not forgotten
            lacking = yield from self._context.memory.settle(deadline)
        warnings = at_most([*result.pop("warnings", ()), *unknown_keys(given), *lacking])
        return {**result, "warnings": warnings} if warnings else result

    def _end(self, current: _Current, reply: bytes, outcome: str) -> None:
        self._current = None
        seconds = self._context.clock.monotonic_s() - current.begun_s
        self._log_outcome(current.offset, current.command.cmd, current.command.msg_id, outcome, seconds)
        if current.command.msg_id is not None:
            self._reply(reply)

    def _not_a_command(self, offset: int, outcome: str) -> None:
        """Nobody can be answered: there is no id."""
        self.counters["commands"] += 1
        self._log_outcome(offset, "", None, outcome, 0.0)

    def _log_outcome(self, offset: int, cmd: str, msg_id: object, outcome: str, seconds: float) -> None:
        failed = not outcome.startswith("ACK")
        self.counters["commands_failed"] += int(failed)
        _log.log(
            logging.WARNING if failed else logging.INFO,
            "command offset=%d cmd=%s msg_id=%s %s in %.0f ms",
            offset,
            shown(cmd),
            shown(msg_id),
            outcome,
            seconds * 1000,
            extra={
                "command": {
                    "offset": offset,
                    "cmd": cmd,
                    "msg_id": msg_id,
                    "outcome": outcome.partition(" ")[0],
                    "duration_ms": round(seconds * 1000, 1),
                }
            },
        )


def _refused(error: CommandError) -> Steps[Mapping[str, Any]]:
    yield from ()
    raise error


def _failure(current: _Current, error: CommandError) -> tuple[bytes, str]:
    """The reply, and what the log says."""
    return replies.err(current.command.msg_id, error), f"ERR {error.code} {error.message}"


def _too_large(size: int) -> CommandError:
    message = f"the reply has {size} bytes, more than the {_LARGEST_REPLY} of a message; ask for fewer ids"
    return CommandError(Code.RESOURCE_EXHAUSTED, message)
