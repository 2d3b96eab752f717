"""A config, or an add, checked as a whole (protocol.md, section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from histsvc.errors import Code, CommandError, shown
from histsvc.histograms.base import HistogramConfig
from histsvc.histograms.registry import all_keys, histogram_types
from histsvc.model import Batch, EventBatch, FrameBatch
from histsvc.protocol.commands import ConfigKeys, shown_key, validated

# What kind of input a message of each schema becomes.
_KINDS: Mapping[str, type[Batch]] = {"ev42": EventBatch, "ev44": EventBatch, "da00": FrameBatch}
INPUT_SCHEMAS = tuple(_KINDS)
# How many numbers of at most 8 bytes a message of each has for every bin: da00 has the errors, too.
NUMBERS_PER_BIN: Mapping[str, int] = {"hs00": 1, "hs01": 1, "da00": 2}
OUTPUT_SCHEMAS = tuple(NUMBERS_PER_BIN)


@dataclass(frozen=True)
class HistogramRequest:
    """One checked histogram of a config: `raw` as it came, and the schemas that hold for it."""

    config: HistogramConfig
    raw: Mapping[str, Any]
    input_schemas: tuple[str, ...]
    output_schema: str

    @property
    def message_bytes(self) -> int:
        """About how large its message is before compression."""
        more = NUMBERS_PER_BIN[self.output_schema] - 1
        return self.config.message_bytes + 8 * more * self.config.bins


@dataclass(frozen=True)
class ConfigRequest:
    """A checked config; times in ms since the epoch, `interval_s` in seconds."""

    start_ms: int | None
    stop_ms: int | None
    interval_s: float | None
    histograms: tuple[HistogramRequest, ...]
    warnings: tuple[str, ...]


def fitting(config: type[HistogramConfig]) -> tuple[str, ...]:
    """The input schemas that a type of histogram can count."""
    return tuple(schema for schema, kind in _KINDS.items() if kind in config.takes)


def config_request(content: Mapping[str, Any]) -> ConfigRequest:
    """Check a config or an add; raises CommandError that names the field and the value."""
    keys = validated(ConfigKeys, content, "")
    _check_times(keys)
    _check_schema(keys.input_schema, INPUT_SCHEMAS, "input_schema")
    _check_schema(keys.output_schema, OUTPUT_SCHEMAS, "output_schema")
    raws = keys.histograms or []
    histograms = tuple(_histogram(raw, keys, f"histograms[{i}]") for i, raw in enumerate(raws))
    warnings = _warnings(histograms)
    return ConfigRequest(keys.start, keys.stop, keys.interval, histograms, tuple(warnings))


def _check_times(keys: ConfigKeys) -> None:
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


def _histogram(raw: dict[str, Any], keys: ConfigKeys, path: str) -> HistogramRequest:
    types = histogram_types()
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise CommandError(
            Code.INVALID_ARGUMENT,
            f"{path}.type: {shown(kind)} is not one of {', '.join(types)}",
            f"{path}.type",
        )
    config = validated(types[kind], raw, f"{path}.")
    _check_schema(config.output_schema, OUTPUT_SCHEMAS, f"{path}.output_schema")
    _check_schema(config.input_schema, INPUT_SCHEMAS, f"{path}.input_schema")
    schemas = _schemas(config, keys, path)
    return HistogramRequest(config, raw, schemas, config.output_schema or keys.output_schema or "hs00")


def _schemas(config: HistogramConfig, keys: ConfigKeys, path: str) -> tuple[str, ...]:
    """The input schemas of a histogram: the given one, which must fit its type, else all that do."""
    allowed = fitting(type(config))
    given = config.input_schema or keys.input_schema
    field = f"{path}.input_schema" if config.input_schema else "input_schema"
    if given is None:
        return allowed
    if given not in allowed:
        reason = f"{path} is a {config.type}, which takes {', '.join(allowed)}"
        raise CommandError(Code.INVALID_ARGUMENT, f"{field}: {given!r} does not fit: {reason}", field)
    return (given,)


def _check_schema(value: str | None, allowed: tuple[str, ...], field: str) -> None:
    if value is not None and value not in allowed:
        raise CommandError(
            Code.INVALID_ARGUMENT, f"{field}: {shown(value)} is not one of {', '.join(allowed)}", field
        )


def _warnings(histograms: tuple[HistogramRequest, ...]) -> list[str]:
    warnings: list[str] = []
    seen: dict[str, int] = {}
    for i, request in enumerate(histograms):
        warnings += [
            f"histograms[{i}].{shown_key(key)}: unknown key, ignored"
            for key in request.raw
            if key not in all_keys()
        ]
        name = request.config.id
        if name and name in seen:
            warnings.append(f"histograms[{i}].id: {name[:100]!r} is also the id of histograms[{seen[name]}]")
        seen.setdefault(name, i)
    return warnings
