"""Renders (STAC render extension) of items and mosaics as parameters of a request."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from titiler.extensions.render import _adapt_render_for_v2
from titiler.pgstac.model import Metadata

from eotiles.catalog.radiometry import Json

Renders = dict[str, dict[str, Any]]

_NOT_PARAMETERS = ("title", "tilematrixsets", "minmax_zoom")


def item_renders(reader: Any) -> Renders:
    """Those in the properties of an ItemReader's item."""
    return as_parameters(reader.input.properties.get("renders"))


def mosaic_renders(backend: Any) -> Renders:
    """Those of a MosaicBackend's collection, or those that were registered with its search."""
    return as_parameters(backend.input.metadata.get("defaults"))


def as_parameters(declared: Json | None) -> Renders:
    """Renders in the words of TiTiler's parameters: text for ranges and colormaps, options inside `assets`."""
    if not isinstance(declared, dict):
        return {}
    entries = {
        name: dict(deepcopy(each)) for name, each in declared.items() if isinstance(each, dict)
    }
    for entry in entries.values():
        for name in _NOT_PARAMETERS:
            entry.pop(name, None)
        if "index" in entry:
            # The extension demands `assets` of every render; here the index says which they are.
            entry.pop("assets", None)
    found: Renders = Metadata(defaults=entries).defaults_params
    for entry in found.values():
        _adapt_render_for_v2(entry)
    return found
