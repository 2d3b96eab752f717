"""Regions: what was drawn with the mouse, as a histogram that the service counts; and where those lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_SHARED = ("data_brokers", "data_topics", "topic", "source", "input_schema", "publish_interval_ms")


@dataclass(frozen=True)
class Rectangle:
    """Whole pixels of an image: the first ones, and how many."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Range:
    """A piece of an axis, in its own unit."""

    low: float
    high: float


# As long as the pulse of a long-pulse source takes to come again, and some more.
_USUAL = Range(0.0, 1e8), 200


def rectangle(corners: Sequence[float], shape: tuple[int, ...]) -> Rectangle | None:
    """The pixels that a rectangle x0, y0, x1, y1 touches, within an image of this shape; None for none."""
    x0, y0, x1, y1 = corners
    (left, right), (low, high) = sorted((x0, x1)), sorted((y0, y1))
    begin = np.clip(np.floor([left, low]), 0, shape).astype(int)
    end = np.clip(np.ceil([right, high]), 0, shape).astype(int)
    width, height = (end - begin).tolist()
    if width < 1 or height < 1:
        return None
    return Rectangle(int(begin[0]), int(begin[1]), width, height)


def row_starts(config: Mapping[str, Any]) -> list[int] | None:
    """The pixel id with which each row of an image begins; None for what is no image of pixels."""
    if config.get("type") == "dethist":
        first, width, height = int(config["det_range"][0]), int(config["width"]), int(config["height"])
        return list(range(first, first + width * height, width))
    return list(config["left_edges"]) if config.get("type") == "roihist" else None


def pixels(config: Mapping[str, Any], region: Rectangle) -> dict[str, Any]:
    """Rows of pixel ids, for a region of an image that `config` made; raises ValueError where none is."""
    rows = row_starts(config)
    if rows is None:
        raise ValueError(f"regions are drawn on images of pixels, and a {config.get('type')} is none")
    width = int(config["width"])
    fits = region.x >= 0 and region.y >= 0 and region.width >= 1 and region.height >= 1
    if not fits or region.x + region.width > width or region.y + region.height > len(rows):
        raise ValueError(f"the region must lie inside of the image of {width} by {len(rows)} pixels")
    left_edges = [first + region.x for first in rows[region.y : region.y + region.height]]
    return {"left_edges": left_edges, "width": region.width}


def roihist(config: Mapping[str, Any], region: Rectangle, name: str) -> dict[str, Any]:
    """What to `add` for the image of a region of an image that `config` made; ValueError as `pixels`."""
    return {**_shared(config), "type": "roihist", "id": name, **pixels(config, region)}


def spectrum(
    config: Mapping[str, Any], region: Rectangle, chosen: Range, bins: int, name: str
) -> dict[str, Any]:
    """What to `add` for the spectrum (tof in ns) of a region of an image; ValueError as `pixels`."""
    made = {**_shared(config), "type": "hist1d", "id": name, "num_bins": bins}
    return {**made, "tof_range": _ascending(chosen), "region": pixels(config, region)}


def hist1d(config: Mapping[str, Any], chosen: Range, bins: int, name: str) -> dict[str, Any]:
    """What to `add` for a range (ns) of a spectrum that `config` made; ValueError where it made none."""
    if config.get("type") != "hist1d":
        raise ValueError(f"ranges are drawn on spectra, and a {config.get('type')} is none")
    made = {**_shared(config), "type": "hist1d", "id": name, "num_bins": bins}
    made |= {key: config[key] for key in ("det_range", "region") if key in config}
    return {**made, "tof_range": _ascending(chosen)}


def _ascending(chosen: Range) -> list[float]:
    if not chosen.low < chosen.high:
        raise ValueError("the range must end behind its begin")
    return [chosen.low, chosen.high]


def found(image: Mapping[str, Any], histogram: Mapping[str, Any]) -> Rectangle | None:
    """Where the region that a histogram counts lies in an image; None where it is no rectangle of it."""
    region = histogram if histogram.get("type") == "roihist" else histogram.get("region") or {}
    rows, edges = row_starts(image), region.get("left_edges")
    if rows is None or not edges or histogram is image:
        return None
    if any(image.get(key) != histogram.get(key) for key in ("data_brokers", "data_topics", "source")):
        return None
    width = int(image["width"])
    inside = [(y, edges[0] - first) for y, first in enumerate(rows) if 0 <= edges[0] - first < width]
    for y, x in inside[:1]:
        expected = [first + x for first in rows[y : y + len(edges)]]
        if expected == list(edges) and x + int(region["width"]) <= width:
            return Rectangle(x, y, int(region["width"]), len(edges))
    return None


def usual_times(configs: Iterable[Mapping[str, Any]]) -> tuple[Range, int]:
    """Times of flight (ns) and bins for a new spectrum: those of the first that there is."""
    for config in configs:
        if config.get("type") == "hist1d":
            return Range(*map(float, config["tof_range"])), int(config["num_bins"])
    return _USUAL


def free_name(stem: str, taken: Sequence[str]) -> str:
    """A name that nobody has: the stem and a number."""
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _shared(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in _SHARED if key in config}
