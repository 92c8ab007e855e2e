"""Pixels of a source on the grid of a target: nearest, bilinear or cubic, as GDAL would but without GDAL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.warp.compiled import KERNELS, load_kernel, working_type
from eotiles.warp.nodes import METHODS, RADIUS, Nodes

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""Types of pixels that there are kernels for; the others are GDAL's."""

_NAMES = {np.dtype(name): name for name in DTYPES}
"""NumPy makes the name of a type anew each time, in as long as a small kernel takes."""

WARMED = ("uint8", "uint16", "int16", "int32", "float32")
"""What a server meets: types that the strict reader reads."""

WORK_MAX = 2**31
"""Source pixels times target pixels times bands that one answer may be made of: some two seconds."""

WEIGHTS_MAX = 2**22
"""Weights that one row may need: 32 MB."""


class TooCoarse(Exception):
    """A target pixel is made of so many source pixels that the source needs overviews."""


def resample(
    data: NDArray[Any],
    nodes: Nodes,
    *,
    origin: tuple[int, int],
    method: str,
    nodata: NDArray[np.float64] | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """A window of a source on the target of the nodes.

    Args:
        data: (band, y, x), one of DTYPES. `Nodes.window(method)` of the source, or more.
        nodes: from `find_nodes(target, source)`.
        origin: row and column in the source of the first pixel of `data`.
        method: one of METHODS.
        nodata: (band, 2) float64. Values of each band that mean 'no data'; NaN where there are none or one.
        mask: (y, x) bool. True = usable, as far as the source's own mask says.

    Returns:
        data: (band, y, x), the type of `data`; 0 where invalid.
        valid: (y, x) bool. True = usable in every band. NaN and infinity are not.

    Raises:
        TooCoarse: it would take longer than a tile may.
    """
    kind = _NAMES.get(data.dtype)
    if data.ndim != 3 or kind is None or method not in METHODS:
        raise ValueError(f"cannot resample {data.dtype} of shape {data.shape} by {method!r}")
    check_work(nodes, method, bands=len(data))
    height, width = nodes.shape
    out = np.empty((len(data), height, width), data.dtype)
    valid = np.empty((height, width), np.bool_)
    if data.size == 0:
        out[:], valid[:] = 0, False
        return out, valid
    if mask is None:
        mask = np.empty((0, 0), np.bool_)
    elif mask.shape != data.shape[1:]:
        raise ValueError(f"mask {mask.shape} does not fit data {data.shape}")
    widened = nodes.widened and method != "nearest"
    name = "widened" if widened else method
    load_kernel(name, kind)(
        np.ascontiguousarray(data, working_type(name, kind)),
        nodes.columns,
        nodes.rows,
        nodes.down,
        np.ascontiguousarray(nodes.across.T),
        (*origin, *nodes.source_shape),
        _nodata(nodata, data),
        np.ascontiguousarray(mask),
        nodes.scale,
        RADIUS[method],
        _limits(data.dtype),
        out,
        valid,
    )
    return out, valid


def check_work(nodes: Nodes, method: str, *, bands: int) -> None:
    """Hold the work of one answer to WORK_MAX and WEIGHTS_MAX; to be asked before pixels are read.

    Raises:
        TooCoarse: it is more.
    """
    height, width = nodes.shape
    down, across = (max(2 * radius, 1) for radius in nodes.radii(method))
    work = height * width * bands * down * across
    if work > WORK_MAX or width * max(down, across) > WEIGHTS_MAX:
        raise TooCoarse


def warm(dtypes: Iterable[str] = WARMED, kernels: Iterable[str] = KERNELS) -> None:
    """Load, or compile, kernels for types of pixels: to be called when a process starts."""
    for name in kernels:
        for dtype in dtypes:
            load_kernel(name, dtype)


def _nodata(nodata: NDArray[np.float64] | None, data: NDArray[Any]) -> NDArray[np.float64]:
    if nodata is None:
        return np.full((len(data), 2), np.nan)
    if nodata.shape != (len(data), 2):
        raise ValueError(f"nodata {nodata.shape} does not fit data {data.shape}")
    if data.dtype == np.float32:
        with np.errstate(over="ignore"):  # then no pixel has it: infinity is never valid
            nodata = nodata.astype(np.float32)  # 0.1 is another number there
    return np.ascontiguousarray(nodata, np.float64)


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """What whole numbers are clipped to; upside down for others, which are not rounded either."""
    if dtype.kind == "f":
        return 1.0, 0.0
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
