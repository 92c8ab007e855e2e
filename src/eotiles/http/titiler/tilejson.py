"""What TiTiler's TileJSON does not tell: the layer's name and legend, whose imagery it is, a render's own zooms."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from attrs import define
from starlette.requests import Request
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.attribution import attribution
from eotiles.catalog.items import Item
from eotiles.catalog.layers import OfferedLayer
from eotiles.catalog.mosaic import Mosaic
from eotiles.http.titiler.asked import asked_layer, asked_query
from eotiles.http.titiler.finder import collection_of, sample

SAMPLE = 20
"""Items of a mosaic that are asked whose they are."""

FIRST = "WebMercatorQuad"
"""Zooms of a render are those of web map tiles."""

_OWN = {"tile_format", "minzoom", "maxzoom", "tilematrixsetid"}
"""Parameters of the TileJSON itself, which its tiles do not take."""

_BESIDE = {*_OWN, "tilesize"}

Json = dict[str, Any]


@define
class TileJsonExtension(FactoryExtension):
    """Comes after TiTiler's route, whose endpoint it wraps as TiTiler's own telemetry does; the route stays theirs."""

    def register(self, factory: BaseFactory) -> None:
        for route in factory.router.routes:
            if getattr(route, "name", None) == "tilejson":
                route.endpoint = _told(route.endpoint)  # type: ignore[attr-defined]


def _told(endpoint: Callable[..., Json]) -> Callable[..., Json]:
    @wraps(endpoint)
    def tilejson(**values: Any) -> Json:
        body = endpoint(**values)
        place, request = values["src_path"], values["request"]
        named = asked_layer(request)
        layer = values["layer_params"].as_dict()["layer"]
        # TiTiler takes the attribution from one environment variable for all.
        said = _attribution(place, request)
        # TileJSON 3 lets clients show it as HTML; names of providers are none.
        body["attribution"] = None if said is None else escape(said, quote=False)
        if named is not None:
            body["name"] = f"{named.title} of {place}"
            body["tiles"] = [_short(url, request) for url in body["tiles"]]
            body["renders"] = {named.name: {"title": named.title, **_spelled(request)}}
            if named.zooms is not None and values["tileMatrixSetId"] == FIRST:
                body["minzoom"] = values["minzoom"] or named.zooms[0]
                body["maxzoom"] = values["maxzoom"] or named.zooms[1]
        else:
            body["name"] = f"{layer.index or 'bands'} of {place}"
        shown = named or OfferedLayer("", "", tuple(request.query_params.multi_items()))
        if shown.has_legend:
            body["legend"] = _legend(request, shown.title or body["name"])
        return body

    names = {"src_path", "request", "layer_params", "tileMatrixSetId", "minzoom", "maxzoom"}
    assert names <= set(inspect.signature(endpoint).parameters)
    return tilejson


def _short(url: str, request: Request) -> str:
    """The address of tiles by the render's name, and by its version: it changes when the render does, so that no cache
    mixes tiles of both."""
    pairs = [pair for pair in asked_query(request) if pair[0].lower() not in _OWN]
    if not any(name == "tilesize" for name, _ in pairs):
        pairs.append(("tilesize", "512"))
    return urlunsplit(urlsplit(url)._replace(query=urlencode(pairs)))


def _spelled(request: Request) -> dict[str, list[str]]:
    """What the name stands for, as parameters of the raster API, a list each."""
    pairs = [pair for pair in request.query_params.multi_items() if pair[0].lower() not in _BESIDE]
    return {name: [value for key, value in pairs if key == name] for name, _ in pairs}


def _legend(request: Request, title: str) -> str:
    """As TileJSON 3 has it: a text that a client may show as HTML."""
    parts = urlsplit(str(request.url))
    path = parts.path.rsplit("/", 2)[0] + "/legend"
    pairs = [pair for pair in asked_query(request) if pair[0].lower() not in _BESIDE]
    href = urlunsplit(parts._replace(path=path, query=urlencode(pairs)))
    return f'<img src="{escape(href)}" alt="{escape(title)}">'


def _attribution(place: Item | Mosaic, request: Request) -> str | None:
    known = request.app.state.known
    if isinstance(place, Mosaic):
        if (found := attribution(None, place.collection)) is not None:
            return found
        each = [attribution(item.stac, None) for item in sample(known, place, SAMPLE)]
        return "; ".join(dict.fromkeys(text for text in each if text)) or None
    return attribution(place.stac, collection_of(known, place))
