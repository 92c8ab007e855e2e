"""The inner loops of resampling. They mean what GDAL's warper means; `twin.py` says it in NumPy.

All of it stands in one file, because Numba's cache on disk notices a change of no other. The arguments, all in C order:

    data     (band, y, x) window of the source        columns, rows, down, across   of Nodes; across as (n, width)
    place    row and column in the source of the window's first pixel, height and width of the source
    nodata   (band, 2) float64                        mask      (y, x) bool as data, or of no size
    scale    of Nodes                                 radius    1: bilinear, 2: cubic; for `widened`
    limits   of the integer type, or upside down      out, valid   (band, y, x) and (y, x), filled
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

EDGE_PX = 1e-10
"""A position this little past a border of pixels is on it."""

NOWHERE = -(2**40)

LEAST_WEIGHT = 1e-6
"""Less weight of usable pixels than this is none."""


def nearest(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    bands, height, width = data.shape
    row0, col0, full_height, full_width = place
    whole = limits[0] <= limits[1]
    size = valid.shape[1]
    xs, ys, places = np.empty(size), np.empty(size), _ints(size)
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        for j in range(size):
            col, row = _pixel(xs[j], full_width) - col0, _pixel(ys[j], full_height) - row0
            inside = (col >= 0) & (col < width) & (row >= 0) & (row < height)
            places[j] = row * width + col if inside else 0
            valid[i, j] = inside
        if mask.size > 0:
            usable = mask.reshape(mask.size)
            for j in range(size):
                valid[i, j] &= usable[places[j]]
        for b in range(bands):
            pixels = data[b].reshape(height * width)
            for j in range(size):
                value = pixels[places[j]]
                out[b, i, j] = value
                valid[i, j] &= _usable(float(value), nodata[b, 0], nodata[b, 1], whole)
        _clear(out, valid, i)


def bilinear(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    bands, height, width = data.shape
    row0, col0, full_height, full_width = place
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    size = valid.shape[1]
    xs, own_x, left, dx = np.empty(size), _ints(size), _ints(size), np.empty(size)
    ys, own_y, top, dy = np.empty(size), _ints(size), _ints(size), np.empty(size)
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        _settle(xs, col0, width, full_width, own_x, left, dx)
        _settle(ys, row0, height, full_height, own_y, top, dy)
        _own(usable, every, own_y, own_x, valid[i])
        for b in range(bands):
            for j in range(size):
                if not valid[i, j]:
                    continue
                m, k = top[j], left[j]
                # In line: to hand arrays to a function takes longer than what it would do with them.
                if every and 0 <= m < height - 1 and 0 <= k < width - 1:
                    upper = (1.0 - dx[j]) * data[b, m, k] + dx[j] * data[b, m, k + 1]
                    lower = (1.0 - dx[j]) * data[b, m + 1, k] + dx[j] * data[b, m + 1, k + 1]
                    value = (1.0 - dy[j]) * upper + dy[j] * lower
                else:
                    value = _four(data, usable, b, m, k, dy[j], dx[j])
                out[b, i, j] = _stored(value, limits)
        _clear(out, valid, i)


def cubic(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    bands, height, width = data.shape
    row0, col0, full_height, full_width = place
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    size = valid.shape[1]
    xs, own_x, left, dx = np.empty(size), _ints(size), _ints(size), np.empty(size)
    ys, own_y, top, dy = np.empty(size), _ints(size), _ints(size), np.empty(size)
    wy, wx = np.empty((size, 4)), np.empty((size, 4))
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        _settle(xs, col0, width, full_width, own_x, left, dx)
        _settle(ys, row0, height, full_height, own_y, top, dy)
        _own(usable, every, own_y, own_x, valid[i])
        _weights(2, 1.0, dy, wy)
        _weights(2, 1.0, dx, wx)
        for b in range(bands):
            for j in range(size):
                if not valid[i, j]:
                    continue
                m, k = top[j] - 1, left[j] - 1
                inner = 0 <= m <= height - 4 and 0 <= k <= width - 4
                if inner and (every or _sixteen(usable, b, m, k)):
                    value = 0.0
                    for n in range(4):
                        value += wy[j, n] * (
                            wx[j, 0] * data[b, m + n, k]
                            + wx[j, 1] * data[b, m + n, k + 1]
                            + wx[j, 2] * data[b, m + n, k + 2]
                            + wx[j, 3] * data[b, m + n, k + 3]
                        )
                else:
                    value = _four(data, usable, b, m + 1, k + 1, dy[j], dx[j])
                out[b, i, j] = _stored(value, limits)
        _clear(out, valid, i)


def widened(
    data: Any, columns: Any, rows: Any, down: Any, across: Any, place: Any, nodata: Any, mask: Any,
    scale: Any, radius: Any, limits: Any, out: Any, valid: Any,
) -> None:  # fmt: skip
    bands, height, width = data.shape
    row0, col0, full_height, full_width = place
    usable = np.empty(data.shape, np.bool_)
    every = _mark(data, nodata, mask, limits, usable)
    size = valid.shape[1]
    xs, own_x, left, dx = np.empty(size), _ints(size), _ints(size), np.empty(size)
    ys, own_y, top, dy = np.empty(size), _ints(size), _ints(size), np.empty(size)
    rate_y, rate_x = min(1.0, 1.0 / scale[0]), min(1.0, 1.0 / scale[1])
    reach_y, reach_x = math.ceil(radius / rate_y), math.ceil(radius / rate_x)
    wy, wx = np.empty((size, 2 * reach_y)), np.empty((size, 2 * reach_x))
    wy_sum, wx_sum = np.empty(size), np.empty(size)
    for i in range(valid.shape[0]):
        _line(down[i], columns, across, xs)
        _line(down[i], rows, across, ys)
        _settle(xs, col0, width, full_width, own_x, left, dx)
        _settle(ys, row0, height, full_height, own_y, top, dy)
        _own(usable, every, own_y, own_x, valid[i])
        _weights(radius, rate_y, dy, wy)
        _weights(radius, rate_x, dx, wx)
        for j in range(size):
            wy_sum[j], wx_sum[j] = wy[j].sum(), wx[j].sum()
        for b in range(bands):
            for j in range(size):
                if not valid[i, j]:
                    continue
                m, k = top[j] + 1 - reach_y, left[j] + 1 - reach_x
                total, weight = 0.0, 0.0
                if every and 0 <= m <= height - 2 * reach_y and 0 <= k <= width - 2 * reach_x:
                    for n in range(2 * reach_y):
                        # Two sums, since an addition has to wait for the one before it.
                        even, odd = 0.0, 0.0
                        for p in range(0, 2 * reach_x, 2):
                            even += wx[j, p] * data[b, m + n, k + p]
                            odd += wx[j, p + 1] * data[b, m + n, k + p + 1]
                        total += wy[j, n] * (even + odd)
                    weight = wy_sum[j] * wx_sum[j]
                else:
                    for n in range(max(0, -m), min(2 * reach_y, height - m)):
                        part, share = 0.0, 0.0
                        for p in range(max(0, -k), min(2 * reach_x, width - k)):
                            if usable[b, m + n, k + p]:
                                part += wx[j, p] * data[b, m + n, k + p]
                                share += wx[j, p]
                        total += wy[j, n] * part
                        weight += wy[j, n] * share
                if weight < LEAST_WEIGHT:
                    valid[i, j] = False
                else:
                    out[b, i, j] = _stored(total / weight, limits)
        _clear(out, valid, i)


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
def _ints(size: int) -> Any:
    return np.empty(size, np.int64)


@njit(error_model="numpy")
def _pixel(position: float, size: int) -> int:
    """The pixel that a position lies in; one that no window has where it lies in none."""
    inside = (position >= 0.0) & (position + EDGE_PX <= size)
    place = position if inside else 0.0  # what is far away, or NaN, fits in no integer
    return min(math.floor(place + EDGE_PX), size - 1) if inside else NOWHERE


@njit(error_model="numpy")
def _settle(
    positions: Any, first: int, size: int, full: int, own: Any, before: Any, delta: Any
) -> None:
    """In one direction: the pixel of the window that each position lies in, or -1, the pixel whose centre is before the
    position, which may be outside the window, and how far before it is."""
    for j in range(positions.size):
        pixel = _pixel(positions[j], full) - first
        own[j] = pixel if (pixel >= 0) & (pixel < size) else -1
        position = positions[j] if own[j] >= 0 else 0.0
        lower = math.floor(position - 0.5)
        before[j] = lower - first
        delta[j] = position - 0.5 - lower


@njit(error_model="numpy")
def _own(usable: Any, every: bool, own_y: Any, own_x: Any, valid: Any) -> None:
    """Where a target pixel lies in a pixel that is usable in all bands. Of any other GDAL makes nothing, whatever lies
    around it."""
    for j in range(valid.size):
        valid[j] = (own_y[j] >= 0) & (own_x[j] >= 0)
    if not every:
        for b in range(usable.shape[0]):
            for j in range(valid.size):
                valid[j] &= usable[b, max(own_y[j], 0), max(own_x[j], 0)]


@njit(error_model="numpy")
def _clear(out: Any, valid: Any, i: int) -> None:
    for b in range(out.shape[0]):
        for j in range(out.shape[2]):
            out[b, i, j] = out[b, i, j] if valid[i, j] else 0


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
def _stored(value: float, limits: Any) -> Any:
    """What an integer type holds of a value, halves rounded up; other types hold the value."""
    if limits[0] > limits[1]:
        return value
    return min(max(float(math.floor(value + 0.5)), limits[0]), limits[1])


@njit(error_model="numpy")
def _four(data: Any, usable: Any, b: int, top: int, left: int, dy: float, dx: float) -> float:
    """Mean of the usable ones of the 4 pixels around a place; one of them, where it lies, is."""
    height, width = data.shape[1:]
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
def _sixteen(usable: Any, b: int, top: int, left: int) -> bool:
    """Whether the 16 pixels from there on are all usable."""
    for row in range(top, top + 4):
        for col in range(left, left + 4):
            if not usable[b, row, col]:
                return False
    return True


@njit(error_model="numpy")
def _weights(radius: int, rate: float, deltas: Any, weights: Any) -> None:
    """Of pixels 1 - reach to reach, where pixel 0 is `delta` before the position."""
    reach = weights.shape[1] // 2
    for j in range(deltas.size):
        for k in range(2 * reach):
            d = abs((k + 1 - reach - deltas[j]) * rate)
            if radius == 1:
                value = max(0.0, 1.0 - d)
            elif d <= 1.0:
                value = d * d * (1.5 * d - 2.5) + 1.0
            elif d <= 2.0:
                value = d * d * (2.5 - 0.5 * d) - 4.0 * d + 2.0
            else:
                value = 0.0
            weights[j, k] = value
