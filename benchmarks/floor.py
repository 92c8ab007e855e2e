"""What an NDVI tile costs at least: each stage by the fastest library there is, nothing around it.

Blocks are read where the header says (known beforehand), inflated by libdeflate or zstd, warped by a bare Numba loop
over a 17 × 17 grid, turned into palette numbers by another, and written as a paletted PNG by ISA-L. One thread.
"""

from __future__ import annotations

import math
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import morecantile
import numba
import numpy as np
import rasterio
import scenes
from isal import isal_zlib
from numpy.typing import NDArray
from pyproj import Transformer
from rio_tiler.colormap import cmap
from traces import Tile

SIDE_PX = 256
NODES = 17
LOW, HIGH = -0.2, 0.9
STAGES = ("decode", "warp", "kernel", "encode")

_TMS = morecantile.tms.get("WebMercatorQuad")
_to_utm = Transformer.from_crs(3857, scenes.UTM, always_xy=True)


class Floor:
    """Two bands of a scene at the first place."""

    def __init__(self, files: dict[str, Path], codec: str) -> None:
        self._codec = codec
        self._bands = [_Blocks(files[band]) for band in ("nir", "red")]
        colours = np.array([cmap.get("rdylgn")[number] for number in range(256)], np.uint8)
        # Number 0 is what is not valid; the lowest two values share a colour.
        self._palette = colours[:, :3].tobytes()
        middle = _TMS.tile(*scenes.centre([0]), 10)
        self.tile((10, middle.x, middle.y))  # compiles

    def tile(self, tile: Tile) -> dict[str, float]:
        """CPU milliseconds of the stages of a tile."""
        z, x, y = tile
        spent = dict.fromkeys(STAGES, 0.0)
        start = time.thread_time()

        def done(stage: str) -> None:
            nonlocal start
            now = time.thread_time()
            spent[stage] += (now - start) * 1e3
            start = now

        columns, rows = _nodes(x, y, z)
        level = self._bands[0].level(z)
        columns, rows = columns / 2**level, rows / 2**level
        planes = []
        for band in self._bands:
            done("warp")
            window, blocks = band.read(level, columns, rows, self._codec)
            done("decode")
            planes.append(_warp(blocks, *window, columns, rows))
        done("warp")
        numbers = _ndvi(planes[0], planes[1], LOW, 255 / (HIGH - LOW))
        done("kernel")
        _png(numbers, self._palette)
        done("encode")
        return spent


class _Blocks:
    """Where the blocks of a file lie."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._scratch = np.zeros((9, 512, 512), np.uint16)
        self._levels: list[tuple[int, int, dict[tuple[int, int], tuple[int, int]]]] = []
        for level in range(5):
            options = {} if level == 0 else {"overview_level": level - 1}
            with rasterio.open(path, **options) as dataset:
                across, down = (math.ceil(side / 512) for side in (dataset.width, dataset.height))
            with rasterio.open(path) as dataset:
                where: dict[tuple[int, int], tuple[int, int]] = {}
                for i in range(across):
                    for j in range(down):
                        offset, size = (
                            dataset.get_tag_item(
                                f"BLOCK_{what}_{i}_{j}", "TIFF", bidx=1,
                                ovr=None if level == 0 else level - 1,
                            )
                            for what in ("OFFSET", "SIZE")
                        )  # fmt: skip
                        if offset is not None:
                            where[i, j] = int(offset), int(size)
            self._levels.append((across, down, where))

    def level(self, zoom: int) -> int:
        """The coarsest level that is fine enough: an overview's number of halvings."""
        pixel_m = 156543.034 / 2**zoom * math.cos(math.radians(45))
        return max(0, min(4, int(math.log2(pixel_m / scenes.PIXEL_M * 1.001))))

    def read(
        self, level: int, columns: NDArray[np.float64], rows: NDArray[np.float64], codec: str
    ) -> tuple[tuple[int, int, int, int], NDArray[np.uint16]]:
        """First block column and row, blocks across and down; (block, y, x) decoded, zeros where there are none."""
        across, down, where = self._levels[level]
        left, right = (
            min(max(int(side // 512), 0), across - 1) for side in (columns.min(), columns.max())
        )
        top, bottom = (min(max(int(side // 512), 0), down - 1) for side in (rows.min(), rows.max()))
        width, height = right - left + 1, bottom - top + 1
        # Kept: fresh memory costs a page fault for each 4 KiB, a third of inflating a block.
        blocks = self._scratch[: width * height]
        for number, block in enumerate(blocks):
            place = where.get((left + number % width, top + number // width))
            if place is None:
                block.fill(0)
                continue
            offset, size = place
            data = os.pread(self._file, size, offset)
            if codec == "deflate":
                imagecodecs.deflate_decode(data, out=block.reshape(-1).view(np.uint8))
            else:
                imagecodecs.zstd_decode(data, out=block.reshape(-1).view(np.uint8))
            _sum_rows(block)
        return (left, top, width, height), blocks


def _nodes(x: int, y: int, z: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Full resolution pixel coordinates of 17 × 17 points of a tile."""
    left, bottom, right, top = _TMS.xy_bounds(morecantile.Tile(x, y, z))
    east, north = np.meshgrid(np.linspace(left, right, NODES), np.linspace(top, bottom, NODES))
    utm_x, utm_y = _to_utm.transform(east, north)
    return (utm_x - scenes.LEFT_M) / scenes.PIXEL_M, (scenes.TOP_M - utm_y) / scenes.PIXEL_M


@numba.njit(nogil=True, cache=False)
def _sum_rows(block: Any) -> None:
    """Undoes predictor 2."""
    for row in range(block.shape[0]):
        total = np.uint16(0)
        for column in range(block.shape[1]):
            total = np.uint16(total + block[row, column])
            block[row, column] = total


@numba.njit(nogil=True, cache=False)
def _warp(blocks: Any, left: int, top: int, across: int, down: int, columns: Any, rows: Any) -> Any:
    """Nearest neighbour; 0 outside of the blocks. Positions are 16.16 fixed point numbers along a row of a cell."""
    out = np.zeros((256, 256), np.uint16)
    flat = blocks.ravel()
    width, height = across * 512, down * 512
    for i in range(256):
        v = (i + 0.5) / 16
        a = int(v)
        v -= a
        for cell in range(16):
            c0 = columns[a, cell] * (1 - v) + columns[a + 1, cell] * v - left * 512
            c1 = columns[a, cell + 1] * (1 - v) + columns[a + 1, cell + 1] * v - left * 512
            r0 = rows[a, cell] * (1 - v) + rows[a + 1, cell] * v - top * 512
            r1 = rows[a, cell + 1] * (1 - v) + rows[a + 1, cell + 1] * v - top * 512
            step_c, step_r = np.int64((c1 - c0) * 4096), np.int64((r1 - r0) * 4096)
            at_c, at_r = np.int64(c0 * 65536) + step_c // 2, np.int64(r0 * 65536) + step_r // 2
            for j in range(cell * 16, cell * 16 + 16):
                column, row = at_c >> 16, at_r >> 16
                at_c += step_c
                at_r += step_r
                if 0 <= column < width and 0 <= row < height:
                    block = (row >> 9) * across + (column >> 9)
                    out[i, j] = flat[np.uint64((block << 18) + ((row & 511) << 9) + (column & 511))]
    return out


@numba.njit(nogil=True, cache=False)
def _ndvi(nir: Any, red: Any, low: float, factor: float) -> Any:
    """Palette numbers: 0 where there is no data, else 1 to 255."""
    out = np.zeros(nir.shape, np.uint8)
    for i in range(nir.shape[0]):
        for j in range(nir.shape[1]):
            a, b = float(nir[i, j]), float(red[i, j])
            if a > 0 and b > 0:
                out[i, j] = int(min(max((((a - b) / (a + b)) - low) * factor, 1.0), 255.0))
    return out


def _png(numbers: NDArray[np.uint8], palette: bytes) -> bytes:
    rows = np.zeros((numbers.shape[0], numbers.shape[1] + 1), np.uint8)
    rows[:, 1:] = numbers

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", *numbers.shape[::-1], 8, 3, 0, 0, 0)),
            chunk(b"PLTE", palette),
            chunk(b"tRNS", b"\0"),
            chunk(b"IDAT", isal_zlib.compress(rows, 1)),
            chunk(b"IEND", b""),
        )
    )
