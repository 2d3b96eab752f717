"""A histogram as ``xarray.DataArray``. Needs xarray (`histsvc[xarray]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histsvc.errors import needs

if TYPE_CHECKING:
    from xarray import DataArray as DataArray

    from histsvc.client.received import Histogram


def to_xarray(histogram: Histogram) -> DataArray:
    """Dimensions are the names of axes, their coordinates the middles of bins, so that ``sel`` works.

    Beside each, ``<name>_lower`` and ``<name>_upper`` are the edges of every bin, which stay right in
    whatever is cut out. Attributes are what netCDF can store: numbers and text, `info` as JSON. Raises
    MissingExtraError.
    """
    with needs("xarray", "xarray", "to_xarray()"):
        import xarray

    coordinates: dict[str, Any] = {}
    for name, axis in zip(histogram.dims, histogram.axes, strict=True):
        lower, upper = np.asarray(axis.edges[:-1]), np.asarray(axis.edges[1:])
        told = {"units": axis.unit, "long_name": axis.label}
        coordinates[name] = (name, (lower + upper) / 2, told)
        coordinates[f"{name}_lower"] = (name, lower, told)
        coordinates[f"{name}_upper"] = (name, upper, told)
    return xarray.DataArray(
        np.array(histogram.counts),  # whoever changes these does not change those
        coordinates,
        histogram.dims,
        name=histogram.id,
        attrs={
            "units": "counts",
            "long_name": histogram.id,
            "state": str(histogram.state),
            "topic": histogram.topic,
            "source": histogram.source,
            "timestamp_ns": histogram.timestamp_ns,
            "info": histogram.info.to_json(),
        },
    )
