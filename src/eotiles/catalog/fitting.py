"""Whether a render of the catalogue can be drawn of an item: strangers' renders name what is not there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eotiles.catalog.drawable import Drawable, bands_listed
from eotiles.catalog.radiometry import Json
from eotiles.core.index import INDICES, Index
from eotiles.core.source import Source
from eotiles.core.symbols import choose

COLOURS = ("red", "green", "blue")
"""STAC common names, in the order of a picture."""

MOST_NAME = 200
"""Characters. Every item is served with the names of its layers."""

MOST_PARTS = 100
"""Assets and ranges of a render."""

MOST_TEXT = 1024
"""Characters of an expression or any other text of a render."""

PLAIN_PARAMETERS = (
    "expression",
    "colormap_name",
    "color_formula",
    "nodata",
    "resampling",
    "unscale",
)
"""Fields of a render that are parameters of the raster API as they stand."""


def supplied(index: Index, having: Sequence[Source]) -> bool:
    """Whether bands stand for all symbols of an index."""
    return all(choose(symbol, having) for symbol in index.bands)


def fits(render: Any, assets: Json, having: Sequence[Source]) -> bool:
    """Whether a render names assets that are all there with their bands, and an index only if the bands allow it."""
    if not isinstance(render, Mapping) or not isinstance(render.get("assets"), list):
        return False
    index = INDICES.get(str(render.get("index")))
    if index is not None and not supplied(index, having):
        return False
    return bool(render["assets"]) and all(_holds(str(name), assets) for name in render["assets"])


def _holds(name: str, assets: Json) -> bool:
    """Whether `KEY` or `KEY|bidx=3,2,1` is there: bands beyond those that the asset lists are not."""
    key, _, option = name.partition("|")
    if key not in assets:
        return False
    numbers, count = _numbers(option.removeprefix("bidx=")), bands_listed(assets[key])
    return numbers is None or count == 0 or all(number <= count for number in numbers)


def _numbers(listed: str) -> list[int] | None:
    """Of bands, as bidx lists them; None where it is no such list. Python refuses numbers of thousands of digits."""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", listed):
        return None
    return [int(number) for number in listed.split(",")]


def is_bounded(name: str, render: Json) -> bool:
    """Whether a render is not larger than anything that can be drawn."""
    parts = [render.get(field) for field in ("assets", "rescale")]
    texts = [render.get(field) for field in PLAIN_PARAMETERS]
    return (
        len(name) <= MOST_NAME
        and all(len(part) <= MOST_PARTS for part in parts if isinstance(part, list))
        and all(len(text) <= MOST_TEXT for text in texts if isinstance(text, str))
        and all(len(str(asset)) <= MOST_TEXT for asset in _list(render.get("assets")))
    )


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def shows_other_colours(render: Json, bands: Sequence[Drawable]) -> bool:
    """Whether a true colour render would show other colours: made for another sensor's order of bands."""
    known = {(band.source.asset, band.source.band): band.source.common_name for band in bands}
    chosen: list[str | None] = []
    for name in render["assets"]:
        asset, _, numbers = str(name).partition("|bidx=")
        if (listed := _numbers(numbers or "1")) is None:
            return False
        chosen += [known.get((asset, number)) for number in listed]
    return len(chosen) == len(COLOURS) and None not in chosen and tuple(chosen) != COLOURS
