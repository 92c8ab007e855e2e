"""The query of a tile: TiTiler's parameters, read by the same classes as on its own routes, once for each text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Query
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, request_params_to_args
from rio_tiler.mosaic.methods.base import MosaicMethodBase
from starlette.datastructures import QueryParams
from titiler.core.resources.enums import ImageType
from titiler.mosaic.factory import PixelSelectionParams
from titiler.pgstac.dependencies import PgSTACParams

from eotiles.core.errors import EotilesError
from eotiles.http.tiles.address import Kind
from eotiles.http.titiler.limits import check_limits
from eotiles.http.titiler.parameters import (
    LayerParams,
    Reading,
    ReadingParams,
    RenderParams,
    TileParams,
)
from eotiles.http.titiler.paths import SearchParams
from eotiles.http.titiler.styling import Algorithm, algorithm_params, colormap_params
from eotiles.plan import Layer
from eotiles.render.colour import Colormap

QUERIES_KEPT = 4096

SHORT_MAX = 2048
"""Characters of what nearly all queries are."""

LONG_KEPT = 256
LONG_MAX = 12_288
"""Characters of a query that is worth remembering at all: it may define a colour for each of 256 classes."""


@dataclass(frozen=True)
class Ask:
    """What is asked of every tile that has this query."""

    layer: Layer
    reading: Reading
    render: dict[str, Any]
    """rescale, color_formula, add_mask, index, palette: as `encode` takes them."""

    colormap: Colormap | None = None
    algorithm: Algorithm | None = None
    size_px: int | None = None
    buffer_px: float = 0.0
    search: dict[str, Any] = field(default_factory=dict)
    """Which of a collection's items, as pgSTAC takes it."""

    items_limit: int | None = None
    selection: type[MosaicMethodBase] | None = None
    """How the items of a mosaic make one pixel; None for an item."""

    key: str = ""
    """Canonical text of all this: queries that mean the same have the same."""

    styles: dict[ImageType | None, Any] = field(default_factory=dict, compare=False, repr=False)
    """What style.py made of it for each format."""


def _tilesize(tilesize: Annotated[int | None, Query(gt=0)] = None) -> int | None:
    return tilesize


_CALLS = {
    "layer": LayerParams,
    "reading": ReadingParams,
    "tile": TileParams,
    "colormap": colormap_params,
    "render": RenderParams,
    "size": _tilesize,
    "algorithm": algorithm_params,
    "search": SearchParams,
    "limits": PgSTACParams,
    "selection": PixelSelectionParams,
}


@lru_cache(maxsize=len(_CALLS))
def _dependant(name: str) -> Dependant:
    return get_dependant(path="/", call=_CALLS[name])  # type: ignore[arg-type]


class _NotLean(Exception):
    """For TiTiler's own route: the query is wrong, and it says how."""


def parse_query(kind: Kind, text: str) -> Ask | None:
    """What a query asks for; None where TiTiler's own route has to answer: for a wrong query, with the reason.

    Parameters that nobody knows are ignored, and are no part of `key`.
    """
    if len(text) <= SHORT_MAX:
        return _short(kind, text)
    return (_long if len(text) <= LONG_MAX else _parse)(kind, text)


def _parse(kind: Kind, text: str) -> Ask | None:
    params = QueryParams(text)
    try:
        check_limits(params.multi_items(), path_params={})
        return _ask(kind, params)
    except (_NotLean, EotilesError):
        return None


_short = lru_cache(maxsize=QUERIES_KEPT)(_parse)
_long = lru_cache(maxsize=LONG_KEPT)(_parse)


def _ask(kind: Kind, params: QueryParams) -> Ask:
    layer: Layer = _read("layer", params).as_dict()["layer"]
    reading: Reading = _read("reading", params).as_dict()["reading"]
    render: dict[str, Any] = _read("render", params).as_dict()
    colormap: Colormap | None = _read("colormap", params)
    algorithm: Algorithm | None = _read("algorithm", params)
    size_px: int | None = _read("size", params)
    buffer_px: float = _read("tile", params).as_dict()["buffer"]
    search: dict[str, Any] = {}
    items_limit: int | None = None
    selection: type[MosaicMethodBase] | None = None
    if kind != "item":
        selection = _read("selection", params)
        items_limit = _read("limits", params).items_limit
        if kind == "collection":
            search = _read("search", params).search()
    parts = [repr(layer), repr(reading), repr(sorted(render.items())), repr(colormap)]
    parts += [repr(size_px), repr(buffer_px), json.dumps(search, sort_keys=True), repr(items_limit)]
    parts += [selection.__name__ if selection is not None else ""]
    parts += [algorithm.key if algorithm is not None else ""]
    return Ask(
        layer=layer,
        reading=reading,
        render=render,
        colormap=colormap,
        algorithm=algorithm,
        size_px=size_px,
        buffer_px=buffer_px,
        search=search,
        items_limit=items_limit,
        selection=selection,
        key="\n".join(parts),
    )


def _read(name: str, params: QueryParams) -> Any:
    """What a dependency of the factories makes of the query."""
    dependant = _dependant(name)
    values, errors = request_params_to_args(dependant.query_params, params)
    if errors:
        raise _NotLean
    return dependant.call(**values)  # type: ignore[misc]
