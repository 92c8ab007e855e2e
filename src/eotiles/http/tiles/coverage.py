"""Coverage tiles: where a mosaic's items are so small and so many that drawing them would read far too much, their
footprints are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rio_tiler.constants import WGS84_CRS
from shapely.errors import GEOSException
from titiler.core.resources.enums import ImageType

from eotiles.catalog.items import Item
from eotiles.core.earth import degrees
from eotiles.core.grid import Grid
from eotiles.http.titiler.shapes import placed
from eotiles.render.picture import Picture, encode_picture

ITEMS_MAX = 32
"""Items that a tile is drawn from however small they are."""

SHARE_MIN = 1 / 8
"""Of a tile's side: larger items are drawn, however many there are, since few of them fill the tile."""

COLOURS = np.array([[0, 0, 0, 0], [46, 120, 200, 110], [46, 120, 200, 190]], np.uint8)
"""Nothing, a footprint, and the edge of one."""

UNPLACED = (RasterioError, CPLE_BaseError, ValueError, KeyError, TypeError, AttributeError)

HEADER = ("X-Coverage", "footprints")


def shows_coverage(items: Sequence[Item], grid: Grid, format: ImageType | None) -> bool:
    """Whether a tile of these items shows where they lie instead of what is in them. Only pictures that can be
    transparent do: numbers would be wrong, and JPEG would be black."""
    if len(items) <= ITEMS_MAX or format not in (None, ImageType.png, ImageType.webp):
        return False
    around = degrees(grid.bounds, grid.crs)
    if around is None or around[0] >= around[2]:
        return True  # the whole world, more or less
    sides = [
        max(
            (box[2] - box[0]) / (around[2] - around[0]), (box[3] - box[1]) / (around[3] - around[1])
        )
        for item in items
        if (box := item.bbox) is not None and box[0] <= box[2]
    ]
    return not sides or median(sides) < SHARE_MIN


def coverage_tile(items: Sequence[Item], grid: Grid) -> bytes:
    """A PNG of the footprints of items."""
    shapes = []
    for item in items:
        geometry = item.stac.get("geometry")
        if not isinstance(geometry, dict):
            continue
        try:
            shape = placed(geometry, WGS84_CRS, onto=grid.crs, bounds=grid.bounds)
        except (*UNPLACED, GEOSException):
            continue  # it has no place in this CRS, or is no geometry
        if not shape.is_empty:
            shapes.append(shape)
    size = grid.height_px, grid.width_px
    inside = np.zeros(size, np.uint8)
    if shapes:
        inside = rasterize(shapes, size, transform=grid.transform, all_touched=True, dtype="uint8")
    padded = np.pad(inside, 1, mode="edge")
    hollow = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    levels = np.where((inside == 1) & (hollow == 0), np.uint8(2), inside)
    content, _ = encode_picture(Picture(levels[None], np.ones(size, np.bool_), COLOURS), "png")
    return content
