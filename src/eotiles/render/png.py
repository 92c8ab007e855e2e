"""PNG files: grey, colours and palettes of 8 bits, grey and colours of 16, deflated by ISA-L. Releases the GIL."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

LEVEL = 1
"""Of ISA-L's 0 to 3. Higher ones take up to twice the time for one or two bytes in a hundred."""

SIDE_MAX_PX = 2**31 - 1
"""What the format can say."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_PALETTE = 3
_SUB = 1


def encode_png(
    samples: NDArray[np.uint8] | NDArray[np.uint16], *, palette: NDArray[np.uint8] | None = None
) -> bytes:
    """A PNG file. The same samples give the same bytes.

    Args:
        samples: (band, y, x) uint8 or uint16. 1 band is grey, 2 grey and opacity, 3 red, green and blue, 4 these and
            opacity; with a palette 1 band of uint8, indices of it.
        palette: (n, 4) uint8, n up to 256. Red, green, blue and opacity of each index.

    Raises:
        ValueError: shapes or types that PNG does not have, or an index beyond the palette.
    """
    if samples.ndim != 3 or len(samples) not in _COLOUR_TYPES or 0 in samples.shape:
        raise ValueError(f"samples are (band, y, x) with 1 to 4 bands, got {samples.shape}")
    if samples.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"samples are uint8 or uint16, got {samples.dtype}")
    bands, height, width = samples.shape
    if max(height, width) > SIDE_MAX_PX:
        raise ValueError(f"{width} × {height} pixels are more than PNG can say")
    kind = _COLOUR_TYPES[bands] if palette is None else _PALETTE
    header = struct.pack(">IIBBBBB", width, height, samples.itemsize * 8, kind, 0, 0, 0)
    parts = [_SIGNATURE, *_chunk(b"IHDR", header)]
    if palette is not None:
        parts += _palette_chunks(samples, palette)
    planes = _byte_planes(samples)
    parts += _chunk(b"IDAT", isal_zlib.compress(_filtered(planes), LEVEL))
    parts += _chunk(b"IEND", b"")
    return b"".join(parts)


def _filtered(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(y, 1 + x·plane) uint8. Rows of interleaved bytes, each as its difference from the one a pixel before, behind
    the number of that filter.

    It pays for palettes too: along a ramp of colours neighbours have close indices, and where all are equal it is
    zeros. Plane by plane, NumPy interleaves four times as fast as from a transposed array.
    """
    count, height, width = planes.shape
    rows = np.empty((height, 1 + width * count), np.uint8)
    rows[:, 0] = _SUB
    for place, plane in enumerate(planes, start=1):
        rows[:, place] = plane[:, 0]
        np.subtract(plane[:, 1:], plane[:, :-1], out=rows[:, place + count :: count])
    return rows


def _byte_planes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """(band, y, x) uint8, or (2·band, y, x) with the higher byte of each band before the lower one."""
    if samples.dtype == np.uint8:
        return samples
    planes = np.empty((2 * len(samples), *samples.shape[1:]), np.uint8)
    np.right_shift(samples, 8, out=planes[::2], casting="unsafe")
    np.copyto(planes[1::2], samples, casting="unsafe")
    return planes


def _palette_chunks(samples: NDArray[Any], palette: NDArray[np.uint8]) -> list[bytes]:
    """As many colours as are used: a tile of one colour is a small file."""
    if len(samples) != 1 or samples.dtype != np.uint8:
        raise ValueError(f"indices are (1, y, x) uint8, got {samples.shape} {samples.dtype}")
    if palette.ndim != 2 or palette.shape[1] != 4 or palette.dtype != np.uint8:
        raise ValueError(f"a palette is (n, 4) uint8, got {palette.shape} {palette.dtype}")
    used = int(samples.max()) + 1
    if not used <= len(palette) <= 256:
        raise ValueError(f"index {used - 1} in a palette of {len(palette)} colours")
    chunks = _chunk(b"PLTE", palette[:used, :3].tobytes())
    see_through = np.flatnonzero(palette[:used, 3] != 255)
    if see_through.size:
        chunks += _chunk(b"tRNS", palette[: see_through[-1] + 1, 3].tobytes())
    return chunks


def _chunk(name: bytes, data: bytes) -> list[bytes]:
    check = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return [struct.pack(">I", len(data)), name, data, struct.pack(">I", check)]
