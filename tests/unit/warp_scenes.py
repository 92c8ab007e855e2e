"""Scenes and tiles for tests of the warp station: real GeoTIFFs with texture, holes and overviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform

from eotiles.core.grid import Grid

SIZE_PX = 1100

SCENES = {
    "utm-32n": (32632, 10.3, 47.2, 10.0),
    "utm-19s": (32719, -68.4, -28.1, 10.0),
    "degrees": (4326, 10.3, 47.2, 1e-4),
    "laea": (3035, 23.9, 60.1, 10.0),
}
"""EPSG code, longitude and latitude of the middle, size of a pixel."""


def scene_grid(name: str, size_px: int = SIZE_PX) -> Grid:
    code, lon, lat, pixel = SCENES[name]
    crs = CRS.from_epsg(code)
    (x,), (y,) = transform(CRS.from_epsg(4326), crs, [lon], [lat])
    half = pixel * size_px / 2
    return Grid(crs, Affine(pixel, 0, x - half, 0, -pixel, y + half), size_px, size_px)


def texture(shape: tuple[int, ...], dtype: str, seed: int = 1) -> NDArray[Any]:
    """Landscape at all scales and noise, over the whole range that sensors use of a type."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    values = np.zeros(shape)
    for wavelength in (3.1, 7.7, 19.0, 61.0, 240.0):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        values += wavelength**0.5 * np.sin(
            (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / wavelength + phase
        )
    values += random.normal(size=shape) * 2
    values = (values - values.min()) / np.ptp(values)
    least, most = {"uint8": (1, 255), "int16": (-3000, 12000)}.get(dtype, (1, 12000))
    values = values * (most - least) + least
    return (values if np.dtype(dtype).kind == "f" else np.round(values)).astype(dtype)


def with_holes(data: NDArray[Any], nodata: float) -> NDArray[Any]:
    """A strip, a block and single pixels of every band are 'no data'."""
    random = np.random.default_rng(7)
    data = data.copy()
    size = data.shape[-1]
    for band in range(len(data)):
        data[band, size // 2 - 40 : size // 2 - 9, size // 3 + 50 * band : size // 2 + 90] = nodata
        data[band, :, size // 2 + 13 + band] = nodata
        data[band, random.integers(0, size, 3000), random.integers(0, size, 3000)] = nodata
    return data


def write_scene(path: Path, data: NDArray[Any], grid: Grid, **options: Any) -> Path:
    mask = options.pop("mask", None)
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(data), "dtype": data.dtype, "crs": grid.crs, "transform": grid.transform,
        "width": grid.width_px, "height": grid.height_px, "tiled": True, **options,
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        file.write(data)
        if mask is not None:
            file.write_mask(mask)
        file.build_overviews([2, 4, 8], Resampling.nearest)
    return path


def tile_at(tms: str, lon: float, lat: float, zoom: int, size_px: int = 256) -> Grid:
    matrix = morecantile.tms.get(tms)
    bounds = matrix.xy_bounds(matrix.tile(lon, lat, zoom))
    return Grid(matrix.rasterio_crs, from_bounds(*bounds, size_px, size_px), size_px, size_px)


def zoom_of(tms: str, lat: float, pixel_m: float) -> int:
    """The first zoom whose pixels are no coarser than `pixel_m`."""
    ground = np.cos(np.radians(lat)) if tms == "WebMercatorQuad" else 1.0
    widest = 156543.034 if tms == "WebMercatorQuad" else 78271.517
    return int(np.ceil(np.log2(widest * ground / pixel_m)))


def grid_of(dataset: Any) -> Grid:
    return Grid(dataset.crs, dataset.transform, dataset.height, dataset.width)


def gdal_warp(
    dataset: Any, target: Grid, *, method: str, scale: tuple[float, float], **options: Any
) -> NDArray[Any]:
    """What GDAL makes of it, with exact coordinates and the scale given; the last band is alpha if asked for."""
    with WarpedVRT(
        dataset,
        crs=target.crs,
        transform=target.transform,
        width=target.width_px,
        height=target.height_px,
        resampling=Resampling[method],
        tolerance=1e-5,
        XSCALE=repr(1 / scale[1]),
        YSCALE=repr(1 / scale[0]),
        **options,
    ) as vrt:
        result: NDArray[Any] = vrt.read()
        return result
