"""What a process knows of the catalogue: the same as the database says, at most a second old, asked for once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import morecantile
import psycopg
import pytest
from psycopg.types.json import Jsonb

from eotiles.catalog.changes import Changes
from eotiles.catalog.database import Database
from eotiles.catalog.epochs import STALE_S, Epochs
from eotiles.catalog.items import get_item
from eotiles.catalog.known import Known, mosaic_version
from eotiles.catalog.migrations import migrate
from eotiles.core.errors import (
    AssetUnreadable,
    Unavailable,
    UnknownCollection,
    UnknownItem,
    UnknownSearch,
)
from eotiles.embedded.cluster import Cluster
from tests import builders
from tests.integration.conftest import Raster
from tests.stac_server import load

pytestmark = pytest.mark.integration

COLLECTION = "known"
MERCATOR = morecantile.tms.get("WebMercatorQuad")
TILE = (128, 127, 8)
"""Within the square degree of every item."""


@dataclass
class World:
    """A process that knows, and somebody who changes things."""

    known: Known
    database: Database
    epochs: Epochs
    changes: Changes
    sql: Callable[..., Any]

    @property
    def asked(self) -> int:
        """Questions that reached the database."""
        return sum(cache.misses for cache in self.known.caches.values())

    async def within_a_second(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        began = time.perf_counter()
        while not await is_so():
            assert time.perf_counter() - began < 1
            await asyncio.sleep(0.005)


@pytest.fixture
def sql(ingest_conninfo: str) -> Iterator[Callable[..., Any]]:
    options = "-c search_path=pgstac,public"
    with psycopg.connect(ingest_conninfo, autocommit=True, options=options) as connection:

        def run(statement: str, *values: Any) -> Any:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchone() if cursor.description else None

        run("SELECT upsert_collection(%s)", Jsonb(builders.collection(COLLECTION)))
        for day, name in enumerate("abc", start=1):
            made = builders.item(name, collection=COLLECTION, datetime=f"2024-01-0{day}T00:00:00Z")
            run("SELECT upsert_item(%s)", Jsonb(made))
        yield run
        run("SELECT delete_collection(id) FROM collections WHERE id LIKE 'known%%'")


@pytest.fixture
async def world(sql: Callable[..., Any], read_conninfo: str) -> AsyncIterator[World]:
    epochs = Epochs()
    async with (
        Database(read_conninfo, pool_max=4, wait_s=2.0, statement_timeout_s=5.0) as database,
        Changes(read_conninfo, epochs=epochs) as changes,
        Known(database, epochs) as known,
    ):
        while not epochs.heard:
            await asyncio.sleep(0.01)
        yield World(known, database, epochs, changes, sql)


async def test_an_item_is_what_the_database_says_and_asked_for_once(world: World) -> None:
    first = await world.known.item(COLLECTION, "a")
    assert first.item.stac == (await get_item(world.database, COLLECTION, "a")).stac
    assert len(first.version) == 32
    for _ in range(10):
        assert await world.known.item(COLLECTION, "a") is first
    together = await asyncio.gather(*(world.known.item(COLLECTION, "b") for _ in range(20)))
    assert all(each is together[0] for each in together)
    assert world.asked == 2


async def test_the_version_is_the_contents(world: World) -> None:
    """The same contents have the same version, in another row too; any change has another."""
    first = await world.known.item(COLLECTION, "a")
    stored = dict(first.item.stac)
    versions = {first.version}

    async def store(content: dict[str, Any]) -> str:
        epoch = world.epochs.epoch(COLLECTION)
        world.sql("SELECT delete_item('a', %s)", COLLECTION)
        world.sql("SELECT create_item(%s)", Jsonb(content))

        async def heard() -> bool:
            return world.epochs.epoch(COLLECTION) >= epoch + 2

        await world.within_a_second(heard)
        return (await world.known.item(COLLECTION, "a")).version

    assert await store(stored) == first.version
    changed = json.loads(json.dumps(stored))
    for path in (("properties", "title"), ("properties", "gsd"), ("assets", "red")):
        changed[path[0]][path[1]] = {"href": "x"} if path[0] == "assets" else "y"
        versions.add(await store(changed))
    changed["geometry"]["coordinates"][0][2] = [1.0, 1.0000001]
    versions.add(await store(changed))
    assert len(versions) == 5


async def test_a_change_of_the_collection_reaches_its_items(world: World) -> None:
    """pgSTAC stores an item without what its collection says about all of them."""
    before = await world.known.collection(COLLECTION)
    world.sql(
        "SELECT update_collection(%s)", Jsonb({**builders.collection(COLLECTION), "title": "new"})
    )

    async def is_new() -> bool:
        return (await world.known.collection(COLLECTION)).get("title") == "new"

    await world.within_a_second(is_new)
    assert "title" not in before


async def test_what_is_not_there_is_said_and_not_kept(world: World) -> None:
    with pytest.raises(UnknownItem, match="'new'"):
        await world.known.item(COLLECTION, "new")
    with pytest.raises(UnknownCollection):
        await world.known.item("known-nowhere", "new")
    with pytest.raises(UnknownCollection):
        await world.known.collection("known-nowhere")
    with pytest.raises(UnknownSearch):
        await world.known.search_mosaic("0" * 32)
    world.sql("SELECT create_item(%s)", Jsonb(builders.item("new", collection=COLLECTION)))
    assert (await world.known.item(COLLECTION, "new")).item.id == "new", "at once"


@pytest.mark.parametrize("name", ["a'; DROP TABLE x; --", "ünï ☃", "x" * 3000, "{}", "a,b", "\\"])
async def test_odd_ids(world: World, name: str) -> None:
    world.sql("SELECT create_item(%s)", Jsonb(builders.item(name, collection=COLLECTION)))
    assert (await world.known.item(COLLECTION, name)).item.id == name
    names = [(COLLECTION, "a"), (COLLECTION, name), (COLLECTION, "none"), (COLLECTION, "b")]
    assert [each.item.id for each in await world.known.items(names)] == ["a", name, "b"]


async def test_a_deleted_item_is_gone_within_a_second_everywhere(world: World) -> None:
    known, (x, y, z) = world.known, TILE
    collection = await known.collection_mosaic(COLLECTION, search={})
    row = world.sql("SELECT hash FROM search_query(%s)", Jsonb({"collections": [COLLECTION]}))
    search = await known.search_mosaic(row[0])
    assert search.bounds == (0.0, 0.0, 1.0, 1.0)

    async def seen() -> list[list[str]]:
        tiles = [
            await known.tile_items(mosaic, MERCATOR, x, y, z, limit=10)
            for mosaic in (collection, search)
        ]
        some = await known.mosaic_items(collection, box=None, limit=10)
        return [[each.item.id for each in items] for items in (*tiles, some)]

    assert await seen() == [["c", "b", "a"]] * 3
    world.sql("SELECT delete_item('b', %s)", COLLECTION)

    async def gone() -> bool:
        return await seen() == [["c", "a"]] * 3

    await world.within_a_second(gone)
    with pytest.raises(UnknownItem):
        await known.item(COLLECTION, "b")
    asked = world.asked
    await seen()
    assert world.asked == asked, "kept again"
    world.sql("SELECT delete_collection(%s)", COLLECTION)

    async def all_gone() -> bool:
        return await seen() == [[]] * 3

    await world.within_a_second(all_gone)


async def test_a_search_of_any_collection_depends_on_all(world: World) -> None:
    search = {"ids": ["a", "elsewhere"]}
    row = world.sql("SELECT hash FROM search_query(%s)", Jsonb(search))
    mosaic = await world.known.search_mosaic(row[0])
    assert mosaic.collections is None
    x, y, z = TILE

    async def ids() -> list[str]:
        found = await world.known.tile_items(mosaic, MERCATOR, x, y, z, limit=10)
        return [each.item.id for each in found]

    assert await ids() == ["a"]
    world.sql("SELECT create_collection(%s)", Jsonb(builders.collection("known-2")))
    world.sql("SELECT create_item(%s)", Jsonb(builders.item("elsewhere", collection="known-2")))

    async def both() -> bool:
        return sorted(await ids()) == ["a", "elsewhere"]

    await world.within_a_second(both)


async def test_the_version_of_a_mosaic(world: World) -> None:
    items = await world.known.items([(COLLECTION, name) for name in "abc"])
    version = mosaic_version(items)
    assert mosaic_version(items) == version
    assert len(version) == 32
    assert mosaic_version(items[::-1]) != version, "the order is part of it"
    assert mosaic_version(items[:2]) != version
    assert mosaic_version(()) != version


async def test_memory_is_bounded(world: World) -> None:
    known = Known(world.database, world.epochs, items_bytes=60_000)
    text = "x" * 3_000
    for number in range(40):
        made = builders.item(f"large{number}", collection=COLLECTION)
        made["properties"]["text"] = text
        world.sql("SELECT create_item(%s)", Jsonb(made))
        await known.item(COLLECTION, f"large{number}")
    items = known.caches["items"]
    assert 0 < items.bytes <= 60_000
    assert len(items) <= 3
    found = await known.items([(COLLECTION, f"large{number}") for number in range(40)])
    assert len(found) == 40, "more than there is room for is found all the same"


async def test_a_deeply_nested_item_is_an_error_of_that_item(world: World) -> None:
    made = builders.item("deep", collection=COLLECTION)
    made["properties"]["x"] = None
    nested = json.dumps(made).replace('"x": null', '"x": ' + "[" * 3000 + "]" * 3000)
    world.sql("SELECT create_item(%s::jsonb)", nested)
    with pytest.raises(AssetUnreadable, match="nested too deep"):
        await world.known.item(COLLECTION, "deep")
    assert (await world.known.item(COLLECTION, "a")).item.id == "a"


async def until_raised(error: type[Exception], ask: Callable[[], Awaitable[Any]]) -> float:
    """Seconds until a question is answered with an error."""
    began = time.perf_counter()
    while (seconds := time.perf_counter() - began) < 5:
        try:
            await ask()
        except error:
            return seconds
        await asyncio.sleep(0.01)
    pytest.fail(f"no {error.__name__} within 5 s")


async def test_unheard_nothing_older_than_a_second_is_served(own_cluster: Cluster) -> None:
    """The listener is cut off from its server; changes of that time are seen all the same, and 'down' is said."""
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    load(
        own_cluster.conninfo("ingest"),
        collections=[builders.collection(COLLECTION)],
        items=[builders.item("a", collection=COLLECTION)],
    )
    read = own_cluster.conninfo("read")
    epochs = Epochs()
    async with (
        Database(read, pool_max=4, wait_s=1.0, statement_timeout_s=5.0) as database,
        Changes(read, epochs=epochs),
        Known(database, epochs) as known,
    ):
        while not epochs.heard:
            await asyncio.sleep(0.01)
        await known.item(COLLECTION, "a")
        with psycopg.connect(own_cluster.conninfo("admin"), autocommit=True) as admin:
            row = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'eotiles-changes'"
            ).fetchone()
            assert row is not None
            os.kill(int(str(row[0])), signal.SIGSTOP)
            try:
                await asyncio.sleep(0.1)
                with psycopg.connect(own_cluster.conninfo("ingest")) as writer:
                    writer.execute("SELECT pgstac.delete_item('a', %s)", [COLLECTION])
                seconds = await until_raised(UnknownItem, lambda: known.item(COLLECTION, "a"))
                assert seconds < STALE_S + 0.3
            finally:
                os.kill(int(str(row[0])), signal.SIGCONT)
        await known.collection(COLLECTION)
        await asyncio.to_thread(own_cluster.stop)
        seconds = await until_raised(Unavailable, lambda: known.collection(COLLECTION))
        assert seconds < STALE_S + 1.3, "a second, and one of the pool's"
        await asyncio.to_thread(own_cluster.start)
        started = time.perf_counter()
        while time.perf_counter() - started < 5:
            try:
                await known.collection(COLLECTION)
                break
            except Unavailable:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("it does not heal")
        while not epochs.heard:
            await asyncio.sleep(0.01)
            assert time.perf_counter() - started < 5


def test_over_http_a_change_is_seen_within_a_second(raster: Raster, ingest_conninfo: str) -> None:
    """The whole service: attribution of an item's TileJSON follows the item; counters say that memory answers."""
    scene = json.loads(json.dumps(raster.scenes["stack"].stac)) | {"id": "known-by-http"}
    path = f"{raster.item('known-by-http')}/WebMercatorQuad/tilejson.json"

    def attribution() -> str | None:
        got = raster.http.get(path, params={"index": "ndvi"})
        return got.json()["attribution"] if got.status_code == 200 else None

    assert attribution() is None
    for text in ("first", "second"):
        scene["properties"]["attribution"] = text
        load(ingest_conninfo, items=[scene])
        loaded = time.monotonic()
        while attribution() != text:
            assert time.monotonic() - loaded < 1
    with psycopg.connect(ingest_conninfo) as connection:
        connection.execute("SELECT pgstac.delete_item('known-by-http', NULL)")
    deleted = time.monotonic()
    while attribution() is not None:
        assert time.monotonic() - deleted < 1
    text = raster.http.get("/metrics").text
    assert "eotiles_raster_known_changes_heard 1.0" in text
    assert 'eotiles_raster_known_hits_total{kind="items"}' in text


@pytest.mark.filterwarnings("ignore:Point:UserWarning")
def test_no_route_changes_what_is_shared(raster: Raster) -> None:
    """Items and collections are handed to TiTiler as they are kept: asked twice, every route says the same."""
    paths = [
        f"{place}/{path}"
        for place in (raster.item("mixed"), raster.collection)
        for path in (
            "WebMercatorQuad/tilejson.json?index=ndvi", "info?assets=red", "renders", "indices", "WMTSCapabilities.xml",
            "WMTSCapabilities.xml?index=ndvi", "tiles", "legend?index=ndvi&f=json",
            "WebMercatorQuad/map.html?index=ndvi",
        )
    ]  # fmt: skip
    first = [raster.http.get(path) for path in paths]
    second = [raster.http.get(path) for path in paths]
    assert sum(answer.status_code == 200 for answer in first) >= 12
    for before, after in zip(first, second, strict=True):
        # When a search was last used is the time of the request.
        texts = [re.sub(r'"lastused":"[^"]*"', "", answer.text) for answer in (before, after)]
        assert before.status_code == after.status_code, before.url
        assert texts[0] == texts[1], before.url
