"""What the header of a tiled GeoTIFF says: how its pixels are stored, where each block lies, and on which Grid."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from eotiles.core.grid import Grid

Codec = Literal["none", "deflate", "zstd", "lzw"]
Predictor = Literal[1, 2, 3]
ByteOrder = Literal["<", ">"]


class Unsupported(Exception):
    """A file that is left to GDAL; the text says why, and nothing about where the file lies."""


@dataclass(frozen=True)
class Storage:
    """How the pixels of a block become bytes."""

    dtype: np.dtype[np.generic]
    """Of a decoded pixel, in this machine's byte order; bool for masks."""

    bits: int
    """Of a pixel of one band; 1 in most masks."""

    samples: int
    """Bands that lie in one block, pixel by pixel; 1 where each band has blocks of its own."""

    codec: Codec
    predictor: Predictor
    byte_order: ByteOrder
    """Of the file; a predictor of 3 has none."""


@dataclass(frozen=True, eq=False)
class Level:
    """One image of a pyramid: the full one, an overview, or the mask of either."""

    width_px: int
    height_px: int
    block_width_px: int
    block_height_px: int
    storage: Storage

    offsets: NDArray[np.uint64]
    """(plane, row, column) of blocks: where each begins in the file, in bytes. A plane is a band, or all bands."""

    counts: NDArray[np.uint64]
    """(plane, row, column) of blocks: compressed length in bytes. 0: the block is not in the file (`sparse_block`)."""

    mask: Level | None = None
    """The mask stored beside this image; its blocks may have another size."""

    @property
    def block_bytes(self) -> int:
        """Length of a decoded block as the file stores it. Blocks at the edges are full ones too."""
        row_bytes = (self.block_width_px * self.storage.samples * self.storage.bits + 7) // 8
        return row_bytes * self.block_height_px


@dataclass(frozen=True, eq=False)
class Header:
    """Everything that is known of a file before a pixel is read."""

    grid: Grid
    """Of the full image."""

    bands: int
    is_planar: bool
    """True: each band has blocks of its own; plane n of a Level is band n + 1. False: there is one plane."""

    nodata: float | None
    """As declared, in the precision of the type; it may be NaN. None: none, or one that no pixel can have."""

    fill: float
    """What pixels of blocks are that the file does not hold."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    """One a band: physical value = number * scale + offset."""

    names: tuple[str | None, ...]
    """One a band: what the file calls it."""

    levels: tuple[Level, ...]
    """The full image, then overviews from large to small. All have the same type, bands and planes."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.levels[0].storage.dtype

    @property
    def codec(self) -> Codec:
        return self.levels[0].storage.codec

    @property
    def predictor(self) -> Predictor:
        return self.levels[0].storage.predictor

    @property
    def byte_order(self) -> ByteOrder:
        return self.levels[0].storage.byte_order

    @property
    def has_mask(self) -> bool:
        return self.levels[0].mask is not None

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """Of each level, the full image first."""
        return tuple(self.level_grid(level) for level in self.levels)

    @cached_property
    def place(self) -> Hashable:
        """Equal for files whose levels lie alike: what is found out about one holds for the others."""
        sizes = tuple((level.width_px, level.height_px) for level in self.levels)
        return self.grid.place, sizes

    def level_grid(self, level: Level) -> Grid:
        """The Grid of a level: its pixels share out the extent of the full image, whatever was rounded."""
        scale = Affine.scale(
            self.grid.width_px / level.width_px, self.grid.height_px / level.height_px
        )
        return Grid(self.grid.crs, self.grid.transform @ scale, level.height_px, level.width_px)
