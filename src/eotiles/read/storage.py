"""How one image of a TIFF stores its pixels, or why that is left to GDAL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eotiles.read.gdal import BANDS_MAX, UnusableHeader
from eotiles.read.header import Codec, Predictor, Storage, Unsupported
from eotiles.read.ifd import Directory, Tag

_CODECS: Mapping[int, Codec] = {
    1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 50000: "zstd",
}  # fmt: skip
_OTHER_CODECS = {
    6: "JPEG", 7: "JPEG", 32773: "PackBits", 34712: "JPEG 2000", 34887: "LERC", 34925: "LZMA", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip

_DTYPES: Mapping[tuple[int, int], np.dtype[Any]] = {
    (8, 1): np.dtype(np.uint8),
    (16, 1): np.dtype(np.uint16),
    (16, 2): np.dtype(np.int16),
    (32, 2): np.dtype(np.int32),
    (32, 3): np.dtype(np.float32),
}
"""By bits and SampleFormat: 1 unsigned, 2 signed, 3 floating point."""

_GREY, _RGB = 1, 2
_CONTIGUOUS, _SEPARATE = 1, 2
_ALPHA = (1, 2)


@dataclass(frozen=True)
class Image:
    """The pixels of one directory."""

    storage: Storage
    bands: int
    is_planar: bool
    """True: each band has blocks of its own."""


def read_image(directory: Directory) -> Image:
    """How an image of numbers is stored.

    Raises:
        Unsupported: in a way that is left to GDAL.
        UnusableHeader: it has too many bands, or its header is damaged.
    """
    bands = directory.integer(Tag.SAMPLES, default=1)
    if not 1 <= bands <= BANDS_MAX:
        raise UnusableHeader(f"it has more than {BANDS_MAX} bands" if bands else "it has no band")
    _check_colours(directory)
    bits = _one_for_all(directory, Tag.BITS, default=1)
    kind = _one_for_all(directory, Tag.SAMPLE_FORMAT, default=1)
    dtype = _DTYPES.get((bits, kind))
    if dtype is None:
        raise Unsupported(f"its pixels have {bits} bits and the sample format {kind}")
    planar = directory.integer(Tag.PLANAR, default=_CONTIGUOUS)
    if planar not in (_CONTIGUOUS, _SEPARATE):
        raise UnusableHeader("its header is damaged")
    is_planar = planar == _SEPARATE and bands > 1
    codec = _codec(directory)
    storage = Storage(
        dtype=dtype,
        bits=bits,
        samples=1 if is_planar else bands,
        codec=codec,
        predictor=_predictor(directory, codec, dtype),
        byte_order=directory.byte_order,
    )
    return Image(storage, bands, is_planar)


def read_mask(directory: Directory) -> Storage:
    """How the mask of an image is stored.

    Raises:
        Unsupported: in a way that is left to GDAL.
    """
    bits = _one_for_all(directory, Tag.BITS, default=1)
    codec = _codec(directory)
    predictor = _predictor(directory, codec, np.dtype(np.uint8))
    if directory.integer(Tag.SAMPLES, default=1) != 1 or bits not in (1, 8):
        raise Unsupported("its mask has several bands or large numbers")
    if _one_for_all(directory, Tag.SAMPLE_FORMAT, default=1) != 1:
        raise Unsupported("its mask holds signed numbers")
    if bits == 1 and predictor != 1:
        raise Unsupported("its mask has a predictor")
    return Storage(
        dtype=np.dtype(np.bool_),
        bits=bits,
        samples=1,
        codec=codec,
        predictor=predictor,
        byte_order=directory.byte_order,
    )


def _check_colours(directory: Directory) -> None:
    photometric = directory.integer(Tag.PHOTOMETRIC, default=_GREY)
    if photometric not in (_GREY, _RGB):
        raise Unsupported(f"its photometric interpretation is {photometric}")
    extra = directory.values(Tag.EXTRA_SAMPLES)
    if extra is not None and np.isin(_numbers(extra), _ALPHA).any():
        raise Unsupported("it has an alpha band")


def _codec(directory: Directory) -> Codec:
    number = directory.integer(Tag.COMPRESSION, default=1)
    codec = _CODECS.get(number)
    if codec is None:
        raise Unsupported(f"it is compressed with {_OTHER_CODECS.get(number, f'codec {number}')}")
    if directory.integer(Tag.FILL_ORDER, default=1) != 1:
        raise Unsupported("its bits are stored in reverse")
    return codec


def _predictor(directory: Directory, codec: Codec, dtype: np.dtype[Any]) -> Predictor:
    if codec == "none":
        return 1  # the field has no meaning there
    predictor = directory.integer(Tag.PREDICTOR, default=1)
    if predictor == 1:
        return 1
    if predictor == 2:
        return 2
    if predictor == 3 and dtype.kind == "f":
        return 3
    raise Unsupported(f"its pixels of {dtype} have the predictor {predictor}")


def _one_for_all(directory: Directory, tag: Tag, *, default: int) -> int:
    """The value of a field that has one for each band, and the same for all."""
    if tag not in directory.fields:
        return default
    values = _numbers(directory.values(tag))
    if len(values) == 0 or (values != values[0]).any():
        raise Unsupported("its bands are of different types")
    return int(values[0])


def _numbers(values: Any) -> Any:
    if values.dtype.kind != "u":
        raise UnusableHeader("its header is damaged")
    return values
