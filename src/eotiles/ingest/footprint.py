"""Where a scene has valid pixels: a polygon in longitude and latitude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio.features
import shapely
import shapely.geometry
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_geom
from shapely.geometry.base import BaseGeometry

from eotiles.core.errors import IngestRefused
from eotiles.ingest.header import GDAL_ERRORS
from eotiles.ingest.survey import Survey

MAX_VERTICES = 500
"""A footprint is searched and drawn, never measured."""

MAX_EDGE = 20_000
"""Cell sides between valid and not: what simplifying a polygon takes a second for."""

PRECISION = 7
"""Decimals of a degree: a centimetre."""


def footprint(surveys: Sequence[Survey]) -> tuple[dict[str, Any], list[float]]:
    """GeoJSON geometry and bounding box (west, south, east, north) of the pixels that are valid in any of the files.

    Raises:
        IngestRefused: a file's coordinates are not on the Earth.
    """
    whole = shapely.union_all([_outline(survey) for survey in surveys])
    step = max(survey.outline_step * survey.resolution_m for survey in surveys) / 111_319.49
    shape = _simple(whole, step / 2)
    shape = shapely.set_precision(shape, 10**-PRECISION)
    if shape.is_empty:
        raise IngestRefused("has too small an area of valid pixels to be found again")
    west, south, east, north = (round(float(value), PRECISION) for value in shape.bounds)
    geometry: dict[str, Any] = _rounded(shapely.geometry.mapping(shapely.orient_polygons(shape)))
    return geometry, [west, south, east, north]


def _outline(survey: Survey) -> BaseGeometry:
    """The valid cells of a file, cut at its edge, in longitude and latitude."""
    outline, step = _calm(survey.outline, survey.outline_step)
    cells = survey.transform @ Affine.scale(step)
    parts = [
        shapely.geometry.shape(part)
        for part, _ in rasterio.features.shapes(
            outline.astype(np.uint8), mask=outline, transform=cells
        )
    ]
    corners = [(0, 0), (survey.width, 0), (survey.width, survey.height), (0, survey.height)]
    edge = shapely.geometry.Polygon([survey.transform @ corner for corner in corners])
    native = shapely.intersection(shapely.union_all(parts), edge)
    resolution = abs(survey.transform.determinant) ** 0.5 * step
    # Stairs of a slanted edge are up to a cell and a bit away from the line that they stand for.
    native = _simple(native, 1.5 * resolution)
    # A straight edge in the file's CRS is a curve in longitude and latitude.
    longest = max(native.bounds[2] - native.bounds[0], native.bounds[3] - native.bounds[1])
    native = shapely.segmentize(native, longest / 16)
    try:
        geometry = transform_geom(survey.crs, "EPSG:4326", shapely.geometry.mapping(native))
    except (*GDAL_ERRORS, ValueError) as error:
        raise IngestRefused(_OFF_EARTH) from error
    shape = shapely.make_valid(shapely.geometry.shape(geometry))
    west, south, east, north = shape.bounds
    if not (-180.001 <= west <= east <= 180.001 and -90.001 <= south <= north <= 90.001):
        raise IngestRefused(_OFF_EARTH)
    return shape


def _calm(outline: NDArray[np.bool_], step: int) -> tuple[NDArray[np.bool_], int]:
    """The mask with cells so large that its edge is short: single pixels without data are no part of a footprint."""
    while _edge_length(outline) > MAX_EDGE and max(outline.shape) > 2:
        padded = np.pad(outline, [(0, size % 2) for size in outline.shape])
        quads = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2)
        outline = np.logical_or.reduce(quads, axis=(1, 3))
        step *= 2
    return outline, step


def _edge_length(outline: NDArray[np.bool_]) -> int:
    return int(np.diff(outline, axis=0).sum() + np.diff(outline, axis=1).sum())


_OFF_EARTH = "has a CRS or georeference whose coordinates are not on the Earth"


def _simple(shape: BaseGeometry, tolerance: float) -> BaseGeometry:
    """Fewer vertices and no specks; the convex hull if nothing else helps."""
    for attempt in range(6):
        allowed = tolerance * 2**attempt
        candidate = _without_specks(shapely.simplify(shape, allowed), (8 * allowed) ** 2)
        if shapely.get_num_coordinates(candidate) <= MAX_VERTICES:
            return candidate
    return shapely.convex_hull(shape)


def _without_specks(shape: BaseGeometry, smallest: float) -> BaseGeometry:
    """Without holes and, unless it is all there is, parts below an area."""
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    if not polygons:
        return shape
    biggest = max(part.area for part in polygons)
    kept = [
        shapely.geometry.Polygon(
            part.exterior, [hole for hole in part.interiors if _area(hole) >= smallest]
        )
        for part in polygons
        if part.area >= min(smallest, biggest)
    ]
    return shapely.union_all(kept)


def _area(ring: BaseGeometry) -> float:
    return float(shapely.geometry.Polygon(ring).area)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, PRECISION)
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return (
        {key: _rounded(part) for key, part in value.items()} if isinstance(value, dict) else value
    )
