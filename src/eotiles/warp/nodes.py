"""Nodes: where in a source the pixels of a tile lie, exact to a ten-thousandth of a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine

from eotiles.core.grid import Grid, Window
from eotiles.warp.positions import ROUNDING, Floats, Positions, find_positions, weights

ERROR_MAX_PX = 1e-4
"""A pixel may be this far from its exact place. Nearest then differs from the exact pixel on 0.02 % at most."""

SIDE_MAX_PX = 4096
"""A longer side is GDAL's."""

DEGREES_SLACK = 1e-9
"""A source that reaches this far past 180° still ends there."""

RADIUS = {"nearest": 0, "bilinear": 1, "cubic": 2}
"""Source pixels on each side that a pixel is made of, where it is not coarser than they are."""

METHODS = tuple(RADIUS)
"""What this station resamples; the other methods are GDAL's."""

WIDENED_ABOVE = 1 / 0.95
"""Source pixels to a pixel above which the kernel is widened, so that none is skipped. GDAL's number."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Positions in a source of n x n places of a target, and the polynomial through them for each of its pixels."""

    columns: Floats
    rows: Floats
    """(n, n) float64, source pixels. (0, 0) is the outer corner of the first pixel, its centre (0.5, 0.5)."""

    down: Floats
    across: Floats
    """(height, n) and (width, n) float64. Pixel (i, j) is in column down[i] @ columns @ across[j], and so for rows."""

    source_shape: tuple[int, int]
    """Height and width of the source in pixels."""

    scale: tuple[float, float]
    """Source pixels to a target pixel, down and across; more than 1: the target is coarser."""

    error_px: float
    """Bound on the distance of any target pixel from its exact place, along rows and along columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the target in pixels."""
        return len(self.down), len(self.across)

    @property
    def widened(self) -> bool:
        """Whether pixels of the target are so coarse that they are made of more source pixels than the radius."""
        return max(self.scale) > WIDENED_ABOVE

    def radii(self, method: str) -> tuple[int, int]:
        """How many source pixels away, down and across, a target pixel still is made of."""
        radius = RADIUS[method]
        down, across = (
            math.ceil(radius * factor) if self.widened and factor > 1 else radius
            for factor in self.scale
        )
        return down, across

    def window(self, method: str) -> Window | None:
        """What `resample` needs of the source; None where target and source have no place in common."""
        # A map folds nowhere where a polynomial fits it, so it is furthest out along the edges of the target.
        both = np.stack([self.rows, self.columns])
        edges = (
            self.down[[0, -1]] @ both @ self.across.T,
            self.down @ both @ self.across[[0, -1]].T,
        )
        top, left = np.minimum(*(edge.min(axis=(1, 2)) for edge in edges)).tolist()
        bottom, right = np.maximum(*(edge.max(axis=(1, 2)) for edge in edges)).tolist()
        height, width = self.source_shape
        if bottom < 0 or right < 0 or top > height or left > width:
            return None
        down, across = (radius + 1 for radius in self.radii(method))
        return Window(
            row0=max(0, math.floor(top) - down),
            row1=min(height, math.floor(bottom) + down + 1),
            col0=max(0, math.floor(left) - across),
            col1=min(width, math.floor(right) + across + 1),
        )


def find_nodes(target: Grid, source: Grid) -> Nodes | None:
    """Where the pixels of a target are in a source.

    None where GDAL has to do it: over the antimeridian or a pole, where a pixel has no place in the CRS of the source,
    and for targets that are too large.
    """
    positions = positions_for(target, source)
    if positions is None:
        return None
    inverse = ~source.transform
    columns, rows = source_places(positions, inverse)
    shape = (target.height_px, target.width_px)
    count = len(columns)
    # A lone pixel is its middle, although the exact points reach from edge to edge of it.
    down, across = (weights(count, size, reach=0.0 if size == 1 else 1.0) for size in shape)
    return Nodes(
        columns=columns,
        rows=rows,
        down=down,
        across=across,
        source_shape=(source.height_px, source.width_px),
        scale=_scale(columns, rows, shape),
        error_px=max(
            _error(inverse.a, inverse.b, inverse.c, columns, positions),
            _error(inverse.d, inverse.e, inverse.f, rows, positions),
        ),
    )


def positions_for(target: Grid, source: Grid) -> Positions | None:
    """Exact enough for the pixels of a source; None where GDAL has to do it."""
    if not (0 < target.height_px <= SIDE_MAX_PX and 0 < target.width_px <= SIDE_MAX_PX):
        return None
    if source.transform.determinant == 0 or _beyond_the_antimeridian(source):
        return None
    inverse = ~source.transform
    within = (
        ERROR_MAX_PX / 2 / max(abs(inverse.a), abs(inverse.d)),
        ERROR_MAX_PX / 2 / max(abs(inverse.b), abs(inverse.e)),
    )
    return find_positions(target, source.crs, within=within)


def source_places(positions: Positions, inverse: Affine) -> tuple[Floats, Floats]:
    """Columns and rows in a source, (n, n), of the places of which the positions are known."""
    x, y = positions.x, positions.y
    return (
        inverse.a * x + inverse.b * y + inverse.c,
        inverse.d * x + inverse.e * y + inverse.f,
    )


def _scale(columns: Floats, rows: Floats, shape: tuple[int, int]) -> tuple[float, float]:
    height, width = (max(size - 1, 1) for size in shape)
    ends = weights(len(columns), 2)
    down, across = (
        math.hypot(
            (abs(corner[1, 0] - corner[0, 0]) + abs(corner[1, 1] - corner[0, 1])) / 2 / height,
            (abs(corner[0, 1] - corner[0, 0]) + abs(corner[1, 1] - corner[1, 0])) / 2 / width,
        )
        for corner in (ends @ rows @ ends.T, ends @ columns @ ends.T)
    )
    return down, across


def _error(
    along_x: float, along_y: float, first: float, values: Floats, positions: Positions
) -> float:
    """Of columns or rows, when the positions that they are made of have an error."""
    rounding = ROUNDING * (abs(first) + float(np.abs(values).max()))
    return abs(along_x) * positions.error_x + abs(along_y) * positions.error_y + rounding


def _beyond_the_antimeridian(source: Grid) -> bool:
    """Whether a source counts degrees past 180: there GDAL goes around the world, a plain transformation does not."""
    if not source.crs.is_geographic:
        return False
    left, _, right, _ = source.bounds
    return left < -180 - DEGREES_SLACK or right > 180 + DEGREES_SLACK
