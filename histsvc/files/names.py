"""Names of files: by service, id and time of publication, safe and unique whatever the first two are."""

from __future__ import annotations

import hashlib
import re

from histsvc.client import Histogram
from histsvc.files.layout import second

# Words of letters and digits, joined by one sign each: no path, nothing hidden, and never two underscores.
_SAFE = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
# Names of files may have 255 bytes; two of these, the time and what is put around them fit.
_MOST, _KEPT, _DIGITS = 80, 60, 12


def file_name(histogram: Histogram) -> str:
    """The name of its file, as ``histsvc__bank1__20261125T080245.812155935Z.nxs``; equal only for equals."""
    time_ns = histogram.timestamp_ns
    stamp = f"{second(time_ns):%Y%m%dT%H%M%S}.{time_ns % 1_000_000_000:09d}Z"
    return f"{_safe(histogram.source)}__{_safe(histogram.id)}__{stamp}.nxs"


def _safe(name: str) -> str:
    """The same where it is safe; else what is, a ``~``, which nothing safe has, and digits of its hash."""
    if len(name) <= _MOST and _SAFE.fullmatch(name):
        return name
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{_UNSAFE.sub('-', name)[:_KEPT].strip('-')}~{digits}"
