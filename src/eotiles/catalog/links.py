"""What an item or a collection gets when it is served, and never in the database: layers, thumbnail, map, asset hrefs.

Layers are links of the web-map-links extension (https://github.com/stac-extensions/web-map-links) to a TileJSON each.
catalog/restore.py takes all of it out again when a served item is written back. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from eotiles.catalog.alike import collection_layers, layers_of
from eotiles.catalog.layers import OfferedLayer, Query
from eotiles.catalog.override import with_override
from eotiles.catalog.site import Site, published_href

Json = dict[str, Any]

WEB_MAP_LINKS = "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json"
MOST_LAYERS = 12
"""TileJSON links on one item; the rest is behind its `related` link."""

TILE_MATRIX_SET = "WebMercatorQuad"
THUMBNAIL_PX = 512

THUMBNAIL = "thumbnail"
"""Key of the asset that is added where an item has no picture."""

LEGEND = "http://www.opengis.net/def/rel/ogc/1.0/legend"
"""Relation of a picture that says what the colours of a layer mean."""

ALL_INDICES = "Spectral indices of this item"
ON_THE_MAP = "View on the map"
"""Titles of links of common relations, by which they are known again."""

_PREVIEW_ROLES = {"thumbnail", "overview"}
_PREVIEW_TYPES = ("image/png", "image/jpeg", "image/webp")


@dataclass(frozen=True)
class Additions:
    """Which members may be added to; a search with `fields` leaves some out."""

    links: bool = True
    assets: bool = True
    extensions: bool = True
    datetime: bool = True


EVERYTHING = Additions()


def link_item(
    site: Site,
    item: Json,
    *,
    renders: Mapping[str, Any],
    override: Any = None,
    additions: Additions = EVERYTHING,
) -> Json:
    """The item as it is served.

    `renders` are the collection's; an item's own of the same name count instead. So does `override`, what it says of
    digital numbers.
    """
    collection, name = item.get("collection"), item.get("id")
    served = publish_assets(site, item, owner=tuple(part for part in (collection, name) if part))
    if not (isinstance(collection, str) and isinstance(name, str)):
        return served
    assets = served.get("assets") or {}
    properties = served.get("properties") or {}
    own = properties.get("renders")
    layers = layers_of(
        item.get("assets") or {},  # as stored: where a file lies decides whether it can be drawn
        renders={**renders, **(own if isinstance(own, dict) else {})},
        properties=with_override(properties, override),
    )
    address = site.item(collection, name)
    if additions.datetime and "properties" in served:
        served["properties"] = _with_datetime(properties)
    if additions.links:
        served["links"] = [
            *_layer_links(address, layers),
            *_legend_links(address, layers),
            *_wmts_link(address, layers),
            _all_layers(address),
            *served.get("links", ()),
        ]
        served["links"].append(_map_link(site, collection=collection, item=name))
        if layers and additions.extensions:
            served["stac_extensions"] = _with_extension(served.get("stac_extensions"))
    if additions.assets and layers and not _has_preview(assets):
        served["assets"] = {**assets, THUMBNAIL: _thumbnail(address, layers[0])}
    return served


def link_collection(site: Site, collection: Json, *, additions: Additions = EVERYTHING) -> Json:
    """The collection as it is served. Its layers are those of `item_assets`: a mosaic of all its items."""
    name = collection.get("id")
    served = publish_assets(site, collection, owner=(name,) if name else ())
    if not isinstance(name, str):
        return served
    layers = collection_layers(served)
    address = site.collection(name)
    if additions.assets and layers and not _has_preview(served.get("assets") or {}):
        served["assets"] = {**(served.get("assets") or {}), THUMBNAIL: _mosaic_thumbnail(address)}
    if not additions.links:
        return served
    served["links"] = [
        *_layer_links(address, layers),
        *_legend_links(address, layers),
        *_wmts_link(address, layers),
        *served.get("links", ()),
    ]
    served["links"].append(_map_link(site, collection=name))
    if layers and additions.extensions:
        served["stac_extensions"] = _with_extension(served.get("stac_extensions"))
    return served


def publish_assets(site: Site, thing: Json, *, owner: tuple[str, ...]) -> Json:
    """A copy whose asset hrefs people can follow; no path of this machine is left in them."""
    assets = thing.get("assets")
    if not isinstance(assets, dict):
        return dict(thing)
    published = {
        key: {**asset, "href": published_href(site, asset["href"], owner=owner, key=key)}
        if isinstance(asset, dict) and isinstance(asset.get("href"), str)
        else asset
        for key, asset in assets.items()
    }
    return {**thing, "assets": published}


def map_href(
    root: str, *, collection: str, item: str | None = None, layer: str | None = None
) -> str:
    """Address of the map page, at `root`, that shows a collection or one item of it, as its first layer or another."""
    named = {"collection": collection, "item": item, "layer": layer}
    query = {name: value for name, value in named.items() if value is not None}
    return f"{root}/?{urlencode(query, quote_via=quote)}"


def tilejson_href(address: str, query: Query) -> str:
    """Address of a layer's TileJSON; `address` is that of the item or the collection in the raster API."""
    return f"{address}/{TILE_MATRIX_SET}/tilejson.json?{_encode(query)}"


def _layer_links(address: str, layers: Sequence[OfferedLayer]) -> list[Json]:
    links = []
    for layer in layers[:MOST_LAYERS]:
        link = {
            "rel": "tilejson",
            "type": "application/json",
            "title": layer.title,
            "href": tilejson_href(address, layer.address),
        }
        links.append(link | ({"render": layer.render} if layer.render is not None else {}))
    return links


def _legend_links(address: str, layers: Sequence[OfferedLayer]) -> list[Json]:
    return [
        {
            "rel": LEGEND,
            "type": "image/png",
            "title": f"Legend of {layer.title}",
            "href": f"{address}/legend?{_encode(layer.address)}",
        }
        for layer in layers[:MOST_LAYERS]
        if layer.has_legend
    ]


def _wmts_link(address: str, layers: Sequence[OfferedLayer]) -> list[Json]:
    if not layers:
        return []
    return [
        {
            "rel": "wmts",
            "type": "application/xml",
            "title": "WMTS, for GIS",
            "href": f"{address}/WMTSCapabilities.xml",
            "wmts:layer": [layer.name for layer in layers[:MOST_LAYERS]],
        }
    ]


def _all_layers(address: str) -> Json:
    return {
        "rel": "related",
        "type": "application/json",
        "title": ALL_INDICES,
        "href": f"{address}/indices",
    }


def _map_link(site: Site, *, collection: str, item: str | None = None) -> Json:
    return {
        "rel": "alternate",
        "type": "text/html",
        "title": ON_THE_MAP,
        "href": map_href(site.root, collection=collection, item=item),
    }


def _mosaic_thumbnail(address: str) -> Json:
    """Its address stays when a render changes: who has it asks again."""
    return {
        "href": f"{address}/preview.png?max_size={THUMBNAIL_PX}",
        "type": "image/png",
        "title": "Thumbnail",
        "roles": ["thumbnail"],
    }


def _thumbnail(address: str, layer: OfferedLayer) -> Json:
    """In full, but for colours of classes: another render, another address, and caches may keep it."""
    is_long = any(name == "colormap" for name, _ in layer.query)
    query = layer.address if is_long else layer.query
    return {
        "href": f"{address}/preview.png?{_encode((*query, ('max_size', str(THUMBNAIL_PX))))}",
        "type": "image/png",
        "title": "Thumbnail",
        "roles": ["thumbnail"],
    }


def _has_preview(assets: Json) -> bool:
    """Whether there is a picture that a browser can show, or something else under the name of ours."""
    return THUMBNAIL in assets or any(
        _PREVIEW_ROLES.intersection(asset.get("roles") or ())
        and asset.get("type") in _PREVIEW_TYPES
        for asset in assets.values()
        if isinstance(asset, dict)
    )


def _with_datetime(properties: Json) -> Json:
    """STAC wants `datetime` even where only an interval is known, as null; pgSTAC forgets what is null."""
    has_interval = "start_datetime" in properties and "end_datetime" in properties
    return {"datetime": None, **properties} if has_interval else properties


def _with_extension(extensions: Any) -> list[str]:
    known = list(extensions or ())
    return known if WEB_MAP_LINKS in known else [*known, WEB_MAP_LINKS]


@lru_cache(maxsize=4096)
def _encode(query: Query) -> str:
    return urlencode(query, safe=",", quote_via=quote)
