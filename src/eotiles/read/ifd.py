"""Image file directories of a TIFF, classic or Big: which fields they have, and the values of those we know."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eotiles.read.gdal import BANDS_MAX, UnusableHeader
from eotiles.read.header import ByteOrder, Unsupported
from eotiles.read.segments import Segments

IFDS_MAX = 64
ENTRIES_MAX = 256
BLOCKS_MAX = 2**21
"""Of all images of a file together: 32 MiB for where they lie."""

METADATA_MAX_BYTES = 256 * 2**10


class Tag(IntEnum):
    """Fields that say something about pixels or their place."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    SAMPLES = 277
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    DEPTH = 32997
    TILE_DEPTH = 32998
    PIXEL_SCALE = 33550
    TIEPOINTS = 33922
    TRANSFORMATION = 34264
    GEO_KEYS = 34735
    GEO_NUMBERS = 34736
    GEO_TEXTS = 34737
    METADATA = 42112
    NODATA = 42113


_COUNT_MAX = {
    Tag.BITS: BANDS_MAX,
    Tag.EXTRA_SAMPLES: BANDS_MAX,
    Tag.SAMPLE_FORMAT: BANDS_MAX,
    Tag.TILE_OFFSETS: BLOCKS_MAX,
    Tag.TILE_COUNTS: BLOCKS_MAX,
    Tag.PIXEL_SCALE: 3,
    Tag.TIEPOINTS: 6 * 4096,
    Tag.TRANSFORMATION: 16,
    Tag.GEO_KEYS: 4096,
    Tag.GEO_NUMBERS: 1024,
    Tag.GEO_TEXTS: 16 * 2**10,
    Tag.METADATA: METADATA_MAX_BYTES,
    Tag.NODATA: 64,
}
"""Values that a field may have; those not named have one."""

_COUNT_MAX_BY_TAG = {int(tag): _COUNT_MAX.get(tag, 1) for tag in Tag}

_KINDS = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 12: "f8", 16: "u8"}
"""Types that the known fields have: byte, text, short, long, double, long8."""

_DTYPES: Mapping[ByteOrder, Mapping[int, np.dtype[Any]]] = {
    "<": {kind: np.dtype("<" + name) for kind, name in _KINDS.items()},
    ">": {kind: np.dtype(">" + name) for kind, name in _KINDS.items()},
}
_INTEGERS = (1, 3, 4, 16)


@dataclass(frozen=True)
class Layout:
    """What the first bytes of a file say: how its directories are written."""

    byte_order: ByteOrder
    first: int
    """Where the first directory begins."""

    number: struct.Struct
    """How many entries a directory has."""

    entry: struct.Struct
    """Tag, type, count, value or where it lies."""

    pointer: struct.Struct
    """To the next directory, after the entries."""


@dataclass(frozen=True)
class Field:
    """Where the values of one tag lie."""

    kind: int
    count: int
    position: int
    length: int
    """Both in bytes."""

    value: int | None
    """Of a field that has one whole number."""


@dataclass(frozen=True)
class Directory:
    """One image: its known fields."""

    byte_order: ByteOrder
    fields: Mapping[int, Field]
    segments: Segments

    def integer(self, tag: Tag, *, default: int | None = None) -> int:
        """The one value of a field.

        Raises:
            UnusableHeader: it is missing, without a default, or is no whole number.
        """
        field = self.fields.get(tag)
        if field is None:
            if default is None:
                raise UnusableHeader(f"its header lacks {tag.name}")
            return default
        if field.value is None:
            raise UnusableHeader(f"{tag.name} of its header is no number")
        return field.value

    def values(self, tag: Tag) -> NDArray[Any] | None:
        """All values of a field, read-only, or None where it is missing."""
        field = self.fields.get(tag)
        if field is None:
            return None
        part = self.segments.at(field.position, field.length)
        return np.frombuffer(part, _DTYPES[self.byte_order][field.kind])

    def text(self, tag: Tag) -> str | None:
        """A text, up to its first zero byte, or None where it is missing."""
        field = self.fields.get(tag)
        if field is None:
            return None
        part = self.segments.at(field.position, field.length)
        return part.split(b"\0", 1)[0].decode("utf-8", errors="replace")


def read_directories(segments: Segments) -> list[Directory]:
    """All directories of a file, in its order; of their values only those that lie in them are fetched.

    Raises:
        UnusableHeader: it is no TIFF, damaged, or has too many directories, entries or values.
        Unsupported: a field has a type or a length that TIFFs of today do not have.
    """
    layout = _layout(segments)
    directories: list[Directory] = []
    seen: set[int] = set()
    offset = layout.first
    while offset:
        if offset in seen:
            raise UnusableHeader("its images follow each other in a circle")
        if len(seen) >= IFDS_MAX:
            raise UnusableHeader(f"it has more than {IFDS_MAX} images")
        seen.add(offset)
        fields, offset = _directory(segments, layout, offset)
        directories.append(Directory(layout.byte_order, fields, segments))
    if not directories:
        raise UnusableHeader("it has no image")
    return directories


def load(directories: Sequence[Directory]) -> None:
    """Fetch all values of directories, in as few calls as may be."""
    directories[0].segments.load(
        (field.position, field.length)
        for directory in directories
        for field in directory.fields.values()
        if field.value is None
    )


def _layout(segments: Segments) -> Layout:
    magic = segments.at(0, min(16, segments.size_bytes))
    order: ByteOrder | None = {b"II": "<", b"MM": ">"}.get(magic[:2])  # type: ignore[assignment]
    if order is None or len(magic) < 16:
        raise UnusableHeader("it is not a TIFF")
    version, offset_bytes, zero, first = struct.unpack(order + "HHHQ", magic[2:])
    if version == 42:
        (first,) = struct.unpack(order + "I", magic[4:8])
        return Layout(order, first, *(struct.Struct(order + form) for form in ("H", "HHII", "I")))
    if version == 43 and offset_bytes == 8 and zero == 0:
        return Layout(order, first, *(struct.Struct(order + form) for form in ("Q", "HHQQ", "Q")))
    raise UnusableHeader("it is not a TIFF")


def _directory(segments: Segments, layout: Layout, offset: int) -> tuple[Mapping[int, Field], int]:
    """The fields of a directory and where the next one begins."""
    (number,) = layout.number.unpack(segments.at(offset, layout.number.size))
    if number > ENTRIES_MAX:
        raise UnusableHeader(f"an image of it has more than {ENTRIES_MAX} fields")
    start = offset + layout.number.size
    length = number * layout.entry.size
    part = segments.at(start, length + layout.pointer.size)
    fields: dict[int, Field] = {}
    endian: Literal["little", "big"] = "little" if layout.byte_order == "<" else "big"
    inline_bytes = layout.pointer.size
    position = start + layout.entry.size - inline_bytes
    for tag, kind, count, pointer in layout.entry.iter_unpack(part[:length]):
        if tag in _COUNT_MAX_BY_TAG and tag not in fields:
            size = _length(tag, kind, count)
            where = position if size <= inline_bytes else pointer
            if where + size > segments.size_bytes:
                raise UnusableHeader("its header points outside the file")
            value = None
            if count == 1 and size <= inline_bytes and kind in _INTEGERS:
                value = int.from_bytes(part[where - start : where - start + size], endian)
            fields[tag] = Field(kind, count, where, size, value)
        position += layout.entry.size
    (following,) = layout.pointer.unpack(part[length:])
    return fields, following


def _length(tag: int, kind: int, count: int) -> int:
    """Of the values of a field, in bytes."""
    if kind not in _KINDS:
        raise Unsupported(f"the field {tag} of its header is of the type {kind}")
    if count > _COUNT_MAX_BY_TAG[tag]:
        if tag in (Tag.BITS, Tag.EXTRA_SAMPLES, Tag.SAMPLE_FORMAT):
            raise UnusableHeader(f"it has more than {BANDS_MAX} bands")
        if tag in (Tag.TILE_OFFSETS, Tag.TILE_COUNTS):
            raise UnusableHeader(f"it has more than {BLOCKS_MAX} blocks")
        raise Unsupported(f"the field {tag} of its header has {count} values")
    return _DTYPES["<"][kind].itemsize * count
