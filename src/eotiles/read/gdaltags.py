"""The two fields that GDAL adds to a TIFF: 'no data', and a small XML with scales, offsets and names of bands."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import unescape

import numpy as np

from eotiles.read.header import Unsupported
from eotiles.read.ifd import Directory, Tag

DEPTH_MAX = 8
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?|[+-]?(nan|inf|infinity)", re.I)


@dataclass(frozen=True)
class Meanings:
    """What the bands of a file mean; one entry a band."""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    """Physical value = number * scale + offset."""

    names: tuple[str | None, ...]


@dataclass(frozen=True)
class Nodata:
    """What GDAL makes of a declared 'no data'."""

    value: float | None
    """None where none is declared, or one that no pixel can have."""

    fill: float
    """What pixels of blocks are that the file does not hold."""


def read_nodata(directory: Directory, dtype: np.dtype[Any]) -> Nodata:
    """The number that means 'no data' in pixels of a type.

    Raises:
        Unsupported: the text is no number.
    """
    text = directory.text(Tag.NODATA)
    if text is None:
        return Nodata(None, 0)
    number = _number(text)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            number = float(np.array(number).astype(dtype))
        return Nodata(number, number)
    if math.isnan(number):
        return Nodata(None, 0)
    limits = np.iinfo(dtype)
    if not limits.min <= number <= limits.max:
        return Nodata(None, int(limits.min if number < limits.min else limits.max))
    return Nodata(number, int(math.copysign(math.floor(abs(number) + 0.5), number)))


def read_meanings(directory: Directory, *, bands: int) -> Meanings:
    """Scales, offsets and names.

    Raises:
        Unsupported: the XML is none, or has what GDAL does not write: a document type, entities, deep nesting.
    """
    text = directory.text(Tag.METADATA)
    roles: dict[tuple[str, int], str] = _items(text) if text else {}
    numbers = range(bands)
    return Meanings(
        scales=tuple(_number(roles.get(("scale", band), "1")) for band in numbers),
        offsets=tuple(_number(roles.get(("offset", band), "0")) for band in numbers),
        names=tuple(roles.get(("description", band)) for band in numbers),
    )


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text.strip()) is None:
        raise Unsupported("a number in its metadata is none")
    return float(text)


def _items(text: str) -> dict[tuple[str, int], str]:
    """Texts of <Item sample="band" role="role">, by role and band, counted from 0."""
    found: dict[tuple[str, int], str] = {}
    path: list[tuple[str, int] | None] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) >= DEPTH_MAX:
            raise Unsupported("its metadata is nested too deep")
        key = None
        band = attributes.get("sample", "")
        if name == "Item" and len(path) == 1 and re.fullmatch(r"\d{1,5}", band, re.ASCII):
            key = attributes.get("role", ""), int(band)
            found[key] = ""
        path.append(key)

    def characters(part: str) -> None:
        if path and (key := path[-1]) is not None:
            found[key] += part

    def refuse(*_: object) -> None:
        raise Unsupported("its metadata declares a document type")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: path.pop()
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise Unsupported("its metadata is no XML") from error
    # GDAL escapes them twice.
    return {key: unescape(text, {"&quot;": '"', "&apos;": "'"}) for key, text in found.items()}
