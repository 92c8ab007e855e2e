"""A Grid: the raster that is asked for, or the one that a file, or an overview of it, holds."""

from __future__ import annotations

from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS
from rasterio.transform import array_bounds

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top in the units of a CRS."""


@dataclass(frozen=True)
class Grid:
    """CRS, affine transform and shape of a raster."""

    crs: CRS

    transform: Affine
    """From (column, row) to (x, y). (0, 0) is the outer corner of the first pixel, its centre is (0.5, 0.5)."""

    height_px: int
    width_px: int

    @property
    def bounds(self) -> Bounds:
        left, bottom, right, top = array_bounds(self.height_px, self.width_px, self.transform)
        return left, bottom, right, top
