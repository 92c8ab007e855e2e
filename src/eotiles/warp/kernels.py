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

LEAST_WEIGHT = 1e-6
"""Less weight of usable pixels than this is none."""

KERNELS = ("nearest", "bilinear", "cubic", "widened")
"""The last is bilinear or cubic where pixels of the target are coarser than those of the source."""


@lru_cache(maxsize=32)
def load_kernel(name: str, dtype: str) -> Kernel:
    """One of KERNELS for pixels of a type: from the cache on disk in 0.1 s, else compiled in seconds."""
    number = getattr(types, dtype)
    table = types.Array(types.float64, 2, "C", readonly=True)
    plane = types.Array(types.boolean, 2, "C", readonly=True)
    signature = types.void(
        types.Array(number, 3, "C", readonly=True),
        table, table, table, table,
        types.UniTuple(types.int64, 4),
        table, plane,
        types.UniTuple(types.float64, 2),
        types.int64,
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
    loop = {"nearest": _nearest, "bilinear": _bilinear, "cubic": _cubic, "widened": _widened}[name]
    try:
        kernel: Kernel = njit(signature, cache=True, **flags)(loop)
    except (RuntimeError, OSError):  # no folder that can be written to, or a full disk
        kernel = njit(signature, cache=False, **flags)(loop)
    return kernel


def _nearest(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    masked = mask.size > 0
    whole = limits[0] <= limits[1]
    across_px = valid.shape[1]
    xs, ys = np.empty(across_px), np.empty(across_px)
    places = np.empty(across_px, np.int64)  # in a band of the window, row by row; -1: outside
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(across_px):
            row, col = _pixel(ys[j], full_height) - row0, _pixel(xs[j], full_width) - col0
            inside = (0 <= row) & (row < height) & (0 <= col) & (col < width)
            places[j] = row * width + col if inside else -1
            valid[i, j] = inside
        if masked:
            flat_mask = mask.reshape(mask.size)
            for j in range(across_px):
                if places[j] >= 0 and not flat_mask[places[j]]:
                    places[j] = -1
                    valid[i, j] = False
        for b in range(bands):
            flat = data[b].reshape(height * width)
            for j in range(across_px):
                at = places[j]
                value = flat[max(at, 0)]
                good = (at >= 0) & _usable(float(value), nodata[b, 0], nodata[b, 1], whole)
                out[b, i, j] = value
                valid[i, j] &= good
        for b in range(bands):
            for j in range(across_px):
                if not valid[i, j]:
                    out[b, i, j] = 0


def _bilinear(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    xs, ys = np.empty(valid.shape[1]), np.empty(valid.shape[1])
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(valid.shape[1]):
            row, col = _pixel(ys[j], full_height) - row0, _pixel(xs[j], full_width) - col0
            good = (0 <= row) & (row < height) & (0 <= col) & (col < width)
            if good and not every:
                # GDAL makes nothing of a place that is not usable itself, whatever lies around it.
                for b in range(bands):
                    good &= usable[b, row, col]
            valid[i, j] = good
            if not good:
                for b in range(bands):
                    out[b, i, j] = 0
                continue
            y, x = ys[j] - 0.5, xs[j] - 0.5
            below, beside = math.floor(y), math.floor(x)
            dy, dx = y - below, x - beside
            top, left = below - row0, beside - col0
            for b in range(bands):
                value = _four(data, usable, every, b, top, left, dy, dx)
                out[b, i, j] = _stored(value, limits)


def _cubic(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    xs, ys = np.empty(valid.shape[1]), np.empty(valid.shape[1])
    wy, wx = np.empty(4), np.empty(4)
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(valid.shape[1]):
            row, col = _pixel(ys[j], full_height) - row0, _pixel(xs[j], full_width) - col0
            good = (0 <= row) & (row < height) & (0 <= col) & (col < width)
            if good and not every:
                # GDAL makes nothing of a place that is not usable itself, whatever lies around it.
                for b in range(bands):
                    good &= usable[b, row, col]
            valid[i, j] = good
            if not good:
                for b in range(bands):
                    out[b, i, j] = 0
                continue
            y, x = ys[j] - 0.5, xs[j] - 0.5
            below, beside = math.floor(y), math.floor(x)
            dy, dx = y - below, x - beside
            top, left = below - row0, beside - col0
            _weights(2, 1.0, 2, dy, wy)
            _weights(2, 1.0, 2, dx, wx)
            for b in range(bands):
                if _sixteen(usable, every, b, top - 1, left - 1):
                    value = 0.0
                    for m in range(4):
                        row = top - 1 + m
                        value += wy[m] * (
                            wx[0] * data[b, row, left - 1]
                            + wx[1] * data[b, row, left]
                            + wx[2] * data[b, row, left + 1]
                            + wx[3] * data[b, row, left + 2]
                        )
                else:
                    value = _four(data, usable, every, b, top, left, dy, dx)
                out[b, i, j] = _stored(value, limits)


def _widened(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    row0, col0, full_height, full_width = place
    bands, height, width = data.shape
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    xs, ys = np.empty(valid.shape[1]), np.empty(valid.shape[1])
    rate_y, rate_x = min(1.0, 1.0 / scale[0]), min(1.0, 1.0 / scale[1])
    reach_y, reach_x = math.ceil(radius / rate_y), math.ceil(radius / rate_x)
    wy, wx = np.empty(2 * reach_y), np.empty(2 * reach_x)
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(valid.shape[1]):
            row, col = _pixel(ys[j], full_height) - row0, _pixel(xs[j], full_width) - col0
            good = (0 <= row) & (row < height) & (0 <= col) & (col < width)
            if good and not every:
                # GDAL makes nothing of a place that is not usable itself, whatever lies around it.
                for b in range(bands):
                    good &= usable[b, row, col]
            valid[i, j] = good
            if not good:
                for b in range(bands):
                    out[b, i, j] = 0
                continue
            y, x = ys[j] - 0.5, xs[j] - 0.5
            below, beside = math.floor(y), math.floor(x)
            dy, dx = y - below, x - beside
            top, left = below - row0, beside - col0
            top, left = top + 1 - reach_y, left + 1 - reach_x
            _weights(radius, rate_y, reach_y, dy, wy)
            _weights(radius, rate_x, reach_x, dx, wx)
            for b in range(bands):
                value, weight = _many(data, usable, every, b, top, left, wy, wx)
                if weight < LEAST_WEIGHT:
                    valid[i, j] = False
                    for c in range(bands):
                        out[c, i, j] = 0
                    break
                out[b, i, j] = _stored(value / weight, limits)


@njit(error_model="numpy")
def _line(down: Any, nodes: Any, across: Any, line: Any) -> None:
    """Positions of a row of the target."""
    for k in range(nodes.shape[1]):
        value = 0.0
        for m in range(nodes.shape[0]):
            value += down[m] * nodes[m, k]
        if k == 0:
            for j in range(line.size):
                line[j] = value * across[k, j]
        else:
            for j in range(line.size):
                line[j] += value * across[k, j]


@njit(error_model="numpy")
def _pixel(position: float, size: int) -> int:
    """The pixel that a position lies in; a negative number that is none, wherever a window begins, where it lies in none."""
    if not (position >= 0 and position + EDGE_PX <= size):
        return -(2**40)
    return min(math.floor(position + EDGE_PX), size - 1)


@njit(error_model="numpy")
def _usable(value: float, nodata: float, other: float, whole: bool) -> bool:
    return value != nodata and value != other and (whole or value - value == 0.0)


@njit(error_model="numpy")
def _mark(data: Any, nodata: Any, mask: Any, limits: Any, usable: Any) -> bool:
    """Which pixels of the window are usable, and whether all are."""
    whole = limits[0] <= limits[1]
    masked = mask.size > 0
    every = True
    for b in range(data.shape[0]):
        for row in range(data.shape[1]):
            for col in range(data.shape[2]):
                good = _usable(float(data[b, row, col]), nodata[b, 0], nodata[b, 1], whole)
                usable[b, row, col] = good
                every &= good
            if masked:
                for col in range(data.shape[2]):
                    usable[b, row, col] &= mask[row, col]
                    every &= mask[row, col]
    return every


@njit(error_model="numpy")
def _stored(value: float, limits: Any) -> float:
    """What an integer type holds of a value, halves rounded up; other types hold the value."""
    if limits[0] > limits[1]:
        return value
    return min(max(np.floor(value + 0.5), limits[0]), limits[1])


@njit(error_model="numpy")
def _four(
    data: Any, usable: Any, every: bool, b: int, top: int, left: int, dy: float, dx: float
) -> float:
    """Mean of the usable ones of the 4 pixels around a place; one of them, where it lies, is."""
    height, width = data.shape[1:]
    if every and top >= 0 and left >= 0 and top + 1 < height and left + 1 < width:
        return (1.0 - dy) * ((1.0 - dx) * data[b, top, left] + dx * data[b, top, left + 1]) + dy * (
            (1.0 - dx) * data[b, top + 1, left] + dx * data[b, top + 1, left + 1]
        )
    total = 0.0
    weight = 0.0
    for m in range(2):
        row = top + m
        if 0 <= row < height:
            for k in range(2):
                col = left + k
                if 0 <= col < width and usable[b, row, col]:
                    part = (dy if m else 1.0 - dy) * (dx if k else 1.0 - dx)
                    weight += part
                    total += part * data[b, row, col]
    return total / weight


@njit(error_model="numpy")
def _sixteen(usable: Any, every: bool, b: int, top: int, left: int) -> bool:
    """Whether the 16 pixels from there on are all in the window and usable."""
    if top < 0 or left < 0 or top + 4 > usable.shape[1] or left + 4 > usable.shape[2]:
        return False
    if not every:
        for row in range(top, top + 4):
            for col in range(left, left + 4):
                if not usable[b, row, col]:
                    return False
    return True


@njit(error_model="numpy")
def _many(
    data: Any, usable: Any, every: bool, b: int, top: int, left: int, wy: Any, wx: Any
) -> tuple[float, float]:
    """Sum and weight of the usable ones of the pixels from there on."""
    total = 0.0
    weight = 0.0
    first, last = max(0, -left), min(wx.size, data.shape[2] - left)
    for m in range(max(0, -top), min(wy.size, data.shape[1] - top)):
        row = top + m
        part = 0.0
        share = 0.0
        for k in range(first, last):
            if every or usable[b, row, left + k]:
                part += wx[k] * data[b, row, left + k]
                share += wx[k]
        total += wy[m] * part
        weight += wy[m] * share
    return total, weight


@njit(error_model="numpy")
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
