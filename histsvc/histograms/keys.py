"""The kinds of values that the keys of a configuration have, and how each is checked."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from histsvc.names import HOST_PORT, TOPIC, TOPIC_RULE, is_host_port, is_topic


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it must be a number")
    return float(value)


def whole(value: object) -> int:
    """Check a whole number, which may be written 50.0; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError("it must be a whole number")
    return int(value)


def _topic(value: str) -> str:
    if not is_topic(value):
        raise ValueError(f"it must be a topic name: {TOPIC_RULE}")
    return value


def _host_port(value: str) -> str:
    if not is_host_port(value):
        raise ValueError("it must be host:port, one broker each")
    return value


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the first number must not be greater than the second")
    return value


def _absent(value: object) -> object:
    return "" if value is None else value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("it must be text that UTF-8 can carry, without half characters") from None
    return value


Number = Annotated[float, BeforeValidator(_number)]
WholeNumber = Annotated[int, BeforeValidator(whole)]
Count = Annotated[WholeNumber, Field(ge=1)]
Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
PixelId = Annotated[WholeNumber, Field(ge=-(1 << 31), lt=1 << 32)]
LeftEdges = Annotated[tuple[PixelId, ...], Field(min_length=1)]
Topic = Annotated[
    str, AfterValidator(_topic), WithJsonSchema({"type": "string", "pattern": f"^{TOPIC.pattern}$"})
]
Broker = Annotated[
    str, AfterValidator(_host_port), WithJsonSchema({"type": "string", "pattern": f"^{HOST_PORT.pattern}$"})
]
OptionalText = Annotated[
    str, BeforeValidator(_absent, json_schema_input_type=str | None), AfterValidator(_text)
]
