"""A write over HTTP is on the map within a second: tiles, mosaics, ETags and TileJSON of the raster service."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import morecantile
import numpy as np
import psycopg
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform_bounds

from eotiles.core.key import hash_token
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import COG, serving

pytestmark = pytest.mark.integration

TOKEN = "the-token-of-the-tests"
WITHIN_S = 1.0
"""What the issue asks for."""

COLLECTION = "written-drawn"
LEVELS = {"dark": 40, "bright": 200}
GONE = None


@dataclass(frozen=True)
class Map:
    """A client with the token, and what it sees of one place."""

    http: httpx.Client
    footprint: tuple[float, float, float, float]
    files: dict[str, str]
    tile: str
    """Path of the tile behind `/tiles/WebMercatorQuad/`."""

    def item(self, name: str, shows: str) -> dict[str, Any]:
        west, south, east, north = self.footprint
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        made = builders.item(name, collection=COLLECTION)
        made["geometry"], made["bbox"] = (
            {"type": "Polygon", "coordinates": [ring]},
            [*ring[0], *ring[2]],
        )
        made["assets"] = {"data": {"href": self.files[shows], "type": COG, "roles": ["data"]}}
        return made

    def write(self, method: str, path: str, body: Any = None) -> None:
        answer = self.http.request(method, f"/stac/collections{path}", json=body)
        assert answer.status_code < 300, answer.text

    def seen(self, path: str) -> tuple[int | None, str | None]:
        """The level in the middle of the tile (None: no such thing, or nothing drawn) and its ETag."""
        url = f"/raster/collections/{COLLECTION}{path}/tiles/WebMercatorQuad/{self.tile}.png"
        answer = self.http.get(url, params={"assets": "data", "rescale": "0,255"})
        if answer.status_code == 404:
            return GONE, None
        assert answer.status_code == 200, answer.text
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
        row, column = (
            np.argwhere(pixels[..., 3] > 0).mean(axis=0).astype(int)
            if pixels[..., 3].any()
            else (0, 0)
        )
        level = int(pixels[row, column, 0]) if pixels[row, column, 3] else GONE
        return level, answer.headers.get("etag")

    def becomes(self, path: str, level: int | None) -> str | None:
        """Wait until the map shows this level, for a second at most; the new ETag comes back."""
        return self.until(lambda: self.seen(path), lambda seen: seen[0] == level)[1]

    def until(self, look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
        began = time.perf_counter()
        while not is_so(seen := look()):
            assert time.perf_counter() - began < WITHIN_S, f"after a second there is still {seen}"
            time.sleep(0.01)
        return seen


@pytest.fixture(scope="module")
def origin(cluster: Cluster, settings: Settings) -> Iterator[str]:
    allowing = settings.model_copy(update={"ingest_token_sha256": hash_token(TOKEN)})
    with serving(allowing, ["stac", "raster", "ingest"]) as address:
        yield address


@pytest.fixture
def world(origin: str, settings: Settings, admin_conninfo: str) -> Iterator[Map]:
    """A collection without items, and two files of one place."""
    folder = settings.assets / COLLECTION
    for name, level in LEVELS.items():
        data = np.full((256, 256), level, np.uint8)
        path = builders.geotiff(
            folder / f"{name}.tif",
            data,
            options={"tiled": True, "blockxsize": 256, "blockysize": 256},
        )
    with rasterio.open(path) as opened:
        footprint = transform_bounds(opened.crs, "EPSG:4326", *opened.bounds)
    west, south, east, north = footprint
    where = morecantile.tms.get("WebMercatorQuad").tile((west + east) / 2, (south + north) / 2, 13)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=origin, headers=headers, timeout=30) as http:
        made = builders.collection(COLLECTION)
        made["item_assets"] = {"data": {"type": COG, "roles": ["data"]}}
        assert http.post("/stac/collections", json=made).status_code == 201
        files = {name: str(folder / f"{name}.tif") for name in LEVELS}
        yield Map(http, footprint, files, f"{where.z}/{where.x}/{where.y}")
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id = 'drawn'")
    shutil.rmtree(folder)


def test_items(world: Map) -> None:
    """POST, PUT, PATCH, DELETE: the item's own tile, and the mosaic of its collection."""
    one, items = "/items/one", f"/{COLLECTION}/items"
    assert world.seen(one) == (GONE, None)
    assert world.seen("")[0] is GONE
    tags: list[set[str | None]] = []
    for method, path, body, level in (
        ("POST", items, world.item("one", "dark"), 40),
        ("PUT", f"{items}/one", world.item("one", "bright"), 200),
        ("PATCH", f"{items}/one", {"assets": {"data": {"href": world.files["dark"]}}}, 40),
    ):
        world.write(method, path, body)
        tags.append({world.becomes(one, level), world.becomes("", level)})
    world.write("DELETE", f"{items}/one")
    assert world.becomes(one, GONE) is None
    tags.append({world.becomes("", GONE)})
    known = [tag for each in tags for tag in each if tag is not None]
    assert len(known) >= 6
    # A state that comes back has the ETag that it had.
    assert tags[0] != tags[1]
    assert not tags[1] & tags[2]


def test_a_cached_tile_is_asked_for_anew(world: Map) -> None:
    """What a browser does: the old ETag gives 304 until the item changes, and never after."""
    world.write("POST", f"/{COLLECTION}/items", world.item("one", "dark"))
    tag = world.becomes("/items/one", 40)
    url = f"/raster/collections/{COLLECTION}/items/one/tiles/WebMercatorQuad/{world.tile}.png"
    query = {"assets": "data", "rescale": "0,255"}

    def again() -> int:
        answer = world.http.get(url, params=query, headers={"If-None-Match": str(tag)})
        return answer.status_code

    assert again() == 304
    world.write("PUT", f"/{COLLECTION}/items/one", world.item("one", "bright"))
    world.until(again, lambda status: status == 200)
    assert [again() for _ in range(5)] == [200] * 5


def test_many_at_once(world: Map) -> None:
    """Bulk insert and upsert, and a collection of items."""
    bulk = f"/{COLLECTION}/bulk_items"
    dark = {f"b{n}": world.item(f"b{n}", "dark") for n in range(5)}
    world.write("POST", bulk, {"items": dark})
    world.becomes("", 40)
    world.becomes("/items/b3", 40)
    bright = {name: world.item(name, "bright") for name in dark}
    world.write("POST", bulk, {"items": bright, "method": "upsert"})
    world.becomes("", 200)
    world.becomes("/items/b3", 200)
    features = [world.item("c", "dark")]
    world.write("POST", f"/{COLLECTION}/items", {"type": "FeatureCollection", "features": features})
    world.becomes("/items/c", 40)


def test_the_collection(world: Map) -> None:
    """Its renders are layers of its items; with it everything goes."""
    world.write("POST", f"/{COLLECTION}/items", world.item("one", "dark"))
    world.becomes("", 40)

    def titles() -> list[str]:
        answer = world.http.get(f"/stac/collections/{COLLECTION}")
        links = answer.json().get("links", ())
        return [link["title"] for link in links if link["rel"] == "tilejson"]

    renders = {"mine": {"title": "Mine", "assets": ["data"], "rescale": [[0, 255]]}}
    world.write("PATCH", f"/{COLLECTION}", {"renders": renders})
    world.until(titles, lambda found: found == ["Mine"])
    whole = world.http.get(f"/stac/collections/{COLLECTION}").json()
    whole["renders"]["mine"]["title"] = "Yours"
    world.write("PUT", f"/{COLLECTION}", whole)
    world.until(titles, lambda found: found == ["Yours"])
    world.write("DELETE", f"/{COLLECTION}")
    world.becomes("", GONE)
    world.becomes("/items/one", GONE)
    world.write("POST", "", builders.collection(COLLECTION))
    world.write("POST", f"/{COLLECTION}/items", world.item("one", "bright"))
    world.becomes("", 200)
    world.becomes("/items/one", 200)
