"""Grids of tiles and of parts of the world. Bands are warped onto them by georeference, whatever pixels they have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from morecantile import Tile, TileMatrixSet
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import array_bounds, from_bounds
from rasterio.warp import transform_bounds
from rio_tiler.utils import get_vrt_transform, output_size

from eotiles.core.errors import BadParameter, TileOutsideMatrix
from eotiles.core.grid import Bounds, Grid

NO_PLACE = "the area has no place in the CRS asked for"


@dataclass(frozen=True)
class Size:
    """How large a picture is asked for; what is None follows from the pixels of the finest band."""

    width_px: int | None = None
    height_px: int | None = None

    max_px: int | None = None
    """Longer side, when neither width nor height is given."""


def check_tile(tms: TileMatrixSet, x: int, y: int, z: int) -> None:
    """Refuse a tile that the matrix does not have.

    Raises:
        TileOutsideMatrix: z, x or y is out of range.
    """
    where = f"tile {z}/{x}/{y} lies outside tile matrix set {tms.id!r}"
    if not tms.minzoom <= z <= tms.maxzoom:
        raise TileOutsideMatrix(f"{where}: z is {tms.minzoom} to {tms.maxzoom}")
    matrix = tms.matrix(z)
    if not (0 <= x < matrix.matrixWidth and 0 <= y < matrix.matrixHeight):
        raise TileOutsideMatrix(
            f"{where}: at z {z}, x is 0 to {matrix.matrixWidth - 1} and y 0 to {matrix.matrixHeight - 1}"
        )


def tile_grid(
    tms: TileMatrixSet, x: int, y: int, z: int, *, size_px: int | None, buffer_px: float
) -> Grid:
    """The grid of a tile with `buffer_px` more on each side, a multiple of 0.5."""
    matrix = tms.matrix(z)
    left, bottom, right, top = tms.xy_bounds(Tile(x, y, z))
    width, height = size_px or matrix.tileWidth, size_px or matrix.tileHeight
    aside, above = (right - left) / width * buffer_px, (top - bottom) / height * buffer_px
    more = int(2 * buffer_px)
    return _grid(
        tms.rasterio_crs,
        (left - aside, bottom - above, right + aside, top + above),
        width + more,
        height + more,
    )


def part_grid(
    native: Grid, bounds: Bounds, *, bounds_crs: CRS, crs: CRS, size: Size, align: bool
) -> Grid:
    """The grid of a part of the world in `crs`, as fine as the native one where the size does not say otherwise.

    With `align` its edges are moved out to those of the native pixels.
    """
    try:
        if bounds_crs != crs:
            bounds = transform_bounds(bounds_crs, crs, *bounds, densify_pts=21)
        if not all(math.isfinite(edge) for edge in bounds):
            raise BadParameter(NO_PLACE)
        if bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
            raise BadParameter(
                "the area is empty: minx must be less than maxx and miny less than maxy"
            )
        transform, native_width, native_height = get_vrt_transform(
            _like_a_dataset(native), bounds, dst_crs=crs, align_bounds_with_dataset=align
        )
    except (RasterioError, CPLE_BaseError, ArithmeticError, ValueError) as error:
        raise BadParameter(NO_PLACE) from error
    bounds = array_bounds(native_height, native_width, transform)
    height, width = output_size(
        dataset_height=native_height,
        dataset_width=native_width,
        output_height=size.height_px,
        output_width=size.width_px,
        max_size=size.max_px if not (size.width_px or size.height_px) else None,
    )
    return _grid(crs, bounds, width, height)


def _like_a_dataset(grid: Grid) -> Any:
    """What rio-tiler asks a dataset for."""
    return SimpleNamespace(
        crs=grid.crs,
        transform=grid.transform,
        bounds=grid.bounds,
        width=grid.width_px,
        height=grid.height_px,
        # One as wide as the raster: rio-tiler then leaves the bounds as they are.
        block_shapes=((1, grid.width_px),),
    )


def _grid(crs: CRS, bounds: Bounds, width: int, height: int) -> Grid:
    return Grid(crs, from_bounds(*bounds, width, height), height, width)
