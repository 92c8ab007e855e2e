"""Requests that once were answered 500, never, or with all the memory there is."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from eotiles.core.errors import Unavailable
from eotiles.http.titiler.shapes import SECONDS_MAX, in_time
from tests.hostile.conftest import COLLECTION, TILE, Product, refused
from tests.stac_server import count

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

ITEM = f"/raster/collections/{COLLECTION}/items/good"
MOSAIC = f"/raster/collections/{COLLECTION}"
BIG = 10**308

UNUSABLE = [
    (f"{MOSAIC}/tiles/WebMercatorQuad/2147483648/1/1/assets", 404),
    (f"{MOSAIC}/tiles/WebMercatorQuad/99999999999999999999999999/1/1/assets", 404),
    (f"{MOSAIC}/bbox/9,45,9.01,{BIG}.png?index=ndvi", 422),
    (f"{ITEM}/bbox/9,-{BIG},9.01,45.2.png?index=ndvi", 422),
    (f"{ITEM}/point/{BIG},45?index=ndvi", 404),
    (f"{ITEM}/point/9.001,{BIG}?index=ndvi", 404),
    (f"{MOSAIC}/{TILE}.png?index=ndvi&pixel_selection=lastbandhigh", 422),
    (f"{ITEM}/{TILE}.png?index=ndvi&color_formula=gamma RGB 0", 422),
    (f"{ITEM}/{TILE}.png?index=ndvi&color_formula=gamma RGB 2", 422),
    (f"{ITEM}/{TILE}.png?index=ndvi&color_formula=saturation 1", 422),
    ("/stac/search?intersects=" + quote('{"a":1e400}'), 400),
    ("/stac/search?query=" + quote('{"a":{"eq":NaN}}'), 400),
    ("/stac/collections?query=" + quote('{"a":{"eq":1e400}}'), 400),
    ("/stac/search?filter-lang=cql2-json&filter=" + quote('{"op":"=","args":[1e400,1]}'), 400),
    ("/stac/collections/" + "x" * 9000, 404),
    (f"{ITEM}/info?assets=" + "x" * 9000, 404),
    ("/assets/" + "..%2f" * 20 + "etc%2fpasswd", 404),
    ("/assets/%ff.tif", 404),
    ("/" + "..%2f" * 20 + "etc%2fpasswd", 404),
]


@pytest.mark.parametrize(("path", "status"), UNUSABLE, ids=lambda each: str(each)[-60:])
def test_requests_are_refused_with_a_sentence(product: Product, path: str, status: int) -> None:
    started = time.monotonic()
    refused(product.http.get(path), status)
    assert time.monotonic() - started < 3


BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"[" * 30_000,
    b'{"a":' * 20_000,
    b"\xff\xfe",
    b'{"a":NaN}',
    b'{"a":1e400}',
    b'{"a":"\\u0000"}',
    b'{"\\u0000":1}',
    b'{"a":"\\ud800"}',
    b'{"metadata":{"bounds":[NaN,1,2,3]}}',
    b'{"metadata":{"minzoom":-5,"maxzoom":99999999}}',
    b'{"metadata":{"bounds":[5,5,1,1]}}',
    b'{"filter":' + b'{"op":"not","args":[' * 200 + b"true" + b"]}" * 200 + b"}",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body[:50]))
def test_bodies_are_refused_with_a_sentence(product: Product, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    rows = count(product.ingest_conninfo, "searches")
    refused(product.http.post("/raster/searches/register", content=body, headers=headers), 422)
    assert count(product.ingest_conninfo, "searches") == rows
    if b"metadata" not in body:
        refused(product.http.post("/stac/search", content=body, headers=headers), 400)
        for path in (f"{ITEM}/statistics?index=ndvi", f"{MOSAIC}/feature.png?index=ndvi"):
            refused(product.http.post(path, content=body, headers=headers), 422)
    refused(product.write("POST", f"/collections/{COLLECTION}/items", content=body), 400)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/items/good", [1] * 100_000),
        ("PATCH", "/items/good", [{"op": "test", "path": "/a", "value": 1}] * 2000),
        ("POST", "/items", {"type": "FeatureCollection", "features": [{}] * 100_000}),
        ("POST", "/items", {"type": "FeatureCollection", "features": [5]}),
        ("PUT", "/items/good", {"links": [1] * 100_000}),
    ],
)
def test_thousands_of_mistakes_in_a_write_are_one(
    product: Product, method: str, path: str, body: Any
) -> None:
    started = time.monotonic()
    content = json.dumps(body)
    refused(product.write(method, f"/collections/{COLLECTION}{path}", content=content), 400)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("name", ["\u202e", "é", "ü😀"])
def test_an_id_of_any_script_has_a_location(product: Product, name: str) -> None:
    item = {**product.good, "id": name, "assets": {}, "links": []}
    answer = product.write("POST", f"/collections/{COLLECTION}/items", json=item)
    assert answer.status_code == 201
    location = answer.headers["location"]
    assert location.isascii()
    assert product.http.get(location).json()["id"] == name
    assert product.write("DELETE", f"/collections/{COLLECTION}/items/{quote(name)}").is_success


SHAPE = {
    "type": "Feature",
    "properties": {},
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[9.0, 45.14], [9.02, 45.14], [9.02, 45.15], [9.0, 45.14]]],
    },
}


@pytest.mark.parametrize("place", [ITEM, MOSAIC])
def test_the_coverage_of_a_feature_is_bounded(product: Product, place: str) -> None:
    path = f"{place}/statistics?index=ndvi&width=2000&height=2000"
    refused(product.http.post(f"{path}&cover_scale=20", json=SHAPE), 422)
    fine = product.http.post(f"{path}&cover_scale=1", json=SHAPE)
    assert fine.status_code == 200, fine.text


def test_features_have_a_time_together() -> None:
    in_time(time.monotonic())
    with pytest.raises(Unavailable, match="ask for fewer"):
        in_time(time.monotonic() - SECONDS_MAX - 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": 'a"><script>alert(1)</script>'},
        {"X-Forwarded-Prefix": "/'+alert(1)+'"},
        {"X-Forwarded-Prefix": "//evil.example"},
        {"X-Forwarded-Prefix": "/</script><script>alert(1)"},
    ],
)
def test_pages_and_links_hold_nothing_of_a_header(
    product: Product, headers: dict[str, str]
) -> None:
    for path in ("/", "/config.json", "/stac/", "/raster/api.html", ITEM + "/indices"):
        answer = product.http.get(path, headers=headers)
        assert answer.status_code == 200
        assert "alert(1)" not in answer.text
        assert "evil.example" not in answer.text
