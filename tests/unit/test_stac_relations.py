"""Links of an item against those of upstream, which resolves each with urljoin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from stac_fastapi.pgstac.models.links import ItemLinks
from starlette.requests import Request

from eotiles.http.stac.relations import item_links

BASE = "https://eo.example.com:8443/stac/"

NAMES = [
    *("sentinel-2-l2a", "S2A_T32TQM.20200101", ".", "..", "a/b", "a b", "ä"),
    *("a?b", "a#b", "a:b", "//host", "-", "_"),
]

HREFS = [
    "https://example.org/licence.html",
    "http://example.org/a/../b/./c.json",
    "https://eo.example.com:8443/stac/x",
    "https://example.org",
    "https://example.org/?",
    "https://example.org/a;b?c=d#e",
    "https://example.org/a b",
    "s3://bucket/key.json",
    "s3://bucket/../key.json",
    "../relative.json",
    "/absolute.json",
    "//host/absolute.json",
    "?query",
    "#fragment",
    "",
    "urn:x:y",
    "file:///etc/passwd",
    "https://[::1]/a",
    " https://example.org/a",
    "https://example.org/a\n",
]


def upstream(collection: str, item: str, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    app = FastAPI()
    app.state.router_prefix = ""
    scope = {
        "type": "http", "method": "GET", "scheme": "https", "path": "/stac/search", "query_string": b"",
        "root_path": "/stac", "headers": [(b"host", b"eo.example.com:8443")], "app": app,
        "app_root_path": "/stac",
    }  # fmt: skip
    links = ItemLinks(collection_id=collection, item_id=item, request=Request(scope))
    return asyncio.run(links.get_links(extra_links=stored))


@pytest.mark.parametrize("collection", NAMES)
@pytest.mark.parametrize("item", NAMES)
def test_relations_are_upstream_s(collection: str, item: str) -> None:
    found = item_links(BASE, collection=collection, item=item, stored=[])
    assert found == upstream(collection, item, [])
    assert [list(link) for link in found] == [list(link) for link in upstream(collection, item, [])]


@pytest.mark.parametrize("href", HREFS)
def test_stored_links_are_resolved_as_upstream_does(href: str) -> None:
    stored = [
        {"rel": "license", "href": href, "title": "t"},
        {"rel": "self", "href": href},
        {"rel": "parent", "href": href},
    ]
    assert item_links(BASE, collection="c", item="i", stored=stored) == upstream("c", "i", stored)
