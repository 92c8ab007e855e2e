"""Collections and registered searches: items drawn together, by pixels, in one order."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import psycopg
import pytest

from tests.integration.conftest import Raster
from tests.integration.raster_expected import (
    centres,
    index_values,
    numbers,
    path_of,
    pixels,
    tile_at,
)
from tests.integration.raster_scenes import COLLECTION, bbox, to_degrees
from tests.stac_server import count, load

pytestmark = pytest.mark.integration

BOTH = (500_400.0, 4_999_400.0)
"""A point where `mixed` lies over `stack`, beside the part of `mixed` without data."""


@pytest.fixture(scope="module")
def search(raster: Raster) -> str:
    """Path of a registered search for everything in the collection."""
    body = {
        "collections": [COLLECTION],
        "metadata": {
            "name": "all scenes",
            "defaults": {"green": {"index": "ndvi", "assets": ["nir"]}},
        },
    }
    got = raster.http.post("/searches/register", json=body)
    assert got.status_code == 200, got.text
    return f"/searches/{got.json()['id']}"


def get(raster: Raster, path: str, **parameters: Any) -> Any:
    got = raster.http.get(path, params=parameters)
    assert got.status_code == 200, got.text
    return got


def merged(raster: Raster, x: Any, y: Any, first: str, second: str) -> tuple[Any, Any, Any]:
    """NDVI of `first` where it is valid, else of `second`."""
    values, valid, clear = index_values(raster.scenes[first], "ndvi", x, y)
    below, below_valid, below_clear = index_values(raster.scenes[second], "ndvi", x, y)
    return np.where(valid, values, below), valid | below_valid, clear & below_clear


def test_no_data_in_the_top_item_is_filled_from_below(raster: Raster, search: str) -> None:
    tile = tile_at(*BOTH, 14)
    expected, expected_valid, clear = merged(raster, *centres(tile), "mixed", "stack")
    for place in (raster.collection, search):
        values, valid = numbers(get(raster, f"{place}/{path_of(tile)}.npy", index="ndvi").content)
        np.testing.assert_array_equal(valid[clear], expected_valid[clear])
        both = clear & valid
        np.testing.assert_allclose(values[0][both], expected[both], atol=1e-6)
    _, top_valid, _ = index_values(raster.scenes["mixed"], "ndvi", *centres(tile))
    assert (expected_valid & ~top_valid).sum() > 1000, "the wedge is in the tile"


def test_the_order_is_the_searchs(raster: Raster) -> None:
    tile = tile_at(*BOTH, 15)
    expected, _, clear = merged(raster, *centres(tile), "stack", "mixed")
    got = get(raster, f"{raster.collection}/{path_of(tile)}.npy", index="ndvi", sortby="datetime")
    values, valid = numbers(got.content)
    np.testing.assert_allclose(values[0][clear & valid], expected[clear & valid], atol=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [
        {"ids": "stack"},
        {"datetime": "2024-06-01T00:00:00Z/2024-06-01T23:59:59Z"},
        {"filter": "id = 'stack'"},
        {
            "filter": '{"op": "=", "args": [{"property": "id"}, "stack"]}',
            "filter-lang": "cql2-json",
        },
        {"query": '{"datetime": {"lt": "2024-06-02T00:00:00Z"}}'},
        {"bbox": ",".join(map(str, bbox(499_050, 5_000_450, 100, 100))), "ids": "stack,only-red"},
    ],
)
def test_a_search_leaves_items_out(raster: Raster, parameters: dict[str, str]) -> None:
    tile = tile_at(*BOTH, 15)
    got = get(raster, f"{raster.collection}/{path_of(tile)}.npy", index="ndvi", **parameters)
    values, valid = numbers(got.content)
    expected, expected_valid, clear = index_values(raster.scenes["stack"], "ndvi", *centres(tile))
    np.testing.assert_array_equal(valid[clear], expected_valid[clear])
    np.testing.assert_allclose(values[0][clear & valid], expected[clear & valid], atol=1e-6)


def test_pixel_selection(raster: Raster) -> None:
    tile = tile_at(501_500, 4_998_500, 15)
    each = [
        index_values(raster.scenes[name], "ndvi", *centres(tile)) for name in ("mixed", "stack")
    ]
    (a, a_valid, a_clear), (b, b_valid, b_clear) = each
    both = a_valid & b_valid & a_clear & b_clear
    assert both.sum() > 5000
    for method, combine in {"highest": np.maximum, "lowest": np.minimum}.items():
        got = get(
            raster, f"{raster.collection}/{path_of(tile)}.npy", index="ndvi", pixel_selection=method
        )
        values, _ = numbers(got.content)
        np.testing.assert_allclose(values[0][both], combine(a, b)[both], atol=1e-6)


def test_where_nothing_is_a_tile_is_transparent(raster: Raster, search: str) -> None:
    for place in (raster.collection, search):
        tile = tile_at(300_000, 4_000_000, 12)
        got = get(raster, f"{place}/{path_of(tile)}.png", index="ndvi")
        assert not pixels(got.content)[..., 3].any()
        assert got.headers["cache-control"] == "public, max-age=3600"
        got = get(
            raster, f"{place}/{path_of(tile)}.png", assets=["red", "green", "blue"], tilesize=512
        )
        assert pixels(got.content).shape == (512, 512, 4)


def test_items_that_lack_a_band_are_passed_over(raster: Raster) -> None:
    """`stack` has no swir16 and no asset of that name."""
    tile = tile_at(*BOTH, 15)
    for layer in ({"index": "ndmi"}, {"assets": "swir16"}):
        got = get(raster, f"{raster.collection}/{path_of(tile)}.npy", sortby="datetime", **layer)
        assert numbers(got.content)[1].any()
    got = raster.http.get(
        f"{raster.collection}/{path_of(tile)}.png", params={"index": "ndmi", "ids": "stack"}
    )
    assert got.status_code == 422
    assert "'stack'" in got.json()["detail"]
    assert "swir16" in got.json()["detail"]


def test_parts_features_and_statistics(raster: Raster, search: str) -> None:
    west, south, east, north = bbox(500_100, 4_999_900, 800, 800)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    for place in (raster.collection, search):
        got = get(raster, f"{place}/bbox/{west},{south},{east},{north}.npy", index="ndvi")
        values, valid = numbers(got.content)
        assert valid.all(), "what the top item lacks comes from below"
        assert min(values.shape[1:]) > 60
        sized = get(raster, f"{place}/bbox/{west},{south},{east},{north}/30x20.npy", index="ndvi")
        assert numbers(sized.content)[0].shape == (1, 20, 30)
        got = raster.http.post(f"{place}/feature/40x40.png", params={"index": "ndvi"}, json=shape)
        assert pixels(got.content)[..., 3].all()
        got = raster.http.post(f"{place}/statistics", params={"index": "ndvi"}, json=shape)
        assert got.status_code == 200, got.text
        properties = got.json()["properties"]
        assert properties["statistics"]["b1"]["valid_percent"] == 100
        assert properties["used_assets"] == [f"{COLLECTION}/mixed", f"{COLLECTION}/stack"]


def test_a_box_is_exact_in_the_scenes_own_crs(raster: Raster) -> None:
    utm = {"coord_crs": "EPSG:32632", "dst_crs": "EPSG:32632"}
    got = get(
        raster, f"{raster.collection}/bbox/500100,4999100,500900,4999900.npy", index="ndvi", **utm
    )
    values, valid = numbers(got.content)
    columns, rows = np.meshgrid(np.arange(80), np.arange(80))
    x, y = 500_100 + (columns + 0.5) * 10, 4_999_900 - (rows + 0.5) * 10
    expected, expected_valid, _ = merged(raster, x, y, "mixed", "stack")
    np.testing.assert_array_equal(valid, expected_valid)
    np.testing.assert_allclose(values[0], expected, atol=1e-6)


def test_points_of_each_item(raster: Raster, search: str) -> None:
    lon, lat = to_degrees.transform(501_235, 4_998_765)
    for place in (raster.collection, search):
        found = get(raster, f"{place}/point/{lon},{lat}", index="ndvi").json()
        assert [each["name"] for each in found["assets"]] == [
            f"{COLLECTION}/mixed",
            f"{COLLECTION}/stack",
        ]
        values = [each["values"][0] for each in found["assets"]]
        x, y = np.array([[501_235.0]]), np.array([[4_998_765.0]])
        for value, name in zip(values, ("mixed", "stack"), strict=True):
            assert value == pytest.approx(
                index_values(raster.scenes[name], "ndvi", x, y)[0][0, 0], abs=1e-6
            )
        missing = raster.http.get(f"{place}/point/0,0", params={"index": "ndvi"})
        assert missing.status_code == 404


def test_which_items_and_never_where_their_files_lie(raster: Raster, search: str) -> None:
    tile = tile_at(*BOTH, 15)
    lon, lat = to_degrees.transform(*BOTH)
    box = ",".join(map(str, bbox(500_100, 4_999_900, 100, 100)))
    for place in (raster.collection, search):
        for path in (f"{path_of(tile)}/assets", f"point/{lon},{lat}/assets", f"bbox/{box}/assets"):
            got = get(raster, f"{place}/{path}")
            assert [item["id"] for item in got.json()] == ["mixed", "stack"]
            assert "/assets/" not in got.text
            assert "file:" not in got.text


def test_tilejson(raster: Raster, search: str) -> None:
    for place in (raster.collection, search):
        found = get(raster, f"{place}/WebMercatorQuad/tilejson.json", index="ndvi").json()
        assert found["bounds"] == [8.9, 45.0, 9.2, 45.2]
        assert (found["minzoom"], found["maxzoom"]) == (12, 13)
        assert found["raster_layers"] == {"green": {"index": "ndvi"}}
        assert "Contains modified Copernicus Sentinel data 2024" in found["attribution"]
    assert get(raster, f"{raster.collection}/WebMercatorQuad/tilejson.json", index="ndvi").json()[
        "name"
    ] == (f"ndvi of {COLLECTION}")
    narrow = get(
        raster,
        f"{raster.collection}/WebMercatorQuad/tilejson.json",
        index="ndvi",
        bbox="9,45.1,9.01,45.2",
    )
    assert narrow.json()["bounds"] == [9, 45.1, 9.01, 45.2]
    assert "bbox=9" in narrow.json()["tiles"][0]


def test_information(raster: Raster, search: str) -> None:
    collection = get(raster, f"{raster.collection}/info").json()
    assert collection["search"]["search"] == {"collections": [COLLECTION]}
    assert any(
        link["rel"] == "tilejson" and "index=ndvi" in link["href"] for link in collection["links"]
    )
    registered = get(raster, f"{search}/info").json()
    assert registered["search"]["metadata"]["name"] == "all scenes"
    assert get(raster, f"{raster.collection}/indices").json()["indices"][0]["supported"]
    listed = get(raster, "/searches/", limit=1000).json()
    assert search.removeprefix("/searches/") in [
        each["search"]["hash"] for each in listed["searches"]
    ]


def test_reading_never_adds_a_search(raster: Raster, search: str, read_conninfo: str) -> None:
    """Every GET, with parameters that no search had before; only the register route adds a row."""
    tables = ("searches", "search_wheres", "format_item_cache")
    before = {table: count(read_conninfo, table) for table in tables}
    tile = path_of(tile_at(*BOTH, 15))
    lon, lat = to_degrees.transform(*BOTH)
    layer = {"index": "ndvi", "datetime": "2019-03-04T05:06:07Z/.."}
    for place in (raster.collection, search):
        for path in (f"{tile}.png", "WebMercatorQuad/tilejson.json", "info", f"point/{lon},{lat}", f"{tile}/assets",
                     "bbox/9,45.14,9.01,45.15.png", "tiles", "tiles/WebMercatorQuad", "indices", "legend"):  # fmt: skip
            get(raster, f"{place}/{path}", **layer)
    for path in (f"{tile}.png", "WebMercatorQuad/tilejson.json", f"point/{lon},{lat}", "preview.png",
                 "statistics", "renders"):  # fmt: skip
        get(raster, f"{raster.item('mixed')}/{path}", **layer)
    get(raster, f"{raster.item('mixed')}/info", assets="red")
    assert {table: count(read_conninfo, table) for table in tables} == before
    body = {"collections": [COLLECTION], "datetime": "2018-01-01T00:00:00Z/.."}
    assert raster.http.post("/searches/register", json=body).status_code == 200
    assert count(read_conninfo, "searches") == before["searches"] + 1


def test_a_deleted_item_is_gone_within_a_second(raster: Raster, ingest_conninfo: str) -> None:
    scene = dict(raster.scenes["stack"].stac, id="short-lived")
    load(ingest_conninfo, items=[scene])
    tile = path_of(tile_at(499_300, 4_999_000, 15))
    item = f"{raster.item('short-lived')}/{tile}.png"
    mosaic = f"{raster.collection}/{tile}.png"
    for _ in range(2):
        assert get(raster, item, index="ndvi").status_code == 200
        assert pixels(get(raster, mosaic, index="ndvi", ids="short-lived").content)[..., 3].any()
    with psycopg.connect(ingest_conninfo) as connection:
        connection.execute("SELECT pgstac.delete_item('short-lived', %s)", [COLLECTION])
    deleted = time.monotonic()
    while (got := raster.http.get(item, params={"index": "ndvi"})).status_code == 200:
        assert time.monotonic() - deleted < 1
        time.sleep(0.01)
    assert got.status_code == 404
    assert "has no item 'short-lived'" in got.json()["detail"]
    assert not pixels(get(raster, mosaic, index="ndvi", ids="short-lived").content)[..., 3].any()
