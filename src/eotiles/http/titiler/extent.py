"""Bounds and zooms of what is drawn: from where the pixels lie, not from a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from morecantile import TileMatrixSet
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.rio.overview import get_maximum_overview_level
from rasterio.warp import calculate_default_transform, transform_bounds

from eotiles.catalog.frames import Frame
from eotiles.core.grid import Bounds

_METRES_PER_DEGREE = 111_320


@dataclass(frozen=True)
class Extent:
    """Where something can be drawn, and the frame of its finest pixels."""

    crs: CRS
    bounds: Bounds
    finest: Frame


def extent(frames: Sequence[Frame], *, common: bool) -> Extent | None:
    """The extent of several frames, in the CRS of the finest: what they have in common, or all of them together.

    None where there is no frame, or they have nothing in common.
    """
    if not frames:
        return None
    finest = min(frames, key=_pixel_m)
    crs = CRS.from_user_input(finest.crs)
    each = [_bounds(frame, crs) for frame in frames]
    outer, inner = (max, min) if common else (min, max)
    left, bottom = outer(bounds[0] for bounds in each), outer(bounds[1] for bounds in each)
    right, top = inner(bounds[2] for bounds in each), inner(bounds[3] for bounds in each)
    if left >= right or bottom >= top:
        return None
    return Extent(crs, (left, bottom, right, top), finest)


SMALLEST_PX = 32
"""A scene is drawn from the zoom on at which it is about so large: smaller it is a dot."""


def zooms(frame: Frame, tms: TileMatrixSet, *, smallest_px: int) -> tuple[int, int]:
    """Least and greatest zoom that are worth asking for: the raster is `smallest_px` large, and its own pixels."""
    try:
        transform, width, height = calculate_default_transform(
            frame.crs, tms.rasterio_crs, frame.width_px, frame.height_px, *frame.bounds
        )
    except RasterioError:
        return tms.minzoom, tms.maxzoom  # it has no place in that matrix set
    resolution = max(abs(transform.a), abs(transform.e))
    coarsest = resolution * 2 ** get_maximum_overview_level(width, height, minsize=smallest_px)
    return tms.zoom_for_res(coarsest), tms.zoom_for_res(resolution)


def _bounds(frame: Frame, crs: CRS) -> Bounds:
    own = CRS.from_user_input(frame.crs)
    if own == crs:
        return frame.bounds
    left, bottom, right, top = transform_bounds(own, crs, *frame.bounds, densify_pts=21)
    return left, bottom, right, top


def _pixel_m(frame: Frame) -> float:
    is_geographic = CRS.from_user_input(frame.crs).is_geographic
    return frame.pixel_width * (_METRES_PER_DEGREE if is_geographic else 1.0)
