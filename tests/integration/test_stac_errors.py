"""Bad input to the STAC API: the right status, a sentence that names the thing, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stac(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[httpx.Client]:
    item = scene("one", folder=settings.assets, collection="errors")
    load(ingest_conninfo, collections=[collection("errors")], items=[item])
    with (
        serving(settings, ["stac"]) as origin,
        httpx.Client(base_url=f"{origin}/stac", timeout=20) as client,
    ):
        yield client


def check(answer: httpx.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert problem["status"] == status
    assert sentence in problem["detail"]
    assert "\n" not in problem["detail"]
    assert not any(
        word in problem["detail"]
        for word in ("Traceback", "PL/pgSQL", "/site-packages", "input_value")
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/collections/none", "no collection 'none'"),
        ("/collections/none/items", "no collection 'none'"),
        ("/collections/none/items/x", "no collection 'none'"),
        ("/collections/none/queryables", "no collection 'none'"),
        ("/collections/none/sortables", "no collection 'none'"),
        ("/collections/errors/items/none", "no item 'none' in collection 'errors'"),
        ("/collections/%ff%fe", "no collection"),
        ("/nothing", ""),
    ],
)
def test_unknown_things_are_404(stac: httpx.Client, path: str, sentence: str) -> None:
    check(stac.get(path), 404, sentence)


POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0]]]}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("token=bogus", "paging token"),
        ("token=next:7363656e6573:ff", ""),
        ("token=next:6e6f6e65:6e6f6e65", "token"),
        ("bbox=1,2,3", "4 or 6"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=0,0,inf,1", "bbox"),
        ("bbox=1e400,0,1,1", "bbox"),
        ("bbox=0,10,1,0", "bbox"),
        ("bbox=0,-95,1,1", "bbox"),
        ("intersects=xx", "intersects: not JSON"),
        ("intersects=5", "intersects: has to be a JSON object"),
        ("intersects=" + quote('{"type":"Point"}'), "intersects"),
        ("intersects=" + quote(json.dumps(POLYGON)), "intersects"),
        (
            "intersects=" + quote('{"type":"Point","coordinates":[0,0]}') + "&bbox=0,0,1,1",
            "exclusive",
        ),
        ("datetime=foo", "datetime"),
        ("datetime=2020-13-01T00:00:00Z", "month"),
        ("datetime=2020-01-02T00:00:00Z/2020-01-01T00:00:00Z", "before"),
        ("datetime=../..", "open-ended"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "'limit' is given more than once"),
        ("sortby=%2B", "sortby"),
        ("sortby=,,", "sortby"),
        ("query=xx", "query: not JSON"),
        ("query=5", "query: has to be a JSON object"),
        ("query=" + quote('{"a":{"frob":1}}'), "query"),
        ("query=" + quote('{"a":{"eq":1}}') + "&filter=a%3D1", "query and filter"),
        ("filter=((", "filter: not CQL2 text"),
        ("filter=" + "(" * 15_000, "filter: nested deeper"),
        ("filter=frob(a)%3D1", "no operator or function 'frob'"),
        ("filter=a%3D1&filter-lang=xx", "filter-lang"),
        (
            "filter=" + quote('{"op":"frob","args":[1]}') + "&filter-lang=cql2-json",
            "no operator or function 'frob'",
        ),
        ("filter=eo:cloud_cover/0%3D1%20OR%20id%3D'one'", ""),
        ("ids=a%00b", "NUL"),
        ("q=(((", "search text"),
    ],
)
def test_unusable_parameters_are_400(stac: httpx.Client, query: str, sentence: str) -> None:
    check(stac.get(f"/search?{query}"), 400, sentence)
    if not query.startswith(("intersects", "ids")):
        check(stac.get(f"/collections/errors/items?{query}"), 400, sentence)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("bbox=nan,0,1,1", "bbox"),
        ("limit=-1", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999", "offset"),
        ("datetime=foo", "datetime"),
        ("filter=((", "filter"),
        ("query=xx", "query: not JSON"),
        ("query=" + quote('{"title":5}'), "query: 'title' takes an object"),
        ("query=" + quote('{"title":{"eq":5}}') + "&filter=a%3D1", "exclude each other"),
        ("sortby=,", "sortby"),
        ("fields=-a&fields=b", "'fields' is given more than once"),
    ],
)
def test_unusable_parameters_of_a_collection_search_are_400(
    stac: httpx.Client, query: str, sentence: str
) -> None:
    check(stac.get(f"/collections?{query}"), 400, sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "body"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 10_000, "not JSON"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", "nested deeper"),
        ('{"bbox": [NaN, 0, 1, 1]}', "NaN"),
        ('{"intersects": {"type": "Point", "coordinates": [Infinity, 0]}}', "Infinity"),
        ('{"ids": ["a\\u0000b"]}', "NUL"),
        ('{"ids": ["\\ud800"]}', "surrogate"),
        ({"token": "bogus"}, "paging token"),
        ({"collections": "errors"}, "collections"),
        ({"ids": ["x"] * 11_000}, "ids"),
        ({"ids": ["x"] * 30_000}, "values"),
        ({"intersects": {"type": "LineString", "coordinates": [[0, 0]] * 20_000}}, "values"),
        ({"limit": 0}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"fields": "id"}, "fields"),
        ({"fields": None}, "fields: has to be an object"),
        ({"sortby": [{"field": "", "direction": "asc"}]}, "sortby"),
        ({"sortby": [{"field": "a", "direction": "up"}]}, "sortby"),
        ({"query": {"a": {"frob": 1}}}, "no operator 'frob'"),
        ({"query": {"a": 1}}, "query"),
        ({"query": {"a": {"in": "x"}}}, "in of 'a' takes a list"),
        ({"query": {"a": {"startsWith": 1}}}, "startsWith of 'a' takes a text"),
        ({"query": {"a": {"lt": [1]}}}, "lt of 'a' takes a number or a text"),
        ({"query": {"a": {"lt": None}}}, "lt of 'a' takes a number or a text"),
        ({"query": {str(name): {"eq": 1} for name in range(200)}}, "more than 128 operators"),
        ({"filter": {"op": "in", "args": [{"property": "a"}, []]}}, "a list of at least one"),
        ({"filter": {"op": "between", "args": [{"property": "a"}, [1]]}}, "takes 3 arguments"),
        (
            {"query": {"a": {"eq": 1}}, "filter": {"op": "=", "args": [{"property": "a"}, 1]}},
            "query",
        ),
        ({"filter": {}}, "filter"),
        ({"filter": [1]}, "filter"),
        ({"filter": "((", "filter-lang": "cql2-text"}, "filter: not CQL2 text"),
        ({"filter": {"op": "frob", "args": []}}, "no operator or function 'frob'"),
        ({"filter": {"op": "=", "args": [1]}}, "takes 2 arguments"),
        (
            {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, POLYGON]}},
            "geometry",
        ),
        ({"filter": {"op": "s_within", "args": [{"property": "geometry"}, 5]}}, ""),
        ({"filter": {"op": "a_overlaps", "args": [1, {}]}}, "does not exist for these values"),
        ({"filter": {"op": "t_after", "args": [{"property": "datetime"}, "never"]}}, ""),
        ({"filter": {"op": "like", "args": [{"property": "eo:cloud_cover"}, 3]}}, "like"),
    ],
)
def test_unusable_searches_are_400(stac: httpx.Client, body: Any, sentence: str) -> None:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = stac.post("/search", content=content, headers={"Content-Type": "application/json"})
    check(answer, 400, sentence)


def test_a_body_that_is_too_large_is_413(stac: httpx.Client) -> None:
    answer = stac.post("/search", json={"collections": ["x" * (1 << 20)]})
    assert answer.status_code == 413
    assert len(answer.content) < 1000, "the body is not sent back"


@pytest.mark.parametrize("path", ["/search", "/aggregate", "/collections/errors/aggregate"])
@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-8",
        "Application/GEO+json",
    ],
)
def test_a_body_is_json_whatever_it_is_called(
    stac: httpx.Client, path: str, media_type: str | None
) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    assert stac.post(path, content=b'{"ids": ["one"]}', headers=headers).status_code == 200
    check(stac.post(path, content=b"ids=one", headers=headers), 400, "not JSON")
    check(stac.post(path, content=b'{"ids": "one"}', headers=headers), 400, "ids")


@pytest.mark.parametrize(
    "body",
    [
        {"fields": {}},
        {"fields": {"include": None}},
        {"filter": None},
        {"query": {}},
        {"limit": None},
        {"limit": 10**40},
        {"sortby": []},
        {"unknown": {"deep": [[[[1]]]]}},
    ],
)
def test_odd_but_clear_searches_are_answered(stac: httpx.Client, body: dict[str, Any]) -> None:
    assert stac.post("/search", json=body).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "fields=",
        "fields=,,",
        "q=",
        "q=%ff",
        "limit=1000000000000",
        "sortby=junk",
        "sortby=a'b%22c;--",
        "no=1&no=2",
    ],
)
def test_odd_but_clear_parameters_are_answered(stac: httpx.Client, query: str) -> None:
    assert stac.get(f"/search?{query}").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["", "/errors", "/errors/items", "/errors/items/one", "/errors/bulk_items"]
)
def test_the_stac_service_does_not_write(stac: httpx.Client, method: str, path: str) -> None:
    answer = stac.request(
        method, f"/collections{path}", json={}, headers={"Authorization": "Bearer x"}
    )
    assert answer.status_code in (404, 405)


def test_browsers_of_anywhere_may_read(stac: httpx.Client) -> None:
    headers = {"Origin": "https://example.org", "Cookie": "a=b"}
    answer = stac.get("/search?limit=1", headers=headers)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    asked = {
        **headers,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    assert stac.options("/search", headers=asked).status_code == 200
    failed = stac.get("/search?limit=x", headers=headers)
    assert failed.headers["access-control-allow-origin"] == "*", "else a page cannot read why"
