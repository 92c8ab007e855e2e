"""The reader that TiTiler's factories draw items with: rio-tiler's BaseReader over our own way of a tile."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attr
import numpy as np
from rasterio.crs import CRS
from rasterio.features import bounds as shape_bounds
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import BaseReader, Reader
from rio_tiler.models import BandStatistics, ImageData, Info, PointData

from eotiles.catalog.bands import raster_assets
from eotiles.catalog.frames import frame
from eotiles.catalog.items import Item
from eotiles.core.errors import BadParameter
from eotiles.core.grid import Bounds, Grid
from eotiles.core.watch import Watch
from eotiles.http.titiler.drawing import (
    Access,
    describe_step,
    draw_item,
    draw_plan,
    file_frame,
    open_files,
    plan_item,
    require_touch,
    sample_plan,
)
from eotiles.http.titiler.extent import SMALLEST_PX, Extent, extent, zooms
from eotiles.http.titiler.images import blank
from eotiles.http.titiler.layers import ALL
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.shapes import checked_box, checked_geometry, cut, in_time
from eotiles.plan import AssetChoice, Layer, Plan, plan_layer
from eotiles.read.files import Files
from eotiles.read.grid import Size, check_tile, part_grid, tile_grid


@attr.s
class ItemReader(BaseReader):
    """Draws layers of one item."""

    input: Item
    access: Access = attr.ib(kw_only=True)
    started: float = attr.ib(factory=time.monotonic, init=False)

    scope: Layer | None = attr.ib(default=None, kw_only=True)
    """The layer whose bounds and zooms are asked for; None: those of all assets together."""

    # Where it lies

    @cached_property
    def _extent(self) -> Extent | None:
        assets = raster_assets(self.input.stac)
        if self.scope is not None:
            plan = plan_layer(self.input.stac, self.scope, physical=False)
            assets = tuple(dict.fromkeys(step.asset for step in plan.steps))
        frames = [frame(self.input.stac, asset) for asset in assets]
        known = [found for found in frames if found is not None]
        if len(known) < len(frames) and (self.scope is not None or not known):
            with self._files() as files:
                known = [file_frame(files.grid(asset)) for asset in assets]
        return extent(known, common=self.scope is not None)

    @property
    def crs(self) -> CRS:
        return WGS84_CRS if self._extent is None else self._extent.crs

    @property
    def bounds(self) -> Bounds:  # type: ignore[override]
        if self._extent is not None:
            return self._extent.bounds
        return self.input.bbox or (-180.0, -90.0, 180.0, 90.0)

    @property
    def minzoom(self) -> int:
        return self.zooms(SMALLEST_PX)[0]

    @property
    def maxzoom(self) -> int:
        return self.zooms(SMALLEST_PX)[1]

    def zooms(self, smallest_px: int) -> tuple[int, int]:
        """Least and greatest zoom that are worth asking for; at the least the item is about `smallest_px` large."""
        if self._extent is None:
            return self.tms.minzoom, self.tms.maxzoom
        return zooms(self._extent.finest, self.tms, smallest_px=smallest_px)

    @property
    def assets(self) -> list[str]:
        """Assets that can be drawn."""
        return list(raster_assets(self.input.stac))

    # Pictures

    def tile(  # type: ignore[override]
        self,
        tile_x: int,
        tile_y: int,
        tile_z: int,
        *,
        layer: Layer,
        reading: Reading,
        tilesize: int | None = None,
        buffer: float = 0.0,
    ) -> ImageData:
        """A tile; outside the item it is empty.

        Raises:
            TileOutsideMatrix: the matrix has no such tile.
        """
        check_tile(self.tms, tile_x, tile_y, tile_z)
        grid = tile_grid(self.tms, tile_x, tile_y, tile_z, size_px=tilesize, buffer_px=buffer)
        try:
            return self.image(grid, layer=layer, reading=reading)
        except TileOutsideBounds:
            return blank(grid, layer)

    def image(self, grid: Grid, *, layer: Layer, reading: Reading) -> ImageData:
        """The layer on a grid.

        Raises:
            TileOutsideBounds: the item's footprint does not touch the grid.
        """
        return draw_item(
            self.input, grid, layer=layer, reading=reading, access=self.access, watch=Watch()
        )

    def part(  # type: ignore[override]
        self,
        bbox: Sequence[float],
        *,
        layer: Layer,
        reading: Reading,
        size: Size = Size(),
        bounds_crs: CRS = WGS84_CRS,
        dst_crs: CRS | None = None,
        align_bounds_with_dataset: bool = False,
    ) -> ImageData:
        """What lies in a box; `dst_crs` is that of the box unless given."""
        plan = self._plan(layer, reading)
        with self._files() as files:
            grid = self._part_grid(
                files,
                plan,
                bbox,
                size=size,
                bounds_crs=bounds_crs,
                crs=dst_crs,
                align=align_bounds_with_dataset,
            )
            return draw_plan(
                files, plan, grid, reading, max_pixels=self.access.max_pixels, watch=Watch()
            )

    def part_grid(
        self,
        bbox: Sequence[float],
        *,
        layer: Layer,
        reading: Reading,
        size: Size,
        bounds_crs: CRS,
        dst_crs: CRS | None,
        align: bool,
    ) -> Grid:
        """The grid that `part` would draw on, so that a mosaic's other items can be drawn on it too."""
        plan = self._plan(layer, reading)
        with self._files() as files:
            return self._part_grid(
                files, plan, bbox, size=size, bounds_crs=bounds_crs, crs=dst_crs, align=align
            )

    def preview(  # type: ignore[override]
        self,
        *,
        layer: Layer,
        reading: Reading,
        size: Size = Size(max_px=1024),
        dst_crs: CRS | None = None,
    ) -> ImageData:
        """The whole layer: where all its bands have pixels, in the CRS of the finest unless another is given."""
        plan = self._plan(layer, reading)
        assets = [step.asset for step in plan.steps]
        with self._files() as files:
            finest = files.finest(assets)
            crs = dst_crs or finest.crs
            bounds = files.common_bounds(assets, crs)
            grid = part_grid(finest, bounds, bounds_crs=crs, crs=crs, size=size, align=False)
            return draw_plan(
                files, plan, grid, reading, max_pixels=self.access.max_pixels, watch=Watch()
            )

    def feature(  # type: ignore[override]
        self,
        shape: dict[str, Any],
        *,
        layer: Layer,
        reading: Reading,
        size: Size = Size(),
        shape_crs: CRS = WGS84_CRS,
        dst_crs: CRS | None = None,
        align_bounds_with_dataset: bool = False,
    ) -> ImageData:
        """What lies in a GeoJSON feature or geometry."""
        in_time(self.started)
        geometry = checked_geometry(shape)
        image = self.part(
            shape_bounds(geometry),
            layer=layer,
            reading=reading,
            size=size,
            bounds_crs=shape_crs,
            dst_crs=dst_crs or shape_crs,
            align_bounds_with_dataset=align_bounds_with_dataset,
        )
        return cut(image, geometry, shape_crs)

    def point(  # type: ignore[override]
        self,
        lon: float,
        lat: float,
        *,
        layer: Layer,
        reading: Reading,
        coord_crs: CRS = WGS84_CRS,
    ) -> PointData:
        """The layer's value in the pixel that holds a point.

        Raises:
            PointOutsideBounds: a band has no pixel there.
        """
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise BadParameter("a point takes finite coordinates")
        plan = self._plan(layer, reading)
        with self._files() as files:
            raster = sample_plan(files, plan, (lon, lat), crs=coord_crs, reading=reading)
        return PointData(
            np.ma.MaskedArray(
                raster.data[:, 0, 0], mask=~np.repeat(raster.valid[0], len(raster.names))
            ),
            band_names=[f"b{number + 1}" for number in range(len(raster.names))],
            band_descriptions=list(raster.names),
            coordinates=(lon, lat),
            crs=coord_crs,
        )

    # Descriptions

    def info(self, assets: Sequence[str] | None = None) -> dict[str, Info]:  # type: ignore[override]
        """What files say about themselves, and what the numbers of their bands mean here (`radiometry`).

        TileJSON asks without assets and uses nothing of it: no file is opened.
        """
        found: dict[str, Info] = {}
        names = self.assets if list(assets or ()) == [ALL] else assets or ()
        with self._files() as files:
            for asset in names:
                with Reader(None, dataset=files.dataset(asset), tms=self.tms) as reader:
                    info = reader.info()
                layer = Layer(assets=(AssetChoice(asset),))
                (step,) = plan_layer(self.input.stac, layer, physical=False).steps
                found[asset] = info.model_copy(update={"radiometry": describe_step(files, step)})
        return found

    def statistics(  # type: ignore[override]
        self,
        assets: Sequence[str] | None = None,
        *,
        reading: Reading,
        size: Size,
        categorical: bool = False,
        categories: list[float] | None = None,
        percentiles: list[int] | None = None,
        hist_options: dict[str, Any] | None = None,
    ) -> dict[str, dict[str, BandStatistics]]:
        """Statistics of each asset's own preview."""
        names = self.assets if list(assets or ()) == [ALL] else assets or ()
        return {
            asset: self.preview(
                layer=Layer(assets=(AssetChoice(asset),)), reading=reading, size=size
            ).statistics(
                categorical=categorical,
                categories=categories,
                percentiles=percentiles,
                hist_options=hist_options,
            )
            for asset in names
        }

    def _plan(self, layer: Layer, reading: Reading) -> Plan:
        return plan_item(self.input, layer, reading)

    def _files(self) -> Files:
        return open_files(self.input, self.access)

    def _part_grid(
        self,
        files: Files,
        plan: Plan,
        bbox: Sequence[float],
        *,
        size: Size,
        bounds_crs: CRS,
        crs: CRS | None,
        align: bool,
    ) -> Grid:
        bounds = checked_box(bbox)
        require_touch(self.input, bounds, bounds_crs)
        finest = files.finest([step.asset for step in plan.steps])
        crs = crs or bounds_crs
        return part_grid(finest, bounds, bounds_crs=bounds_crs, crs=crs, size=size, align=align)
