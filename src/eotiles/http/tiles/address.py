"""The address of a tile: which place of the catalogue, which tile of which matrix set, in which format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from titiler.core.resources.enums import ImageType

from eotiles.http.titiler.matrices import MATRICES

Kind = Literal["item", "collection", "search"]

_PATH = re.compile(
    r"/(?:collections/(?P<collection>[^/]+)(?:/items/(?P<item>[^/]+))?|searches/(?P<search>[^/]+))"
    r"/tiles/(?P<tms>[^/]+)/(?P<z>\d{1,3})/(?P<x>\d{1,10})/(?P<y>\d{1,10})"
    r"(?:\.(?P<format>[a-z0-9]+)|(?P<explain>/explain))?"
)
_FORMATS = {kind.value: kind for kind in ImageType}


@dataclass(frozen=True, slots=True)
class Place:
    """An item, a collection, or a registered search."""

    kind: Kind
    collection: str = ""
    item: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class TileAddress:
    """What the path of a tile says."""

    place: Place
    tms: str
    z: int
    x: int
    y: int

    format: ImageType | None
    """None: as the layer wants it."""

    explain: bool
    """Whether the plan of the tile is asked for instead of the tile."""


def parse_address(path: str) -> TileAddress | None:
    """The address in a path below the raster API; None for every path that is none, or names an unknown matrix set or
    format: TiTiler's routes answer those, with a sentence."""
    found = _PATH.fullmatch(path)
    if found is None or found["tms"] not in MATRICES.tilematrixsets:
        return None
    if found["format"] is not None and found["format"] not in _FORMATS:
        return None
    if found["search"] is not None:
        place = Place("search", search=found["search"])
    elif found["item"] is not None:
        place = Place("item", collection=found["collection"], item=found["item"])
    else:
        place = Place("collection", collection=found["collection"])
    return TileAddress(
        place=place,
        tms=found["tms"],
        z=int(found["z"]),
        x=int(found["x"]),
        y=int(found["y"]),
        format=_FORMATS[found["format"]] if found["format"] else None,
        explain=found["explain"] is not None,
    )
