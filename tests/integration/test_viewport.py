"""What lies on a tile: served from lists of blocks, always what a query of its own would find, in the same order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import morecantile
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from morecantile import TileMatrixSet
from psycopg.types.json import Jsonb

from eotiles.catalog import viewport
from eotiles.catalog.database import Database
from eotiles.catalog.epochs import Epochs
from eotiles.catalog.items import get_item
from eotiles.catalog.known import Known
from eotiles.catalog.mosaic import Mosaic, list_items
from eotiles.catalog.viewport import polygon, tile_box
from tests import builders

pytestmark = pytest.mark.integration

COLLECTION = "viewport"
MERCATOR = morecantile.tms.get("WebMercatorQuad")


def ring(*points: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(point) for point in (*points, points[0])]]}


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return ring((west, south), (east, south), (east, north), (west, north))


def footprints() -> Iterator[dict[str, Any]]:
    """A few hundred: at random, exactly on the edges of tiles, points, lines, across the antimeridian, at the poles."""
    chance = random.Random(7)
    for _ in range(180):
        lon, lat = chance.uniform(7.0, 12.0), chance.uniform(44.0, 48.0)
        size = 10 ** chance.uniform(-3, 0.3)
        turned = [(lon + size * chance.uniform(0.2, 1), lat), (lon, lat + size * chance.random())]
        yield ring((lon - size, lat - size * chance.random()), *turned)
    for _ in range(60):
        x, y, z = chance.randrange(1063, 1092), chance.randrange(710, 740), 11
        west, south, east, north = tile_box(MERCATOR, x, y, z)
        yield chance.choice(
            [
                box(west, south, east, north),
                box(west - 0.01, north, east, north + 0.02),
                {"type": "Point", "coordinates": [west, south]},
                {"type": "LineString", "coordinates": [[west, south], [west, north]]},
                ring((east, north), (east + 0.1, north), (east, north + 0.1)),
            ]
        )
    for _ in range(25):
        south = chance.uniform(-60, 60)
        east = {"type": "Polygon", "coordinates": box(179, south, 180, south + 3)["coordinates"]}
        west = {"type": "Polygon", "coordinates": box(-180, south, -179, south + 3)["coordinates"]}
        both = [east["coordinates"], west["coordinates"]]
        yield chance.choice([east, west, {"type": "MultiPolygon", "coordinates": both}])
    yield box(-180, 80, 180, 90)
    yield box(-180, -90, 180, -80)
    yield box(-180, -90, 180, 90)


@pytest.fixture(scope="module")
def catalogue(ingest_conninfo: str) -> Iterator[str]:
    """The items, many of them with the same time; a second collection with one whose footprint is a bow tie."""
    options = "-c search_path=pgstac,public"
    chance = random.Random(8)
    with psycopg.connect(ingest_conninfo, autocommit=True, options=options) as connection:
        for name in (COLLECTION, "viewport-odd"):
            connection.execute("SELECT upsert_collection(%s)", [Jsonb(builders.collection(name))])
        items = []
        for number, geometry in enumerate(footprints()):
            day = chance.randrange(1, 9)
            made = builders.item(
                f"i{number:03}", collection=COLLECTION, datetime=f"2024-05-{day:02}T00:00:00Z"
            )
            made["geometry"] = geometry
            made["properties"]["eo:cloud_cover"] = chance.choice([1, 2, 3])
            items.append(made)
        bow = builders.item("bow", collection="viewport-odd")
        bow["geometry"] = ring((8, 45), (9, 46), (9, 45), (8, 46))
        connection.execute("SELECT create_items(%s)", [Jsonb([*items, bow])])
        yield ingest_conninfo
        connection.execute(
            "SELECT delete_collection(id) FROM collections WHERE id LIKE 'viewport%'"
        )


@pytest.fixture
async def database(catalogue: str, read_conninfo: str) -> AsyncIterator[Database]:
    async with Database(read_conninfo, pool_max=4, wait_s=5.0, statement_timeout_s=10.0) as opened:
        yield opened


def mosaic(**search: Any) -> Mosaic:
    return Mosaic(title="viewport", search={"collections": [COLLECTION], **search}, bounds=None)


SEARCHES = {
    "all": {},
    "upwards": {"sortby": [{"field": "datetime", "direction": "asc"}]},
    "by cloud": {"sortby": [{"field": "eo:cloud_cover", "direction": "asc"}]},
    "by id": {"sortby": [{"field": "id", "direction": "desc"}]},
    "cloudless": {
        "filter": {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 1]},
        "filter-lang": "cql2-json",
    },
    "some days": {"datetime": "2024-05-02T00:00:00Z/2024-05-05T00:00:00Z"},
    "in a box": {"bbox": [8.0, 45.0, 9.5, 46.5]},
}


async def same(
    known: Known, database: Database, place: Mosaic, tile: tuple[int, int, int], *, limit: int,
    tms: TileMatrixSet = MERCATOR,
) -> int:  # fmt: skip
    """Compare a tile with a query of its own; how many items it has."""
    x, y, z = tile
    got = await known.tile_items(place, tms, x, y, z, limit=limit)
    geometry = polygon(tile_box(tms, x, y, z))
    expected = await list_items(database, place, geometry=geometry, limit=limit)
    assert [each.item.id for each in got] == [listed.id for listed in expected], (tile, limit)
    for each in got[:2]:
        assert each.item == await get_item(database, each.item.collection, each.item.id)
    return len(got)


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES.keys())
async def test_tiles_of_a_viewport(database: Database, search: dict[str, Any]) -> None:
    epochs = Epochs()
    known = Known(database, epochs)
    epochs.confirm(
        float("inf")
    )  # else what is older than a second counts as unknown, and a busy machine is slow
    place = mosaic(**search)
    found = 0
    tiles = [(x, y, 11) for x in range(1064, 1072) for y in range(724, 730)]
    tiles += [(x, y, 13) for x in range(4258, 4264) for y in range(2890, 2894)]
    for tile in tiles:
        found += await same(known, database, place, tile, limit=100)
    assert found > 20
    assert known.caches["blocks"].misses <= 4
    assert known.caches["lists"].misses == 0, "no tile asked for itself"


async def test_one_query_for_a_viewport_and_none_further_in(database: Database) -> None:
    epochs = Epochs()
    known, place = Known(database, epochs), mosaic()
    epochs.confirm(float("inf"))
    for x in range(1064, 1072):
        for y in range(720, 728):
            await known.tile_items(place, MERCATOR, x, y, 11, limit=100)
    assert known.caches["blocks"].misses == 1
    asked = known.caches["items"].misses
    for x in range(4256, 4288, 3):
        for y in range(2880, 2912, 3):
            await known.tile_items(place, MERCATOR, x, y, 13, limit=100)
    assert known.caches["blocks"].misses == 1, "the block of zoom 11 has the tiles of zoom 13"
    assert known.caches["items"].misses == asked


def test_any_tile_is_what_a_query_of_its_own_finds(read_conninfo: str, catalogue: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(read_conninfo, pool_max=2, wait_s=5.0, statement_timeout_s=10.0)
        runner.run(database.__aenter__())

        @settings(max_examples=100, deadline=None, derandomize=True, database=None)
        @given(
            place=st.sampled_from(sorted(SEARCHES)),
            z=st.integers(0, 15),
            lon=st.floats(6.5, 12.5) | st.floats(178.5, 180) | st.floats(-180, -178.5),
            lat=st.floats(43.5, 48.5) | st.floats(-85, 85),
            limit=st.sampled_from([1, 3, 20, 100, 1000]),
        )
        def check(place: str, z: int, lon: float, lat: float, limit: int) -> None:
            tile = MERCATOR.tile(lon, lat, z)
            known = Known(database, Epochs())
            for x, y in {(tile.x, tile.y), (max(tile.x - 1, 0), max(tile.y - 1, 0))}:
                searched = mosaic(**SEARCHES[place])
                runner.run(same(known, database, searched, (x, y, z), limit=limit))

        check()
        runner.run(database.__aexit__(None, None, None))


@pytest.mark.parametrize("name", sorted(morecantile.tms.list()))
async def test_other_matrix_sets(database: Database, name: str) -> None:
    """Whatever their shape: a tile that its block does not hold asks for itself."""
    tms = morecantile.tms.get(name)
    known, place = Known(database, Epochs()), mosaic()
    tiles = []
    for z in range(max(tms.minzoom, 0), min(tms.maxzoom, 7) + 1, 3):
        matrix = tms.matrix(z)
        for right, down in ((0.0, 0.0), (0.52, 0.25), (0.53, 0.5), (0.99, 0.1), (0.3, 0.99)):
            tiles.append((int(matrix.matrixWidth * right), int(matrix.matrixHeight * down), z))
    for tile in tiles:
        await same(known, database, place, tile, limit=100, tms=tms)


async def test_more_items_than_a_list_has_room_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eotiles.catalog.known.BLOCK_ITEMS_MAX", 5)
    monkeypatch.setattr(viewport, "ITEMS_MAX", 5)
    known, place = Known(database, Epochs()), mosaic()
    for x in range(1064, 1070):
        await same(known, database, place, (x, 726, 11), limit=100)
        await same(known, database, place, (x, 726, 11), limit=2)
    assert known.caches["lists"].misses > 0


async def test_an_invalid_footprint_is_left_to_postgresql(database: Database) -> None:
    known = Known(database, Epochs())
    place = Mosaic(title="odd", search={"collections": ["viewport-odd"]}, bounds=None)
    tiles = [(x, y, 9) for x in range(266, 270) for y in range(180, 185)]
    for tile in tiles:
        await same(known, database, place, tile, limit=10)
    assert known.caches["lists"].misses == len(tiles)
