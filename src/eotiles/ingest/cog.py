"""Cloud-optimised GeoTIFFs: telling one, and making one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.io import DatasetReader, MemoryFile
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_translate, cog_validate

from eotiles.core.errors import IngestRefused
from eotiles.ingest.chunks import valid_mask
from eotiles.ingest.header import GDAL_ERRORS, GDAL_OPTIONS, opened
from eotiles.ingest.survey import Survey
from eotiles.ingest.unmarked import unmarked
from eotiles.read.gdal import UnusableHeader, check_header, is_jpeg2000

BLOCK_PX = 512
IN_MEMORY_BYTES = 256 * 2**20
Resampling = Literal["nearest", "average"]
"""How overviews are made."""

RECIPE = "cog-1"
"""Changes when the same source would be converted to something else."""


def is_cloud_optimised(survey: Survey) -> bool:
    """Whether the raster service can read a piece without reading the rest, at every zoom."""
    if survey.unmarked or is_jpeg2000(survey.path.name) or why_not_drawn(survey) is not None:
        return False
    with opened(survey.path) as dataset:
        in_strips = dataset.block_shapes[0][1] == dataset.width
        # Overviews that were averaged with another nodata value have it mixed in.
        if in_strips or repr(dataset.nodata) != repr(survey.nodata):
            return False
    valid: bool = cog_validate(survey.path, strict=True, config=GDAL_OPTIONS, quiet=True)[0]
    return valid


def why_not_drawn(survey: Survey) -> str | None:
    """Why the raster service cannot draw a file as it is, slowly or not; None where it can."""
    if survey.unmarked:
        return "a band that is data is marked as transparency, and would hide pixels"
    with opened(survey.path) as dataset:
        try:
            check_header(dataset)
        except UnusableHeader as error:
            return str(error)
    return None


def convert(survey: Survey, part: Path, resampling: Resampling) -> None:
    """Write a cloud-optimised copy with the same digital numbers, and compare it with its source.

    Raises:
        IngestRefused: it could not be made, or is not the same.
    """
    profile = {
        "driver": "GTiff",
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        # GDAL decodes it in two thirds of the time of DEFLATE, and it is a little smaller.
        "compress": "ZSTD",
        # As small as the default of 9, in two thirds of the time.
        "zstd_level": 6,
        "predictor": 3 if np.dtype(survey.dtype).kind == "f" else 2,
        # An index needs two of thirteen bands: interleaved by pixel it would have to decode them all.
        "interleave": "pixel" if survey.count <= 4 else "band",
        "bigtiff": "IF_SAFER",
        "num_threads": "ALL_CPUS",
    }
    decoded = survey.width * survey.height * survey.count * np.dtype(survey.dtype).itemsize
    try:
        with (
            opened(survey.path) as file,
            unmarked(file, survey.unmarked) as marked,
            _plain(marked) as source,
        ):
            if survey.masked:
                _copy_with_mask(source, part, resampling)
            else:
                cog_translate(
                    source,
                    part,
                    profile,
                    nodata=survey.nodata,
                    overview_resampling=resampling,
                    in_memory=decoded < IN_MEMORY_BYTES,
                    forward_band_tags=True,
                    config={**GDAL_OPTIONS, "GDAL_TIFF_OVR_BLOCKSIZE": BLOCK_PX},
                    quiet=True,
                )
    except GDAL_ERRORS as error:
        raise IngestRefused("cannot be converted to a cloud-optimised GeoTIFF") from error
    if not same_pixels(survey.path, part, nodata=survey.nodata, data_bands=survey.unmarked):
        raise IngestRefused(
            "came out of the conversion changed, so it was not taken (is the disk full?)"
        )


@contextmanager
def _plain(dataset: DatasetReader) -> Iterator[DatasetReader]:
    """The dataset, or of JPEG 2000 a virtual one: rio-cogeo takes the CRS that it names for that of control points."""
    if not is_jpeg2000(dataset.name):
        yield dataset
        return
    with MemoryFile(ext=".vrt") as memory:
        rasterio.shutil.copy(dataset, memory.name, driver="VRT")
        with rasterio.open(memory.name, driver="VRT") as virtual:
            yield virtual


def _copy_with_mask(source: DatasetReader, part: Path, resampling: Resampling) -> None:
    """Convert a file with a mask or an alpha band by GDAL's COG driver, which keeps them.

    rio-cogeo reads through a WarpedVRT, which blackens hidden pixels and reports none as hidden (rasterio 1.4.4).
    """
    rasterio.shutil.copy(
        source,
        part,
        driver="COG",
        blocksize=BLOCK_PX,
        compress="ZSTD",
        predictor="YES",
        overview_resampling=resampling,
        bigtiff="IF_SAFER",
        num_threads="ALL_CPUS",
    )


def same_pixels(
    source: Path, made: Path, *, nodata: float | None, data_bands: Collection[int] = ()
) -> bool:
    """Whether a converted file holds its source's digital numbers and validity. GDAL reports a full disk now and then.

    Args:
        source: what was converted.
        made: what came out.
        nodata: value that means 'no data' in the source, over what it says itself.
        data_bands: bands, from 1, of the source that hide nothing, over what it says itself.
    """
    try:
        with (
            opened(source) as file,
            unmarked(file, data_bands) as one,
            opened(made) as other,
        ):
            if (one.shape, one.count, one.dtypes) != (other.shape, other.count, other.dtypes):
                return False
            floating = np.dtype(one.dtypes[0]).kind == "f"
            for row in range(0, one.height, BLOCK_PX):
                window = Window(0, row, one.width, min(BLOCK_PX, one.height - row))
                left, right = one.read(window=window), other.read(window=window)
                if not np.array_equal(left, right, equal_nan=floating):
                    return False
                left = valid_mask(one, left, window=window, nodata=nodata)
                if not np.array_equal(left, valid_mask(other, right, window=window, nodata=None)):
                    return False
    except GDAL_ERRORS:
        return False
    return True
