"""Boxes and polygons of requests: what is wrong with one is said before anything is read."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from geojson_pydantic import Polygon as GeoJsonPolygon
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.warp import transform_bounds, transform_geom
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import ImageData
from shapely import Polygon, clip_by_rect, get_coordinates
from shapely.geometry import shape as shapely_shape
from shapely.geometry.base import BaseGeometry

from eotiles.core.errors import BadParameter, Unavailable
from eotiles.core.grid import Bounds

EMPTY = Polygon()
VERTICES_MAX = 10_000
SECONDS_MAX = 10
"""Of drawing for one answer: whoever asked has mostly left by then."""


def placed(geometry: Mapping[str, Any], crs: CRS, *, onto: CRS, bounds: Bounds) -> BaseGeometry:
    """What of a GeoJSON geometry lies in or near bounds of another CRS; empty where nothing does.

    The pole that is at infinity in a CRS makes lines of 10^23 metres, which rasterize would walk pixel by pixel.

    Raises:
        rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError: it has no place in that CRS.
        ValueError, KeyError, TypeError: it is no geometry.
    """
    found = shapely_shape(geometry if onto == crs else transform_geom(crs, onto, geometry))
    if not np.isfinite(get_coordinates(found)).all():
        return EMPTY
    left, bottom, right, top = bounds
    aside, above = right - left, top - bottom
    near: BaseGeometry = clip_by_rect(
        found, left - aside, bottom - above, right + aside, top + above
    )
    return near


def cut(image: ImageData, geometry: Mapping[str, Any], crs: CRS) -> ImageData:
    """Mask what lies outside a geometry; a pixel that it touches stays."""
    shape = placed(geometry, crs, onto=image.crs, bounds=cast(Bounds, image.bounds))
    outside = (
        np.ones((image.height, image.width), bool)
        if shape.is_empty
        else rasterize(
            [shape],
            out_shape=(image.height, image.width),
            transform=image.transform,
            all_touched=True,
            default_value=0,
            fill=1,
            dtype="uint8",
        ).astype(bool)
    )
    image.cutline_mask = outside
    image.array.mask |= outside
    return image


def in_time(started: float) -> None:
    """Go on with the next feature of a body, unless they take too long together: a body holds thousands.

    Raises:
        Unavailable: SECONDS_MAX have passed since `started` (of time.monotonic).
    """
    if time.monotonic() - started > SECONDS_MAX:
        raise Unavailable(
            f"the features took longer than {SECONDS_MAX} s; ask for fewer, or a smaller max_size"
        )


def area_box(bounds: Bounds, crs: CRS) -> Bounds:
    """The box in degrees around bounds in any CRS; all longitudes where it crosses the antimeridian."""
    box = bounds if crs == WGS84_CRS else transform_bounds(crs, WGS84_CRS, *bounds, densify_pts=21)
    west, south, east, north = box
    if west > east:  # across the antimeridian
        west, east = -180.0, 180.0
    return max(west, -180), max(south, -90), min(east, 180), min(north, 90)


def area(bounds: Bounds, crs: CRS) -> dict[str, Any]:
    """`area_box` as GeoJSON."""
    polygon = GeoJsonPolygon.from_bounds(*area_box(bounds, crs))
    found: dict[str, Any] = polygon.model_dump(exclude_none=True)
    return found


def checked_box(bbox: Sequence[float]) -> Bounds:
    """Left, bottom, right, top.

    Raises:
        BadParameter: a number is not finite, or the box is empty.
    """
    left, bottom, right, top = bbox
    if not all(math.isfinite(edge) for edge in bbox):
        raise BadParameter("a box takes finite coordinates")
    if left >= right or bottom >= top:
        raise BadParameter("the area is empty: minx must be less than maxx and miny less than maxy")
    return left, bottom, right, top


def checked_geometry(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """The geometry of a GeoJSON feature.

    Raises:
        BadParameter: it has none, too many vertices, or one that is not finite.
    """
    geometry = shape.get("geometry") if shape.get("type") == "Feature" else shape
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise BadParameter("the body takes a GeoJSON Feature with a Polygon or MultiPolygon")
    numbers = list(_numbers(geometry.get("coordinates")))
    if len(numbers) > 3 * VERTICES_MAX:
        raise BadParameter(f"a feature takes at most {VERTICES_MAX} vertices")
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise BadParameter("a feature takes finite coordinates")
    return geometry


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    else:
        yield value
