"""Looking through a JPEG 2000 file before OpenJPEG does: sizes within limits, and complete to its last tile.

OpenJPEG makes room for every tile and precinct that a header names, and GDAL reads a truncated file half. So the
skeleton of the file (boxes, main header, tile-parts; ISO/IEC 15444-1 annexes A and I) is walked here first, which
touches a few bytes a tile. No pixel is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from eotiles.read.gdal import BANDS_MAX, BLOCK_BYTES_MAX, BLOCK_SIDE_MAX, PIXELS_MAX, UnusableHeader

Fetch = Callable[[int, int], bytes]
"""`fetch(offset, length)`: bytes of the file, fewer where it ends."""

SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
BOXES_MAX = 64
METADATA_MAX_BYTES = 4 * 2**20
"""Of all boxes but the pixels': a GML description of the place has a few kilobytes."""

SEGMENTS_MAX = 256
"""Marker segments of the main header, and of each tile-part's."""

TILES_MAX = 16_384
TILE_PARTS_MAX = 65_536
PRECINCT_MIN_EXPONENT = 5
"""Precincts of less than 32 pixels: OpenJPEG makes room for each of them."""

_SOC, _SOT, _SOD, _EOC = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9
_SIZ, _COD, _COC = 0xFF51, 0xFF52, 0xFF53


def check_jpeg2000(fetch: Fetch, *, size_bytes: int) -> None:
    """Hold a file to the limits of what is opened, and see that it is all there.

    Raises:
        UnusableHeader: it is none, damaged, truncated, or over a limit.
    """
    if fetch(0, len(SIGNATURE)) != SIGNATURE:
        raise UnusableHeader("it is not a JPEG 2000 file")
    start, end = _codestream(fetch, size_bytes)
    offset, tiles = _main_header(fetch, start)
    _check_tile_parts(fetch, offset, end, tiles=tiles)


def _codestream(fetch: Fetch, size_bytes: int) -> tuple[int, int]:
    """Where the box of the pixels starts and ends."""
    offset, metadata = 0, 0
    for _ in range(BOXES_MAX):
        head = _exactly(fetch, offset, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        header = 8
        if length == 1:
            length, header = int.from_bytes(_exactly(fetch, offset + 8, 8), "big"), 16
        elif length == 0:
            length = size_bytes - offset
        if length < header or offset + length > size_bytes:
            raise UnusableHeader(_TRUNCATED)
        if kind == b"jp2c":
            return offset + header, offset + length
        metadata += length
        if metadata > METADATA_MAX_BYTES:
            raise UnusableHeader("it holds more than pixels")
        offset += length
    raise UnusableHeader("it has no pixels")


@dataclass(frozen=True)
class _Marker:
    code: int
    body: bytes
    end: int
    """Offset of what follows."""


def _main_header(fetch: Fetch, start: int) -> tuple[int, int]:
    """Check it; offset of the first tile-part, and how many tiles there are."""
    if int.from_bytes(_exactly(fetch, start, 2), "big") != _SOC:
        raise UnusableHeader(_DAMAGED)
    offset, tiles = start + 2, 0
    for _ in range(SEGMENTS_MAX):
        marker = _marker(fetch, offset)
        if marker.code == _SOT:
            if not tiles:
                raise UnusableHeader(_DAMAGED)
            return offset, tiles
        if marker.code == _SIZ:
            tiles = _tiles(marker.body)
        elif marker.code == _COD:
            _check_precincts(marker.body[0:1], marker.body[10:])
        elif marker.code == _COC:
            _check_precincts(marker.body[1:2], marker.body[7:])
        offset = marker.end
    raise UnusableHeader(_DAMAGED)


def _tiles(siz: bytes) -> int:
    """Number of tiles that the image has, its sizes checked."""
    try:
        right, bottom, left, top, width, height, tile_left, tile_top, bands = struct.unpack(
            ">8IH", siz[2:36]
        )
    except struct.error as error:
        raise UnusableHeader(_DAMAGED) from error
    if (left, top, tile_left, tile_top) != (0, 0, 0, 0) or not (right and bottom):
        raise UnusableHeader("its image does not start at its first pixel")
    if not 1 <= bands <= BANDS_MAX or len(siz) != 36 + 3 * bands:
        raise UnusableHeader(f"it has no band or more than {BANDS_MAX}")
    if any(siz[37 + 3 * band : 39 + 3 * band] != b"\x01\x01" for band in range(bands)):
        raise UnusableHeader("its bands have different sizes")
    if right * bottom > PIXELS_MAX:
        raise UnusableHeader(f"it has more than {PIXELS_MAX} pixels")
    if not (width and height):
        raise UnusableHeader(_DAMAGED)
    width, height = min(width, right), min(height, bottom)
    # OpenJPEG decodes into four bytes a sample.
    if max(width, height) > BLOCK_SIDE_MAX or width * height * bands * 4 > 2 * BLOCK_BYTES_MAX:
        raise UnusableHeader("its tiles are too large")
    tiles: int = -(-right // width) * -(-bottom // height)
    if tiles > TILES_MAX:
        raise UnusableHeader(f"it has more than {TILES_MAX} tiles")
    return tiles


def _check_precincts(style: bytes, sizes: bytes) -> None:
    if not style:
        raise UnusableHeader(_DAMAGED)
    if style[0] & 1 and any(
        min(each & 15, each >> 4) < PRECINCT_MIN_EXPONENT for each in sizes[1:] or sizes
    ):
        raise UnusableHeader("its precincts are too small")


def _check_tile_parts(fetch: Fetch, offset: int, end: int, *, tiles: int) -> None:
    """Go from tile-part to tile-part until the end of the codestream; every tile must have come by."""
    seen: set[int] = set()
    for _ in range(TILE_PARTS_MAX):
        if end - offset < 12:
            break
        marker = _marker(fetch, offset)
        if marker.code != _SOT or len(marker.body) != 8:
            raise UnusableHeader(_DAMAGED)
        tile, length = struct.unpack(">HI", marker.body[:6])
        last = length == 0
        following = end - 2 if last else offset + length
        if tile >= tiles or following < marker.end or following > end:
            raise UnusableHeader(_TRUNCATED)
        _check_part_header(fetch, marker.end)
        seen.add(tile)
        offset = following
        if last or offset + 2 == end:
            break
    if offset + 2 != end or int.from_bytes(_exactly(fetch, offset, 2), "big") != _EOC:
        raise UnusableHeader(_TRUNCATED)
    if len(seen) < tiles:
        raise UnusableHeader("it lacks tiles")


def _check_part_header(fetch: Fetch, offset: int) -> None:
    for _ in range(SEGMENTS_MAX):
        code = int.from_bytes(_exactly(fetch, offset, 2), "big")
        if code == _SOD:
            return
        if code in (_COD, _COC):
            raise UnusableHeader("its tiles are coded each in its own way")
        offset = _marker(fetch, offset).end
    raise UnusableHeader(_DAMAGED)


def _marker(fetch: Fetch, offset: int) -> _Marker:
    head = _exactly(fetch, offset, 4)
    code, length = struct.unpack(">HH", head)
    if code < 0xFF00 or length < 2:
        raise UnusableHeader(_DAMAGED)
    wanted = length - 2 if code in (_SIZ, _COD, _COC, _SOT) else 0
    return _Marker(code, _exactly(fetch, offset + 4, wanted), offset + 2 + length)


def _exactly(fetch: Fetch, offset: int, length: int) -> bytes:
    data = fetch(offset, length) if length else b""
    if len(data) != length:
        raise UnusableHeader(_TRUNCATED)
    return data


_TRUNCATED = "it is truncated"
_DAMAGED = "it is damaged"
