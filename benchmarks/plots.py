"""The pictures of docs/performance.md, from what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.finding import Finding
from benchmarks.rates import BOTH, DISCARD, NAIVE, SPECTRUM

_STYLE = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.alpha": 0.3,
    "font.size": 10,
}
_SIDES = {DISCARD: "#9aa5b1", SPECTRUM: "#1f77b4", BOTH: "#2ca02c", NAIVE: "#d62728"}
_SIZE_INCHES, _DPI = (8.0, 4.2), 110


def draw(found: Sequence[Finding], folder: Path) -> list[Path]:
    """Draw each picture for which there are findings; returns the files."""
    made = []
    with mpl.rc_context(_STYLE):
        for name, picture in _PICTURES.items():
            figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
            if picture(found, figure.add_subplot()):
                made.append(folder / f"{name}.png")
                figure.savefig(made[-1], dpi=_DPI)
    return made


def _rates(found: Sequence[Finding], axes: Axes) -> bool:
    """What each side reads, in each shape of messages."""
    rates: dict[str, dict[str, float]] = {}
    for each in found:
        shape, _, side = each.work.partition(": ")
        # The rate beside what is compared with the usual way is that of the usual way.
        side = NAIVE if each.row == 3 else side
        if each.row in (1, 2, 3):
            rates.setdefault(shape, {})[side] = each.also["bytes_per_s"] / 1e6
    if not rates:
        return False
    width = 0.8 / len(_SIDES)
    for number, (side, colour) in enumerate(_SIDES.items()):
        places = [place for place, sides in enumerate(rates.values()) if side in sides]
        heights = [sides[side] for sides in rates.values() if side in sides]
        axes.bar(np.array(places) + (number - 1.5) * width, heights, width, label=side, color=colour)
    axes.set_xticks(range(len(rates)), [name.replace(" ", "\n") for name in rates])
    axes.set_xlabel("shape of the messages, and events in each")
    axes.set_ylabel("MB/s")
    axes.set_title("One stream, read and counted")
    axes.legend(ncols=len(_SIDES), loc="upper center", bbox_to_anchor=(0.5, -0.24), frameon=False)
    return True


def _sharing(found: Sequence[Finding], axes: Axes) -> bool:
    """How long it takes to count one stream into more and more histograms."""
    seconds: Mapping[int, float] = {}
    for each in found:
        if each.row == 5:
            seconds = {int(k.split("_")[1]): v for k, v in each.also.items() if k.startswith("seconds_")}
    if not seconds:
        return False
    numbers = np.array(list(seconds))
    slope, begin = np.polyfit(numbers, list(seconds.values()), 1)
    label = f"{begin:.2f} s + {slope:.3f} s for each histogram"
    axes.plot(numbers, begin + slope * numbers, color="#9aa5b1", label=label)
    axes.plot(numbers, list(seconds.values()), "o", color=_SIDES[SPECTRUM], label="median")
    axes.set_xlabel("hist1d of the same stream")
    axes.set_ylabel("s")
    axes.set_ylim(bottom=0)
    axes.set_title("A stream is read and parsed once for all of its histograms")
    axes.legend(frameon=False)
    return True


def _latency(found: Sequence[Finding], axes: Axes) -> bool:
    """Which part of commands and pulses has taken how long."""
    sampled = [each for each in found if each.samples]
    if not sampled:
        return False
    for each in sampled:
        times = np.sort(each.samples)
        axes.step(times, np.arange(1, times.size + 1) / times.size * 100, where="post", label=each.work)
    axes.set_xscale("log")
    axes.set_xlabel("ms")
    axes.set_ylabel("%, done within")
    axes.set_title("From a command to its ACK, and from a pulse to a histogram that holds it")
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16), frameon=False)
    return True


_PICTURES: Mapping[str, Callable[[Sequence[Finding], Axes], bool]] = {
    "rates": _rates,
    "sharing": _sharing,
    "latency": _latency,
}
