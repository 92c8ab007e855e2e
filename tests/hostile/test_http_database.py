"""A database that is there and says nothing (its machine hangs): 503 soon, and all is well afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from eotiles.catalog.epochs import STALE_S
from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration

ITEM = "/raster/collections/c/items/one"


def _processes(cluster: Cluster) -> list[int]:
    """The postmaster and all that it has started."""
    postmaster = cluster.status().pid
    assert postmaster is not None
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


@contextmanager
def _silent(cluster: Cluster) -> Iterator[None]:
    stopped = _processes(cluster)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(stopped):
            os.kill(process, signal.SIGCONT)


def test_a_silent_database_is_503_soon_and_recovers_by_itself(own_cluster: Cluster) -> None:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    settings = Settings(
        _env_file=None,
        data=own_cluster.status().data,
        database_wait_s=0.3,
        statement_timeout_s=0.5,
    )
    load(
        own_cluster.conninfo("ingest"),
        collections=[collection("c")],
        items=[scene("one", folder=settings.assets, collection="c")],
    )
    with (
        serving(settings, ["stac", "raster"]) as origin,
        httpx.Client(base_url=origin, timeout=20) as http,
    ):
        asked = [
            ("GET", f"{ITEM}/indices"),
            ("GET", "/raster/collections/c/WebMercatorQuad/tilejson.json?index=ndvi"),
            ("GET", "/raster/searches/list"),
            ("POST", "/raster/searches/register"),
            ("GET", "/raster/readyz"),
            ("GET", "/stac/search"),
            ("GET", "/stac/collections/c/items/one"),
            ("GET", "/stac/readyz"),
        ]
        for method, path in asked:
            assert http.request(method, path, json={}).status_code in (200, 424), path
        with _silent(own_cluster):
            time.sleep(STALE_S + 0.1)  # so long what is known already is served
            for method, path in asked:
                started = time.monotonic()
                answer = http.request(method, path, json={})
                assert answer.status_code == 503, (path, answer.text)
                assert time.monotonic() - started < 4, path
                assert answer.headers["content-type"] == "application/problem+json"
                assert http.get("/healthz").status_code == 200
        deadline = time.monotonic() + 10
        for method, path in asked:
            while (answer := http.request(method, path, json={})).status_code == 503:
                assert time.monotonic() < deadline, (path, answer.text)
                time.sleep(0.05)
            assert answer.status_code in (200, 424)
