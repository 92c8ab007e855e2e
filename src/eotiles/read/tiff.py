"""Reading the header of a tiled GeoTIFF, strictly: every number is held to a limit before it is believed.

What is valid but not for us is Unsupported: GDAL reads such a file. What is broken or over a limit is UnusableHeader.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eotiles.core.grid import Grid
from eotiles.read.gdal import (
    BLOCK_BYTES_MAX,
    BLOCK_SIDE_MAX,
    PIXELS_MAX,
    SIDE_WITHOUT_OVERVIEWS_MAX,
    UnusableHeader,
    check_place,
)
from eotiles.read.gdaltags import read_meanings, read_nodata
from eotiles.read.geokeys import read_place
from eotiles.read.header import Header, Level, Storage, Unsupported
from eotiles.read.ifd import BLOCKS_MAX, Directory, Tag, load, read_directories
from eotiles.read.segments import Fetch, Segments
from eotiles.read.storage import read_image, read_mask

EXPANSION_MAX = 2000
"""Decoded bytes per byte of file. Beyond it, above EXPANDED_MIN_BYTES, a file is a bomb or nearly empty."""

EXPANDED_MIN_BYTES = 2**30

STORED_MAX = 2
"""Bytes of a stored block per byte of the decoded one, STORED_SLACK_BYTES aside. No codec makes so much more of it."""

STORED_SLACK_BYTES = 4096
TILE_UNIT_PX = 16
_REDUCED, _MASK = 1, 4


def read_header(fetch: Fetch, *, size_bytes: int) -> Header:
    """The header of a file; `fetch(offset, length)` is called once for most cloud-optimised files.

    Raises:
        Unsupported: the file is for GDAL.
        UnusableHeader: the header is damaged or over a limit.
    """
    directories = read_directories(Segments(fetch, size_bytes=size_bytes))
    full, overviews, masks = _sorted_by_role(directories)
    _check_sizes(full, overviews, masks)
    load([full, *overviews, *masks])
    image = read_image(full)
    if any(read_image(overview) != image for overview in overviews):
        raise Unsupported("its overviews are stored otherwise than itself")
    crs, transform = read_place(full)
    planes = image.bands if image.is_planar else 1
    levels = [_level(each, image.storage, planes=planes) for each in (full, *overviews)]
    levels = _with_masks(levels, [_level(mask, read_mask(mask), planes=1) for mask in masks])
    grid = Grid(crs, transform, levels[0].height_px, levels[0].width_px)
    check_place(grid)
    _check_expansion(levels, size_bytes)
    nodata = read_nodata(full, image.storage.dtype)
    meanings = read_meanings(full, bands=image.bands)
    return Header(
        grid=grid,
        bands=image.bands,
        is_planar=image.is_planar,
        nodata=nodata.value,
        fill=nodata.fill,
        scales=meanings.scales,
        offsets=meanings.offsets,
        names=meanings.names,
        levels=tuple(levels),
    )


def _sorted_by_role(
    directories: Sequence[Directory],
) -> tuple[Directory, list[Directory], list[Directory]]:
    """The full image, its overviews from large to small, and the masks of all."""
    full, *others = directories
    if full.integer(Tag.SUBFILE, default=0) & (_REDUCED | _MASK):
        raise Unsupported("its first image is an overview or a mask")
    overviews, masks = [], []
    for other in others:
        role = other.integer(Tag.SUBFILE, default=0)
        if role & _MASK:
            masks.append(other)
        elif role & _REDUCED:
            overviews.append(other)
        # Else another page, which GDAL leaves aside too.
    overviews.sort(
        key=lambda each: each.integer(Tag.WIDTH) * each.integer(Tag.HEIGHT), reverse=True
    )
    return full, overviews, masks


def _check_sizes(
    full: Directory, overviews: Sequence[Directory], masks: Sequence[Directory]
) -> None:
    """Hold what the directories themselves say to the limits, before anything else is fetched."""
    width, height = full.integer(Tag.WIDTH), full.integer(Tag.HEIGHT)
    if width * height > PIXELS_MAX:
        raise UnusableHeader(f"it has more than {PIXELS_MAX} pixels")
    blocks = 0
    for each in (full, *overviews, *masks):
        if not 1 <= each.integer(Tag.WIDTH) <= width or not 1 <= each.integer(Tag.HEIGHT) <= height:
            raise UnusableHeader("an image of it has no pixels or more than the first")
        if Tag.TILE_WIDTH not in each.fields or Tag.TILE_OFFSETS not in each.fields:
            raise Unsupported("its pixels are stored in strips")
        if each.integer(Tag.DEPTH, default=1) != 1 or each.integer(Tag.TILE_DEPTH, default=1) != 1:
            raise Unsupported("it is a volume")
        block_width, block_height = each.integer(Tag.TILE_WIDTH), each.integer(Tag.TILE_HEIGHT)
        if block_width * block_height > BLOCK_BYTES_MAX:
            raise UnusableHeader("its blocks are too large; make it cloud-optimised")
        if not (_is_tile_side(block_width) and _is_tile_side(block_height)):
            raise Unsupported(f"its blocks have {block_width} x {block_height} pixels")
        blocks += each.fields[Tag.TILE_OFFSETS].count
    if blocks > BLOCKS_MAX:
        raise UnusableHeader(f"it has more than {BLOCKS_MAX} blocks")
    if max(width, height) > SIDE_WITHOUT_OVERVIEWS_MAX and not overviews:
        raise UnusableHeader("it is large and has no overviews; make it cloud-optimised")


def _is_tile_side(side_px: int) -> bool:
    return 0 < side_px <= BLOCK_SIDE_MAX and side_px % TILE_UNIT_PX == 0


def _level(directory: Directory, storage: Storage, *, planes: int) -> Level:
    width, height = directory.integer(Tag.WIDTH), directory.integer(Tag.HEIGHT)
    block_width, block_height = (
        directory.integer(Tag.TILE_WIDTH),
        directory.integer(Tag.TILE_HEIGHT),
    )
    shape = planes, math.ceil(height / block_height), math.ceil(width / block_width)
    level = Level(
        width_px=width,
        height_px=height,
        block_width_px=block_width,
        block_height_px=block_height,
        storage=storage,
        offsets=_places(directory, Tag.TILE_OFFSETS, shape),
        counts=_places(directory, Tag.TILE_COUNTS, shape),
    )
    _check_blocks(level, size_bytes=directory.segments.size_bytes)
    return level


def _places(directory: Directory, tag: Tag, shape: tuple[int, int, int]) -> NDArray[np.uint64]:
    values = directory.values(tag)
    if values is None or values.dtype.kind != "u" or values.size != math.prod(shape):
        raise UnusableHeader("its list of blocks is damaged")
    places = values.astype(np.uint64).reshape(shape)
    places.flags.writeable = False
    return places


def _check_blocks(level: Level, *, size_bytes: int) -> None:
    if level.block_bytes > BLOCK_BYTES_MAX:
        raise UnusableHeader("its blocks are too large; make it cloud-optimised")
    longest = level.block_bytes * STORED_MAX + STORED_SLACK_BYTES
    stored = level.counts > 0
    # Compared so that nothing runs over 64 bits.
    inside = (level.counts <= size_bytes) & (
        level.offsets <= size_bytes - np.minimum(level.counts, size_bytes)
    )
    if not (inside | ~stored).all():
        raise UnusableHeader("it is truncated: a block lies outside the file")
    if (level.counts > longest).any() or (stored & (level.offsets < 8)).any():
        raise UnusableHeader("its list of blocks is damaged")


def _with_masks(levels: Sequence[Level], masks: Sequence[Level]) -> list[Level]:
    """Levels with their masks, which have the same size."""
    if not masks:
        return list(levels)
    by_size = {(mask.width_px, mask.height_px): mask for mask in reversed(masks)}
    sizes = [(level.width_px, level.height_px) for level in levels]
    if any(size not in by_size for size in sizes):
        raise Unsupported("some of its images have a mask and some do not")
    return [replace(level, mask=by_size[size]) for level, size in zip(levels, sizes, strict=True)]


def _check_expansion(levels: Sequence[Level], size_bytes: int) -> None:
    images = [*levels, *(level.mask for level in levels if level.mask is not None)]
    decoded = sum(int((image.counts > 0).sum()) * image.block_bytes for image in images)
    if decoded > EXPANDED_MIN_BYTES and decoded > EXPANSION_MAX * size_bytes:
        raise UnusableHeader("it holds far more than its size can; it is empty or a bomb")
