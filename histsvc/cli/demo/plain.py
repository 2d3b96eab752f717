"""The demo as lines of text: for logs, and where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence

from histsvc.cli.demo.show import GOES_ON, Show, Stage
from histsvc.clock import Every, SystemClock


class Plain(Show):
    """Says what happens when it happens, and once a second how it is."""

    def __init__(self) -> None:
        self._due = Every(SystemClock(), 1.0)
        self._told = 0
        self._is_looked_at = False

    def close(self, error: BaseException | None) -> None:
        """Nothing was taken."""

    def note(self, line: str) -> None:
        """One line."""
        print(line, flush=True)

    def update(self, stage: Stage) -> None:
        """Tell of new commands, and of all histograms once a second."""
        for said in stage.said[self._told :]:
            answer = "ACK" if said.good else f"ERR {said.reply.get('code')}: {said.reply.get('message')}"
            self.note(f"{said.cmd}, {said.about}: {answer} ({said.took_ms:.0f} ms)")
        self._told = len(stage.said)
        if stage.is_looked_at and not self._is_looked_at:
            self.note(GOES_ON)
        self._is_looked_at = stage.is_looked_at
        if stage.histograms and self._due.due():
            states = [
                f"{name} {h.state} {h.info.sum:,} lag {h.info.lag}" for name, h in stage.histograms.items()
            ]
            self.note(f"sent {stage.sent:,} events | {' | '.join(states)}")

    def verdict(self, stage: Stage, lines: Sequence[str], *, exact: bool) -> None:
        """One line for each histogram."""
        self.update(stage)
        print("\n".join(["", *lines]), flush=True)
