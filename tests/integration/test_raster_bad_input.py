"""Bad input: the right status, a sentence that names the thing, no path of the server, nothing kept by caches."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.integration.conftest import Raster
from tests.integration.raster_expected import path_of, tile_at
from tests.integration.raster_scenes import COLLECTION

pytestmark = pytest.mark.integration

TILE = path_of(tile_at(501_600, 4_998_600, 15))
ITEM = f"/collections/{COLLECTION}/items/mixed"
MOSAIC = f"/collections/{COLLECTION}"


def check(answer: Any, status: int, says: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == status
    assert says in body["detail"], body["detail"]
    for secret in ("/assets/", "Traceback", "SELECT", "pgstac."):
        assert secret not in answer.text


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"/collections/nowhere/items/mixed/{TILE}.png?index=ndvi", "no collection 'nowhere'"),
        (f"/collections/{COLLECTION}/items/nothing/{TILE}.png?index=ndvi", "has no item 'nothing'"),
        (f"/collections/nowhere/{TILE}.png?index=ndvi", "no collection 'nowhere'"),
        (f"/searches/{'0' * 32}/{TILE}.png?index=ndvi", "no registered search '0000"),
        (f"/searches/{'0' * 32}/WebMercatorQuad/tilejson.json?index=ndvi", "no registered search"),
        (f"{ITEM}/{TILE}.png?index=nvdi", "no index 'nvdi'; there are ndvi"),
        (f"{MOSAIC}/{TILE}.png?index=nvdi", "no index 'nvdi'"),
        ("/legend?index=nvdi", "no index 'nvdi'"),
        (f"{ITEM}/{TILE}.png?assets=pink", "no GeoTIFF asset 'pink'; it has"),
        (f"{ITEM}/info?assets=pink", "no GeoTIFF asset 'pink'"),
        (f"{ITEM}/{TILE}.png?assets=red|bidx=2", "no band 2; it has 1"),
        (f"{ITEM}/{TILE}.png?assets=red|bands=nir", "no band 'nir'; it has red"),
        (
            f"{ITEM}/{TILE.replace('WebMercatorQuad', 'Nonsense')}.png?index=ndvi",
            "no tile matrix set 'Nonsense'",
        ),
        (f"{ITEM}/point/0,0?index=ndvi", "point 0,0 lies outside"),
        (f"{ITEM}/point/9.001,80?index=ndvi", "lies outside"),
        (f"{ITEM}/bbox/0,0,1,1.png?index=ndvi", "outside item 'mixed'"),
        (f"{MOSAIC}/bbox/0,0,1,1.png?index=ndvi", "nothing in the area"),
        (f"{ITEM}/renders/nothing", "Render not found"),
        ("/nothing/here", "Not Found"),
    ],
)
def test_unknown_things_are_404(raster: Raster, url: str, says: str) -> None:
    check(raster.http.get(url), 404, says)


LONG = "b1" + "+b1" * 400

UNUSABLE = [
    (f"{ITEM}/{TILE}.png", "index=NAME, or assets=KEY"),
    (f"{ITEM}/bbox/9.01,45.135,9.02,45.14.png", "index=NAME, or assets=KEY"),
    (f"{ITEM}/preview.png?render=x", "no render 'x'; it has: true-colour"),
    (f"{ITEM}/{TILE}.png?expression=b1", "b1, b2, … need assets"),
    (f"{MOSAIC}/{TILE}.png", "index=NAME, or assets=KEY"),
    (f"{ITEM}/{TILE}.png?index=ndvi&assets=red", "not both"),
    (f"/collections/{COLLECTION}/items/only-red/{TILE}.png?index=ndvi", "common name nir or nir08"),
    (f"{ITEM}/{TILE}.bmp?index=ndvi", "format"),
    (f"{ITEM}/tiles/WebMercatorQuad/a/b/c.png?index=ndvi", "z"),
    (f"{ITEM}/{TILE}.png?index=ndvi&tilesize=20000", "tilesize takes 256 or 512 or 1024"),
    (f"{ITEM}/WebMercatorQuad/tilejson.json?index=ndvi&tilesize=1", "tilesize"),
    (f"{ITEM}/{TILE}.png?index=ndvi&buffer=0.3", "buffer"),
    (f"{ITEM}/{TILE}.png?index=ndvi&buffer=5000", "buffer"),
    (f"{ITEM}/{TILE}.png?index=ndvi&buffer=inf", "buffer"),
    (f"{ITEM}/preview.png?index=ndvi&max_size=100000", "max_size"),
    (f"{ITEM}/preview/0x0.png?index=ndvi", "width"),
    (f"{ITEM}/preview/-5x-5.png?index=ndvi", "width"),
    (f"{ITEM}/preview/16000x16000.png?index=ndvi", "too many"),
    (f"{ITEM}/bbox/9,45.14,9.01,45.15/16384x16384.png?index=ndvi", "too many"),
    (f"{MOSAIC}/bbox/9,45.14,9.01,45.15/16384x16384.png?index=ndvi", "too many"),
    (f"{ITEM}/bbox/9.01,45.15,9,45.14.png?index=ndvi", "area is empty"),
    (f"{ITEM}/bbox/nan,45,9,46.png?index=ndvi", "finite"),
    (f"{ITEM}/bbox/9,45,inf,46.png?index=ndvi", "finite"),
    (f"{MOSAIC}/bbox/9,45,inf,46.png?index=ndvi", "finite"),
    (f"{ITEM}/point/nan,1?index=ndvi", "finite"),
    (f"{MOSAIC}/point/inf,1?index=ndvi", "finite"),
    (f"{ITEM}/{TILE}.png?index=ndvi&rescale=nan,1", "rescale"),
    (f"{ITEM}/{TILE}.png?index=ndvi&rescale=5,5", "rescale"),
    (f"{ITEM}/{TILE}.png?index=ndvi&rescale=1", "rescale"),
    (f"{ITEM}/{TILE}.png?index=ndvi&nodata=inf", "nodata"),
    (
        f"{ITEM}/{TILE}.png?index=ndvi&colormap_name=pinkish",
        "colormap_name: there is no colormap 'pinkish'; /colorMaps lists them",
    ),
    ("/legend?colormap_name=pinkish", "there is no colormap 'pinkish'; /colorMaps lists them"),
    (
        f"{ITEM}/{TILE}.png?" + "&".join(["assets=red"] * 5) + "&rescale=0,9000",
        "1 to 4 bands, not 5: choose with assets=KEY|bidx=",
    ),
    (f"{ITEM}/{TILE}.png?index=ndvi&colormap=[1,2]", "colormap takes JSON"),
    (f"{ITEM}/{TILE}.png?index=ndvi&color_formula=nonsense", "color_formula"),
    (f"{ITEM}/{TILE}.png?index=ndvi&algorithm=nonsense", "algorithm"),
    (f"{ITEM}/{TILE}.png?index=ndvi&algorithm=hillshade&algorithm_params=[1]", "hillshade"),
    (f"{ITEM}/{TILE}.png?index=ndvi&resampling=best", "resampling"),
    (f"{ITEM}/{TILE}.png?index=ndvi&dst_crs=+proj=longlat", "dst_crs"),
    (f"{ITEM}/{TILE}.png?assets=red&unscale=true", "needs rescale"),
    (f"{ITEM}/{TILE}.png?assets=red&colormap_name=viridis", "needs rescale"),
    (f"{ITEM}/{TILE}.png?assets=red&assets=nir&rescale=0,9000&colormap_name=viridis", "1 band"),
    (f"{ITEM}/{TILE}.png?assets=red|bidx=x", "bidx"),
    (f"{ITEM}/{TILE}.png?assets=red|nope=1", "unknown option"),
    (f"{ITEM}/{TILE}.png?" + "&".join(["assets=red"] * 17), "at most 16"),
    (f"{ITEM}/{TILE}.png?assets=red&expression=b1*(9**9**9)&rescale=0,1", "exponent"),
    (f"{ITEM}/{TILE}.png?assets=red&expression=10**(10**7)&rescale=0,1", "expression"),
    (
        f"{ITEM}/{TILE}.png?assets=red&expression=__import__('os').system('id')&rescale=0,1",
        "expression",
    ),
    (f'{ITEM}/{TILE}.png?assets=red&expression="x"*8000000000&rescale=0,1', "expression"),
    (f"{ITEM}/{TILE}.png?assets=red&expression=b9&rescale=0,1", "unknown band"),
    (f"{ITEM}/{TILE}.png?assets=red&expression=b1;b1;b1;b1;b1&rescale=0,1", "at most 4"),
    (
        f"{ITEM}/{TILE}.png?assets=red&expression={LONG.replace('+', '%2B')}&rescale=0,1",
        "expression",
    ),
    (f"{ITEM}/{TILE}.png?assets=red|expression=b1**99&rescale=0,1", "exponent"),
    (f"{ITEM}/statistics?index=ndvi&p=500", "p takes"),
    (f"{ITEM}/statistics?index=ndvi&histogram_bins=100000000", "histogram_bins"),
    (f"{ITEM}/statistics?index=ndvi&histogram_range=5,1", "histogram_range"),
    (f"{ITEM}/tiles/WebMercatorQuad?maxzoom=1000000000", "maxzoom"),
    (f"{ITEM}/WMTSCapabilities.xml?index=ndvi&zooms=*::0,99", "zooms"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&bbox=1,2,3", "bbox"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&datetime=yesterday", "datetime"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&filter=bad ((", "filter"),
    (
        f"{MOSAIC}/{TILE}.png?index=ndvi&filter-lang=cql2-json&filter=" + '{"op":"nope","args":[]}',
        "nope",
    ),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&filter=inf", "filter"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&filter=" + "(" * 12_000, "filter"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&filter=" + "NOT " * 4_000, "filter"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&query=[1]", "query"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&query=" + '{"gsd":{"nope":1}}', "search"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&sortby=--", "sortby"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&items_limit=0", "items_limit"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&items_limit=100000", "items_limit"),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&pixel_selection=best", "pixel_selection"),
    ("/colorMaps/viridis?f=png&width=50000&height=20000", "width"),
    ("/legend", "index=NAME, or colormap_name"),
    ("/legend?index=ndvi&legend_width=100000", "width"),
]


@pytest.mark.parametrize(
    ("url", "says"), UNUSABLE, ids=[f"{n}-{says}" for n, (_, says) in enumerate(UNUSABLE)]
)
def test_unusable_parameters_are_422(raster: Raster, url: str, says: str) -> None:
    started = time.monotonic()
    check(raster.http.get(url), 422, says)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("truncated", "it is truncated"),
        ("no-raster", "it is not a TIFF"),
        ("no-crs", "no coordinate reference system"),
        ("no-overviews", "no overviews"),
        ("missing", "the file is not there"),
        ("outside", "outside the roots"),
        ("vsi", "outside the roots"),
        ("remote", "outside the roots"),
    ],
)
def test_assets_that_cannot_be_read_are_424(raster: Raster, item: str, says: str) -> None:
    place = raster.item(f"broken-{item}")
    tile = path_of(tile_at(520_300, 4_999_700, 15))
    for path in (
        f"/{tile}.png?index=ndvi",
        "/preview.png?assets=red&rescale=0,1",
        "/info?assets=red",
        "/statistics?assets=red",
    ):
        answer = raster.http.get(place + path)
        if item == "truncated" and "info" in path:
            continue  # its header is whole
        check(answer, 424, says)
        assert f"'broken-{item}' of collection '{COLLECTION}'" in answer.json()["detail"]
        assert "asset 'red'" in answer.text or "asset 'nir'" in answer.text
    broken = raster.http.get(f"{raster.collection}/{tile}.png?index=ndvi&ids=broken-{item}")
    check(broken, 424, says)
    assert raster.http.get(f"{raster.item('mixed')}/{TILE}.png?index=ndvi").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "index=ndvi&index=ndwi",
        "index=ndvi&tilesize=256&tilesize=512",
        "index=ndvi&colormap_name=viridis&colormap_name=gray",
    ],
)
def test_repeated_scalar_parameters_are_400(raster: Raster, query: str) -> None:
    answer = raster.http.get(f"{ITEM}/{TILE}.png?{query}")
    check(answer, 400, "more than once")


def test_unknown_parameters_are_ignored(raster: Raster) -> None:
    plain = raster.http.get(f"{ITEM}/{TILE}.png?index=ndvi")
    for more in (
        "&nonsense=1",
        "&url=http://127.0.0.1/x.tif",
        "&nonsense=1&nonsense=2",
        "&unknown=" + "x" * 2000,
    ):
        assert raster.http.get(f"{ITEM}/{TILE}.png?index=ndvi{more}").content == plain.content


def test_there_is_no_way_to_name_a_file(raster: Raster) -> None:
    paths = raster.http.get("/api").json()["paths"]
    parameters = {
        parameter["name"]
        for operations in paths.values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    }
    assert {"index", "assets", "expression"} <= parameters
    assert not parameters & {"url", "href", "path", "src_path"}
    assert not [path for path in paths if "external" in path or "{asset_id}" in path]


NO_SHAPE = {"type": "Feature", "properties": {}, "geometry": None}
POINT = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [9, 45]}}
POST: list[tuple[str, Any, int, str]] = [
    ("/feature.png?index=ndvi", NO_SHAPE, 422, "Polygon"),
    ("/feature.png?index=ndvi", {"type": "Feature"}, 422, ""),
    ("/feature.png?index=ndvi", "nonsense", 422, ""),
    ("/statistics?index=ndvi", {"type": "FeatureCollection", "features": [POINT]}, 422, "Polygon"),
    ("/statistics?index=ndvi&cover_scale=1000", NO_SHAPE, 422, "cover_scale"),
]


@pytest.mark.parametrize(("path", "body", "status", "says"), POST)
def test_bodies_that_cannot_be_used(
    raster: Raster, path: str, body: Any, status: int, says: str
) -> None:
    for place in (ITEM, MOSAIC):
        check(raster.http.post(place + path, json=body), status, says)


def test_a_body_has_a_bound(raster: Raster) -> None:
    ring = [[9 + n / 1e7, 45.14] for n in range(20_000)]
    ring += [[9.01, 45.15], ring[0]]
    shape = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    check(
        raster.http.post(f"{ITEM}/statistics?index=ndvi", json=shape), 422, "at most 10000 vertices"
    )
    got = raster.http.post(f"{ITEM}/statistics?index=ndvi", content=b" " * 2_000_000)
    check(got, 413, "larger than 1048576 bytes")
    assert raster.http.get("/indices").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"collections": [COLLECTION], "bbox": [1, 2, 3]},
        {"collections": [COLLECTION], "filter": {"op": "nope", "args": []}},
        {"collections": [COLLECTION], "datetime": "yesterday"},
        {"collections": "text"},
        [],
    ],
)
def test_searches_that_cannot_be_registered(raster: Raster, body: Any) -> None:
    check(raster.http.post("/searches/register", json=body), 422, "")
