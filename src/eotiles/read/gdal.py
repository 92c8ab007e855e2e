"""Opening files with GDAL: one driver a format, a quiet configuration, limits for the header (docs/raster.md)."""

from __future__ import annotations

import math
import os
import stat
from contextlib import suppress
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp

Dataset = Any
"""A rasterio DatasetReader; rasterio has no types."""

CONFIGURATION = {
    # No file beside the asked one is looked for: neither listings of buckets nor .aux.xml, .ovr, .msk of strangers.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_HTTP_CONNECTTIMEOUT": "3",
    "GDAL_HTTP_TIMEOUT": "10",
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.2",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    # GDAL 3.13 and later know the next one; before, our own hrefs never have that form.
    "CPL_VSIL_CURL_HEADER_FILE_KVP_ENABLED": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    # Threads are ours to give: tiles are drawn beside each other.
    "GDAL_NUM_THREADS": "1",
}
"""Set for each request, in the thread that reads: rasterio's Env is of the thread."""

PIXELS_MAX = 2**36
BANDS_MAX = 64
BLOCK_SIDE_MAX = 4096
BLOCK_BYTES_MAX = 64 * 2**20
SIDE_WITHOUT_OVERVIEWS_MAX = 8192
PIXEL_MIN = 1e-9
"""Units of the CRS: a tenth of a millimetre where those are degrees."""

_NUMBERS = {f"{kind}{bits}" for kind in ("uint", "int", "float") for bits in (8, 16, 32, 64)}
"""Types of pixels that can be drawn; the complex numbers of radar cannot."""


class UnusableHeader(Exception):
    """A header over a limit; the text says which, and nothing about where the file lies."""


def environment(proxy: str | None = None) -> Any:
    """A context in which GDAL works as CONFIGURATION says, through a forward proxy if one is given."""
    return rasterio.Env(**CONFIGURATION, **({"GDAL_HTTP_PROXY": proxy} if proxy else {}))


def is_jpeg2000(name: str) -> bool:
    """Whether a file is opened as JPEG 2000, by its name; every other is opened as a GeoTIFF."""
    return name.lower().endswith(".jp2")


def driver(name: str) -> str:
    """The one GDAL driver that may open a file."""
    return "JP2OpenJPEG" if is_jpeg2000(name) else "GTiff"


def open_raster(location: str) -> Dataset:
    """An open dataset whose header is within the limits. No pixel is read.

    Raises:
        UnusableHeader: it is over a limit or has no place on Earth.
        rasterio.errors.RasterioIOError: the driver of its format cannot open it.
    """
    if location.startswith("/") and not location.startswith("/vsi"):
        with suppress(FileNotFoundError):  # GDAL says so itself
            if not stat.S_ISREG(os.stat(location).st_mode):  # noqa: PTH116
                raise UnusableHeader("it is not a file")  # a pipe would be waited for without end
    dataset = rasterio.open(location, driver=driver(location))
    try:
        check_header(dataset)
    except UnusableHeader:
        dataset.close()
        raise
    return dataset


def open_overview(location: str, level: int) -> Dataset:
    """An overview of a file that open_raster has let pass."""
    return rasterio.open(location, driver=driver(location), overview_level=level)


def check_header(dataset: Dataset) -> None:
    """Hold a header to the limits: a few bytes of it can ask for any amount of memory and time.

    Raises:
        UnusableHeader: it is over one of them.
    """
    if dataset.crs is None or not (dataset.crs.is_projected or dataset.crs.is_geographic):
        raise UnusableHeader("it has no coordinate reference system of a place on Earth")
    if unknown := sorted(set(dataset.dtypes) - _NUMBERS):
        raise UnusableHeader(f"its pixels are of the type {unknown[0]}")
    check_place(dataset)
    if dataset.width * dataset.height > PIXELS_MAX:
        raise UnusableHeader(f"it has more than {PIXELS_MAX} pixels")
    if dataset.count > BANDS_MAX:
        raise UnusableHeader(f"it has more than {BANDS_MAX} bands")
    rows, columns = dataset.block_shapes[0]
    size_bytes = rows * columns * np.dtype(dataset.dtypes[0]).itemsize * _bands_in_a_block(dataset)
    if size_bytes > BLOCK_BYTES_MAX or (min(rows, columns) > BLOCK_SIDE_MAX):
        raise UnusableHeader("its blocks are too large; make it cloud-optimised")
    if max(dataset.width, dataset.height) > SIDE_WITHOUT_OVERVIEWS_MAX and not dataset.overviews(1):
        raise UnusableHeader("it is large and has no overviews; make it cloud-optimised")


def check_place(dataset: Dataset) -> None:
    """Pass pixels that lie upright, and somewhere.

    Raises:
        UnusableHeader: they do not.
    """
    transform = dataset.transform
    if not all(math.isfinite(part) for part in transform):
        raise UnusableHeader("it does not say where its pixels lie")
    if transform.b != 0 or transform.d != 0 or transform.a <= 0 or transform.e >= 0:
        raise UnusableHeader("its pixels are rotated or mirrored")
    if min(transform.a, -transform.e) < PIXEL_MIN:
        raise UnusableHeader("its pixels are too small")
    left, bottom, right, top = dataset.bounds
    # Some stay a pixel beyond the poles, or count longitudes from 0 to 360.
    if dataset.crs.is_geographic and (left < -540 or right > 540 or bottom < -91 or top > 91):
        raise UnusableHeader("its pixels lie beyond the poles or the antimeridian")


def _bands_in_a_block(dataset: Dataset) -> int:
    pixel_interleaved = (dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") or "") == "PIXEL"
    return int(dataset.count) if pixel_interleaved else 1


def image_bands(dataset: Dataset) -> tuple[int, ...]:
    """Bands of a file, its alpha band aside."""
    return tuple(
        band
        for band, role in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if role != ColorInterp.alpha
    )
