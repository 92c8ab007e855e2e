"""Reading a whole file piece by piece, and what of it is valid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import NodataShadowWarning
from rasterio.io import DatasetReader
from rasterio.windows import Window

CHUNK_SAMPLES = 4 * 2**20
"""Samples (pixels × bands) to read at a time, about."""


def windows(dataset: DatasetReader) -> Iterator[Window]:
    """Windows of whole blocks, of about CHUNK_SAMPLES samples: a strip of one row is not worth a call."""
    rows, columns = dataset.block_shapes[0]
    budget = max(1, CHUNK_SAMPLES // dataset.count)
    width = min(dataset.width, columns * max(1, budget // (rows * columns)))
    height = rows * max(1, budget // (rows * width))
    for row in range(0, dataset.height, height):
        for column in range(0, dataset.width, width):
            yield Window(
                column,
                row,
                min(width, dataset.width - column),
                min(height, dataset.height - row),
            )


def mark(
    outline: NDArray[np.bool_], valid: NDArray[np.bool_], *, window: Window, step: int
) -> None:
    """Set the cells of a coarse mask, `step` pixels wide, in which any pixel of the window is valid."""
    rows = (window.row_off + np.arange(valid.shape[0])) // step
    columns = (window.col_off + np.arange(valid.shape[1])) // step
    starts = (np.flatnonzero(np.diff(index, prepend=-1)) for index in (rows, columns))
    first_rows, first_columns = starts
    cells = np.logical_or.reduceat(
        np.logical_or.reduceat(valid, first_rows, axis=0), first_columns, axis=1
    )
    outline[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] |= cells


def valid_mask(
    dataset: DatasetReader, data: NDArray[np.generic], *, window: Window, nodata: float | None
) -> NDArray[np.bool_]:
    """(band, y, x) bool, True = usable: the file's masks, the given nodata value, and NaN and infinity never."""
    valid: NDArray[np.bool_]
    if nodata is not None and MaskFlags.nodata in dataset.mask_flag_enums[0]:
        valid = np.not_equal(data, nodata)
    else:
        with warnings.catch_warnings():
            # A file with nodata and an alpha band: nodata counts, for rasterio and for the raster service.
            warnings.simplefilter("ignore", NodataShadowWarning)
            valid = dataset.read_masks(window=window) != 0
        if nodata is not None:
            valid &= data != nodata
    if data.dtype.kind == "f":
        valid &= np.isfinite(data)
    return valid
