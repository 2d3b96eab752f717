"""A histogram as ``scipp.DataArray``. Needs scipp (`histsvc[scipp]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histsvc.errors import needs

if TYPE_CHECKING:
    from scipp import DataArray as DataArray

    from histsvc.client.received import Histogram

# What counts pixels has no unit in scipp.
_NO_UNITS = ("", "pixel")
# Up to here float64 has every whole number.
_LARGEST = 2**53


def to_scipp(histogram: Histogram) -> DataArray:
    """Coordinates are edges with their unit; variances are the counts.

    Values are float64, which alone may have variances: exact up to 2⁵³. Raises MissingExtraError, and
    ValueError for a unit that scipp does not know and for counts that float64 does not hold.
    """
    with needs("scipp", "scipp", "to_scipp()"):
        import scipp

    dims = histogram.dims
    most = histogram.counts.max(initial=0)
    if histogram.counts.dtype.kind in "iu" and int(most) > _LARGEST:
        raise ValueError(f"{histogram.id}: counts up to {most} are more than float64 holds exactly")
    coordinates = {}
    for name, axis in zip(dims, histogram.axes, strict=True):
        unit = _unit(scipp, name, axis.unit)
        coordinates[name] = scipp.array(dims=[name], values=axis.edges, unit=unit)
    data = scipp.array(dims=dims, values=histogram.values(), variances=histogram.variances(), unit="counts")
    return scipp.DataArray(data, coords=coordinates, name=histogram.id)


def _unit(scipp: Any, name: str, unit: str) -> Any:
    if unit in _NO_UNITS:
        return scipp.units.dimensionless
    try:
        return scipp.Unit(unit)
    except scipp.UnitError as error:
        raise ValueError(f"axis {name}: scipp does not know the unit {unit!r}") from error
