"""From an item or a collection as it is served back to what is stored: undoes catalog/links.py before a write. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from eotiles.catalog.links import LEGEND, THUMBNAIL, WEB_MAP_LINKS, map_href
from eotiles.catalog.site import Site, published_href, stored_href
from eotiles.core.errors import HrefRefused

Json = dict[str, Any]

_OGC = "http://www.opengis.net/def/rel/ogc/1.0"
INFERRED = {
    *("self", "root", "parent", "collection", "item", "items", "child"),
    *(f"{_OGC}/queryables", f"{_OGC}/sortables"),
}
"""Relations that the STAC API derives from where a thing is."""

_WEB_MAP_RELATIONS = {"xyz", "wms", "wmts", "tilejson", "pmtiles", "3d-tiles"}
_OURS = {"tilejson", "wmts", "related", "alternate", LEGEND}


def restore_item(site: Site, given: Json, *, stored: Json | None) -> Json:
    """What to store when `given` is written; `stored` is the item that it replaces.

    Writing back an item as it was served gives exactly what was stored. Hosts are not compared, as one eotiles has
    several names (localhost, 127.0.0.1, its public address).

    Raises:
        HrefRefused: an asset claims to be a file that no stored item names.
    """
    collection, name = str(given.get("collection")), str(given.get("id"))
    return _restored(
        site,
        given,
        stored=stored or {},
        raster=site.item(collection, name),
        map_page=map_href(site.root, collection=collection, item=name),
        owner=(collection, name),
    )


def restore_collection(site: Site, given: Json, *, stored: Json | None) -> Json:
    """What to store when the collection `given` is written; `stored` is the one that it replaces.

    Raises:
        HrefRefused: an asset claims to be a file that no stored collection names.
    """
    name = str(given.get("id"))
    return _restored(
        site,
        given,
        stored=stored or {},
        raster=site.collection(name),
        map_page=map_href(site.root, collection=name),
        owner=(name,),
    )


def _restored(
    site: Site, given: Json, *, stored: Json, raster: str, map_page: str, owner: tuple[str, ...]
) -> Json:
    links = [
        _unresolved(site, link, stored.get("links") or [])
        for link in given.get("links") or []
        if link.get("rel") not in INFERRED and not _is_added(link, raster=raster, map_page=map_page)
    ]
    extensions = list(given.get("stac_extensions") or [])
    if WEB_MAP_LINKS in extensions and not _needs_extension(links, stored):
        extensions.remove(WEB_MAP_LINKS)
    assets = {
        key: _asset(site, asset, (stored.get("assets") or {}).get(key), owner=owner, key=key)
        for key, asset in (given.get("assets") or {}).items()
        if not (key == THUMBNAIL and _path(asset.get("href")) == _path(f"{raster}/preview.png"))
    }
    restored = dict(given)
    for member, value in (("links", links), ("stac_extensions", extensions), ("assets", assets)):
        # A member that is not stored is not made up either, unless something is in it.
        if value or member in stored or (not stored and member in given):
            restored[member] = value
        else:
            restored.pop(member, None)
    return restored


def _needs_extension(links: list[Json], stored: Json) -> bool:
    """Whether the web-map-links extension is the writer's word, or was only added when serving."""
    if WEB_MAP_LINKS in (stored.get("stac_extensions") or []):
        return True
    known = stored.get("links") or []
    return any(link.get("rel") in _WEB_MAP_RELATIONS and link not in known for link in links)


def _is_added(link: Json, *, raster: str, map_page: str) -> bool:
    """Whether a link is one that is added when serving."""
    rel, href = link.get("rel"), str(link.get("href"))
    if rel not in _OURS:
        return False
    if rel == "alternate":
        return parse_qsl(urlsplit(href).query) == parse_qsl(urlsplit(map_page).query)
    tail = _path(href).removeprefix(_path(raster) + "/")
    if rel == "tilejson":
        return tail.endswith("/tilejson.json") and tail.count("/") == 1
    return tail == {"related": "indices", "wmts": "WMTSCapabilities.xml", LEGEND: "legend"}[rel]


def _unresolved(site: Site, link: Json, stored: list[Json]) -> Json:
    """A link as it is stored: serving made a relative href absolute."""
    for other in stored:
        href = str(other.get("href"))
        if other.get("rel") == link.get("rel") and urljoin(site.stac + "/", href) == link.get(
            "href"
        ):
            return {**link, "href": href}
    return link


def _asset(
    site: Site, asset: Json, stored: Json | None, *, owner: tuple[str, ...], key: str
) -> Json:
    href = asset.get("href")
    if not isinstance(href, str):
        return asset
    known = (stored or {}).get("href")
    if isinstance(known, str) and published_href(site, known, owner=owner, key=key) == href:
        return {**asset, "href": known}
    original = stored_href(site, href)
    if original is None:
        raise HrefRefused(
            f"asset {key!r}: only the item that a file belongs to can name it; there is none at {href}"
        )
    return {**asset, "href": original}


def _path(href: Any) -> str:
    return unquote(urlsplit(str(href)).path)
