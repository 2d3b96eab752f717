"""What the demo tells the service, and when: commands that a control program would send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from histsvc.sources import scene

EVENTS, HISTOGRAMS = "demo_events", "demo_histograms"
# The region is a piece of two rings, to the right of the beam stop.
_REGION_X, _REGION_Y, _REGION_WIDTH, _REGION_HEIGHT = 54, 24, 40, 48
# A run without an end begins as if it were so long.
_ENDLESS_S = 60.0
_RESETS_EACH_S = 15.0


@dataclass(frozen=True)
class Step:
    """A command that is due `at_s` after the beginning; `about` says what it is, in some words.

    It is left out where somebody has ended the histogram `needs`.
    """

    at_s: float
    about: str
    command: Mapping[str, Any]
    needs: str = ""


def steps(broker: str, duration_s: float, *, endless: bool) -> Iterator[Step]:
    """Give the commands of a demo of so many seconds, in their order.

    `endless`: it may go on after that, or has no such end where they are 0. Then the peak, which moves, is
    begun anew again and again.
    """
    whole_s = duration_s or _ENDLESS_S
    yield Step(0.0, "detector, spectrum and peak", _command("config", *_first(broker)))
    wrong = {**_first(broker)[1], "num_bins": -50}
    yield Step(0.12 * whole_s, "a config with a mistake", _command("config", wrong), "spectrum")
    yield Step(0.25 * whole_s, "a region of the detector", _command("add", _region(broker)), "detector")
    reset = {"cmd": "reset_counts", "ids": ["peak"]}
    for part in (0.4, 0.65, 0.85):
        yield Step(part * whole_s, "only the peak", reset, "peak")
    while endless:
        whole_s += _RESETS_EACH_S
        yield Step(whole_s, "only the peak", reset, "peak")


def _command(cmd: str, *histograms: Mapping[str, Any]) -> dict[str, Any]:
    return {"cmd": cmd, "input_schema": "ev44", "output_schema": "hs01", "histograms": list(histograms)}


def _first(broker: str) -> list[dict[str, Any]]:
    common = {"data_brokers": [broker], "data_topics": [EVENTS], "topic": HISTOGRAMS}
    last = scene.FIRST_PIXEL + scene.WIDTH * scene.HEIGHT - 1
    frame = [0, scene.FRAME_NS]
    detector = {"det_range": [scene.FIRST_PIXEL, last], "width": scene.WIDTH, "height": scene.HEIGHT}
    strip = [scene.FIRST_PIXEL, scene.FIRST_PIXEL + scene.STRIP_PIXELS]
    peak = {"tof_range": frame, "det_range": strip, "num_bins": [96, scene.STRIP_PIXELS]}
    return [
        {**common, "type": "dethist", "id": "detector", "source": scene.DETECTOR, **detector},
        {**common, "type": "hist1d", "id": "spectrum", "source": scene.MONITOR, "tof_range": frame}
        | {"num_bins": 240},
        {**common, "type": "hist2d", "id": "peak", "source": scene.STRIP, **peak},
    ]


def _region(broker: str) -> dict[str, Any]:
    rows = range(_REGION_Y, _REGION_Y + _REGION_HEIGHT)
    left_edges = [scene.FIRST_PIXEL + scene.WIDTH * row + _REGION_X for row in rows]
    common = {"data_brokers": [broker], "data_topics": [EVENTS], "topic": HISTOGRAMS}
    region = {"left_edges": left_edges, "width": _REGION_WIDTH}
    return {**common, "type": "roihist", "id": "region", "source": scene.DETECTOR, **region}
