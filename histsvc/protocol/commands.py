"""The commands (protocol.md, section 2): which there are, and the keys of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from histsvc.errors import Code, CommandError, shown
from histsvc.histograms.keys import Number, WholeNumber

Model = TypeVar("Model", bound=BaseModel)

# The last ms whose ns fit int64.
_LAST_MS = 9_223_372_036_854
_MOST_WARNINGS, _LONGEST_WARNING = 50, 1000


def _zero_is_absent(value: object) -> object:
    return None if value == 0 and not isinstance(value, bool | str) else value


TimeMs = Annotated[Annotated[WholeNumber, Field(ge=0, le=_LAST_MS)] | None, BeforeValidator(_zero_is_absent)]
Seconds = Annotated[
    Annotated[Number, Field(gt=0, le=_LAST_MS / 1000 / 2)] | None,
    BeforeValidator(_zero_is_absent),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0, "maximum": _LAST_MS / 1000 / 2}, {"type": "null"}],
            "default": None,
        }
    ),
]


class CommandKeys(BaseModel):
    """The keys of every command."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    cmd: str = ""
    msg_id: Any = None
    target: str | None = None


class IdsKeys(CommandKeys):
    """The keys of a command that may be about some histograms only."""

    ids: list[str] | None = None


class ConfigKeys(CommandKeys):
    """The keys of a command that brings histograms; each of these is checked by its type."""

    start: TimeMs = None
    stop: TimeMs = None
    interval: Seconds = None
    input_schema: str | None = None
    output_schema: str | None = None
    histograms: list[dict[str, Any]] | None = None


COMMANDS: Mapping[str, type[CommandKeys]] = {
    "config": ConfigKeys,
    "add": ConfigKeys,
    "stop": IdsKeys,
    "reset_counts": IdsKeys,
    "status": IdsKeys,
    "ping": CommandKeys,
    "describe": CommandKeys,
}
"""The keys of each command there is."""


@dataclass(frozen=True)
class Command:
    """What every command has; `msg_id` is None where no reply is wanted, `content` is as it came."""

    cmd: str
    msg_id: Any
    target: str
    content: Mapping[str, Any]


def command(content: Mapping[str, Any]) -> Command:
    """Read the keys that all commands have; what is wrong with them is found by the dispatcher."""
    cmd, target, msg_id = (content.get(key) for key in ("cmd", "target", "msg_id"))
    return Command(
        cmd if isinstance(cmd, str) else "",
        None if msg_id in (None, "", 0, False) else msg_id,
        target if isinstance(target, str) else "",
        content,
    )


def unknown_keys(given: Command) -> list[str]:
    """A warning for each key that the command does not have."""
    known = COMMANDS[given.cmd].model_fields
    return [f"{shown_key(key)}: unknown key, ignored" for key in given.content if key not in known]


def at_most(warnings: list[str]) -> list[str]:
    """No more and no longer warnings than somebody reads."""
    more = len(warnings) - _MOST_WARNINGS
    short = [text if len(text) <= _LONGEST_WARNING else f"{text[:_LONGEST_WARNING]}…" for text in warnings]
    return short if more <= 0 else [*short[:_MOST_WARNINGS], f"and {more} more"]


def wanted_ids(given: Command) -> list[str] | None:
    """The `ids` of a command, None for all; raises CommandError that names the field and the value."""
    keys = validated(IdsKeys, given.content, "")
    return None if keys.ids is None else list(dict.fromkeys(keys.ids))


def check_keys(given: Command) -> None:
    """Check what every command has; raises CommandError that names the field and the value."""
    validated(CommandKeys, {"target": given.content.get("target"), "cmd": given.cmd}, "")


def shown_key(key: str) -> str:
    """A key as it was sent, where it is a name; shown as JSON otherwise."""
    return key if key.isidentifier() and len(key) <= 100 else shown(key)


def validated(model: type[Model], content: Mapping[str, Any], prefix: str) -> Model:
    """Check keys against their model; raises CommandError, the field's path beginning with `prefix`."""
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        raise _field_error(error, prefix) from None


def _field_error(error: ValidationError, prefix: str) -> CommandError:
    """Turn the first of pydantic's findings into an error with a path such as ``histograms[3].num_bins``."""
    first = error.errors(include_url=False)[0]
    path = ""
    for part in first["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier():
            path += f".{part}" if path else part
    field = f"{prefix}{path}"
    if first["type"] == "missing":
        return CommandError(Code.INVALID_ARGUMENT, f"{field} is missing; it must be given", field)
    reason = first["msg"].removeprefix("Value error, ")
    return CommandError(
        Code.INVALID_ARGUMENT, f"{field}: {shown(first['input'])} is not allowed: {reason}", field
    )
