"""Links of the landing page besides upstream's."""

from __future__ import annotations

from typing import Any

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
    ]


def sortables_link(address: str) -> dict[str, Any]:
    """Link to what items below `address` can be sorted by."""
    return {
        "rel": SORTABLES,
        "type": "application/schema+json",
        "title": "Sortables",
        "href": f"{address}/sortables",
    }
