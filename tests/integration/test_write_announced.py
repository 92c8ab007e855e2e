"""Who may write is told: by conformance classes, and by what OPTIONS allows."""

from __future__ import annotations

import httpx
import pytest

from eotiles.core.key import hash_token
from eotiles.embedded.cluster import Cluster
from eotiles.http.stac.configuration import TRANSACTIONS
from eotiles.settings import Service, Settings
from tests.stac_server import serving

pytestmark = pytest.mark.integration

READ, WRITTEN = "GET, HEAD, OPTIONS", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
ALLOWED = {
    "/collections": "GET, HEAD, POST, OPTIONS",
    "/collections/c": WRITTEN,
    "/collections/c/items": "GET, HEAD, POST, OPTIONS",
    "/collections/c/items/i": WRITTEN,
    "/search": "GET, HEAD, POST, OPTIONS",
    "/conformance": READ,
    "/": READ,
    "/collections/c/queryables": READ,
}


def announced(origin: str) -> tuple[set[str], set[str]]:
    """Conformance classes of writing: at the root, and at /conformance."""
    classes = []
    for path in ("/", "/conformance"):
        answer = httpx.get(f"{origin}/stac{path}")
        found = answer.json()["conformsTo"] if answer.status_code == 200 else []
        classes.append(set(found) & set(TRANSACTIONS))
    return classes[0], classes[1]


@pytest.mark.parametrize(
    ("services", "with_key", "where"),
    [
        (("stac", "ingest"), True, (True, True)),
        (("stac", "ingest"), False, (False, False)),
        (("stac",), True, (False, False)),
        (("ingest",), True, (False, True)),
        (("ingest",), False, (False, False)),
    ],
)
def test_who_writes(
    cluster: Cluster,
    settings: Settings,
    services: tuple[Service, ...],
    with_key: bool,
    where: tuple[bool, bool],
) -> None:
    hashes = hash_token("x") if with_key else ""
    with serving(settings.model_copy(update={"ingest_token_sha256": hashes}), services) as origin:
        every = set(TRANSACTIONS)
        assert announced(origin) == tuple(every if told else set() for told in where)
        if services != ("stac", "ingest"):
            return
        for path, allowed in ALLOWED.items():
            if not with_key and path != "/search":
                allowed = READ
            # As a page elsewhere asks: STAC Browser reads the header only if CORS says so.
            headers = {"Origin": "https://browser.example"}
            answer = httpx.options(f"{origin}/stac{path}", headers=headers)
            assert (answer.status_code, answer.headers.get("allow")) == (204, allowed), path
            assert "Allow" in answer.headers["access-control-expose-headers"]
            assert answer.headers["access-control-allow-origin"] == "*"
        bulk = httpx.options(f"{origin}/stac/collections/c/bulk_items")
        assert ("POST" in bulk.headers["allow"]) is with_key
        for method, path in (
            ("PUT", "/collections/c/items/i"),
            ("POST", "/collections/c/items"),
            ("DELETE", "/collections/c"),
            ("OPTIONS", "/collections/c"),
            ("GET", "/collections/c"),
            ("POST", "/search"),
        ):
            headers = {
                "Origin": "https://browser.example",
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "authorization,content-type",
            }
            answer = httpx.options(f"{origin}/stac{path}", headers=headers)
            assert answer.status_code == 200, (method, path, answer.text)
            assert method in answer.headers["access-control-allow-methods"]
            assert "access-control-allow-credentials" not in answer.headers
