"""The errors that cross a boundary: a command that is refused, a broker that does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

_SHOWN_CHARACTERS = 200


class Code(StrEnum):
    """Why a command was refused (protocol.md, section 2)."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    UNAVAILABLE = "UNAVAILABLE"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    INTERNAL = "INTERNAL"


def shown(value: object) -> str:
    """A value as it was sent, in JSON and on one line, for messages: no more of it than a reader needs."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


class CommandError(Exception):
    """A command cannot be done; it becomes exactly one ERR reply.

    `message` is a sentence that names the field and the value and says what is allowed;
    `field` is a path such as ``histograms[3].num_bins`` or None where no one field is to blame.
    """

    def __init__(self, code: Code, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class BrokerError(Exception):
    """A Kafka request failed; `retriable` says whether asking again can help."""

    def __init__(self, message: str, *, retriable: bool, denied: bool = False) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.denied = denied


class SettingsError(Exception):
    """Wrong use or settings: one line on stderr and exit code 2."""


class MissingExtraError(SettingsError, ImportError):
    """Something needs a library that is not installed; the message names the extra that brings it."""


@contextmanager
def needs(library: str, extra: str, what: str) -> Iterator[None]:
    """Import `library` within this; raises MissingExtraError, for `what` needs it, where that fails."""
    try:
        yield
    except ImportError as error:
        message = f"{what} needs {library}: pip install 'histsvc[{extra}]' ({error})"
        raise MissingExtraError(message) from error
