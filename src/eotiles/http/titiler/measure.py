"""Ranges found in pixels: the 2nd to 98th percentile of each band of a small picture of an item."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from rio_tiler.errors import RioTilerError

from eotiles.catalog.appearance import Range
from eotiles.catalog.drawable import PERCENTILES, drawables
from eotiles.catalog.items import Item
from eotiles.core.errors import EotilesError
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.reader import ItemReader
from eotiles.plan import AssetChoice, Layer
from eotiles.read.grid import Size

LOOK_PX = 256
"""Longer side of the picture."""

ASSETS_MAX = 16
"""Assets of one item that are looked at."""

_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Measured:
    """What the pixels of a layer are."""

    data_type: str
    ranges: tuple[Range, ...]
    """Of each band; none where no pixel is valid."""


def measure(item: Item, layer: Layer, reading: Reading, access: Access) -> Measured:
    """The ranges of a layer of an item.

    Raises:
        EotilesError: it cannot be drawn or read.
    """
    reader = ItemReader(item, access=access)
    image = reader.preview(layer=layer, reading=reading, size=Size(max_px=LOOK_PX))
    bands = [plane.compressed() for plane in image.array]
    seen = all(band.size for band in bands)
    return Measured(
        str(image.array.dtype), tuple(_percentiles(band) for band in bands) if seen else ()
    )


def described(stac: Mapping[str, Any], access: Access) -> tuple[dict[str, Any], list[str]]:
    """A copy of an item whose bands say which numbers are in them, where it did not say so itself; and sentences about
    assets that cannot be read. Three bands of bytes that nobody has described are red, green and blue."""
    found: dict[str, Any] = deepcopy(dict(stac))
    faults: list[str] = []
    bands = drawables(found.get("assets") or {}, properties=found.get("properties") or {})
    unknown = {
        band.source.asset: None for band in bands if band.value_range is None and not band.classes
    }
    for key in list(unknown)[:ASSETS_MAX]:
        try:
            layer = Layer(assets=(AssetChoice(key),))
            told = measure(Item(found), layer, Reading(), access)
        except (EotilesError, RioTilerError) as error:
            faults.append(str(error))
            continue
        _describe(found["assets"][key], told)
    return found, faults


def _describe(asset: dict[str, Any], told: Measured) -> None:
    listed = asset.get("bands")
    known = listed if isinstance(listed, list) and len(listed) == len(told.ranges) else None
    is_bare = known is None and not asset.get("eo:bands") and not asset.get("raster:bands")
    bands = known or [{} for _ in told.ranges]
    for number, (band, (low, high)) in enumerate(zip(bands, told.ranges, strict=True)):
        if not isinstance(band, dict):
            return
        band.setdefault("data_type", told.data_type)
        band.setdefault(PERCENTILES, {"2": low, "98": high})
        if is_bare and told.data_type == "uint8" and len(told.ranges) == len(_COLOURS):
            band.setdefault("eo:common_name", _COLOURS[number])
    if bands and (known is not None or is_bare):
        asset["bands"] = bands


def _percentiles(values: Any) -> Range:
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    return (low, high) if low < high else (low, low + max(abs(low) * 1e-3, 1e-6))
