"""Links from an item to what it belongs to, and its stored links as addresses: upstream's ItemLinks, for a whole page.

Upstream asks for the class's methods, the request's body and its base address anew for each item.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

from stac_fastapi.pgstac.models.links import INFERRED_LINK_RELS

Json = dict[str, Any]

_GEOJSON = "application/geo+json"
_JSON = "application/json"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""Names that urljoin appends as they stand."""

_PLAIN_ADDRESS = re.compile(r"[a-z][a-z0-9]*://[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/%=+@,-]*")
"""Addresses that urljoin leaves as they are."""


def item_links(base: str, *, collection: str, item: str, stored: Sequence[Json]) -> list[Json]:
    """Links of an item, those that say where it is first. `base` is the API's address and ends with a slash."""
    parent = _resolved(base, "collections", collection)
    itself = _resolved(base, "collections", collection, "items", item)
    return [
        {"rel": "collection", "type": _JSON, "href": parent},
        {"rel": "parent", "type": _JSON, "href": parent},
        {"rel": "root", "type": _JSON, "href": base},
        {"rel": "self", "type": _GEOJSON, "href": itself},
        *(
            {**link, "href": _address(base, link["href"])}
            for link in stored
            if link["rel"] not in INFERRED_LINK_RELS
        ),
    ]


def _resolved(base: str, *parts: str) -> str:
    path = "/".join(parts)
    return base + path if all(map(_PLAIN_NAME.fullmatch, parts)) else urljoin(base, path)


def _address(base: str, href: Any) -> str:
    text = str(href)
    return text if _PLAIN_ADDRESS.fullmatch(text) else urljoin(base, text)
