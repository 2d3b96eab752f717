"""Log lines: one for each message, whatever is in it, as text or JSON."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from histsvc.logs import OneLineFormatter

_PROGRAM = """
import logging
from histsvc import logs
logs.configure("INFO", {kind!r}, {role!r})
log = logging.getLogger("histsvc.some")
log.debug("not this")
log.warning("histogram %s\\n2026 ERROR forged\\x1b[31m", "a\\u2028b")
log.info("command", extra={{"command": {{"offset": 5, "msg_id": [1, "x"]}}}})
try:
    raise ValueError("bad\\nvalue")
except ValueError:
    log.exception("it failed")
"""


def said(kind: str, role: str) -> list[str]:
    program = _PROGRAM.format(kind=kind, role=role)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr.splitlines()


@pytest.mark.parametrize(("role", "whose"), [("service", ""), ("worker", "worker ")])
def test_text_is_one_line_a_message_whatever_is_in_it(role: str, whose: str) -> None:
    first, second, third, *rest = said("text", role)
    assert first.endswith(f"WARNING {whose}histogram a\\x2028b\\x0a2026 ERROR forged\\x1b[31m")
    assert second.endswith(f"INFO {whose}command")
    assert third.endswith(f"ERROR {whose}it failed")
    assert rest[0].startswith("Traceback")


def test_json_is_one_object_a_message_with_all_that_is_known_of_it() -> None:
    first, second, third = (json.loads(line) for line in said("json", "worker"))
    assert first["message"] == "histogram a\u2028b\n2026 ERROR forged\x1b[31m"
    assert (first["level"], first["logger"], first["role"]) == ("WARNING", "histsvc.some", "worker")
    assert isinstance(first["pid"], int)
    assert first["timestamp"].endswith("+00:00")
    assert second["command"] == {"offset": 5, "msg_id": [1, "x"]}
    assert "ValueError: bad\nvalue" in third["exc_info"]


def test_a_formatter_changes_nothing_else() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "täglich %d", (3,), None)
    assert OneLineFormatter("%(levelname)s %(message)s").format(record) == "INFO täglich 3"
