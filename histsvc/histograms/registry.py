"""The histogram types there are: those of the entry-point group ``histsvc.histograms``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from histsvc.histograms.base import HistogramConfig, known_keys


@cache
def histogram_types() -> Mapping[str, type[HistogramConfig]]:
    """Configuration class of every type by its name; a user's package can bring its own."""
    return {entry.name: entry.load() for entry in entry_points(group="histsvc.histograms")}


@cache
def all_keys() -> frozenset[str]:
    """Every key that some type knows; clients send them all to every type."""
    return frozenset().union(*(known_keys(config) for config in histogram_types().values()))
