"""The replies to commands: ACK or ERR (protocol.md, section 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from histsvc.errors import CommandError


def ack(msg_id: object, extra: Mapping[str, Any]) -> bytes:
    """An ACK; `extra` holds what the command adds, such as ``warnings``."""
    return _encoded({"msg_id": msg_id, "response": "ACK", **extra})


def err(msg_id: object, error: CommandError) -> bytes:
    """An ERR that says why, and which field is to blame where one is."""
    reply: dict[str, Any] = {
        "msg_id": msg_id,
        "response": "ERR",
        "message": error.message,
        "code": str(error.code),
    }
    if error.field is not None:
        reply["field"] = error.field
    return _encoded(reply)


def _encoded(reply: Mapping[str, Any]) -> bytes:
    """As short as it can be: an echo is not longer than what it echoes."""
    try:
        return json.dumps(reply, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half characters, which only escapes can carry
        return json.dumps(reply).encode()
