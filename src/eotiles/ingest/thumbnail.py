"""A small picture of a scene: true colour or one band in grey, transparent where there is no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rio_tiler.utils import render

from eotiles.core.errors import IngestRefused
from eotiles.ingest.header import GDAL_ERRORS, opened
from eotiles.ingest.layers import NamedBand, stretch
from eotiles.ingest.survey import Survey

LONGEST_PX = 512


def thumbnail(
    bands: Sequence[NamedBand], surveys: Mapping[str, Survey], files: Mapping[str, Path]
) -> tuple[bytes, tuple[int, int]]:
    """PNG bytes and (height, width) in pixels, on the grid of the first band, cut to where all the bands are.

    Args:
        bands: one, or red, green and blue.
        surveys: by asset key.
        files: the cloud-optimised files, by asset key.

    Raises:
        IngestRefused: a file cannot be read.
    """
    first = surveys[bands[0].asset]
    scale = max(1.0, max(first.height, first.width) / LONGEST_PX)
    shape = max(1, round(first.height / scale)), max(1, round(first.width / scale))
    grid = first.transform @ Affine.scale(first.width / shape[1], first.height / shape[0])
    layers: list[NDArray[np.uint8]] = []
    opaque = np.ones(shape, dtype=np.bool_)
    for band, (low, high) in zip(bands, stretch(bands), strict=True):
        values, valid = _read(
            files[band.asset], band.index, surveys[band.asset], first, grid, shape
        )
        physical = values * band.scale + band.offset
        shades = np.clip((physical - low) / (high - low), 0, 1) * 255
        layers.append(np.where(valid, shades, 0).astype(np.uint8))
        opaque &= valid
    mask = np.where(opaque, 255, 0).astype(np.uint8)
    return render(np.stack(layers), mask, img_format="PNG", zlevel=6), shape


def _read(
    path: Path,
    index: int,
    survey: Survey,
    first: Survey,
    grid: Affine,
    shape: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """One band on the thumbnail's grid, with its validity."""
    try:
        with (
            opened(path) as dataset,
            WarpedVRT(
                dataset,
                crs=first.crs,
                transform=grid,
                height=shape[0],
                width=shape[1],
                src_nodata=survey.nodata,
                nodata=survey.nodata,
                add_alpha=survey.nodata is None and "alpha" not in survey.colours,
                resampling=Resampling.nearest,
            ) as warped,
        ):
            values = warped.read(index).astype(np.float64)
            valid = warped.read_masks(index) != 0
    except GDAL_ERRORS as error:
        raise IngestRefused("cannot be read again for its thumbnail") from error
    return np.nan_to_num(values), valid & np.isfinite(values)
