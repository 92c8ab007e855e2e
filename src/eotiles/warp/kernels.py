"""The inner loops of resampling. They mean what GDAL's warper means: `twin.py` says it in NumPy, tests hold both to GDAL.

All compiled code stands in this file, because Numba's cache on disk notices a change of no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit, types

Kernel = Callable[..., None]

EDGE_PX = 1e-10
"""A position this little past a border of pixels is on it."""

LEAST_OF_FOUR = 1e-5
LEAST_OF_MANY = 1e-6
"""Less weight of usable pixels than this is none."""


@lru_cache(maxsize=32)
def load_kernel(name: str, dtype: str) -> Kernel:
    """The kernel "nearest" or "convolve" for pixels of a type: from the cache on disk, else compiled in seconds."""
    number = getattr(types, dtype)
    table = types.Array(types.float64, 2, "C", readonly=True)
    plane = types.Array(types.boolean, 2, "C", readonly=True)
    signature = types.void(
        types.Array(number, 3, "C", readonly=True),
        table, table, table, table,
        types.UniTuple(types.int64, 4),
        table, plane,
        types.UniTuple(types.float64, 2),
        types.int64, types.boolean,
        types.UniTuple(types.float64, 2),
        types.Array(number, 3, "C"),
        types.Array(types.boolean, 2, "C"),
    )  # fmt: skip
    flags = {
        "nogil": True,  # tiles are drawn by threads
        "parallel": False,  # parallelism is over tiles
        "fastmath": False,  # it may assume that NaN does not occur, and here it means unusable
        "boundscheck": False,  # each place is compared with the window before it is read
        "error_model": "numpy",  # a division by zero is no exception; none occurs
    }
    loop = {"nearest": _nearest, "convolve": _convolve}[name]
    try:
        kernel: Kernel = njit(signature, cache=True, **flags)(loop)
    except (RuntimeError, OSError):  # no folder that can be written to, or a full disk
        kernel = njit(signature, cache=False, **flags)(loop)
    return kernel


def _nearest(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, widened: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    masked = mask.size > 0
    whole = limits[0] <= limits[1]
    xs = np.empty(valid.shape[1])
    ys = np.empty(valid.shape[1])
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(valid.shape[1]):
            row = _pixel(ys[j], full_height) - row0
            col = _pixel(xs[j], full_width) - col0
            good = 0 <= row < height and 0 <= col < width
            if good and masked:
                good = mask[row, col]
            if good:
                for b in range(bands):
                    value = data[b, row, col]
                    out[b, i, j] = value
                    good &= _usable(float(value), nodata[b, 0], nodata[b, 1], whole)
            if not good:
                for b in range(bands):
                    out[b, i, j] = 0
            valid[i, j] = good


def _convolve(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, widened: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    whole = limits[0] <= limits[1]
    usable = np.empty(data.shape, np.bool_)
    every = True  # whether all pixels of the window are usable
    for b in range(bands):
        for row in range(height):
            for col in range(width):
                usable[b, row, col] = _usable(
                    float(data[b, row, col]), nodata[b, 0], nodata[b, 1], whole
                )
        if mask.size > 0:
            usable[b] &= mask
        every &= usable[b].all()
    rate_y, rate_x = min(1.0, 1.0 / scale[0]), min(1.0, 1.0 / scale[1])
    reach_y, reach_x = math.ceil(radius / rate_y), math.ceil(radius / rate_x)
    weights_y, weights_x = np.empty(2 * reach_y), np.empty(2 * reach_x)
    xs = np.empty(valid.shape[1])
    ys = np.empty(valid.shape[1])
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(valid.shape[1]):
            x, y = xs[j], ys[j]
            row = _pixel(y, full_height) - row0
            col = _pixel(x, full_width) - col0
            good = 0 <= row < height and 0 <= col < width
            # From here on row and col are the pixel up and left of the position, at most one outside of the window.
            below, beside = math.floor(y - 0.5), math.floor(x - 0.5)
            dy, dx = y - 0.5 - below, x - 0.5 - beside
            top, left = below - row0, beside - col0
            if good and widened:
                _weights(radius, rate_y, reach_y, dy, weights_y)
                _weights(radius, rate_x, reach_x, dx, weights_x)
            elif good and radius == 2:
                _weights(2, 1.0, 2, dy, weights_y)
                _weights(2, 1.0, 2, dx, weights_x)
            for b in range(bands):
                value, weight = 0.0, 0.0
                # GDAL makes nothing of a pixel whose own place is not usable, whatever lies around it.
                if good and usable[b, row, col]:
                    if widened:
                        value, weight = _many(
                            data[b], usable[b], every, top + 1 - reach_y, left + 1 - reach_x,
                            weights_y, weights_x,
                        )  # fmt: skip
                    elif radius == 2 and _sixteen(usable[b], every, top - 1, left - 1):
                        value, weight = _many(
                            data[b], usable[b], True, top - 1, left - 1, weights_y, weights_x
                        )
                    else:
                        value, weight = _four(data[b], usable[b], top, left, dy, dx)
                if weight < (LEAST_OF_MANY if widened else LEAST_OF_FOUR):
                    good = False
                    break
                value /= weight
                if whole:
                    value = min(max(math.floor(value + 0.5), limits[0]), limits[1])
                out[b, i, j] = value
            if not good:
                for b in range(bands):
                    out[b, i, j] = 0
            valid[i, j] = good


@njit(inline="always")
def _line(down: Any, nodes: Any, across: Any, line: Any) -> None:
    """Positions of a row of the target."""
    line[:] = 0.0
    for k in range(nodes.shape[1]):
        value = 0.0
        for m in range(nodes.shape[0]):
            value += down[m] * nodes[m, k]
        for j in range(line.size):
            line[j] += value * across[k, j]


@njit(inline="always")
def _pixel(position: float, size: int) -> int:
    """The pixel that a position lies in; a negative number that is none, wherever a window begins, where it lies in none."""
    if not (position >= 0 and position + EDGE_PX <= size):
        return -(2**40)
    return min(math.floor(position + EDGE_PX), size - 1)


@njit(inline="always")
def _usable(value: float, nodata: float, other: float, whole: bool) -> bool:
    return value != nodata and value != other and (whole or value - value == 0.0)


@njit(inline="always")
def _sixteen(usable: Any, every: bool, top: int, left: int) -> bool:
    """Whether the 16 pixels from there on are all in the window and usable."""
    if top < 0 or left < 0 or top + 4 > usable.shape[0] or left + 4 > usable.shape[1]:
        return False
    if not every:
        for row in range(top, top + 4):
            for col in range(left, left + 4):
                if not usable[row, col]:
                    return False
    return True


@njit(inline="always")
def _four(
    plane: Any, usable: Any, top: int, left: int, dy: float, dx: float
) -> tuple[float, float]:
    """Sum and weight of the usable ones of the 4 pixels around a position."""
    total = 0.0
    weight = 0.0
    for m in range(2):
        row = top + m
        if 0 <= row < plane.shape[0]:
            for k in range(2):
                col = left + k
                if 0 <= col < plane.shape[1] and usable[row, col]:
                    part = (dy if m else 1.0 - dy) * (dx if k else 1.0 - dx)
                    weight += part
                    total += part * plane[row, col]
    return total, weight


@njit(inline="never")
def _many(
    plane: Any, usable: Any, every: bool, top: int, left: int, weights_y: Any, weights_x: Any
) -> tuple[float, float]:
    """Sum and weight of the usable ones of the pixels from there on."""
    total = 0.0
    weight = 0.0
    first = max(0, -left)
    last = min(weights_x.size, plane.shape[1] - left)
    for m in range(max(0, -top), min(weights_y.size, plane.shape[0] - top)):
        row = top + m
        part = 0.0
        share = 0.0
        for k in range(first, last):
            if every or usable[row, left + k]:
                part += weights_x[k] * plane[row, left + k]
                share += weights_x[k]
        total += weights_y[m] * part
        weight += weights_y[m] * share
    return total, weight


@njit(inline="always")
def _weights(radius: int, rate: float, reach: int, delta: float, weights: Any) -> None:
    """Of pixels 1 - reach to reach, for a position `delta` past the centre of pixel 0."""
    for k in range(2 * reach):
        d = abs((k + 1 - reach - delta) * rate)
        value = 0.0
        if radius == 1:
            if d < 1.0:
                value = 1.0 - d
        elif d <= 1.0:
            value = d * d * (1.5 * d - 2.5) + 1.0
        elif d <= 2.0:
            value = d * d * (2.5 - 0.5 * d) - 4.0 * d + 2.0
        weights[k] = value
