"""A catalogue for tests: scenes of known shape, loaded by SQL, and real servers in front of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import uvicorn
from psycopg.types.json import Jsonb
from starlette.types import ASGIApp

from eotiles import tiler
from eotiles.http.one import create_one
from eotiles.settings import Service, Settings
from tests import builders

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
BANDS = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir16": "B11"}
RENDERS = {
    "true-colour": {
        "title": "True colour",
        "assets": ["B04", "B03", "B02"],
        "rescale": [[0.02, 0.25]] * 3,
        "unscale": True,
    },
    "ndvi": {
        "title": "Vegetation",
        "assets": ["B08", "B04"],
        "index": "ndvi",
        "rescale": [[-0.2, 0.9]],
    },
}
"""As ingest writes them into a collection."""


def scene(
    identifier: str,
    *,
    folder: Path,
    collection: str = "scenes",
    longitude: float = 0.0,
    datetime: str = "2019-09-18T10:50:31Z",
    properties: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A Sentinel-2 like item of one square degree whose files lie in `folder`, as ingest makes them."""
    made = builders.item(identifier, collection=collection, datetime=datetime)
    made["geometry"]["coordinates"] = [
        [[longitude + x, y] for x, y in made["geometry"]["coordinates"][0]],
    ]
    made["bbox"] = [longitude, 0.0, longitude + 1.0, 1.0]
    made["properties"] |= properties or {}
    made["stac_extensions"] = ["https://stac-extensions.github.io/eo/v2.0.0/schema.json"]
    made["links"] = [{"rel": "license", "href": "https://example.org/licence", "type": "text/html"}]
    made["assets"] = {
        name: {
            "href": str(folder / collection / identifier / f"{name}.tif"),
            "type": COG,
            "roles": ["data"],
            "bands": [
                {
                    "name": name,
                    "eo:common_name": common_name,
                    "data_type": "uint16",
                    "raster:scale": 0.0001,
                    "raster:offset": -0.1,
                }
            ],
        }
        for common_name, name in BANDS.items()
    }
    return made


def collection(
    identifier: str, *, renders: dict[str, Any] | None = None, title: str | None = None
) -> dict[str, Any]:
    """A collection whose items are scenes; with `item_assets`, as ingest writes it."""
    made = builders.collection(identifier)
    template = scene("any", folder=Path("/"), collection=identifier)["assets"]
    made["item_assets"] = {
        key: {name: value for name, value in asset.items() if name != "href"}
        for key, asset in template.items()
    }
    if renders is not None:
        made["renders"] = renders
    if title is not None:
        made["title"] = title
    return made


def load(
    conninfo: str,
    *,
    collections: Sequence[dict[str, Any]] = (),
    items: Sequence[dict[str, Any]] = (),
) -> None:
    """Store by SQL, past every service."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET search_path = pgstac, public")
        for each in collections:
            connection.execute("SELECT upsert_collection(%s)", [Jsonb(each)])
        for each in items:
            connection.execute("SELECT upsert_item(%s)", [Jsonb(each)])


def stored_row(conninfo: str, collection: str, item: str) -> tuple[Any, ...] | None:
    """The item's row, as it lies in the table."""
    query = (
        "SELECT id, collection, ST_AsText(geometry), datetime, end_datetime, content FROM pgstac.items "
        "WHERE collection = %s AND id = %s"
    )
    with psycopg.connect(conninfo, options="-c search_path=pgstac,public") as connection:
        return connection.execute(query, [collection, item]).fetchone()


def count(conninfo: str, table: str) -> int:
    """Rows of a table of pgSTAC."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(f"SELECT count(*) FROM pgstac.{table}").fetchone()
    assert row is not None
    return int(row[0])


def compile_kernels() -> None:
    """What a server compiles beside serving is to be compiled before: Numba changes the filters of warnings meanwhile,
    which are those of all threads, and what tests make an error reaches code that had asked for quiet."""
    tiler.warm()
    tiler.warm_rest()


@contextmanager
def serving(
    settings: Settings,
    services: Sequence[Service] = ("stac", "ingest"),
    *,
    app: ASGIApp | None = None,
) -> Iterator[str]:
    """Run services under one origin, or an application, in a real server on a free port; gives the origin."""
    if "raster" in services:
        compile_kernels()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app or create_one(settings, services),
                log_config=None,
                access_log=False,
                lifespan="on",
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
