"""Where the pixels of a grid lie in another CRS: a polynomial through a few exact points, with a bound on its error.

A transformation between two CRSs is as smooth as the earth is round, so over a tile it is a polynomial of low degree to
far more digits than a pixel needs. Chebyshev points make that safe: the error of the polynomial is largest at places
that are known beforehand, and there it is compared with the exact transformation. Where there is a jump (antimeridian,
pole, the end of a projection) no degree is good enough, and None says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform as transform_points

from eotiles.core.grid import Grid

Floats = NDArray[np.float64]

COUNTS = (4, 6, 9, 17, 33)
"""Exact points a side that are tried, fewest first: 4 do for the tiles of zoom 8 and finer, 33 for half the world."""

SAFETY = 2.0
"""Times the largest error that was measured is the bound."""

ROUNDING = 2.0**-50
"""What float64 adds to it, as a part of a coordinate: 6 nm of 5,000 km."""

POSITIONS_MAX = 2048
"""Polynomials that a process keeps, 0.5 KB each as a rule and 17 KB at most."""

WEIGHTS_MAX = 2**14
"""A table of weights with more numbers is not kept: 128 tables are 16 MB at most."""

CRS_MAX = 256
"""CRSs, and pairs of them, that a process keeps."""


@dataclass(frozen=True)
class Positions:
    """Coordinates of the pixel centres of a grid in another CRS, as polynomials."""

    x: Floats
    y: Floats
    """(n, n) float64. Exact coordinates at the Chebyshev points of the rows (first axis) and columns of the grid."""

    error_x: float
    error_y: float
    """No pixel is further off than this, in units of the CRS."""


def find_positions(target: Grid, crs: CRS, *, within: tuple[float, float]) -> Positions | None:
    """The pixels of a grid in another CRS; None where no polynomial is as exact as asked for.

    Args:
        target: whose pixels.
        crs: where to.
        within: error in x and in y that may remain, in units of `crs`.
    """
    shape = (target.height_px, target.width_px)
    counts: Sequence[int] = (2,) if _same(target.crs.wkt, crs.wkt) else COUNTS
    for count in counts:
        found = _fit(target.crs.wkt, crs.wkt, target.transform, shape, count)
        if found is None:
            return None
        if found.error_x <= within[0] and found.error_y <= within[1]:
            return found
    return None


def weights(count: int, places: int, *, reach: float = 1.0) -> Floats:
    """What each of `count` exact points weighs at evenly spaced places from the first pixel's centre to the last's.

    Args:
        count: exact points along the axis.
        places: how many.
        reach: 1: to the centres of the first and the last pixel; more: beyond; 0: all in the middle.

    Returns:
        (places, count) float64.
    """
    if count * places > WEIGHTS_MAX:
        return _spread(count, places, reach)
    return _kept(count, places, reach)


def edge_reach(size_px: int) -> float:
    """The `reach` of the outer edges of the first and the last pixel."""
    return size_px / max(size_px - 1, 1)


def _spread(count: int, places: int, reach: float) -> Floats:
    return _weights(count, np.linspace(-reach, reach, places))


_kept = lru_cache(maxsize=128)(_spread)


def _weights(count: int, where: Floats) -> Floats:
    values = chebvander(_chebyshev(count), count - 1).T * (2 / count)
    values[0] /= 2
    matrix: Floats = chebvander(where, count - 1) @ values
    return matrix


def _chebyshev(count: int) -> Floats:
    """The points between -1 and 1 that a polynomial should go through. None is an end: 180° is no place to ask for."""
    return np.cos(np.pi * (np.arange(count) + 0.5) / count)


@dataclass(frozen=True, eq=False)
class _Mesh:
    """Where the exact transformation is asked, -1 to 1 from the first pixel's centre to the last's."""

    down: Floats
    across: Floats
    """(n * n + (n + 1) * (n + 1),) float64: the Chebyshev points, then where the polynomial is furthest off."""

    check: Floats
    """(n + 1, n) float64: what the exact points weigh at the latter."""


@lru_cache(maxsize=len(COUNTS) + 1)
def _mesh(count: int) -> _Mesh:
    inner, outer = _chebyshev(count), np.cos(np.pi * np.arange(count + 1) / count)
    return _Mesh(
        down=np.concatenate([np.repeat(inner, len(inner)), np.repeat(outer, len(outer))]),
        across=np.concatenate([np.tile(inner, len(inner)), np.tile(outer, len(outer))]),
        check=_weights(count, outer),
    )


@lru_cache(maxsize=POSITIONS_MAX)
def _fit(
    from_wkt: str, to_wkt: str, transform: Affine, shape: tuple[int, int], count: int
) -> Positions | None:
    """Keyed by text: hashing a CRS takes longer than all the rest of a hit."""
    mesh = _mesh(count)
    # A single pixel is looked at from edge to edge, else nothing would be known of its size.
    down, across = (
        size / 2 + max(size - 1, 1) / 2 * places
        for size, places in zip(shape, (mesh.down, mesh.across), strict=True)
    )
    x = transform.a * across + transform.b * down + transform.c
    y = transform.d * across + transform.e * down + transform.f
    if not _same(from_wkt, to_wkt):
        try:
            # Not pyproj, which is faster by 40 µs: GDAL draws what we do not, with this PROJ and no other.
            xs, ys = transform_points(_crs(from_wkt), _crs(to_wkt), x, y)
        except (RasterioError, CPLE_BaseError):
            return None
        x, y = np.array(xs), np.array(ys)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    x, error_x = _checked(x, mesh.check)
    y, error_y = _checked(y, mesh.check)
    return Positions(x, y, error_x, error_y)


def _checked(values: Floats, check: Floats) -> tuple[Floats, float]:
    """The values at the exact points, (n, n), and a bound on the error of the polynomial through them."""
    count = check.shape[1]
    exact = values[: count**2].reshape(count, count)
    rest = values[count**2 :].reshape(count + 1, count + 1)
    error = np.abs(check @ exact @ check.T - rest).max()
    return exact, float(SAFETY * error + ROUNDING * np.abs(values).max())


@lru_cache(maxsize=CRS_MAX)
def _crs(wkt: str) -> CRS:
    return CRS.from_wkt(wkt)


@lru_cache(maxsize=CRS_MAX)
def _same(one_wkt: str, other_wkt: str) -> bool:
    return one_wkt == other_wkt or bool(_crs(one_wkt) == _crs(other_wkt))
