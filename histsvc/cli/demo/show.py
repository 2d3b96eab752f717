"""What there is to show of a running demo, and what a show of it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from histsvc.client import Heartbeat, Histogram

GOES_ON = "goes on while the page is open; Ctrl-C ends it"


@dataclass(frozen=True)
class Said:
    """A command and what became of it: `reply` is the message of an ERR, `took_ms` the time until it came."""

    at_s: float
    cmd: str
    about: str
    reply: dict[str, Any]
    took_ms: float

    @property
    def good(self) -> bool:
        """Whether it was an ACK."""
        return self.reply.get("response") == "ACK"


@dataclass
class Page:
    """The dashboard: its address, empty until it is there, how many pages are open, and what went wrong."""

    url: str = ""
    open: int = 0
    trouble: str = ""


@dataclass
class Stage:
    """How the demo is now; `left_s` is None where it has no end. Rates are per second.

    `page` is None where there is no dashboard. `stays`: the demo goes on as long as a page of it is open.
    """

    elapsed_s: float = 0.0
    left_s: float | None = None
    page: Page | None = None
    stays: bool = False
    sent: int = 0
    rate: float = 0.0
    histograms: dict[str, Histogram] = field(default_factory=dict)
    beat: Heartbeat | None = None
    said: list[Said] = field(default_factory=list)

    @property
    def is_looked_at(self) -> bool:
        """Whether somebody has the page open, for whose sake the demo goes on."""
        return self.stays and self.page is not None and self.page.open > 0


class Show(ABC):
    """Shows a demo, from ``with`` to the end."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; also after an error."""
        self.close(error)

    @abstractmethod
    def close(self, error: BaseException | None) -> None:
        """Give back what it has taken; `error` is what ended the demo, if anything has."""

    @abstractmethod
    def note(self, line: str) -> None:
        """What goes on behind the stage; called by any thread."""

    @abstractmethod
    def update(self, stage: Stage) -> None:
        """Show how it is now; called several times a second."""

    @abstractmethod
    def verdict(self, stage: Stage, lines: Sequence[str], *, exact: bool) -> None:
        """Show how it ended."""
