"""A Survey: everything about a file's pixels, from reading each of them once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader

from eotiles.core.errors import IngestRefused
from eotiles.ingest.chunks import mark, valid_mask, windows
from eotiles.ingest.header import GDAL_ERRORS, open_raster, opened
from eotiles.ingest.statistics import BandStatistics, Tally
from eotiles.ingest.unmarked import marked_bands, unmarked
from eotiles.read.gdal import image_bands, is_jpeg2000

OUTLINE_PX = 1024
"""Longest side of the coarse validity mask that footprints are drawn from."""

SAMPLE_PX = 512
"""Longest side of the sample that percentiles are taken from."""


@dataclass(frozen=True)
class Survey:
    """What a file is and what is in it."""

    path: Path
    sha256: str
    size_bytes: int
    crs: CRS
    transform: Affine
    height: int
    width: int
    dtype: str
    nodata: float | None
    masked: bool
    """Whether it has a mask or an alpha band."""

    unmarked: tuple[int, ...]
    """Bands, from 1, that the file marks as transparency and that are data all the same."""

    descriptions: tuple[str | None, ...]
    colours: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    units: tuple[str | None, ...]
    times: tuple[str, ...]
    """What tags say about the time of acquisition."""

    statistics: tuple[BandStatistics, ...]
    """One a band, of digital numbers."""

    outline: NDArray[np.bool_]
    """(y, x) bool at `outline_step` pixels: True where any pixel of the cell is valid in any band."""

    outline_step: int

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.statistics)

    @property
    def resolution_m(self) -> float:
        """Edge of a square of a pixel's area, in metres (degrees are taken along a meridian)."""
        edge = math.sqrt(abs(self.transform.determinant))
        if self.crs.is_geographic:
            return edge * 111_319.49
        return edge * float(self.crs.linear_units_factor[1])


def survey(
    path: Path,
    *,
    nodata: float | None = None,
    data_bands: Collection[int] = (),
    may_be_empty: bool = False,
) -> Survey:
    """Read a file to its last pixel, overviews included.

    Args:
        path: a GeoTIFF, or a JPEG 2000 file.
        nodata: digital number that means 'no data', over what the file says.
        data_bands: bands, from 1, that are data even if the file marks them as transparency.
        may_be_empty: whether it may be without any valid pixel.

    Raises:
        IngestRefused: it cannot be catalogued, or not readable to the end.
    """
    with open_raster(path) as file, unmarked(file, data_bands) as dataset:
        if nodata is not None and not rasterio.dtypes.in_dtype_range(nodata, dataset.dtypes[0]):
            raise IngestRefused(
                f"cannot have nodata {nodata:g}: its pixels are {dataset.dtypes[0]}"
            )
        masked = (
            MaskFlags.per_dataset in dataset.mask_flag_enums[0]
            or ColorInterp.alpha in dataset.colorinterp
        )
        if nodata is not None and masked:
            raise IngestRefused("has a mask of its own: it takes no nodata value besides")
        step = _step(dataset, OUTLINE_PX)
        outline = np.zeros((-(-dataset.height // step), -(-dataset.width // step)), dtype=np.bool_)
        shown = [band - 1 for band in image_bands(dataset)] or [0]
        tallies = [Tally(_step(dataset, SAMPLE_PX)) for _ in range(dataset.count)]
        try:
            for window in windows(dataset):
                data = dataset.read(window=window)
                valid = valid_mask(dataset, data, window=window, nodata=nodata)
                for tally, values, usable in zip(tallies, data, valid, strict=True):
                    tally.add(values, usable, row=window.row_off, column=window.col_off)
                anywhere: NDArray[np.bool_] = np.logical_or.reduce(valid[shown])
                mark(outline, anywhere, window=window, step=step)
            # Of JPEG 2000 they are made of the same bytes.
            levels = 0 if is_jpeg2000(path.name) else len(file.overviews(1))
            for level in range(levels):
                _read_overview(path, level)
        except GDAL_ERRORS as error:
            raise IngestRefused(
                f"is truncated or damaged: not all of its {dataset.width} × {dataset.height} pixels can be read"
            ) from error
        if not may_be_empty and not outline.any():
            raise IngestRefused("has no valid pixel")
        tags = file.tags()
        times = (
            file.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"),
            tags.get("TIFFTAG_DATETIME"),
        )
        return Survey(
            path=path,
            sha256=checksum(path),
            size_bytes=path.stat().st_size,
            crs=dataset.crs,
            transform=dataset.transform,
            height=dataset.height,
            width=dataset.width,
            dtype=dataset.dtypes[0],
            nodata=dataset.nodata if nodata is None else nodata,
            masked=masked,
            unmarked=tuple(band for band in marked_bands(file) if band in data_bands),
            descriptions=tuple(dataset.descriptions),
            colours=tuple(colour.name for colour in dataset.colorinterp),
            scales=tuple(dataset.scales),
            offsets=tuple(dataset.offsets),
            units=tuple(dataset.units),
            times=tuple(time for time in times if time),
            statistics=tuple(tally.statistics() for tally in tallies),
            outline=outline,
            outline_step=step,
        )


def checksum(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _step(dataset: DatasetReader, longest: int) -> int:
    side: int = max(dataset.height, dataset.width)
    return max(1, math.ceil(side / longest))


def _read_overview(path: Path, level: int) -> None:
    """Read an overview too: the first tile that a map asks for comes from the smallest."""
    with opened(path, overview_level=level) as overview:
        for window in windows(overview):
            overview.read(window=window)
