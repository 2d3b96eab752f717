"""Small pictures of histograms for a page, of numbers alone: a spectrum as SVG, an image as PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

import numpy as np
import numpy.typing as npt

from histsvc.client import Axis, Histogram
from histsvc.view.axis import readable, title
from histsvc.view.raster import levels, resized, rgb
from histsvc.view.text import printable, short

# Of the picture on the page; a detector of pixels keeps its proportions within the second one.
_WIDTH, _HEIGHT = 420, 150
_LARGEST_IMAGE, _SMALLEST_IMAGE = 240, 48
_MARGIN = 18
# The most pixels of an image along each axis, and how many shades they have: so it is some 30 kB at most.
_PIXELS, _SHADES = 200, 64


def thumbnail(histogram: Histogram) -> str:
    """HTML of a picture of a histogram of one or two axes that can be drawn.

    What is large is reduced first: of bins that share a column of a spectrum the highest is shown, of those
    that share a pixel of an image the mean.
    """
    counts = np.asarray(histogram.counts, np.float64)
    return _spectrum(counts, histogram.axes[0]) if counts.ndim == 1 else _image(counts, histogram.axes)


def _spectrum(counts: npt.NDArray[np.float64], axis: Axis) -> str:
    """Steps in the colour of the text around them, which can be read on any ground."""
    edges = np.asarray(axis.edges, np.float64)
    if counts.size > _WIDTH:
        begins = np.arange(_WIDTH) * counts.size // _WIDTH
        counts, edges = np.maximum.reduceat(counts, begins), edges[np.append(begins, counts.size)]
    low, high = min(0.0, float(counts.min())), float(counts.max())
    across = (edges - edges[0]) / (edges[-1] - edges[0]) * _WIDTH
    up = _MARGIN + (_HEIGHT - _MARGIN) * (1 - (counts - low) / ((high - low) or 1))
    steps = "".join(f"V{y:.1f}H{x:.1f}" for x, y in zip(across[1:], up, strict=True))
    shown, _ = readable(axis)
    text = '<text fill="currentColor" font-size="11" '
    bottom = _HEIGHT + _MARGIN - 5
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _MARGIN}" width="{_WIDTH}" height="{_HEIGHT + _MARGIN}" '
        f'role="img" style="max-width:100%"><path d="M0 {_HEIGHT}{steps}V{_HEIGHT}Z" fill="currentColor" '
        f'fill-opacity="0.12" stroke="currentColor" stroke-width="1"/>'
        f'{text}x="2" y="12">max {short(high)}</text>'
        f'{text}x="0" y="{bottom}">{shown[0]:.4g}</text>'
        f'{text}x="{_WIDTH // 2}" y="{bottom}" text-anchor="middle">{_words(axis)}</text>'
        f'{text}x="{_WIDTH}" y="{bottom}" text-anchor="end">{shown[-1]:.4g}</text></svg>'
    )


def _image(counts: npt.NDArray[np.float64], axes: tuple[Axis, ...]) -> str:
    small = resized(counts, min(counts.shape[0], _PIXELS)).T
    small = resized(small, min(counts.shape[1], _PIXELS))[::-1]  # [row from the top][column]
    data = base64.b64encode(_png(levels(small))).decode("ascii")
    wide, high = _size(axes)
    x, y = map(_words, axes)
    return (
        f'<img src="data:image/png;base64,{data}" width="{wide}" height="{high}" '
        f'style="image-rendering:pixelated;display:block" alt="{x} and {y}">'
        f"<div>\u2192 {x} &nbsp; \u2191 {y}</div>"
    )


def _size(axes: tuple[Axis, ...]) -> tuple[int, int]:
    """Width and height on the page; pixels of a detector are square there."""
    if not all(axis.unit == "pixel" for axis in axes):
        return _LARGEST_IMAGE * 3 // 2, _LARGEST_IMAGE
    wide, high = (float(axis.edges[-1] - axis.edges[0]) for axis in axes)
    scale = _LARGEST_IMAGE / max(wide, high)
    return max(_SMALLEST_IMAGE, round(wide * scale)), max(_SMALLEST_IMAGE, round(high * scale))


def _words(axis: Axis) -> str:
    return escape(printable(title(axis)))


def _png(brightness: npt.NDArray[np.float64]) -> bytes:
    """A PNG of levels [row][column] with a palette; https://www.w3.org/TR/png-3."""
    rows, columns = brightness.shape
    shades = np.rint(brightness * (_SHADES - 1)).astype(np.uint8)
    # Each row begins with the number of its filter, 0: none.
    lines = np.zeros((rows, columns + 1), np.uint8)
    lines[:, 1:] = shades
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    palette = rgb(np.linspace(0, 1, _SHADES)).tobytes()
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(lines.tobytes())),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
