"""The replies to commands: ACK or ERR (protocol.md, section 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from histsvc.errors import CommandError


def ack(msg_id: object, extra: Mapping[str, Any]) -> bytes:
    """An ACK; `extra` holds what the command adds, such as ``warnings``."""
    return json.dumps({"msg_id": msg_id, "response": "ACK", **extra}).encode()


def err(msg_id: object, error: CommandError) -> bytes:
    """An ERR that says why, and which field is to blame where one is."""
    reply = {"msg_id": msg_id, "response": "ERR", "message": error.message, "code": str(error.code)}
    if error.field is not None:
        reply["field"] = error.field
    return json.dumps(reply).encode()
