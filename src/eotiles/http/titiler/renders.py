"""Renders (STAC render extension) of items and mosaics as parameters of a request."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from titiler.extensions.render import _adapt_render_for_v2
from titiler.pgstac.dependencies import SearchParams
from titiler.pgstac.model import Metadata, PgSTACSearch, RegisterMosaic

from eotiles.catalog.filters import checked_filter
from eotiles.catalog.radiometry import Json
from eotiles.core.errors import BadParameter
from eotiles.http.titiler.paths import checked_datetime
from eotiles.http.titiler.shapes import checked_box

ZOOM_MAX = 24

Renders = dict[str, dict[str, Any]]

_LISTS = ("assets", "asset_bidx", "asset_expression")
_NOT_PARAMETERS = ("title", "tilematrixsets", "minmax_zoom")


def item_renders(reader: Any) -> Renders:
    """Those in the properties of an ItemReader's item."""
    return as_parameters(reader.input.properties.get("renders"))


def mosaic_renders(backend: Any) -> Renders:
    """Those of a MosaicBackend's collection, or those that were registered with its search."""
    return as_parameters(backend.input.metadata.get("defaults"))


def search_body(body: RegisterMosaic) -> tuple[PgSTACSearch, Metadata]:
    """A search to register, with its renders in our words: TiTiler makes links of them as they are."""
    search, metadata = SearchParams(body)
    low, high = metadata.minzoom or 0, ZOOM_MAX if metadata.maxzoom is None else metadata.maxzoom
    if not 0 <= low <= high <= ZOOM_MAX:
        raise BadParameter(f"minzoom and maxzoom take 0 to {ZOOM_MAX}, the smaller one first")
    if metadata.bounds is not None:
        checked_box(metadata.bounds)
    if search.datetime is not None:
        checked_datetime(search.datetime)
    if search.filter_expr is not None:
        search.filter_expr = checked_filter(search.filter_expr)
    if metadata.defaults is not None:
        metadata.defaults = {name: without_assets(each) for name, each in metadata.defaults.items()}
    return search, metadata


def without_assets(render: Any) -> Any:
    """The render extension demands `assets` of every render; where there is an index, it says which they are."""
    if not isinstance(render, dict) or "index" not in render:
        return render
    return {name: value for name, value in render.items() if name != "assets"}


def as_parameters(declared: Json | None) -> Renders:
    """Renders in the words of TiTiler's parameters: text for ranges and colormaps, options inside `assets`."""
    if not isinstance(declared, dict):
        return {}
    entries = {
        name: dict(without_assets(deepcopy(each)))
        for name, each in declared.items()
        if isinstance(each, dict)
    }
    found: Renders = {}
    for key, entry in entries.items():
        for name in _NOT_PARAMETERS:
            entry.pop(name, None)
        # Some write one asset without a list around it.
        entry |= {name: [entry[name]] for name in _LISTS if isinstance(entry.get(name), str)}
        try:
            params: Renders = Metadata(defaults={key: entry}).defaults_params
            _adapt_render_for_v2(params[key])
        except (TypeError, ValueError, AttributeError, LookupError):
            continue  # fields of the wrong types: it says nothing
        found |= params
    return found
