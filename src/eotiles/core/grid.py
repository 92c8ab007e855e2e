"""A Grid: the raster that is asked for, or the one that a file, or an overview of it, holds; and a Window of one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def bounds(self) -> Bounds:
        left, bottom, right, top = array_bounds(self.height_px, self.width_px, self.transform)
        return left, bottom, right, top

    @cached_property
    def place(self) -> Hashable:
        """Equal for grids that are; found as fast as text is."""
        return self.crs.wkt, tuple(self.transform), self.height_px, self.width_px


@dataclass(frozen=True)
class Window:
    """Pixels of a Grid: rows row0 to row1 and columns col0 to col1, the last ones excluded."""

    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def height_px(self) -> int:
        return self.row1 - self.row0

    @property
    def width_px(self) -> int:
        return self.col1 - self.col0
