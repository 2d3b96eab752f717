"""What others have done to the demo's histograms, seen in the commands and replies that go over Kafka."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from histsvc.errors import Code

_COMMANDS = ("config", "add", "stop", "reset_counts")


class Witness:
    """Hears the commands of everybody and the replies to them; those with `own` in front are the demo's.

    Only a command can excuse a histogram that is not what the oracle expects: a service that resets or ends
    one by mistake is found out.
    """

    def __init__(self, own: str) -> None:
        """`own` is what the `msg_id` of the demo's commands begin with."""
        self._own = own
        self._commands: list[Mapping[str, Any]] = []
        self._replies: dict[str, tuple[str, str]] = {}

    def hear(self, message: bytes) -> None:
        """Take in a command or a reply; commands in their order."""
        try:
            said = json.loads(message)
        except (ValueError, RecursionError):
            return  # no command for the service either
        if not isinstance(said, dict):
            return
        if "response" in said:
            self._replies[_key(said)] = str(said["response"]), str(said.get("code", ""))
        elif said.get("cmd") in _COMMANDS and not said.get("target"):
            self._commands.append(said)

    def has_heard(self, msg_id: str) -> bool:
        """Whether the reply to this command has come, and so those to all before it."""
        return _key({"msg_id": msg_id}) in self._replies

    def changes(self, names: Sequence[str]) -> dict[str, str]:
        """Which of these histograms others have changed, and the command with which they have.

        What the demo itself begins anew after that, or ends before, is as it should be.
        """
        changed: dict[str, str] = {}
        for command in self._commands:
            cmd, about = command["cmd"], _about(command, names)
            if not str(command.get("msg_id")).startswith(self._own):
                if cmd != "add" and self._may_be_done(command):
                    # What was ended stays that, whatever comes later.
                    changed |= {name: cmd for name in about if changed.get(name) in (None, "reset_counts")}
            elif cmd == "stop":
                break
            elif self._replies.get(_key(command)) == ("ACK", ""):
                again = ("reset_counts",) if cmd == "reset_counts" else _COMMANDS
                changed = {n: by for n, by in changed.items() if n not in about or by not in again}
        return changed

    def _may_be_done(self, command: Mapping[str, Any]) -> bool:
        """Whether it may have changed something; only a reply can rule that out."""
        response, code = self._replies.get(_key(command), ("", ""))
        # A stop or a reset that could not be delivered in time has happened all the same.
        return response != "ERR" or (command["cmd"] != "config" and code == Code.UNAVAILABLE)


def _key(message: Mapping[str, Any]) -> str:
    return json.dumps(message.get("msg_id"), sort_keys=True)


def _about(command: Mapping[str, Any], names: Sequence[str]) -> Sequence[str]:
    """Those of the names that a command is about; `add` is about what it brings."""
    match command:
        case {"cmd": "add", "histograms": list(histograms)}:
            return [each["id"] for each in histograms if isinstance(each, dict) and each.get("id") in names]
        case {"cmd": "stop" | "reset_counts", "ids": list(ids)}:
            return [name for name in names if name in ids]
        case _:
            return list(names)
