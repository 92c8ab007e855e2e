"""Links of the landing page besides upstream's."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from eotiles.catalog.site import Site

SORTABLES = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def landing_links(site: Site) -> list[dict[str, Any]]:
    """Ways on from the catalogue: the map, STAC Browser, what can be sorted by; and its picture."""
    return [
        {
            "rel": "icon",
            "type": "image/png",
            "title": "Icon",
            "href": f"{site.root}/static/icon.png",
        },
        {
            "rel": "alternate",
            "type": "text/html",
            "title": "Browse on the map",
            "href": f"{site.root}/",
        },
        {
            "rel": "alternate",
            "type": "text/html",
            "title": "Browse in STAC Browser",
            "href": f"{site.root}/browser/",
        },
        sortables_link(site.stac),
        *aggregation_links(site),
    ]


def sortables_link(address: str) -> dict[str, Any]:
    """Link to what items below `address` can be sorted by."""
    return {
        "rel": SORTABLES,
        "type": "application/schema+json",
        "title": "Sortables",
        "href": f"{address}/sortables",
    }


def aggregation_links(site: Site, *, collection: str | None = None) -> list[dict[str, Any]]:
    """Links to what can be counted of all items, or of a collection's, and to the counts."""
    here = (
        site.stac if collection is None else f"{site.stac}/collections/{quote(collection, safe='')}"
    )
    ways = (("aggregate", "Counts of items"), ("aggregations", "What can be counted"))
    return [
        {
            "rel": rel,
            "type": "application/json",
            "title": title,
            "method": method,
            "href": f"{here}/{rel}",
        }
        for rel, title in ways
        for method in (("GET", "POST") if rel == "aggregate" else ("GET",))
    ]
