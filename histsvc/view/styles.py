"""How states look in a terminal, in the words of rich."""

from __future__ import annotations

from histsvc.client import State

STATES = dict(zip(State, ("yellow", "green", "cyan", "bold red"), strict=True))
"""Of histograms."""

SERVICE_STATES = {"IDLE": "bold cyan", "RUNNING": "bold green", "DEGRADED": "bold red"}
"""Of services; what newer ones may tell beside these is just bold."""
