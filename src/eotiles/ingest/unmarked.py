"""A file whose alpha band is data: GDAL marks the fourth band of bytes so unless told otherwise, whatever it holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader, MemoryFile


def marked_bands(dataset: DatasetReader) -> tuple[int, ...]:
    """Bands that the file marks as transparency, from 1."""
    return tuple(
        band
        for band, colour in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if colour == ColorInterp.alpha
    )


@contextmanager
def unmarked(dataset: DatasetReader, bands: Collection[int]) -> Iterator[DatasetReader]:
    """The dataset, seen as if these bands were not marked as transparency. Where none is, it is lent as it is."""
    if not set(bands).intersection(marked_bands(dataset)):
        yield dataset
        return
    # A file opened for reading keeps its marks; a virtual one in memory, which refers to it, can lose them.
    with MemoryFile(ext=".vrt") as memory:
        rasterio.shutil.copy(dataset, memory.name, driver="VRT")
        with rasterio.open(memory.name, "r+", driver="VRT") as virtual:
            virtual.colorinterp = [
                ColorInterp.undefined if band in bands and colour == ColorInterp.alpha else colour
                for band, colour in zip(dataset.indexes, dataset.colorinterp, strict=True)
            ]
        with rasterio.open(memory.name, driver="VRT") as virtual:
            yield virtual
