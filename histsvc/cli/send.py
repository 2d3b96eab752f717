"""histsvc send: sends a command and prints its reply."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from histsvc.cli.one_line import OneLineParser
from histsvc.cli.options import not_negative, parser
from histsvc.client import Client
from histsvc.errors import BrokerError, CommandError, SettingsError
from histsvc.names import check_topics
from histsvc.protocol import replies
from histsvc.settings import kafka_settings

_NO_REPLY = 3


def main(arguments: list[str]) -> int:
    """Send; returns 0 on ACK, 1 on ERR, 3 where no reply comes in time."""
    options = options_parser().parse_args(arguments)
    check_topics("-t/--config-topic", options.config_topic)
    check_topics("-rt/--response-topic", options.response_topic)
    command = _read(options.file)
    msg_id = command.get("msg_id") or uuid.uuid4().hex
    try:
        with Client(kafka_settings(options), options.config_topic, options.response_topic) as client:
            reply = client.send({**command, "msg_id": msg_id}, options.timeout)
    except CommandError as error:
        print(replies.err(msg_id, error).decode())
        return 1
    except (TimeoutError, BrokerError) as error:
        print(f"histsvc send: {error}", file=sys.stderr)
        return _NO_REPLY
    print(json.dumps(reply))
    return 0


def options_parser() -> OneLineParser:
    """Make the argument parser of ``histsvc send``."""
    made = parser("histsvc send", "Send a command to the service, wait for its reply and print it.")
    made.add_argument("file", help="JSON file of the command, - for standard input")
    made.add_argument("-t", "--config-topic", required=True, help="where the service reads commands")
    made.add_argument("-rt", "--response-topic", required=True, help="where the service replies")
    made.add_argument("--timeout", type=not_negative, default=6.0, help="seconds to wait for the reply")
    return made


def _read(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        command = json.loads(text)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{file}: not JSON: {error}") from error
    if not isinstance(command, dict):
        raise SettingsError(f"{file}: a command is a JSON object")
    return command
