"""A catalogue of the previous pgSTAC minor, with data in it, becomes one of ours: nothing is lost, everything works."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import morecantile
import numpy as np
import psycopg
import pypgstac
import pytest
import rasterio
from PIL import Image
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate
from rasterio.warp import transform_bounds
from typer.testing import CliRunner

from eotiles.catalog.migrations import installed_version
from eotiles.cli import db
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

MIGRATIONS = Path(pypgstac.__file__).parent / "migrations"
VERSIONS = ("0.9.0", "0.9.12")
"""Oldest and newest of the previous minor; pypgstac brings the SQL of every release."""

COLLECTIONS = ("upgrade-whole", "upgrade-years")
SEARCH = {
    "collections": ["upgrade-whole"],
    "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 50]},
}


class Old:
    """A data folder whose database has an old pgSTAC."""

    def __init__(
        self, cluster: Cluster, version: str, *, items: dict[str, Any], search: str
    ) -> None:
        self.cluster = cluster
        self.version = version
        self.items = items
        self.search = search


@pytest.fixture(params=[pytest.param(VERSIONS[0], marks=pytest.mark.soak), VERSIONS[1]])
def old(own_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Old]:
    """Made as an older eotiles made it: the old schema, then items by its functions."""
    version: str = request.param
    data = own_cluster.status().data.with_name(f"from-{version}")
    cluster = Cluster(data)
    cluster.start()
    try:
        admin = cluster.conninfo("admin")
        with ConnectionPool(admin, min_size=1, max_size=1) as pool, PgstacDB(pool=pool) as database:
            assert Migrate(database).run_migration(toversion=version) == version
        yield _filled(cluster, version)
    finally:
        cluster.reset()


def _filled(cluster: Cluster, version: str) -> Old:
    path = builders.geotiff(
        cluster.status().data / "assets" / COLLECTIONS[0] / "i0" / "B04.tif", builders.ramp(64, 64)
    )
    items = []
    for number in range(24):
        item = builders.item(
            f"i{number}",
            collection=COLLECTIONS[number % 2],
            datetime=f"{2015 + number % 6}-0{number % 9 + 1}-03T04:05:06.789Z",
        )
        item["properties"] |= {"eo:cloud_cover": number * 4, "nested": {"a": [1, 2.5, "☃"]}}
        item["assets"] = {"B04": {"href": str(path), "type": "image/tiff; application=geotiff"}}
        items.append(item)
    # Where the file is: its footprint is what a mosaic is searched by.
    with rasterio.open(path) as opened:
        west, south, east, north = transform_bounds(opened.crs, "EPSG:4326", *opened.bounds)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    items[0]["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    items[0]["bbox"] = [west, south, east, north]
    made = [builders.collection(name) for name in COLLECTIONS]
    made[0]["item_assets"] = {"B04": {"type": "image/tiff; application=geotiff", "roles": ["data"]}}
    load(cluster.conninfo("ingest"), collections=made)
    options = "-c search_path=pgstac,public"
    with psycopg.connect(cluster.conninfo("admin"), options=options) as connection:
        query = "UPDATE pgstac.collections SET partition_trunc = 'year' WHERE id = %s"
        connection.execute(query, [COLLECTIONS[1]])
    load(cluster.conninfo("ingest"), items=items)
    with psycopg.connect(
        cluster.conninfo("read"), options="-c search_path=pgstac,public"
    ) as connection:
        connection.execute("SET LOCAL pgstac.readonly = false")
        query = "SELECT hash FROM search_query(%s, _metadata => %s)"
        metadata = Jsonb({"name": "clear", "type": "mosaic"})
        row = connection.execute(query, [Jsonb(SEARCH), metadata]).fetchone()
    assert row is not None
    return Old(cluster, version, items=_items(cluster), search=str(row[0]))


def _items(cluster: Cluster) -> dict[str, Any]:
    """Every item as pgSTAC gives it out."""
    options = "-c search_path=pgstac,public"
    with psycopg.connect(cluster.conninfo("read"), options=options) as connection:
        rows = connection.execute("SELECT id, get_item(id, collection) FROM items ORDER BY 1")
        return dict(rows.fetchall())


def test_everything_is_there_and_works(old: Old) -> None:
    cluster = old.cluster
    assert len(old.items) == 24
    assert installed_version(cluster.conninfo("read")) == old.version
    environment = {"EOTILES_DATA": str(cluster.status().data)}
    done = CliRunner().invoke(db.app, ["migrate"], env=environment)
    assert done.output == "database has pgSTAC 0.10.0\n"
    assert json.dumps(_items(cluster), sort_keys=True) == json.dumps(old.items, sort_keys=True)
    _rights_and_triggers(cluster)
    settings = Settings(_env_file=None, data=cluster.status().data)
    with serving(settings, ["stac", "raster"]) as origin, httpx.Client(timeout=60) as http:
        found = http.post(f"{origin}/stac/search", json={**SEARCH, "limit": 100}).json()
        assert {item["id"] for item in found["features"]} == {f"i{n}" for n in range(0, 13, 2)}
        years = http.get(
            f"{origin}/stac/collections/{COLLECTIONS[1]}/items",
            params={"datetime": "2016-01-01T00:00:00Z/2016-12-31T00:00:00Z"},
        ).json()
        assert {item["id"] for item in years["features"]} == {"i1", "i7", "i13", "i19"}
        # The mosaic that was registered with the old one, and a tile of an item of the old one.
        info = http.get(f"{origin}/raster/searches/{old.search}/info")
        assert info.status_code == 200, info.text
        assert info.json()["search"]["metadata"]["name"] == "clear"
        item = f"{origin}/raster/collections/{COLLECTIONS[0]}/items/i0"
        tilejson = http.get(f"{item}/WebMercatorQuad/tilejson.json?assets=B04&rescale=0,60000")
        assert tilejson.status_code == 200, tilejson.text
        west, south, east, north = tilejson.json()["bounds"]
        where = morecantile.tms.get("WebMercatorQuad").tile(
            (west + east) / 2, (south + north) / 2, 14
        )
        for address in (item, f"{origin}/raster/searches/{old.search}"):
            tile = f"{address}/tiles/WebMercatorQuad/14/{where.x}/{where.y}.png"
            answer = http.get(tile, params={"assets": "B04", "rescale": "0,60000"})
            assert answer.status_code == 200, answer.text
            assert np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[..., 3].any()


def _rights_and_triggers(cluster: Cluster) -> None:
    """As in a catalogue that was new: the reader cannot write, the writer cannot truncate, changes are told."""
    with psycopg.connect(cluster.conninfo("read")) as connection:
        for statement in (
            "DELETE FROM pgstac.items",
            "INSERT INTO pgstac.search_wheres DEFAULT VALUES",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement.encode())
    with (
        psycopg.connect(cluster.conninfo("ingest")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("TRUNCATE pgstac.items")
    with psycopg.connect(cluster.conninfo("read"), autocommit=True) as listening:
        listening.execute("LISTEN eotiles_changes")
        for year in (2016, 2031):  # an old partition and a new one
            item = builders.item(
                "new", collection=COLLECTIONS[1], datetime=f"{year}-05-05T00:00:00Z"
            )
            load(cluster.conninfo("ingest"), items=[{**item, "id": f"new-{year}"}])
            told = [one.payload for one in listening.notifies(timeout=2, stop_after=1)]
            assert told == [COLLECTIONS[1]]
    with psycopg.connect(
        cluster.conninfo("ingest"), options="-c search_path=pgstac,public"
    ) as connection:
        connection.execute("DELETE FROM items WHERE id LIKE 'new-%'")


def test_pypgstac_brings_these_versions() -> None:
    for version in VERSIONS:
        assert (MIGRATIONS / f"pgstac.{version}.sql").is_file()
