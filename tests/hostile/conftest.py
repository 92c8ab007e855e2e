"""The whole product over real HTTP, for those who mean it ill. One server for the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from eotiles.settings import Settings
from tests.integration import raster_scenes
from tests.integration.raster_expected import path_of, tile_at
from tests.stac_server import load, serving

TOKEN = "the-token-of-the-hostile-tests"
COLLECTION = "hostile"
TILE = path_of(tile_at(501_600, 4_998_600, 15))
"""Path of a tile in the middle of the item `good`."""

SECRETS = (TOKEN, "Traceback", "site-packages", "PL/pgSQL", "pydantic", "root:x:", "/tmp/")


@dataclass(frozen=True)
class Product:
    """All services under one origin, with a collection that holds the item `good`."""

    http: httpx.Client
    folder: Path
    """Where its assets may lie."""

    good: dict[str, Any]
    """The item, as it is stored."""

    ingest_conninfo: str

    def write(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Ask for a write with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return self.http.request(method, f"/stac{path}", headers=headers, **sent)

    def store(self, *items: dict[str, Any]) -> None:
        """Store items past every check."""
        load(self.ingest_conninfo, items=items)

    def item(self, name: str) -> str:
        """Path of an item of the raster API."""
        return f"/raster/collections/{COLLECTION}/items/{name}"


@pytest.fixture(scope="session")
def product(settings: Settings, ingest_conninfo: str) -> Iterator[Product]:
    guarded = Settings(
        _env_file=None,
        data=settings.data,
        ingest_token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest(),
        read_threads=8,
        read_queue=64,
    )
    folder = settings.assets / COLLECTION
    good = raster_scenes.mixed(folder).stac | {"id": "good", "collection": COLLECTION}
    load(
        ingest_conninfo,
        collections=[raster_scenes.collection() | {"id": COLLECTION}],
        items=[good],
    )
    with (
        serving(guarded, ["stac", "raster", "ingest", "site"]) as origin,
        httpx.Client(base_url=origin, timeout=20) as http,
    ):
        yield Product(http, folder, good, ingest_conninfo)


def refused(answer: httpx.Response, *statuses: int) -> None:
    """Pass a refusal as it has to be: a problem in one sentence, short, kept by no cache, telling no secret."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) < 10_000
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert len(problem["detail"]) > 8
    assert "\n" not in problem["detail"]
    found = [word for word in SECRETS if word in problem["detail"]]
    assert not found, answer.text
