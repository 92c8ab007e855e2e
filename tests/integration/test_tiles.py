"""The lean route over real HTTP: what TiTiler's route gives, with an ETag, once for many, for nobody who left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from eotiles.http.raster import create_raster
from eotiles.http.tiles.route import TileRoute
from eotiles.settings import Settings
from tests.integration.conftest import Raster
from tests.integration.raster_expected import numbers, path_of, pixels, tile_at
from tests.stac_server import collection, load, serving

pytestmark = pytest.mark.integration

TILE = path_of(tile_at(501_600, 4_998_600, 15))
EDGE = path_of(tile_at(500_050, 4_999_950, 14))
QUERIES = [
    "index=ndvi",
    "index=ndmi&resampling=bilinear&tilesize=512",
    "index=ndwi&colormap_name=viridis&rescale=-0.5,0.5",
    "assets=red&assets=green&assets=blue&unscale=true&rescale=0,0.8",
    "assets=red&rescale=0,3000&buffer=2",
    "assets=red&assets=nir&expression=(b2-b1)/(b2%2Bb1)&rescale=-1,1&unscale=true",
    "assets=red&assets=green&assets=blue&unscale=true&rescale=0,0.8&color_formula=gamma RGB 1.5",
    "assets=red&rescale=0,3000&return_mask=false",
    "assets=red&unscale=true&algorithm=slope&rescale=0,1",
    "assets=red&assets=nir&algorithm=normalizedIndex&rescale=-1,1&colormap_name=viridis",
    f"index=ndvi&nothing={'x' * 4000}",
]


@pytest.fixture(scope="module")
def twin(raster: Raster, settings: Settings) -> Iterator[httpx.Client]:
    """The same service without the lean route: TiTiler's answers."""
    app = create_raster(settings)
    app.router.routes[:] = [each for each in app.router.routes if not isinstance(each, TileRoute)]
    with (
        serving(settings, ["raster"], app=app) as origin,
        httpx.Client(base_url=origin, timeout=30) as http,
    ):
        yield http


@pytest.mark.parametrize("place", ["item", "collection"])
@pytest.mark.parametrize("query", QUERIES)
def test_it_gives_what_titilers_route_gives(
    raster: Raster, twin: httpx.Client, place: str, query: str
) -> None:
    address = raster.item("mixed") if place == "item" else raster.collection
    for tile in (TILE, EDGE):
        lean = raster.http.get(f"{address}/{tile}.png?{query}")
        full = twin.get(f"{address}/{tile}.png?{query}")
        assert (lean.status_code, full.status_code) == (200, 200), lean.text
        assert "etag" in lean.headers
        assert "etag" not in full.headers
        for name in ("content-type", "content-bbox", "content-crs", "cache-control"):
            assert lean.headers[name] == full.headers[name]
        np.testing.assert_array_equal(pixels(lean.content), pixels(full.content))


@pytest.mark.parametrize("kind", ["npy", "tif", "webp", "jpg", ""])
def test_formats(raster: Raster, twin: httpx.Client, kind: str) -> None:
    suffix = f".{kind}" if kind else ""
    path = f"{raster.item('mixed')}/{TILE}{suffix}?index=ndvi"
    lean, full = raster.http.get(path), twin.get(path)
    assert lean.headers["content-type"] == full.headers["content-type"]
    if kind == "npy":
        for a, b in zip(numbers(lean.content), numbers(full.content), strict=True):
            np.testing.assert_array_equal(a, b)
    else:
        assert lean.content == full.content


def test_wrong_requests_get_the_sentence_of_titilers_route(raster: Raster) -> None:
    item = raster.item("mixed")
    for path, status in (
        (f"{item}/{TILE}.png?index=nope", 404),
        (f"{item}/{TILE}.png", 422),
        (f"{item}/tiles/Nowhere/1/0/0.png?index=ndvi", 404),
        (f"{item}/tiles/WebMercatorQuad/3/9/0.png?index=ndvi", 404),
        (f"{raster.item('nothing')}/{TILE}.png?index=ndvi", 404),
        (f"/searches/nothing/{TILE}.png?index=ndvi", 404),
        (f"{item}/{TILE}.png?assets=nope&rescale=0,1", 404),
    ):
        answer = raster.http.get(path)
        assert answer.status_code == status, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


class TestETag:
    def test_a_client_that_has_it_gets_304_and_no_body(self, raster: Raster) -> None:
        path = f"{raster.item('mixed')}/{TILE}.png?index=ndvi"
        first = raster.http.get(path)
        tag = first.headers["etag"]
        assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
        again = raster.http.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert raster.http.get(path).headers["etag"] == tag

    def test_it_is_of_what_is_asked_for(self, raster: Raster) -> None:
        item = raster.item("mixed")
        tags = [
            raster.http.get(path).headers["etag"]
            for path in (
                f"{item}/{TILE}.png?index=ndvi",
                f"{item}/{TILE}.webp?index=ndvi",
                f"{item}/{EDGE}.png?index=ndvi",
                f"{item}/{TILE}.png?index=ndwi",
                f"{item}/{TILE}.png?index=ndvi&rescale=0,1",
                f"{item}/{TILE}.png?assets=red&rescale=0,1&algorithm=slope",
                f"{item}/{TILE}.png?assets=red&rescale=0,1&algorithm=hillshade",
                f'{item}/{TILE}.png?assets=red&rescale=0,1&algorithm=hillshade&algorithm_params={{"azimuth":90}}',
                f"{raster.collection}/{TILE}.png?index=ndvi",
            )
        ]
        assert len(set(tags)) == len(tags)
        same = raster.http.get(f"{item}/{TILE}.png?utm_source=x&index=NDVI")
        assert same.headers["etag"] == tags[0]

    def test_another_version_of_the_item_has_another(
        self, raster: Raster, ingest_conninfo: str
    ) -> None:
        stac = {**raster.scenes["mixed"].stac, "id": "one", "collection": "versions"}
        load(ingest_conninfo, collections=[collection("versions")], items=[stac])
        path = f"/collections/versions/items/one/{TILE}.png?index=ndvi"
        tag = raster.http.get(path).headers["etag"]
        changed = {**stac, "properties": {**stac["properties"], "eo:cloud_cover": 12}}
        load(ingest_conninfo, items=[changed])
        for _ in range(30):
            answer = raster.http.get(path, headers={"If-None-Match": tag})
            if answer.status_code == 200:
                break
        assert answer.status_code == 200, "noticed within a second"
        assert answer.headers["etag"] != tag


def test_it_says_where_the_time_went(raster: Raster) -> None:
    answer = raster.http.get(f"{raster.item('mixed')}/{TILE}.png?index=ndvi&resampling=bilinear")
    stations = re.findall(r"(\w+);dur=([0-9.]+)", answer.headers["server-timing"])
    assert {"plan", "read", "compute", "encode"} <= {name for name, _ in stations}


def test_blocks_are_counted(raster: Raster) -> None:
    def counts() -> dict[str, float]:
        text = raster.http.get("/metrics").text
        found = re.findall(r"^eotiles_raster_blocks_(\w+) ([0-9.e+]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    path = f"{raster.item('mixed')}/{TILE}.png?index=ndvi"
    assert raster.http.get(path).status_code == 200
    before = counts()
    assert raster.http.get(f"{path}&rescale=0,0.5").status_code == 200
    after = counts()
    assert after["hits_total"] > before["hits_total"]
    assert after["loads_total"] == before["loads_total"], "decoded once"
    assert 0 < after["bytes"] < 512 * 2**20


def test_the_same_tile_for_many_at_once_is_the_same(raster: Raster) -> None:
    path = f"{raster.item('mixed')}/{TILE}.png?index=ndvi&tilesize=1024&resampling=cubic"

    def ask(number: int) -> bytes:
        with httpx.Client(base_url=raster.http.base_url, timeout=30) as http:
            return http.get(f"{path}&nothing={number}").content

    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(ask, range(24)))) == 1


class TestExplain:
    def test_it_tells_the_plan_without_reading(self, raster: Raster) -> None:
        answer = raster.http.get(f"{raster.item('mixed')}/{TILE}/explain?index=ndvi")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        told = answer.json()
        (item,) = told["items"]
        assert {read["asset"] for read in item["reads"]} == {"nir", "red"}
        for read in item["reads"]:
            assert read["reader"] == "native"
            assert read["blocks"] > 0
            assert read["bytes"] > 0
            assert 0 <= read["cached"] <= read["blocks"]
        assert told["grid"]["width"] == 256
        assert "/tmp" not in answer.text

    def test_what_was_read_is_in_the_cache(self, raster: Raster) -> None:
        path = f"{raster.item('mixed')}/{TILE}"
        assert raster.http.get(f"{path}.png?index=ndwi").status_code == 200
        (item,) = raster.http.get(f"{path}/explain?index=ndwi").json()["items"]
        assert all(read["cached"] == read["blocks"] for read in item["reads"])

    def test_it_says_why_gdal_reads(self, raster: Raster) -> None:
        path = f"{raster.item('mixed')}/{TILE}/explain?index=ndwi&resampling=average"
        (item,) = raster.http.get(path).json()["items"]
        assert {(read["reader"], read["reason"]) for read in item["reads"]} == {
            ("gdal", "resampling average")
        }

    def test_what_cannot_be_read_is_said(self, raster: Raster) -> None:
        path = f"{raster.item('broken-missing')}/{TILE}/explain?index=ndvi"
        (item,) = raster.http.get(path).json()["items"]
        assert "the file is not there" in item["error"]

    def test_of_a_mosaic_it_tells_every_item(self, raster: Raster) -> None:
        told = raster.http.get(f"{raster.collection}/{TILE}/explain?index=ndvi").json()
        assert len(told["items"]) > 1


def test_far_too_many_small_items_are_shown_as_footprints(
    raster: Raster, ingest_conninfo: str
) -> None:
    stac = raster.scenes["mixed"].stac
    west, south, east, north = stac["bbox"]
    many = []
    for number in range(40):
        shift = (number % 8) * (east - west) * 1.5, (number // 8) * (north - south) * 1.5
        ring = [[x + shift[0], y + shift[1]] for x, y in stac["geometry"]["coordinates"][0]]
        bbox = [west + shift[0], south + shift[1], east + shift[0], north + shift[1]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        many.append(
            {**stac, "id": f"m{number}", "collection": "many", "bbox": bbox, "geometry": geometry}
        )
    load(ingest_conninfo, collections=[collection("many")], items=many)
    far, near = path_of(tile_at(501_600, 4_998_600, 7)), TILE
    answer = raster.http.get(f"/collections/many/{far}.png?index=ndvi")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-coverage"] == "footprints"
    assert (pixels(answer.content)[..., 3] > 0).any()
    assert "x-coverage" not in raster.http.get(f"/collections/many/{near}.png?index=ndvi").headers
    numbers_answer = raster.http.get(f"/collections/many/{far}.npy?index=ndvi")
    assert numbers_answer.status_code == 200
    assert "x-coverage" not in numbers_answer.headers
