"""Tiles by the block: which part of a mosaic is listed once, so that all tiles in it are served from the list. Pure."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import shapely
from morecantile import Tile, TileMatrixSet
from numpy.typing import NDArray
from pyproj import Transformer

from eotiles.catalog.items import BBox
from eotiles.catalog.mosaic import Listed

BLOCK_SHIFT = 3
"""A block has 2**3 × 2**3 tiles: about a viewport."""

ITEMS_MAX = 250
"""Items of a block that is served from its list; where there are more, each tile asks for itself."""

COARSER = 2
"""A tile is also served by the blocks of so many zooms further out, where they are known already."""

_MARGIN = 1e-3
"""Of a block's width and height: its tiles in degrees may reach over it by what densified edges leave out."""

_WORLD: BBox = (-180.0, -90.0, 180.0, 90.0)
_TRANSFORMERS = 256
_SIMPLE = [
    shapely.GeometryType.POINT,
    shapely.GeometryType.LINESTRING,
    shapely.GeometryType.POLYGON,
    shapely.GeometryType.MULTIPOINT,
    shapely.GeometryType.MULTILINESTRING,
    shapely.GeometryType.MULTIPOLYGON,
]


@dataclass(frozen=True)
class Block:
    """A list of items, best first, that is complete within a box; or too long to be one."""

    box: BBox
    names: tuple[tuple[str, str], ...]
    """Collection and id."""

    footprints: NDArray[Any]
    """(item,) of prepared shapely geometries, WGS 84."""

    is_complete: bool

    @classmethod
    def of(cls, box: BBox, listed: Sequence[Listed]) -> Self:
        """From the first ITEMS_MAX + 1 items in a box.

        Where a footprint is not valid, PostgreSQL's opinion of what it touches is not for us to guess: such a list
        counts as too long.
        """
        nothing = cls(box, (), np.empty(0, object), False)
        if len(listed) > ITEMS_MAX:
            return nothing
        try:
            footprints = shapely.from_wkb([each.footprint for each in listed])
        except shapely.errors.ShapelyError:
            return nothing
        is_plain = np.isin(shapely.get_type_id(footprints), _SIMPLE)
        if not (is_plain & shapely.is_valid(footprints)).all():
            return nothing
        shapely.prepare(footprints)
        names = tuple((each.collection, each.id) for each in listed)
        return cls(box, names, footprints, True)

    def contains(self, box: BBox) -> bool:
        """Whether everything that touches `box` is in the list."""
        west, south, east, north = self.box
        return west <= box[0] and south <= box[1] and box[2] <= east and box[3] <= north

    def touching(self, box: BBox, *, limit: int) -> tuple[tuple[str, str], ...]:
        """The first `limit` items that touch a box within the block."""
        if not self.names:
            return ()
        touches = shapely.intersects(self.footprints, shapely.box(*box))
        return tuple(self.names[number] for number in np.flatnonzero(touches)[:limit])

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory: text, and geometries with what is prepared of them."""
        text = sum(len(name) + len(collection) + 200 for collection, name in self.names)
        return 500 + text + 200 * int(shapely.get_num_coordinates(self.footprints).sum())


def degrees_box(tms: TileMatrixSet, bounds: BBox) -> BBox:
    """The box in degrees around a box in the CRS of a matrix set; the whole breadth across the antimeridian."""
    transformer = _transformer(tms.rasterio_crs.wkt, threading.get_ident())
    box = transformer.transform_bounds(*bounds, densify_pts=21)
    west, south, east, north = box
    if not all(math.isfinite(edge) for edge in box):
        return _WORLD
    if west > east:
        west, east = -180.0, 180.0
    return max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)


@lru_cache(_TRANSFORMERS)
def _transformer(crs: str, thread: int) -> Transformer:
    """One a thread, which is how PROJ wants it. rasterio's transform_bounds makes one each time: 500 µs for 9."""
    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def polygon(box: BBox) -> dict[str, Any]:
    """A box as GeoJSON."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def tile_box(tms: TileMatrixSet, x: int, y: int, z: int) -> BBox:
    """Around a tile, in degrees."""
    return degrees_box(tms, tms.xy_bounds(Tile(x, y, z)))


def block_box(tms: TileMatrixSet, x: int, y: int, z: int) -> BBox:
    """Around the block that a tile lies in, in degrees, with a margin; it need not hold the tile (Block.contains)."""
    matrix = tms.matrix(z)
    first = (x >> BLOCK_SHIFT << BLOCK_SHIFT, y >> BLOCK_SHIFT << BLOCK_SHIFT)
    more = (1 << BLOCK_SHIFT) - 1
    last = (
        min(first[0] + more, matrix.matrixWidth - 1),
        min(first[1] + more, matrix.matrixHeight - 1),
    )
    one = tms.xy_bounds(Tile(*first, z))
    other = tms.xy_bounds(Tile(*last, z))
    left, right = min(one[0], other[0]), max(one[2], other[2])
    bottom, top = min(one[1], other[1]), max(one[3], other[3])
    west, south, east, north = degrees_box(tms, (left, bottom, right, top))
    aside, above = (east - west) * _MARGIN, (north - south) * _MARGIN
    return west - aside, south - above, east + aside, north + above
