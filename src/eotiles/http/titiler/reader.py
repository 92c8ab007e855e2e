"""The reader that TiTiler's factories draw items with: rio-tiler's BaseReader over our own way of a tile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import attr
import numpy as np
from rasterio.crs import CRS
from rasterio.features import bounds as shape_bounds
from rasterio.warp import transform_bounds
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import PointOutsideBounds, TileOutsideBounds
from rio_tiler.io import BaseReader, Reader
from rio_tiler.models import BandStatistics, ImageData, Info, PointData

from eotiles.catalog.bands import geotiff_assets
from eotiles.catalog.frames import Frame, frame
from eotiles.catalog.items import Item
from eotiles.core.errors import BadParameter, UnknownAsset
from eotiles.http.titiler.extent import Extent, extent, zooms
from eotiles.http.titiler.images import blank, to_image
from eotiles.http.titiler.layers import ALL
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.shapes import checked_box, checked_geometry, cut
from eotiles.plan import AssetChoice, Layer, Plan, Step, name_of, plan_layer
from eotiles.read.files import Files
from eotiles.read.grid import Bounds, Grid, Size, check_tile, part_grid, tile_grid
from eotiles.read.hrefs import AllowList
from eotiles.read.pixels import Nodata
from eotiles.tiler import evaluate


@dataclass(frozen=True)
class Access:
    """What a reader may open, and how much it may make of it."""

    roots: AllowList
    max_pixels: int


@attr.s
class ItemReader(BaseReader):
    """Draws layers of one item."""

    input: Item = attr.ib()  # type: ignore[misc]
    access: Access = attr.ib(kw_only=True)

    scope: Layer | None = attr.ib(default=None, kw_only=True)
    """The layer whose bounds and zooms are asked for; None: those of all assets together."""

    # Where it lies

    @cached_property
    def _extent(self) -> Extent | None:
        assets = geotiff_assets(self.input.stac)
        if self.scope is not None:
            plan = plan_layer(self.input.stac, self.scope, physical=False)
            assets = tuple(dict.fromkeys(step.asset for step in plan.steps))
        frames = [frame(self.input.stac, asset) for asset in assets]
        known = [found for found in frames if found is not None]
        if len(known) < len(frames) and (self.scope is not None or not known):
            with self._files() as files:
                known = [_frame(files.dataset(asset)) for asset in assets]
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
        return self.tms.minzoom if self._extent is None else zooms(self._extent.finest, self.tms)[0]

    @property
    def maxzoom(self) -> int:
        return self.tms.maxzoom if self._extent is None else zooms(self._extent.finest, self.tms)[1]

    @property
    def assets(self) -> list[str]:
        """Assets that can be drawn."""
        return list(geotiff_assets(self.input.stac))

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
        plan = self._plan(layer, reading)
        self._require_touch(grid.bounds, grid.crs)
        with self._files() as files:
            return self._draw(files, plan, grid, reading)

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
            return self._draw(files, plan, grid, reading)

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
            return self._draw(files, plan, grid, reading)

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
        outside = f"point {lon:g},{lat:g} lies outside item {name_of(self.input.stac)}"
        with self._files() as files:

            def read(step: Step) -> Any:
                nodata = _nodata(step, reading)
                found = files.sample(
                    step.asset, step.bands, (lon, lat), crs=coord_crs, nodata=nodata
                )
                if found is None:
                    raise PointOutsideBounds(outside)
                return found

            raster = evaluate(plan, read)
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
        """What files say about themselves. TileJSON asks without assets and uses nothing of it: no file is opened."""
        found: dict[str, Info] = {}
        names = self.assets if list(assets or ()) == [ALL] else assets or ()
        with self._files() as files:
            for asset in names:
                self._require(asset)
                with Reader(None, dataset=files.dataset(asset), tms=self.tms) as reader:
                    found[asset] = reader.info()
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

    # Steps

    def _plan(self, layer: Layer, reading: Reading) -> Plan:
        return plan_layer(self.input.stac, layer, physical=reading.physical)

    def _files(self) -> Files:
        item = name_of(self.input.stac)
        return Files(item=item, locate=self._locate)

    def _locate(self, asset: str) -> str:
        self._require(asset)
        href = self.input.assets[asset]["href"]
        return self.access.roots.locate(href, asset=asset, item=name_of(self.input.stac))

    def _require(self, asset: str) -> None:
        if asset not in self.assets:
            raise UnknownAsset(f"item {name_of(self.input.stac)} has no GeoTIFF asset {asset!r}")

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
        left, bottom, right, top = checked_box(bbox)
        self._require_touch((left, bottom, right, top), bounds_crs)
        return part_grid(
            files.finest([step.asset for step in plan.steps]),
            (left, bottom, right, top),
            bounds_crs=bounds_crs,
            crs=crs or bounds_crs,
            size=size,
            align=align,
        )

    def _draw(self, files: Files, plan: Plan, grid: Grid, reading: Reading) -> ImageData:
        self._afford(plan, grid)

        def read(step: Step) -> Any:
            nodata = _nodata(step, reading)
            return files.read(
                step.asset, step.bands, grid, nodata=nodata, resampling=reading.resampling
            )

        return to_image(evaluate(plan, read), grid)

    def _afford(self, plan: Plan, grid: Grid) -> None:
        """Hold an answer to its bound before a pixel is read."""
        pixels = grid.width_px * grid.height_px
        bands = sum(len(step.bands) or len(step.sources) or 1 for step in plan.steps)
        if pixels * max(bands, 4) > 4 * self.access.max_pixels:
            raise BadParameter(
                f"{grid.width_px} × {grid.height_px} pixels of {bands} bands are too many; "
                "ask for a smaller width, height or max_size"
            )

    def _require_touch(self, bounds: Bounds, crs: CRS) -> None:
        """Raise TileOutsideBounds where the catalogue knows that nothing is there, before a file is opened."""
        box = self.input.bbox
        if box is None or box[0] > box[2]:
            return
        west, south, east, north = (
            bounds
            if crs == WGS84_CRS
            else transform_bounds(crs, WGS84_CRS, *bounds, densify_pts=21)
        )
        if not all(math.isfinite(edge) for edge in (west, south, east, north)) or west > east:
            return
        if west >= box[2] or east <= box[0] or south >= box[3] or north <= box[1]:
            raise TileOutsideBounds(
                f"the area asked for lies outside item {name_of(self.input.stac)}"
            )


def _nodata(step: Step, reading: Reading) -> Nodata:
    declared = {
        band: source.nodata for band, source in step.sources.items() if source.nodata is not None
    }
    return Nodata(declared, override=reading.nodata)


def _frame(dataset: Any) -> Frame:
    transform = dataset.transform
    return Frame(
        crs=dataset.crs.to_wkt(),
        left=transform.c,
        top=transform.f,
        pixel_width=transform.a,
        pixel_height=-transform.e,
        width_px=dataset.width,
        height_px=dataset.height,
    )
