"""An item or a collection of another catalogue, as it is kept in this one. Pure."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from eotiles.catalog.links import ALL_INDICES, LEGEND, ON_THE_MAP, WEB_MAP_LINKS
from eotiles.catalog.restore import INFERRED

Json = dict[str, Any]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PLAIN = ("https://", "http://")

_PAGING = {"next", "prev", "previous", "first", "last"}
_SERVICES = {"search", "data", "conformance", "service-desc", "service-doc", "aggregate"}
_MAPS = {"xyz", "wms", "wmts", "tilejson", "pmtiles", "3d-tiles"}
"""Drawn by the other catalogue's server; this one draws its own."""

LEFT_OUT = INFERRED | _PAGING | _SERVICES | _MAPS | {"preview", LEGEND}
"""Relations that say where a thing is in the other catalogue, or what its server does with it. Others stay:
`derived_from`, `license`, `via`, `cite-as`, …"""

ITEM_TYPE = "application/geo+json"


def adopt(document: Mapping[str, Any], *, base: str | None, collection: str | None = None) -> Json:
    """The document with absolute hrefs, without the other catalogue's own links, and with one that leads back there.

    `created` and `updated` stay as they are: they tell of the item, not of this copy. `collection`, if given, is what
    an item belongs to from now on. Members of the wrong type are left for the check that follows.

    Args:
        document: as it was found.
        base: where: what relative hrefs are relative to. A `self` link that is an address counts instead, unless the
            base is one itself.
        collection: id of the collection that an item becomes one of.
    """
    adopted = dict(document)
    links = document.get("links")
    links = links if isinstance(links, list) else []
    base = _base(base, links)
    kept = []
    for link in links:
        if isinstance(link, dict) and _is_left_out(link):
            continue
        resolved = _resolved(link, base)
        if not (isinstance(resolved, dict) and _is_path(resolved, base)):
            kept.append(resolved)
    source = _source(document, base)
    if source is not None and source not in kept:
        kept.append(source)
    if document.get("links") is None or isinstance(document["links"], list):
        adopted["links"] = kept
    extensions = document.get("stac_extensions")
    if isinstance(extensions, list) and WEB_MAP_LINKS in extensions:
        adopted["stac_extensions"] = [name for name in extensions if name != WEB_MAP_LINKS]
    assets = document.get("assets")
    if isinstance(assets, dict) and not _are_absolute(assets):
        adopted["assets"] = {key: _adopted(asset, base) for key, asset in assets.items()}
    if collection is not None:
        adopted["collection"] = collection
    # pgSTAC's own members, which its exports hold.
    adopted.pop("pgstac:base_item", None)
    adopted.pop("private", None)
    return adopted


def _is_left_out(link: Mapping[str, Any]) -> bool:
    """Whether a link tells of the other catalogue's server, as do those that another eotiles adds to an item."""
    rel, title = link.get("rel"), link.get("title")
    if not isinstance(rel, str):
        return False
    return rel in LEFT_OUT or (rel, title) in (("related", ALL_INDICES), ("alternate", ON_THE_MAP))


def _are_absolute(assets: Json) -> bool:
    """Whether nothing is to be resolved, told in a glance: so it is with most archives."""
    try:
        for asset in assets.values():
            if not asset["href"].startswith(_PLAIN) or "alternate" in asset:
                return False
    except (KeyError, TypeError, AttributeError):
        return False
    return True


def _is_path(link: Mapping[str, Any], base: str | None) -> bool:
    """Whether a link became the path of a file of this machine, which is nobody's business."""
    here = base is None or not base.startswith(_PLAIN)
    return here and isinstance(link.get("href"), str) and not _SCHEME.match(link["href"])


def _base(base: str | None, links: list[Any]) -> str | None:
    if base is not None and base.startswith(_PLAIN):
        return base
    for link in links:
        if isinstance(link, dict) and link.get("rel") == "self":
            href = link.get("href")
            if isinstance(href, str) and href.startswith(_PLAIN):
                return href
    return base


def _source(document: Mapping[str, Any], base: str | None) -> Json | None:
    """The link to where it came from; a file of this machine is nobody's business."""
    if base is None or not base.startswith(_PLAIN):
        return None
    kind = ITEM_TYPE if document.get("type") == "Feature" else "application/json"
    return {"rel": "via", "href": base, "type": kind}


def _resolved(thing: Any, base: str | None) -> Any:
    """A link or an asset with an absolute href."""
    href = thing.get("href") if isinstance(thing, dict) else None
    if not isinstance(href, str) or href.startswith(_PLAIN) or base is None:
        return thing
    made = absolute(href, base)
    return thing if made == href else {**thing, "href": made}


def _adopted(asset: Any, base: str | None) -> Any:
    """An asset with absolute hrefs, and without alternates that are files of this machine."""
    made = _resolved(asset, base)
    alternates = asset.get("alternate") if isinstance(asset, dict) else None
    if not isinstance(alternates, dict):
        return made
    resolved = {key: _resolved(each, base) for key, each in alternates.items()}
    kept = {
        key: each
        for key, each in resolved.items()
        if not (isinstance(each, dict) and _is_path(each, base))
    }
    return {**made, "alternate": kept}


def absolute(href: str, base: str) -> str:
    """An href that is found in the document at `base`, absolute; one that no rule fits is returned as it is."""
    if _SCHEME.match(href) or href.startswith("<"):
        return href
    try:
        if base.startswith(_PLAIN):
            return urljoin(base, href)
    except ValueError:
        return href
    return href if href.startswith("/") else os.path.normpath(f"{base.rpartition('/')[0]}/{href}")
