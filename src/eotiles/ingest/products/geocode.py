"""Pixels without a grid, as radar comes in ground range, warped by their ground control points to a north-up grid.

The grid is UTM of the zone that the middle lies in, its lines at multiples of the pixel. Between the points goes a thin
plate spline. The ground's height counts as far as the points know it: this is no terrain correction.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import DatasetReader
from rasterio.warp import calculate_default_transform, reproject, transform

from eotiles.core.errors import IngestRefused
from eotiles.ingest.header import GDAL_ERRORS, open_raster
from eotiles.ingest.survey import Survey, checksum, survey

RECIPE = "geocode-1"
"""Changes when the same source would be warped to something else."""

NODATA = 0
"""What borders of ground range products hold, and what is outside."""

MEMORY_MIB = 256
POINTS_MAX = 4096
"""A spline's cost grows with the third power of their number; products have some 200."""

PIXELS_MAX = 2**32


def geocoded(path: Path, part: Path, *, pixel_m: float) -> Survey:
    """Warp a file into `part` and read the result; its checksum is that of the source and of how it was made.

    Raises:
        IngestRefused: it has no ground control points, or cannot be read or warped.
    """
    with open_raster(path, on_grid=False) as source:
        points, crs = source.gcps
        if crs is None or not 4 <= len(points) <= POINTS_MAX:
            raise IngestRefused(f"has {len(points)} ground control points, or none with a CRS")
        try:
            zone, grid, width, height = _grid(source, points, crs, pixel_m)
            _warp(source, part, crs=crs, zone=zone, grid=grid, size=(width, height))
        except (*GDAL_ERRORS, ValueError) as error:
            raise IngestRefused("cannot be warped by its ground control points") from error
    origin = hashlib.sha256(f"{checksum(path)} {RECIPE} {zone} {pixel_m:g}".encode()).hexdigest()
    return replace(survey(part), sha256=origin)


def _grid(
    source: DatasetReader, points: list[GroundControlPoint], crs: CRS, pixel_m: float
) -> tuple[CRS, Affine, int, int]:
    longitudes, latitudes = transform(
        crs, CRS.from_epsg(4326), [point.x for point in points], [point.y for point in points]
    )
    zone = utm_zone(longitudes, latitudes)
    grid, width, height = calculate_default_transform(
        crs, zone, source.width, source.height, gcps=points, resolution=pixel_m
    )
    # On whole pixels, so that scenes of one zone share their grid.
    left = math.floor(grid.c / pixel_m) * pixel_m
    top = math.ceil(grid.f / pixel_m) * pixel_m
    snapped = Affine(pixel_m, 0, left, 0, -pixel_m, top)
    width, height = width + 1, height + 1
    if not 0 < width * height <= PIXELS_MAX:
        raise ValueError("the grid has no pixels or too many")
    return zone, snapped, width, height


def utm_zone(longitudes: list[float], latitudes: list[float]) -> CRS:
    """UTM, or where it ends polar stereographic, of the middle of several places. Beyond the antimeridian too.

    Raises:
        ValueError: a place is none.
    """
    if not all(math.isfinite(value) for value in (*longitudes, *latitudes)):
        raise ValueError("a ground control point is nowhere")
    east = math.fsum(math.cos(math.radians(value)) for value in longitudes)
    north = math.fsum(math.sin(math.radians(value)) for value in longitudes)
    longitude = math.degrees(math.atan2(north, east))
    latitude = math.fsum(latitudes) / len(latitudes)
    if latitude > 84:
        return CRS.from_epsg(3413)
    if latitude < -80:
        return CRS.from_epsg(3031)
    number = min(60, int((longitude + 180) // 6) + 1)
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + number)


def _warp(
    source: DatasetReader, part: Path, *, crs: CRS, zone: CRS, grid: Affine, size: tuple[int, int]
) -> None:
    with rasterio.open(
        part,
        "w",
        driver="GTiff",
        width=size[0],
        height=size[1],
        count=source.count,
        dtype=source.dtypes[0],
        crs=zone,
        transform=grid,
        nodata=NODATA,
        tiled=True,
        blockxsize=512,
        blockysize=512,
        bigtiff="IF_SAFER",
    ) as target:
        for band in source.indexes:
            reproject(
                rasterio.band(source, band),
                rasterio.band(target, band),
                gcps=source.gcps[0],
                src_crs=crs,
                src_nodata=NODATA,
                dst_nodata=NODATA,
                resampling=Resampling.bilinear,
                warp_mem_limit=MEMORY_MIB,
                SRC_METHOD="GCP_TPS",
            )
