"""The commands (protocol.md, section 2): from bytes to checked values, or to an error naming the field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from histsvc.errors import Code, CommandError, shown
from histsvc.histograms.base import HistogramConfig, Number, WholeNumber
from histsvc.histograms.registry import all_keys, histogram_types

Model = TypeVar("Model", bound=BaseModel)

INPUT_SCHEMAS = ("ev42", "ev44")
OUTPUT_SCHEMAS = ("hs00", "hs01")
# The last ms whose ns fit int64.
_LAST_MS = 9_223_372_036_854
# No command needs more than 3; deeper ones would exhaust the stack when they are echoed.
_DEEPEST = 50
_MOST_WARNINGS = 50


def _zero_is_absent(value: object) -> object:
    return None if value == 0 and not isinstance(value, bool | str) else value


TimeMs = Annotated[Annotated[WholeNumber, Field(ge=0, le=_LAST_MS)] | None, BeforeValidator(_zero_is_absent)]
Seconds = Annotated[
    Annotated[Number, Field(gt=0, le=_LAST_MS / 1000 / 2)] | None, BeforeValidator(_zero_is_absent)
]


class _ConfigKeys(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    start: TimeMs = None
    stop: TimeMs = None
    interval: Seconds = None
    input_schema: str | None = None
    output_schema: str | None = None
    histograms: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Command:
    """What every command has; `msg_id` is None where no reply is wanted."""

    cmd: str
    msg_id: Any
    target: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class HistogramRequest:
    """One checked histogram of a config: `raw` as it came, and the schemas that hold for it."""

    config: HistogramConfig
    raw: Mapping[str, Any]
    input_schemas: tuple[str, ...]
    output_schema: str


@dataclass(frozen=True)
class ConfigRequest:
    """A checked config; times in ms since the epoch, `interval_s` in seconds."""

    start_ms: int | None
    stop_ms: int | None
    interval_s: float | None
    histograms: tuple[HistogramRequest, ...]
    warnings: tuple[str, ...]


def _not_a_number(token: str) -> NoReturn:
    raise CommandError(Code.INVALID_ARGUMENT, f"{token} is not a JSON number; numbers must be finite")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise CommandError(Code.INVALID_ARGUMENT, f"{text} overflows a double; numbers must be finite")
    return value


def _whole(text: str) -> int:
    # A double has at most 309 digits before its point; int() of many more is slow or refused.
    if len(text) > 310:
        raise CommandError(Code.INVALID_ARGUMENT, f"{text[:20]}… overflows a double; numbers must be finite")
    _finite(text)
    return int(text)


def decode(payload: bytes) -> Any:
    """Decode JSON strictly; raises ValueError where it is not JSON and CommandError for NaN or overflow."""
    return _loaded(payload, parse_constant=_not_a_number, parse_float=_finite, parse_int=_whole)


def tolerated(payload: bytes) -> Any:
    """Decode what `decode` refused for its numbers, to learn whom to answer; those numbers become texts."""

    def number(text: str) -> Any:
        try:
            return _finite(text) if "." in text or "e" in text.lower() else _whole(text)
        except CommandError:
            return text

    return _loaded(payload, parse_constant=str, parse_float=number, parse_int=number)


def _loaded(payload: bytes, **hooks: Any) -> Any:
    try:
        content = json.loads(payload.decode("utf-8"), **hooks)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    level = [content]
    for _ in range(_DEEPEST):
        nested = [value for value in level if isinstance(value, list | dict)]
        level = [
            inner for value in nested for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return content
    raise ValueError(f"nested more than {_DEEPEST} levels deep")


def command(content: Mapping[str, Any]) -> Command:
    """Read the keys that all commands have; what is wrong with them is found by the dispatcher."""
    cmd, target, msg_id = (content.get(key) for key in ("cmd", "target", "msg_id"))
    return Command(
        cmd if isinstance(cmd, str) else "",
        None if msg_id in (None, "", 0, False) else msg_id,
        target if isinstance(target, str) else "",
        content,
    )


def config_request(content: Mapping[str, Any]) -> ConfigRequest:
    """Check a config; raises CommandError that names the field and the value."""
    keys = _validated(_ConfigKeys, content, "")
    _check_times(keys)
    _check_schema(keys.input_schema, INPUT_SCHEMAS, "input_schema")
    _check_schema(keys.output_schema, OUTPUT_SCHEMAS, "output_schema")
    raws = keys.histograms or []
    histograms = tuple(_histogram(raw, keys, f"histograms[{i}]") for i, raw in enumerate(raws))
    return ConfigRequest(
        keys.start, keys.stop, keys.interval, histograms, tuple(_warnings(content, histograms))
    )


def _check_times(keys: _ConfigKeys) -> None:
    for name, value in (("start", keys.start), ("stop", keys.stop)):
        if keys.interval is not None and value is not None:
            raise CommandError(
                Code.INVALID_ARGUMENT,
                f"interval ({keys.interval}) together with {name} ({value}): give interval or start and stop",
                "interval",
            )
    if keys.start is not None and keys.stop is not None and keys.start > keys.stop:
        raise CommandError(
            Code.INVALID_ARGUMENT, f"start ({keys.start}) must not be after stop ({keys.stop})", "start"
        )


def _check_schema(value: str | None, allowed: tuple[str, ...], field: str) -> None:
    if value is not None and value not in allowed:
        raise CommandError(
            Code.INVALID_ARGUMENT, f"{field}: {shown(value)} is not one of {', '.join(allowed)}", field
        )


def _histogram(raw: dict[str, Any], keys: _ConfigKeys, path: str) -> HistogramRequest:
    types = histogram_types()
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise CommandError(
            Code.INVALID_ARGUMENT,
            f"{path}.type: {shown(kind)} is not one of {', '.join(types)}",
            f"{path}.type",
        )
    config = _validated(types[kind], raw, f"{path}.")
    _check_schema(config.input_schema, INPUT_SCHEMAS, f"{path}.input_schema")
    _check_schema(config.output_schema, OUTPUT_SCHEMAS, f"{path}.output_schema")
    given = config.input_schema or keys.input_schema
    return HistogramRequest(
        config,
        raw,
        (given,) if given else INPUT_SCHEMAS,
        config.output_schema or keys.output_schema or "hs00",
    )


def _warnings(content: Mapping[str, Any], histograms: tuple[HistogramRequest, ...]) -> list[str]:
    known = {*_ConfigKeys.model_fields, "cmd", "msg_id", "target"}
    warnings = [f"{_key(key)}: unknown key, ignored" for key in content if key not in known]
    seen: dict[str, int] = {}
    for i, request in enumerate(histograms):
        warnings += [
            f"histograms[{i}].{_key(key)}: unknown key, ignored"
            for key in request.raw
            if key not in all_keys()
        ]
        name = request.config.id
        if name and name in seen:
            warnings.append(f"histograms[{i}].id: {name[:100]!r} is also the id of histograms[{seen[name]}]")
        seen.setdefault(name, i)
    if not histograms:
        warnings.append("histograms: none given, everything stops")
    more = len(warnings) - _MOST_WARNINGS
    return warnings if more <= 0 else [*warnings[:_MOST_WARNINGS], f"and {more} more of the kind"]


def _key(key: str) -> str:
    """A key as it was sent, where it is a name; shown as JSON otherwise."""
    return key if key.isidentifier() and len(key) <= 100 else shown(key)


def _validated(model: type[Model], content: Mapping[str, Any], prefix: str) -> Model:
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        raise field_error(error, prefix) from None


def field_error(error: ValidationError, prefix: str) -> CommandError:
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
