"""A native file: a GeoTIFF whose blocks we read ourselves, and windows of its pixels put together from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.core.grid import Window
from eotiles.read.blocks import BlockKey
from eotiles.read.codecs import decode_block, decode_mask, sparse_block, sparse_mask
from eotiles.read.header import Header, Level
from eotiles.read.objects import Object
from eotiles.read.ranges import Range

MASK_PLANE = -1
"""Plane of a BlockKey that means a block of the mask."""

Blocks = Callable[[BlockKey], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Native:
    """An open file with its header."""

    file: Object
    header: Header


@dataclass(frozen=True, eq=False)
class Cut:
    """Bands of a window of a level of a file: what is read at once."""

    native: Native
    level: int
    bands: tuple[int, ...]
    """Counted from 1."""

    window: Window

    @property
    def _level(self) -> Level:
        return self.native.header.levels[self.level]

    @property
    def blocks(self) -> int:
        """How many blocks it touches, those of the mask aside."""
        level, window = self._level, self.window
        height, width = level.block_height_px, level.block_width_px
        rows = (window.row1 - 1) // height - window.row0 // height + 1
        columns = (window.col1 - 1) // width - window.col0 // width + 1
        return rows * columns * (len(set(self.bands)) if self.native.header.is_planar else 1)

    @property
    def decoded_bytes(self) -> int:
        """What its blocks take once decoded, and the window itself."""
        window, pixel_bytes = self.window, self.native.header.dtype.itemsize
        cut_bytes = window.height_px * window.width_px * len(self.bands) * pixel_bytes
        return self.blocks * self._level.block_bytes + cut_bytes

    def block_keys(self) -> list[BlockKey]:
        """Every block that it touches, those of the mask too."""
        planes = [band - 1 for band in self.bands] if self.native.header.is_planar else [0]
        keys = [key for plane in dict.fromkeys(planes) for key in self._plane_keys(plane)]
        return keys + list(self._plane_keys(MASK_PLANE)) if self._level.mask is not None else keys

    def fill(self, data: NDArray[Any], blocks: Blocks) -> None:
        """Write the pixels to `data`, (band, y, x) of the file's type."""
        header = self.native.header
        for position, band in enumerate(self.bands):
            plane, inner = (band - 1, 0) if header.is_planar else (0, band - 1)
            for key in self._plane_keys(plane):
                self._paste(blocks(key)[inner], key, self._level, data[position])

    def mask(self, blocks: Blocks) -> NDArray[np.bool_] | None:
        """(y, x) bool, True = usable; None where the file has no mask."""
        level = self._level.mask
        if level is None:
            return None
        usable = np.empty((self.window.height_px, self.window.width_px), np.bool_)
        for key in self._plane_keys(MASK_PLANE):
            self._paste(blocks(key), key, level, usable)
        return usable

    def _plane_keys(self, plane: int) -> Iterator[BlockKey]:
        level = self._level if plane != MASK_PLANE else self._level.mask
        assert level is not None
        window, file = self.window, self.native.file
        height, width = level.block_height_px, level.block_width_px
        for row in range(window.row0 // height, (window.row1 - 1) // height + 1):
            for column in range(window.col0 // width, (window.col1 - 1) // width + 1):
                yield BlockKey(file.name, file.version, self.level, plane, row, column)

    def _paste(
        self, block: NDArray[Any], key: BlockKey, level: Level, target: NDArray[Any]
    ) -> None:
        """The part of a block that lies in the window."""
        window = self.window
        top, left = key.row * level.block_height_px, key.column * level.block_width_px
        row0, col0 = max(top, window.row0), max(left, window.col0)
        row1 = min(top + level.block_height_px, window.row1)
        col1 = min(left + level.block_width_px, window.col1)
        target[row0 - window.row0 : row1 - window.row0, col0 - window.col0 : col1 - window.col0] = (
            block[row0 - top : row1 - top, col0 - left : col1 - left]
        )


def stack(cuts: Sequence[Cut], blocks: Blocks) -> NDArray[Any]:
    """(band, y, x), the bands of windows of one size and type, one behind the other."""
    window, bands = cuts[0].window, sum(len(cut.bands) for cut in cuts)
    data = np.empty((bands, window.height_px, window.width_px), cuts[0].native.header.dtype)
    start = 0
    for cut in cuts:
        cut.fill(data[start : start + len(cut.bands)], blocks)
        start += len(cut.bands)
    return data


@dataclass(frozen=True, eq=False)
class Missing:
    """A block that is not decoded yet."""

    native: Native
    key: BlockKey

    @property
    def _level(self) -> Level:
        level = self.native.header.levels[self.key.level]
        if self.key.plane != MASK_PLANE:
            return level
        assert level.mask is not None
        return level.mask

    @property
    def range(self) -> Range | None:
        """Where its bytes are; None for a block that is not in the file."""
        level, plane = self._level, max(self.key.plane, 0)
        length = int(level.counts[plane, self.key.row, self.key.column])
        start = int(level.offsets[plane, self.key.row, self.key.column])
        return Range(start, start + length) if length else None

    def decoded(self, raw: bytes | None) -> NDArray[Any]:
        """The block from its bytes; (band in block, y, x), or (y, x) bool of a mask.

        Raises:
            DamagedBlock: the bytes are none of such a block.
        """
        if self.key.plane == MASK_PLANE:
            return sparse_mask(self._level) if raw is None else decode_mask(raw, self._level)
        if raw is None:
            return sparse_block(self.native.header, self._level)
        return decode_block(raw, self._level)


def ranges_by_file(missing: Sequence[Missing]) -> dict[Object, dict[BlockKey, Range]]:
    """Where the bytes of blocks are, by the file that they are in; a block that has none is left out."""
    found: dict[Object, dict[BlockKey, Range]] = {}
    for each in missing:
        if (where := each.range) is not None:
            found.setdefault(each.native.file, {})[each.key] = where
    return found
