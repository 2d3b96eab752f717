"""How log lines look: text for people, or JSON, one object a line, for machines."""

from __future__ import annotations

import logging
import sys

# Whatever users call their things, a line stays one line, and nobody's line but ours.
_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), 127, 0x85, 0x2028, 0x2029)}


class OneLineFormatter(logging.Formatter):
    """Text, with what would begin another line, or command a terminal, made visible."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (its name in logging)
        """See logging.Formatter; tracebacks keep their lines."""
        record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)


def configure(level: str, kind: str, role: str) -> None:
    """Log to stderr as `kind`, text or json; `role` is what this process is, service or worker."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json(role) if kind == "json" else _text(role))
    logging.basicConfig(level=level, handlers=[handler])


def _text(role: str) -> logging.Formatter:
    whose = "" if role == "service" else f"{role} "
    return OneLineFormatter(f"%(asctime)s %(levelname)s {whose}%(message)s")


def _json(role: str) -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # only for those who want it

    return JsonFormatter(
        ["levelname", "name", "process", "message"],
        rename_fields={"levelname": "level", "name": "logger", "process": "pid"},
        static_fields={"role": role},
        timestamp=True,
    )
