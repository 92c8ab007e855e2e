"""From the bytes of one block to its pixels. Everything here is bounded by the block's size and lets go of the GIL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from eotiles.read.header import Codec, Header, Level, Storage

_DECODERS: Mapping[Codec, Callable[..., bytes | bytearray]] = {
    # With the size of the output known, this is libdeflate: half the time of zlib_decode.
    "deflate": imagecodecs.deflate_decode,
    "zstd": imagecodecs.zstd_decode,
    "lzw": imagecodecs.lzw_decode,
}


class DamagedBlock(Exception):
    """Bytes of a block that do not decode to it."""


def decode_block(raw: bytes, level: Level) -> NDArray[Any]:
    """The pixels of a block of a level: (band in block, y, x), full size, C-contiguous, in this machine's byte order.

    Raises:
        DamagedBlock: the bytes are none of such a block.
    """
    storage = level.storage
    shape = level.block_height_px, level.block_width_px, storage.samples
    pixels = _undo_predictor(_decompressed(raw, level), storage, shape)
    if storage.samples == 1:
        return pixels.reshape(1, *shape[:2])
    return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


def decode_mask(raw: bytes, mask: Level) -> NDArray[np.bool_]:
    """(y, x) bool of a block of a mask, full size. True = usable.

    Raises:
        DamagedBlock: the bytes are none of such a block.
    """
    data = _decompressed(raw, mask)
    shape = mask.block_height_px, mask.block_width_px
    if mask.storage.bits == 1:
        return np.unpackbits(data).reshape(shape).view(np.bool_)
    usable: NDArray[np.bool_] = _undo_predictor(data, mask.storage, (*shape, 1))[..., 0] != 0
    return usable


def sparse_block(header: Header, level: Level) -> NDArray[Any]:
    """What a block that is not in the file holds, as decode_block gives it: 'no data' if declared, else 0."""
    storage = level.storage
    shape = storage.samples, level.block_height_px, level.block_width_px
    return np.full(shape, header.fill, storage.dtype)


def sparse_mask(mask: Level) -> NDArray[np.bool_]:
    """What a block that is not in the file says, as decode_mask gives it: nothing is usable."""
    return np.zeros((mask.block_height_px, mask.block_width_px), np.bool_)


def _decompressed(raw: bytes, level: Level) -> NDArray[np.uint8]:
    """(bytes of the block) uint8, writable."""
    size_bytes = level.block_bytes
    codec = level.storage.codec
    if codec == "none":
        if len(raw) != size_bytes:
            raise DamagedBlock(f"a block has {len(raw)} bytes instead of {size_bytes}")
        return np.frombuffer(raw, np.uint8).copy()
    # One byte more than there should be, to see what would go on.
    out = np.empty(size_bytes + 1, np.uint8)
    try:
        data = _DECODERS[codec](raw, out=out)
    except (RuntimeError, ValueError) as error:  # what the errors of imagecodecs are
        raise DamagedBlock(f"a block is no {codec} of {size_bytes} bytes") from error
    if len(data) != size_bytes:
        raise DamagedBlock(f"a block holds {len(data)} bytes instead of {size_bytes}")
    return out[:size_bytes]


def _undo_predictor(
    data: NDArray[np.uint8], storage: Storage, shape: tuple[int, int, int]
) -> NDArray[Any]:
    """(y, x, band in block) of the storage's type."""
    numbers = np.dtype(np.uint8) if storage.bits == 8 else storage.dtype
    if storage.predictor == 3:
        # Its bytes are in an order of their own, the same in every file.
        encoded = data.view(numbers).reshape(shape)
        return np.asarray(imagecodecs.floatpred_decode(encoded, axis=-2))
    pixels = data.view(numbers).reshape(shape)
    if storage.byte_order == ">" and numbers.itemsize > 1:
        pixels.byteswap(inplace=True)
    if storage.predictor == 2:
        # Differences run over, which unsigned numbers do as the format means it; floating point ones go by their bits.
        unsigned = pixels.view(f"u{numbers.itemsize}")
        imagecodecs.delta_decode(unsigned, axis=-2, out=unsigned)
    return pixels
