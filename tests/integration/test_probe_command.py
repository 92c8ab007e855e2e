"""`eotiles probe` on catalogued scenes whose numbers are right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
import rasterio
from click.testing import Result
from numpy.typing import NDArray
from typer.testing import CliRunner

from eotiles.cli import app
from eotiles.settings import Settings
from tests import builders
from tests.integration import raster_scenes
from tests.stac_server import COG, load, stored_row

pytestmark = pytest.mark.integration

COLLECTION = "probe"
SIDE = 600
NAMES = ("blue", "red", "nir")
BASELINE, APPLIED = "s2:processing_baseline", "earthsearch:boa_offset_applied"

Run = Callable[..., Result]


def landscape(seed: int, most: float) -> NDArray[np.uint16]:
    """Reflectance × 10000, dark at its darkest."""
    random = np.random.default_rng(seed)
    return np.clip(random.gamma(4, most / 8, (SIDE, SIDE)) + 150, 1, 12_000).astype(np.uint16)


@pytest.fixture(scope="module")
def run(settings: Settings, ingest_conninfo: str) -> Iterator[Run]:
    """Runs the command on the catalogue of the tests, which holds the collection `probe`."""
    folder = settings.assets / COLLECTION
    for number, name in enumerate(NAMES):
        values = landscape(number, 1_000.0 * (number + 1))
        for state, plane in (("taken-off", values), ("left-in", values + np.uint16(1000))):
            path = folder / f"{state}-{name}.tif"
            raster_scenes.write(path, plane[None], left=500_000, top=5_000_000, pixel_m=10)
    raster_scenes.write(
        folder / "scl.tif",
        np.full((1, SIDE, SIDE), 4, np.uint8),
        left=500_000,
        top=5_000_000,
        pixel_m=10,
    )
    listed = {"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]}
    items = [
        scene("right", "left-in", folder, **{BASELINE: "05.11"}),
        scene("flagged", "taken-off", folder, fields=listed, **{BASELINE: "05.11", APPLIED: True}),
        scene("twice", "taken-off", folder, fields=listed, **{BASELINE: "05.11", APPLIED: False}),
        scene("still-in", "left-in", folder, **{BASELINE: "05.11", APPLIED: True}),
        scene("older", "left-in", folder, fields=listed, **{BASELINE: "02.14"}),
        scene("missing", "nowhere", folder, **{BASELINE: "05.11"}),
    ]
    collection = {**raster_scenes.collection(), "id": COLLECTION}
    load(ingest_conninfo, collections=[collection], items=items)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOTILES_DATA", str(settings.data))
        yield lambda *options: CliRunner().invoke(app, ["probe", *options])


def scene(
    identifier: str, state: str, folder: Any, *, fields: Any = None, **properties: Any
) -> dict[str, Any]:
    named = {
        name: {
            "href": str(folder / f"{state}-{name}.tif"),
            "type": COG,
            "roles": ["data"],
            "eo:bands": [{"name": name, "common_name": name}],
            **(fields or {}),
        }
        for name in NAMES
    }
    labels = {"href": str(folder / "scl.tif"), "type": COG, "roles": ["data"]}
    made = raster_scenes.item(
        identifier,
        box=raster_scenes.bbox(500_000, 5_000_000, SIDE * 10, SIDE * 10),
        datetime="2024-06-01T10:50:31Z",
        assets={**named, "SCL": labels},
        **properties,
    )
    return {**made, "collection": COLLECTION}


def told(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("item", "doubt"),
    [
        ("right", None),
        ("flagged", None),
        (
            "twice",
            "bands nir, red, blue have a reflectance below -0.01 in more than 5% of the pixels",
        ),
        ("still-in", "bands nir, red, blue have no pixel darker than 0.095"),
        ("older", "the item lists an offset, which processing baseline 02.14 does not have"),
    ],
)
def test_what_it_says_of_an_item(run: Run, item: str, doubt: str | None) -> None:
    result = run(f"{COLLECTION}/{item}", "--json")
    (found,) = told(result)
    assert (found["collection"], found["id"], found["errors"]) == (COLLECTION, item, [])
    if doubt is None:
        assert found["doubts"] == []
    else:
        (said,) = found["doubts"]
        assert doubt in said
    assert result.exit_code == (0 if doubt is None else 1)


def test_figures_are_those_of_the_pixels(run: Run, settings: Settings) -> None:
    (found,) = told(run(f"{COLLECTION}/right", "--json"))
    assert {band["asset"] for band in found["bands"]} == set(NAMES), "labels are not looked at"
    red = found["bands"][1]
    with rasterio.open(settings.assets / COLLECTION / "left-in-red.tif") as file:
        values = file.read(1) * 0.0001 - 0.1
    assert (red["domain"], red["scale"], red["offset"]) == ("reflectance", 0.0001, -0.1)
    assert red["rule"] == "Sentinel-2, processing baseline 05.11: -1000"
    figures = red["figures"]
    assert figures["count"] <= 512 * 512
    assert figures["median"] == pytest.approx(np.median(values), rel=0.05)
    assert figures["p99"] == pytest.approx(np.percentile(values, 99), rel=0.05)


def test_a_collection_as_a_table(run: Run) -> None:
    result = run(COLLECTION)
    assert result.exit_code == 1
    assert "doubt: the item lists an offset" in result.stdout
    assert "unreadable: asset 'blue' of item 'missing' of collection 'probe'" in result.stdout
    assert str(builders.SHARED) not in result.stdout
    assert "6 looked at, 3 with doubts, 1 unreadable" in result.stderr
    few = run(COLLECTION, "--limit", "2", "--json")
    assert len(told(few)) == 2
    none = run(COLLECTION, "--datetime", "1999-01-01T00:00:00Z/1999-02-01T00:00:00Z")
    assert "0 looked at" in none.stderr


def test_it_writes_only_when_told_to(run: Run, ingest_conninfo: str) -> None:
    before = stored_row(ingest_conninfo, COLLECTION, "twice")
    run(f"{COLLECTION}/twice")
    assert stored_row(ingest_conninfo, COLLECTION, "twice") == before
    run(COLLECTION, "--flag")
    assert sorted(flagged(ingest_conninfo)) == ["older", "still-in", "twice"]
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute(
            "UPDATE items SET content = jsonb_set(content, '{properties,earthsearch:boa_offset_applied}', 'true') "
            "WHERE collection = %s AND id = 'twice'",
            [COLLECTION],
        )
    run(COLLECTION, "--flag")
    assert sorted(flagged(ingest_conninfo)) == ["older", "still-in"]


def flagged(conninfo: str) -> list[str]:
    query = (
        "SELECT id FROM pgstac.items WHERE collection = %s "
        "AND jsonb_array_length(content -> 'properties' -> 'eotiles:doubts') > 0"
    )
    with psycopg.connect(conninfo) as connection:
        return [row[0] for row in connection.execute(query, [COLLECTION])]


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("nothing", "there is no collection 'nothing'"),
        ("probe/nothing", "collection 'probe' has no item 'nothing'"),
        ("probe/a/b", "name a collection, or an item as COLLECTION/ITEM"),
        ("/x", "name a collection"),
    ],
)
def test_what_is_not_there(run: Run, what: str, sentence: str) -> None:
    assert sentence in str(run(what).exception)
