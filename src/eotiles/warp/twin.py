"""The NumPy twin of the kernels: the same meaning without Numba, all pixels at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.warp.kernels import EDGE_PX, LEAST_WEIGHT
from eotiles.warp.nodes import Nodes
from eotiles.warp.positions import Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def resample(
    data: NDArray[Any],
    nodes: Nodes,
    *,
    origin: tuple[int, int],
    method: str,
    nodata: Floats | None = None,
    mask: Bools | None = None,
) -> tuple[NDArray[Any], Bools]:
    """What `resample.resample` returns for the same arguments."""
    x = nodes.down @ nodes.columns @ nodes.across.T
    y = nodes.down @ nodes.rows @ nodes.across.T
    full_height, full_width = nodes.source_shape
    valid = (x >= 0) & (x + EDGE_PX <= full_width) & (y >= 0) & (y + EDGE_PX <= full_height)
    x, y = np.where(valid, x, 0.0) - origin[1], np.where(valid, y, 0.0) - origin[0]
    own_x = np.minimum(np.floor(x + EDGE_PX).astype(int), full_width - 1 - origin[1])
    own_y = np.minimum(np.floor(y + EDGE_PX).astype(int), full_height - 1 - origin[0])
    out = np.zeros((len(data), *nodes.shape), data.dtype)
    for plane, result, none in zip(
        data, out, np.full((len(data), 2), np.nan) if nodata is None else nodata, strict=True
    ):
        usable = np.isfinite(plane) & (True if mask is None else mask)
        for value in none.astype(data.dtype) if data.dtype == np.float32 else none:
            usable &= plane != value
        valid &= _take(usable, own_y, own_x, False)
        if method == "nearest":
            result[:] = _take(plane, own_y, own_x, 0)
            continue
        value, weight = _mean(plane, usable, y, x, method=method, nodes=nodes)
        valid &= weight >= LEAST_WEIGHT
        if data.dtype.kind in "iu":
            limits = np.iinfo(data.dtype)
            value = np.clip(np.floor(value + 0.5), limits.min, limits.max)
        result[:] = np.where(valid, value, 0)
    return np.where(valid, out, np.zeros((), data.dtype)), valid


def _mean(
    plane: NDArray[Any], usable: Bools, y: Floats, x: Floats, *, method: str, nodes: Nodes
) -> tuple[Floats, Floats]:
    """Mean of the usable pixels around each position by their weights, and the sum of those weights."""
    if nodes.widened:
        value, weight, _ = _sums(plane, usable, y, x, method=method, scale=nodes.scale)
    else:
        value, weight, _ = _sums(plane, usable, y, x, method="bilinear", scale=(1.0, 1.0))
        if method == "cubic":
            # Where one of the 16 pixels is missing, as at an edge, it is bilinear.
            cubic, whole, count = _sums(plane, usable, y, x, method="cubic", scale=(1.0, 1.0))
            value, weight = (
                np.where(count == 16, cubic, value),
                np.where(count == 16, whole, weight),
            )
    with np.errstate(all="ignore"):
        return np.where(weight > 0, value / weight, 0.0), weight


def _sums(
    plane: NDArray[Any],
    usable: Bools,
    y: Floats,
    x: Floats,
    *,
    method: str,
    scale: tuple[float, float],
) -> tuple[Floats, Floats, Ints]:
    """Weighted sum, sum of weights and number of the usable pixels around each position."""
    radius = 2 if method == "cubic" else 1
    rates = [min(1.0, 1.0 / factor) for factor in scale]
    reaches = [int(np.ceil(radius / rate)) for rate in rates]
    top, left = np.floor(y - 0.5).astype(int), np.floor(x - 0.5).astype(int)
    values = np.where(usable, plane, 0).astype(np.float64)
    total, weight = np.zeros(y.shape), np.zeros(y.shape)
    count = np.zeros(y.shape, np.int64)
    for m in range(1 - reaches[0], reaches[0] + 1):
        for n in range(1 - reaches[1], reaches[1] + 1):
            there = _take(usable, top + m, left + n, False)
            share = _kernel(method, (top + m + 0.5 - y) * rates[0])
            share = share * _kernel(method, (left + n + 0.5 - x) * rates[1])
            total += share * _take(values, top + m, left + n, 0.0)
            weight += np.where(there, share, 0.0)
            count += there
    return total, weight, count


def _kernel(method: str, distance: Floats) -> Floats:
    d = np.abs(distance)
    if method == "bilinear":
        return np.maximum(0.0, 1.0 - d)
    near = d**2 * (1.5 * d - 2.5) + 1.0
    far = d**2 * (2.5 - 0.5 * d) - 4.0 * d + 2.0
    return np.where(d <= 1.0, near, np.where(d <= 2.0, far, 0.0))


def _take(plane: NDArray[Any], row: Ints, col: Ints, outside: float | bool) -> NDArray[Any]:
    height, width = plane.shape
    inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    return np.where(inside, plane[np.clip(row, 0, height - 1), np.clip(col, 0, width - 1)], outside)
