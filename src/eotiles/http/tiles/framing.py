"""What the picture of a mosaic frames: all of it where its items can be seen, else its newest item. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.transform import from_bounds
from rasterio.warp import transform_bounds

from eotiles.catalog.items import BBox, Item
from eotiles.core.grid import Bounds, Grid
from eotiles.http.tiles.coverage import SHARE_MIN

NEWEST = 32
"""Items that are looked at first; a mosaic of fewer is known in full."""

AROUND = 1.5
"""Sides of an item that a picture around one has."""

FEW_SHARE = 1 / 32
"""Of the picture's side: where few items are smaller, one of them is shown instead of specks."""

MERCATOR = CRS.from_epsg(3857)
DEGREES = CRS.from_epsg(4326)
MERCATOR_NORTH = 84.0
"""Latitude up to which web mercator is bearable."""

LEAST_PX = 16
"""Shorter side of a picture, however long and narrow what it shows is."""


def framed(items: Sequence[Item], *, extent: BBox | None) -> tuple[BBox, bool] | None:
    """The box to be shown, and whether it is but a part of the mosaic; None where no item has a place.

    `items` are the newest ones, NEWEST at most; `extent` is around all that may be in the mosaic.
    """
    boxes = [box for item in items if (box := item.bbox) is not None and _is_plain(box)]
    if not boxes:
        return None
    around = _around(boxes)
    if len(items) >= NEWEST:
        is_known = extent is not None and _is_plain(extent)
        around = _around([around, extent]) if is_known and extent is not None else around
    least = SHARE_MIN if len(items) >= NEWEST else FEW_SHARE
    share = median(max(_side(box, 0, around), _side(box, 1, around)) for box in boxes)
    return (around, False) if share >= least else (_enlarged(boxes[0]), True)


def picture_grid(box: BBox, *, longest_px: int) -> Grid:
    """The grid of a picture of a box in degrees, in web mercator, near the poles in degrees."""
    west, south, east, north = box
    crs, bounds = DEGREES, (west, south, east, north)
    if max(abs(south), abs(north)) <= MERCATOR_NORTH or _is_wide(box):
        south, north = max(south, -MERCATOR_NORTH), min(north, MERCATOR_NORTH)
        try:
            projected: Bounds = transform_bounds(DEGREES, MERCATOR, west, south, east, north)
            crs, bounds = MERCATOR, projected
        except RasterioError:
            pass  # stays in degrees
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    scale = longest_px / max(width, height)
    size = max(LEAST_PX, round(width * scale)), max(LEAST_PX, round(height * scale))
    return Grid(crs, from_bounds(*bounds, *size), size[1], size[0])


def _is_plain(box: BBox) -> bool:
    """Whether a box has an area and does not cross the antimeridian."""
    return -180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90


def _is_wide(box: BBox) -> bool:
    return box[3] - box[1] > MERCATOR_NORTH


def _around(boxes: Sequence[BBox]) -> BBox:
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _side(box: BBox, axis: int, around: BBox) -> float:
    return (box[axis + 2] - box[axis]) / (around[axis + 2] - around[axis])


def _enlarged(box: BBox) -> BBox:
    """The box with as much of its surroundings as AROUND says."""
    more = (AROUND - 1) / 2
    wide, high = (box[2] - box[0]) * more, (box[3] - box[1]) * more
    return (
        max(box[0] - wide, -180.0),
        max(box[1] - high, -90.0),
        min(box[2] + wide, 180.0),
        min(box[3] + high, 90.0),
    )
