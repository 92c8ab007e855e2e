"""Small tiled GeoTIFFs of every layout, and a reader of them that counts what it fetches. No fixtures."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.shutil import copy

from eotiles.read.codecs import decode_block, decode_mask, sparse_block, sparse_mask
from eotiles.read.header import Header, Level
from eotiles.read.tiff import read_header

UTM = "EPSG:32632"
PLACE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


@dataclass
class File:
    """The bytes of a file."""

    data: bytes
    calls: list[tuple[int, int]] = field(default_factory=list)

    def fetch(self, offset: int, length: int) -> bytes:
        self.calls.append((offset, length))
        return self.data[offset : offset + length]

    def header(self) -> Header:
        return read_header(self.fetch, size_bytes=len(self.data))


def texture(dtype: str, *, bands: int, height: int, width: int, seed: int = 0) -> NDArray[Any]:
    """(band, y, x): a smooth surface with noise, the whole range of the type in its corner."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    smooth = 3000 + 2000 * np.sin(x / 17) * np.cos(y / 23)
    data = np.stack([smooth * (band + 1) for band in range(bands)]) + random.normal(
        size=(bands, height, width), scale=9
    )
    kind = np.dtype(dtype)
    if kind.kind == "f":
        data = data.astype(kind)
        data[0, 0, 0] = np.inf
        data[0, -1, -1] = np.nan
        return data
    limits = np.iinfo(kind)
    data = (data % limits.max).astype(kind)
    data[0, ::90, ::2] = limits.min
    data[0, ::90, 1::2] = limits.max
    return data


def write(
    path: Path,
    data: NDArray[Any],
    *,
    overviews: tuple[int, ...] = (),
    mask: NDArray[np.bool_] | None = None,
    windows: bool = False,
    cog: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
) -> Path:
    """Write (band, y, x) data as a tiled GeoTIFF with 64 px blocks. With `windows` its second quarter stays unwritten;
    with `cog` it is copied by GDAL's COG driver with these options."""
    profile: dict[str, Any] = {
        "driver": "GTiff", "count": len(data), "height": data.shape[1], "width": data.shape[2], "dtype": data.dtype,
        "crs": UTM, "transform": PLACE, "tiled": True, "blockxsize": 64, "blockysize": 64, **(options or {}),
    }  # fmt: skip
    target = path.with_suffix(".plain.tif") if cog is not None else path
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_TIFF_OVR_BLOCKSIZE=64):
        with rasterio.open(target, "w", **profile) as dataset:
            if windows:
                window = ((0, 64), (0, 64))
                dataset.write(data[:, :64, :64], window=window)
            else:
                dataset.write(data)
            if mask is not None:
                dataset.write_mask(mask)
            if tags:
                dataset.update_tags(**tags)
        if overviews:
            with rasterio.open(target, "r+") as dataset:
                dataset.build_overviews(overviews, Resampling.nearest)
        if cog is not None:
            copy(target, path, driver="COG", **cog)
    return path


def image(file: File, header: Header, level: Level) -> NDArray[Any]:
    """(band, y, x) of a whole level, put together from its blocks."""
    planes, rows, columns = level.counts.shape
    height, width = level.block_height_px, level.block_width_px
    samples = level.storage.samples
    whole = np.empty((planes * samples, rows * height, columns * width), level.storage.dtype)
    for plane, row, column, raw in blocks(file, level):
        block = decode_block(raw, level) if raw else sparse_block(header, level)
        assert block.dtype == header.dtype
        assert block.dtype.isnative
        assert block.shape == (samples, height, width)
        assert block.flags.c_contiguous
        assert block.flags.writeable
        assert block.flags.aligned
        rows_of_it = slice(row * height, (row + 1) * height)
        columns_of_it = slice(column * width, (column + 1) * width)
        whole[plane * samples : (plane + 1) * samples, rows_of_it, columns_of_it] = block
    return whole[:, : level.height_px, : level.width_px]


def mask_image(file: File, mask: Level) -> NDArray[np.bool_]:
    """(y, x) bool of a whole mask."""
    _, rows, columns = mask.counts.shape
    height, width = mask.block_height_px, mask.block_width_px
    whole = np.empty((rows * height, columns * width), np.bool_)
    for _, row, column, raw in blocks(file, mask):
        block = decode_mask(raw, mask) if raw else sparse_mask(mask)
        assert block.dtype == np.bool_
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = block
    return whole[: mask.height_px, : mask.width_px]


def blocks(file: File, level: Level) -> Iterator[tuple[int, int, int, bytes]]:
    """(plane, row, column, stored bytes) of every block."""
    for plane, row, column in np.ndindex(level.counts.shape):
        offset = int(level.offsets[plane, row, column])
        length = int(level.counts[plane, row, column])
        yield plane, row, column, file.data[offset : offset + length]


def check_same(path: Path) -> Header:
    """Hold a file's header and every pixel of every level to what rasterio says."""
    file = File(path.read_bytes())
    header = file.header()
    with rasterio.open(path, driver="GTiff") as dataset:
        assert header.grid.crs == dataset.crs
        assert header.grid.transform == dataset.transform
        assert (header.grid.width_px, header.grid.height_px) == (dataset.width, dataset.height)
        assert header.bands == dataset.count
        assert header.dtype == np.dtype(dataset.dtypes[0])
        assert header.scales == dataset.scales
        assert header.offsets == dataset.offsets
        assert header.names == dataset.descriptions
        np.testing.assert_equal(header.nodata, dataset.nodata)
        overviews = len(dataset.overviews(1))
    assert len(header.levels) == 1 + overviews
    for number, level in enumerate(header.levels):
        options = {} if number == 0 else {"overview_level": number - 1}
        with rasterio.open(path, driver="GTiff", **options) as dataset:
            grid = header.level_grid(level)
            assert (level.height_px, level.width_px) == dataset.shape
            assert dataset.shape == (grid.height_px, grid.width_px)
            assert grid.transform.almost_equals(dataset.transform, 1e-9)
            assert (level.block_height_px, level.block_width_px) == dataset.block_shapes[0]
            np.testing.assert_array_equal(image(file, header, level), dataset.read())
            if level.mask is not None:
                np.testing.assert_array_equal(
                    mask_image(file, level.mask), dataset.read_masks(1) != 0
                )
    return header


def entries(data: bytes, *, directory: int = 0) -> dict[int, int]:
    """Where the entry of each tag of a directory of a classic little-endian TIFF begins."""
    (offset,) = struct.unpack_from("<I", data, 4)
    for _ in range(directory):
        (number,) = struct.unpack_from("<H", data, offset)
        (offset,) = struct.unpack_from("<I", data, offset + 2 + 12 * number)
    (number,) = struct.unpack_from("<H", data, offset)
    places = range(offset + 2, offset + 2 + 12 * number, 12)
    return {struct.unpack_from("<H", data, place)[0]: place for place in places}
