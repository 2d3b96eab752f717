"""Times of a NeXus file as whole nanoseconds: units, rounding and the date they count from."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from histsvc.errors import SettingsError
from histsvc.model import Int64Array

_NS_PER = {
    1: ("ns", "nanosecond", "nanoseconds"),
    1_000: ("us", "µs", "μs", "usec", "microsecond", "microseconds"),  # both signs for micro
    1_000_000: ("ms", "msec", "millisecond", "milliseconds"),
    1_000_000_000: ("s", "sec", "second", "seconds"),
}
_UNITS = {name: factor for factor, names in _NS_PER.items() for name in names}
_DATE = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d+))?\s*(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64_MAX = 2**63 - 1


def ns_per(unit: str) -> int:
    """Say how many ns the unit `unit` has: ns, us, ms or s; raises SettingsError for anything else."""
    if unit.strip() not in _UNITS:
        raise SettingsError(f"the unit {unit!r} is none of ns, us, ms and s")
    return _UNITS[unit.strip()]


def whole_ns(values: npt.NDArray[Any], factor: int) -> Int64Array:
    """Turn numbers (n,) of any integer or float type, in units of `factor` ns, into int64 ns (n,).

    Integers exactly; floats as ``rint(float64(value) * factor)``. Raises SettingsError for what is no number,
    not finite or does not fit int64.
    """
    if values.dtype.kind not in "iuf":
        raise SettingsError(f"numbers are needed, not {values.dtype}")
    if values.size == 0:
        return np.empty(0, np.int64)
    if values.dtype.kind == "f":
        rounded = np.rint(values.astype(np.float64) * factor)
        if not np.isfinite(rounded).all():
            raise SettingsError("a value is not finite")
        if np.abs(rounded).max() >= 2.0**63:
            raise SettingsError("a value does not fit 64 bits")
        return rounded.astype(np.int64)
    if max(int(values.max()), -int(values.min())) > _INT64_MAX // factor:
        raise SettingsError("a value does not fit 64 bits")
    return values.astype(np.int64) * factor


def date_ns(text: str) -> int:
    """Read an ISO 8601 date (UTC without a zone) as ns since the Unix epoch; raises SettingsError."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"{text!r} is not an ISO 8601 date")
    # The fraction apart: datetime knows no more than microseconds.
    fraction_ns = int((match["fraction"] or "0")[:9].ljust(9, "0"))
    try:
        moment = datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}{match['zone'] or 'Z'}")
    except ValueError as error:
        raise SettingsError(f"{text!r} is not an ISO 8601 date: {error}") from error
    return (moment - _EPOCH) // timedelta(seconds=1) * 1_000_000_000 + fraction_ns
