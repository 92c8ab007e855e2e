"""Drawing one layer of one item: from its plan to an image, with every bound and every refusal on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rasterio.crs import CRS
from rio_tiler.errors import PointOutsideBounds, TileOutsideBounds
from rio_tiler.models import ImageData

from eotiles.catalog.bands import raster_assets
from eotiles.catalog.frames import Frame
from eotiles.catalog.items import Item
from eotiles.catalog.radiometry import AS_FILE
from eotiles.core.earth import degrees
from eotiles.core.errors import BadParameter, UnknownAsset
from eotiles.core.grid import Bounds, Grid
from eotiles.core.raster import Raster
from eotiles.core.source import Source
from eotiles.core.watch import Watch
from eotiles.gather import gather
from eotiles.http.titiler.images import to_image
from eotiles.http.titiler.parameters import Reading
from eotiles.plan import Layer, Plan, Step, describe, name_of, plan_layer
from eotiles.read.files import AssetChanged, Files
from eotiles.read.hrefs import AllowList
from eotiles.read.library import Library
from eotiles.read.location import Location
from eotiles.read.pixels import Nodata, Pixels
from eotiles.tiler import Levels, evaluate, paint

Result = TypeVar("Result")


PLACES_S = 5.0
"""For so long a symbolic link may lead elsewhere before it is looked at again; the last part of a path is never one."""

PLANS_MAX = 8
"""Plans that are kept with an item."""


@dataclass(frozen=True)
class Access:
    """What may be opened, and how much may be made of it."""

    roots: AllowList
    library: Library
    max_pixels: int


def open_files(item: Item, access: Access) -> Files:
    """The item's GeoTIFF assets, each opened when it is first read."""
    name = name_of(item.stac)

    def locate(asset: str) -> Location:
        if asset not in raster_assets(item.stac):
            raise UnknownAsset(f"item {name} has no GeoTIFF asset {asset!r}")
        now = time.monotonic()
        seen, place = item.places.get(asset, (-PLACES_S, None))
        if place is None or now - seen > PLACES_S:
            place = access.roots.find(item.assets[asset]["href"], asset=asset, item=name)
            item.places[asset] = now, place
        found: Location = place
        return found

    return Files(item=name, locate=locate, library=access.library)


def draw_item(
    item: Item, grid: Grid, *, layer: Layer, reading: Reading, access: Access, watch: Watch
) -> ImageData:
    """A layer of an item on a grid.

    Raises:
        TileOutsideBounds: the item's footprint does not touch the grid.
    """
    plan = plan_item(item, layer, reading)
    require_touch(item, grid.bounds, grid.crs)
    watch.lap("plan")
    return patiently(
        item,
        access,
        lambda files: draw_plan(
            files, plan, grid, reading, max_pixels=access.max_pixels, watch=watch
        ),
    )


def patiently(item: Item, access: Access, work: Callable[[Files], Result]) -> Result:
    """What `work` makes of the item's files; once more if one of them is replaced meanwhile."""
    try:
        with open_files(item, access) as files:
            return work(files)
    except AssetChanged:
        with open_files(item, access) as files:
            return work(files)


def draw_plan(
    files: Files, plan: Plan, grid: Grid, reading: Reading, *, max_pixels: int, watch: Watch
) -> ImageData:
    """A planned layer on a grid."""
    pixels = _gathered(files, plan, grid, reading, max_pixels=max_pixels, watch=watch)
    image = to_image(evaluate(plan, pixels), grid)
    watch.lap("compute")
    return image


def _gathered(
    files: Files, plan: Plan, grid: Grid, reading: Reading, *, max_pixels: int, watch: Watch
) -> list[Pixels]:
    """The pixels of a plan.

    Raises:
        BadParameter: the answer would be larger than `max_pixels`; no pixel was read.
    """
    bands = sum(len(files.bands(step.asset, step.bands)) for step in plan.steps)
    if grid.width_px * grid.height_px * max(bands, 4) > 4 * max_pixels:
        raise BadParameter(
            f"{grid.width_px} × {grid.height_px} pixels of {bands} bands are too many; "
            "ask for a smaller width, height or max_size"
        )

    return gather(
        files,
        plan.steps,
        grid,
        nodata=lambda step: _nodata(step, reading),
        resampling=reading.resampling,
        watch=watch,
    )


def paint_item(
    item: Item,
    grid: Grid,
    *,
    layer: Layer,
    reading: Reading,
    ranges: Sequence[tuple[float, float]],
    access: Access,
    watch: Watch,
) -> Levels | None:
    """A layer of an item as levels; None where it takes more than that.

    Raises:
        TileOutsideBounds: the item's footprint does not touch the grid.
    """
    plan = plan_item(item, layer, reading)
    require_touch(item, grid.bounds, grid.crs)
    watch.lap("plan")

    def work(files: Files) -> Levels | None:
        pixels = _gathered(files, plan, grid, reading, max_pixels=access.max_pixels, watch=watch)
        levels = paint(plan, pixels, ranges=ranges)
        watch.lap("compute")
        return levels

    return patiently(item, access, work)


def sample_plan(
    files: Files, plan: Plan, point: tuple[float, float], *, crs: CRS, reading: Reading
) -> Raster:
    """A planned layer in the pixels that hold a point, as one pixel.

    Raises:
        PointOutsideBounds: a band has no pixel there.
    """

    def read(step: Step) -> Pixels:
        nodata = _nodata(step, reading)
        found = files.sample(step.asset, step.bands, point, crs=crs, nodata=nodata)
        if found is None:
            raise PointOutsideBounds(
                f"point {point[0]:g},{point[1]:g} lies outside asset {step.asset!r} of item {plan.item}"
            )
        return found

    return evaluate(plan, [read(step) for step in plan.steps])


def plan_item(item: Item, layer: Layer, reading: Reading) -> Plan:
    """The plan of a layer of an item, made once for as long as the item is known.

    Raises:
        BadParameter, NotFound: the item has not what the layer needs.
    """
    key = layer, reading.physical
    found: Plan | None = item.plans.get(key)
    if found is None:
        if len(item.plans) >= PLANS_MAX:
            item.plans.clear()
        found = item.plans[key] = plan_layer(item.stac, layer, physical=reading.physical)
    return found


def describe_step(files: Files, step: Step) -> list[dict[str, Any]]:
    """What the numbers of each band that a step reads mean, and what decided; headers of files are read."""
    scaling = files.scaling(step.asset)
    found: list[dict[str, Any]] = []
    for band in files.bands(step.asset, step.bands):
        of_file = scaling[band - 1]
        source = step.sources.get(band)
        if source is None:  # the item does not tell of it
            source = Source(step.asset, band, f"b{band}", None, rule=AS_FILE)
        found.append({"band": band, **describe(source, of_file=of_file)})
    return found


def require_touch(item: Item, bounds: Bounds, crs: CRS) -> None:
    """Refuse an area where the catalogue knows that the item has nothing, before a file is opened.

    Raises:
        TileOutsideBounds: the area does not touch the item's bbox.
    """
    box = item.bbox
    if box is None or box[0] > box[2]:
        return
    around = degrees(bounds, crs)
    if around is None or not all(math.isfinite(edge) for edge in around):
        return
    west, south, east, north = around
    if west > east:
        return
    if west >= box[2] or east <= box[0] or south >= box[3] or north <= box[1]:
        raise TileOutsideBounds(f"the area asked for lies outside item {name_of(item.stac)}")


def file_frame(grid: Grid) -> Frame:
    """Where the pixels of a file lie, in the catalogue's word for it."""
    transform = grid.transform
    return Frame(
        crs=grid.crs.to_wkt(),
        left=transform.c,
        top=transform.f,
        pixel_width=transform.a,
        pixel_height=-transform.e,
        width_px=grid.width_px,
        height_px=grid.height_px,
    )


def _nodata(step: Step, reading: Reading) -> Nodata:
    declared = {
        band: source.nodata for band, source in step.sources.items() if source.nodata is not None
    }
    return Nodata(declared, override=reading.nodata)
