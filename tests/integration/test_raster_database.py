"""The raster service while its database is away and when it comes back."""

from __future__ import annotations

import time

import httpx
import pytest

from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.integration import raster_scenes
from tests.integration.raster_expected import path_of, tile_at
from tests.integration.raster_scenes import COLLECTION
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

TILE = f"/raster/collections/{COLLECTION}/items/mixed/{path_of(tile_at(501_600, 4_998_600, 15))}.png?index=ndvi"


def test_down_is_503_at_once_and_it_recovers_by_itself(own_cluster: Cluster) -> None:
    cluster = own_cluster
    cluster.start()
    migrate(cluster.conninfo("admin"))
    settings = Settings(_env_file=None, data=cluster.status().data, database_wait_s=0.3)
    scene = raster_scenes.mixed(settings.assets / COLLECTION)
    load(cluster.conninfo("ingest"), collections=[raster_scenes.collection()], items=[scene.stac])
    cluster.stop()
    with serving(settings, ["raster"]) as origin, httpx.Client(base_url=origin, timeout=20) as http:
        paths = [
            TILE,
            f"/raster/collections/{COLLECTION}/WebMercatorQuad/tilejson.json?index=ndvi",
            "/raster/searches/",
            f"/raster/searches/{'0' * 32}/info",
        ]
        for path in paths:
            started = time.monotonic()
            got = http.get(path)
            assert got.status_code == 503, got.text
            assert time.monotonic() - started < 4
            assert got.headers["retry-after"] == "1"
            assert got.headers["content-type"] == "application/problem+json"
            assert "database" in got.json()["detail"]
        assert http.post("/raster/searches/register", json={}).status_code == 503
        assert http.get("/raster/healthz").status_code == 200
        assert http.get("/raster/readyz").status_code == 503
        assert http.get("/raster/indices").status_code == 200, "needs no database"
        cluster.start()
        deadline = time.monotonic() + 15
        while (status := http.get(TILE).status_code) != 200:
            assert status == 503
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert http.get("/raster/readyz").status_code == 200
        body = {"collections": [COLLECTION]}
        assert http.post("/raster/searches/register", json=body).status_code == 200
