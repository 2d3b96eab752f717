"""The `info` of a published histogram, and its state (protocol.md, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class State(StrEnum):
    """Where a histogram is in its life."""

    INITIALISED = "INITIALISED"
    COUNTING = "COUNTING"
    FINISHED = "FINISHED"
    ERROR = "ERROR"


class HistogramInfo(BaseModel):
    """What a histogram message says about itself; absent keys are None here.

    Times are ms since the epoch but for those of pulses (ns); `rate` is counts per second of pulse time.
    `topic` and `brokers`, where it is published, are told by heartbeats and `status` only, `config`, what was
    asked for, by what is published only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = ""
    start: int | None = None
    stop: int | None = None
    state: State
    error_message: str | None = None
    first_pulse_time: int = 0
    last_pulse_time: int = 0
    sum: int = 0
    diff: int = 0
    rate: float = 0.0
    job: str = ""
    index: int = 0
    generation: int = 1
    epoch: int = 1
    config_hash: str = ""
    underflow: int = 0
    overflow: int = 0
    filtered: int = 0
    out_of_window: int = 0
    messages: int = 0
    undecodable: int = 0
    other_schema: int = 0
    resumed: int = 0
    lost: int = 0
    warning: str | None = None
    offsets: dict[str, dict[int, int]] = {}
    done: dict[str, list[int]] = {}
    lag: int = 0
    data_age_ms: int | None = None
    topic: str | None = None
    brokers: tuple[str, ...] | None = None
    config: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The id, or ``job/index`` where there is none."""
        return self.id or f"{self.job}/{self.index}"

    def to_json(self) -> str:
        """The JSON object that goes out; keys that do not apply are left out."""
        return self.model_dump_json(exclude_none=True)

    @staticmethod
    def from_json(text: str) -> HistogramInfo:
        """Read what `to_json` wrote, or an older service's; raises pydantic.ValidationError."""
        return HistogramInfo.model_validate_json(text)
