"""Mosaics for TiTiler's factory: the items of a search, drawn on one grid, the first that has a pixel on top.

Differences from titiler-pgstac's backend, on purpose: its cache is not used, so that a deleted item is gone within a
second (catalog/known.py); whether a tile is full is decided by pixels, not by footprints, which lie wherever 'no data'
is; items bring their properties; SQL runs on the async pool of the process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import attr
from geojson_pydantic import Point, Polygon
from morecantile import Tile
from rasterio.crs import CRS
from rasterio.features import bounds as shape_bounds
from rasterio.warp import transform
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import (
    EmptyMosaicError,
    NoAssetFoundError,
    PointOutsideBounds,
    TileOutsideBounds,
)
from rio_tiler.models import ImageData, PointData
from rio_tiler.mosaic.methods.base import MosaicMethodBase
from titiler.pgstac.backend import PGSTACBackend
from titiler.pgstac.model import Search

from eotiles.catalog.items import Item
from eotiles.catalog.mosaic import ITEMS_MAX, Mosaic
from eotiles.core.errors import (
    AssetUnreadable,
    BadParameter,
    EotilesError,
    HrefRefused,
    Unavailable,
)
from eotiles.core.grid import Bounds, Grid
from eotiles.http.titiler.finder import Finder, public_item
from eotiles.http.titiler.images import blank
from eotiles.http.titiler.merging import LACKING, merge
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.shapes import (
    SECONDS_MAX,
    area,
    checked_box,
    checked_geometry,
    cut,
    in_time,
)
from eotiles.plan import Layer
from eotiles.read.grid import Size, check_tile, tile_grid

ITEMS_DEFAULT = 100


def checked_limit(items_limit: int | None) -> int:
    """How many items a mosaic's picture may be made of.

    Raises:
        BadParameter: out of range.
    """
    limit = ITEMS_DEFAULT if items_limit is None else items_limit
    if not 1 <= limit <= ITEMS_MAX:
        raise BadParameter(f"items_limit takes 1 to {ITEMS_MAX}, got {limit}")
    return limit


@attr.s
class MosaicBackend(PGSTACBackend):
    """Draws the items of a mosaic together."""

    input: Mosaic  # type: ignore[assignment]
    pool: None = attr.ib(default=None, init=False)  # type: ignore[assignment]
    """Not used: SQL goes through the finder."""

    finder: Finder = attr.ib(kw_only=True)
    started: float = attr.ib(factory=time.monotonic, init=False)

    # Where it lies

    @property
    def minzoom(self) -> int:  # type: ignore[override]
        declared = self._declared_zoom("minzoom")
        return min(low for low, _ in self._zooms) if declared is None else declared

    @property
    def maxzoom(self) -> int:  # type: ignore[override]
        declared = self._declared_zoom("maxzoom")
        return max(high for _, high in self._zooms) if declared is None else declared

    @property
    def bounds(self) -> Bounds:  # type: ignore[override]
        """Around everything that may be in it, in degrees."""
        if self.input.bounds is not None:
            return self.input.bounds
        boxes = [item.bbox for item in self.finder.sample(self.input) if item.bbox is not None]
        if not boxes:
            return (-180.0, -90.0, 180.0, 90.0)
        west, south, east, north = zip(*boxes, strict=True)
        return min(west), min(south), max(east), max(north)

    @cached_property
    def _zooms(self) -> list[tuple[int, int]]:
        """Of a few items that can be drawn; of the whole matrix set where there is none.

        A tile further out would be made of many items.
        """
        found: list[tuple[int, int]] = []
        for item in self.finder.sample(self.input):
            reader = self.reader(item, tms=self.tms, **self.reader_options)  # type: ignore[arg-type]
            with suppress(*LACKING, AssetUnreadable, HrefRefused):
                found.append(reader.zooms(smallest_px=256))  # type: ignore[attr-defined]
        return found or [(self.tms.minzoom, self.tms.maxzoom)]

    def _declared_zoom(self, name: str) -> int | None:
        """What was registered with the search; titiler-pgstac means zooms of web mercator tiles."""
        value = self.input.metadata.get(name)
        if not isinstance(value, int) or self.tms.id != "WebMercatorQuad":
            return None
        return min(max(value, self.tms.minzoom), self.tms.maxzoom)

    # What is in it

    def info(self) -> Search:  # type: ignore[override]
        """The search as titiler-pgstac describes it."""
        return Search.model_validate(self.finder.entry(self.input))

    def assets_for_tile(  # type: ignore[override]
        self, x: int, y: int, z: int, **options: Any
    ) -> list[dict[str, Any]]:
        """Items that touch a tile.

        Raises:
            TileOutsideMatrix: the matrix has no such tile.
        """
        check_tile(self.tms, x, y, z)
        return self.get_assets(Polygon.from_bounds(*self.tms.bounds(Tile(x, y, z))), **options)

    def get_assets(
        self, geom: Polygon | Point, items_limit: int | None = None, **ignored: Any
    ) -> list[dict[str, Any]]:
        """Items that touch a geometry, for people: where a file of this machine lies stays here."""
        found = self._find(geom.model_dump(exclude_none=True), items_limit=items_limit)
        return [public_item(item) for item in found]

    def _find(
        self, geometry: dict[str, Any], *, items_limit: int | None = None, **ignored: Any
    ) -> tuple[Item, ...]:
        """The items to draw from.

        scan_limit, time_limit, exitwhenfull and skipcovered are titiler-pgstac's, for a look-up that stops by
        footprints; here reading stops as soon as every pixel is filled, so they have nothing to do.
        """
        return self.finder.items(self.input, geometry, checked_limit(items_limit))

    def _find_in(
        self, bounds: Bounds, crs: CRS, options: dict[str, Any] | None
    ) -> tuple[Item, ...]:
        return self._find(area(bounds, crs), **(options or {}))

    # Pictures

    def tile(  # type: ignore[override]
        self,
        x: int,
        y: int,
        z: int,
        *,
        layer: Layer,
        reading: Reading,
        pixel_selection: type[MosaicMethodBase],
        tilesize: int | None = None,
        buffer: float = 0.0,
        search_options: dict[str, Any] | None = None,
        threads: int = 0,
    ) -> tuple[ImageData, list[str]]:
        """A tile and the items that it came from; empty where there are none."""
        check_tile(self.tms, x, y, z)
        grid = tile_grid(self.tms, x, y, z, size_px=tilesize, buffer_px=buffer)
        if buffer == 0:
            limit = checked_limit((search_options or {}).get("items_limit"))
            items = self.finder.tile_items(self.input, self.tms, x, y, z, limit)
        else:
            items = self._find_in(grid.bounds, grid.crs, search_options)
        try:
            return self._merge(items, grid, layer, reading, pixel_selection)
        except EmptyMosaicError:
            return blank(grid, layer), []

    def part(  # type: ignore[override]
        self,
        bbox: Sequence[float],
        *,
        layer: Layer,
        reading: Reading,
        pixel_selection: type[MosaicMethodBase],
        size: Size = Size(),
        bounds_crs: CRS = WGS84_CRS,
        dst_crs: CRS | None = None,
        align_bounds_with_dataset: bool = False,
        search_options: dict[str, Any] | None = None,
        threads: int = 0,
        geometry: dict[str, Any] | None = None,
    ) -> tuple[ImageData, list[str]]:
        """What lies in a box, on one grid: as fine as the first item where the size does not say otherwise.

        Raises:
            NoAssetFoundError: no item has a pixel there.
        """
        items = self._find_in(checked_box(bbox), bounds_crs, search_options)
        nothing = f"mosaic {self.input.title!r} has nothing in the area asked for"
        for item in items:
            reader = self.reader(item, **self.reader_options)  # type: ignore[arg-type]
            try:
                grid = reader.part_grid(  # type: ignore[attr-defined]
                    bbox,
                    layer=layer,
                    reading=reading,
                    size=size,
                    bounds_crs=bounds_crs,
                    dst_crs=dst_crs,
                    align=align_bounds_with_dataset,
                )
                break
            except (TileOutsideBounds, *LACKING):
                if item is items[-1]:
                    raise
        else:
            raise NoAssetFoundError(nothing)
        try:
            return self._merge(
                items, grid, layer, reading, pixel_selection, cutline=(geometry, bounds_crs)
            )
        except EmptyMosaicError as error:
            raise NoAssetFoundError(nothing) from error

    def feature(  # type: ignore[override]
        self,
        shape: dict[str, Any],
        *,
        shape_crs: CRS = WGS84_CRS,
        dst_crs: CRS | None = None,
        **options: Any,
    ) -> tuple[ImageData, list[str]]:
        """What lies in a GeoJSON feature."""
        in_time(self.started)
        geometry = dict(checked_geometry(shape))
        return self.part(
            shape_bounds(geometry),
            bounds_crs=shape_crs,
            dst_crs=dst_crs or shape_crs,
            geometry=geometry,
            **options,
        )

    def point(  # type: ignore[override]
        self,
        lon: float,
        lat: float,
        *,
        layer: Layer,
        reading: Reading,
        coord_crs: CRS = WGS84_CRS,
        search_options: dict[str, Any] | None = None,
        threads: int = 0,
    ) -> list[tuple[str, PointData]]:
        """The value of each item that has a pixel at the point, in their order.

        Raises:
            NoAssetFoundError: none has.
        """
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise BadParameter("a point takes finite coordinates")
        (west,), (north,) = transform(coord_crs, WGS84_CRS, [lon], [lat])
        here = {"type": "Point", "coordinates": [west, north]}
        values: list[tuple[str, PointData]] = []
        lacking: list[EotilesError] = []
        for item in self._find(here, **(search_options or {})):
            reader = self.reader(item, **self.reader_options)  # type: ignore[arg-type]
            try:
                found = reader.point(lon, lat, layer=layer, reading=reading, coord_crs=coord_crs)
            except PointOutsideBounds:
                continue
            except LACKING as error:
                lacking.append(error)
                continue
            values.append((str(item), found))
        if not values and lacking:
            raise lacking[0]
        if not values:
            raise NoAssetFoundError(f"mosaic {self.input.title!r} has nothing at {lon:g},{lat:g}")
        return values

    def _merge(
        self,
        items: Sequence[Item],
        grid: Grid,
        layer: Layer,
        reading: Reading,
        pixel_selection: type[MosaicMethodBase],
        *,
        cutline: tuple[dict[str, Any] | None, CRS] = (None, WGS84_CRS),
    ) -> tuple[ImageData, list[str]]:
        """Draw the items one after the other, until every pixel is filled.

        Raises:
            EmptyMosaicError: none of them touches the grid.
            Unavailable: it takes too long.
        """
        geometry, crs = cutline
        deadline = time.monotonic() + SECONDS_MAX

        def draw(item: Item) -> ImageData:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"mosaic {self.input.title!r} took longer than {SECONDS_MAX} s to draw; "
                    "ask for a smaller area, a higher zoom or fewer items"
                )
            reader = self.reader(item, tms=self.tms, **self.reader_options)  # type: ignore[arg-type]
            image: ImageData = reader.image(grid, layer=layer, reading=reading)  # type: ignore[attr-defined]
            return image if geometry is None else cut(image, geometry, crs)

        return merge(items, draw, selection=pixel_selection)
