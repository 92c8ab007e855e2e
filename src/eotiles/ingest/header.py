"""Opening a file: by the one driver of its format, and only if its header promises nothing absurd."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import Interleaving
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from eotiles.core.errors import IngestRefused
from eotiles.read.gdal import (
    BANDS_MAX,
    CONFIGURATION,
    PIXELS_MAX,
    UnusableHeader,
    driver,
    is_jpeg2000,
)
from eotiles.read.jpeg2000 import SIGNATURE, check_jpeg2000

MAX_BLOCK_BYTES = 256 * 2**20
"""Of a file that is to be converted; what the raster service opens has a lower limit."""

MAX_EXPANSION = 2000
"""Decoded bytes per byte of file, above 1 GiB decoded: beyond it a file is a bomb, or nearly empty."""

# As the raster service reads: only what is inside the file counts, no folder is listed and no sidecar file is opened.
GDAL_OPTIONS = {**CONFIGURATION, "GDAL_NUM_THREADS": "ALL_CPUS"}

GDAL_ERRORS = (RasterioError, CRSError, CPLE_BaseError)
"""What rasterio raises; it lets some of GDAL's own errors through."""

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@contextmanager
def opened(path: Path, *, overview_level: int | None = None) -> Iterator[DatasetReader]:
    """A file, opened by the driver that its name allows and no other; nothing is checked.

    JPEG 2000 is read by one thread: errors of GDAL's other threads are lost, and with them that a file is damaged.
    """
    threads = {"GDAL_NUM_THREADS": "1"} if is_jpeg2000(path.name) else {}
    level = {} if overview_level is None else {"overview_level": overview_level}
    with rasterio.Env(**threads), rasterio.open(path, driver=driver(path.name), **level) as dataset:
        yield dataset


@contextmanager
def open_raster(path: Path, *, on_grid: bool = True) -> Iterator[DatasetReader]:
    """The file, opened by GDAL's driver for GeoTIFF or JPEG 2000 and no other, its header checked.

    Args:
        path: of a local file.
        on_grid: whether its pixels must lie upright on a grid; else they must have ground control points.

    Raises:
        IngestRefused: it is neither, has no CRS or place, or is larger than we take.
    """
    kind = "JPEG 2000 file" if is_jpeg2000(path.name) else "GeoTIFF"
    try:
        with path.open("rb") as stream:
            head = stream.read(len(SIGNATURE))
            size = stream.seek(0, 2)
            if not (head == SIGNATURE if is_jpeg2000(path.name) else head[:4] in _MAGIC):
                raise IngestRefused(f"is not a {kind}" if size else "is empty")
            if is_jpeg2000(path.name):
                check_jpeg2000(partial(_fetch, stream), size_bytes=size)
    except OSError as error:
        raise IngestRefused(f"cannot be read ({error.strerror})") from error
    except UnusableHeader as error:
        raise IngestRefused(f"cannot be taken: {error}") from error
    with ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                dataset = stack.enter_context(opened(path))
        except GDAL_ERRORS as error:
            raise IngestRefused(f"is a damaged or truncated {kind.removeprefix('Geo')}") from error
        _check_size(dataset, size)
        _check_pixels(dataset)
        if on_grid:
            _check_place(dataset, path)
        elif not dataset.gcps[0]:
            raise IngestRefused("has no ground control points")
        yield dataset


def _fetch(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(length)


def _check_size(dataset: DatasetReader, size: int) -> None:
    pixels = dataset.width * dataset.height
    sample_bytes = max(np.dtype(_known(name)).itemsize for name in dataset.dtypes)
    rows, columns = dataset.block_shapes[0]
    block = (
        rows
        * columns
        * sample_bytes
        * (dataset.count if dataset.interleaving == Interleaving.pixel else 1)
    )
    decoded = pixels * dataset.count * sample_bytes
    if pixels > PIXELS_MAX:
        raise IngestRefused(f"has {dataset.width} × {dataset.height} pixels, more than 2^36")
    if dataset.count > BANDS_MAX:
        raise IngestRefused(f"has {dataset.count} bands, more than {BANDS_MAX}")
    if block > MAX_BLOCK_BYTES:
        raise IngestRefused(
            f"is stored in blocks of {columns} × {rows} pixels, too large to read piece by piece"
        )
    if decoded > max(2**30, MAX_EXPANSION * size):
        raise IngestRefused(
            f"would unpack to {decoded / 2**30:.0f} GiB from {size / 2**20:.1f} MiB"
        )


def _check_pixels(dataset: DatasetReader) -> None:
    if len(set(dataset.dtypes)) > 1:
        raise IngestRefused(f"mixes data types ({', '.join(sorted(set(dataset.dtypes)))})")
    if np.dtype(_known(dataset.dtypes[0])).kind == "c":
        raise IngestRefused(
            "holds complex numbers, which cannot be drawn: store amplitude or power"
        )


def _check_place(dataset: DatasetReader, path: Path) -> None:
    if dataset.gcps[0] and dataset.crs is None:
        raise IngestRefused("has ground control points instead of a grid: warp it first (gdalwarp)")
    if dataset.crs is None:
        raise IngestRefused("has no CRS: write one into the file (gdal_edit.py -a_srs EPSG:… FILE)")
    if dataset.transform.is_identity or dataset.transform.is_degenerate:
        raise IngestRefused(
            "has no georeference: write one into the file (gdal_edit.py -a_ullr …); world files are not read"
        )
    if not north_up(dataset):
        raise IngestRefused("has rotated or mirrored pixels: warp it to north-up first (gdalwarp)")
    if path.with_name(path.name + ".msk").exists():
        raise IngestRefused(
            f"keeps its mask in {path.name}.msk, which the raster service does not read: put it inside "
            "(gdal_translate -mask)"
        )


def north_up(dataset: DatasetReader) -> bool:
    """Whether rows run south and columns east, as the raster service takes for granted."""
    transform = dataset.transform
    return bool(transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0)


def _known(dtype: str) -> str:
    # GDAL's complex integers have no NumPy type; rasterio calls them complex_int16.
    return "complex64" if dtype.startswith("complex_int") else dtype
