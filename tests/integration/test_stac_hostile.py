"""Odd values in every parameter and every member of a body, of every route that the STAC API describes: an answer or a
sentence, soon, and never the server's fault."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore:Duplicate Operation ID")]

REQUESTS = 1500
"""Of all that can be made, in a normal run; each run takes the same."""

SECONDS = 7.0
"""Longest that an answer may take: PostgreSQL has five for a statement."""

JSON = {"Content-Type": "application/json"}
_DEEP = "[" * 300 + "]" * 300
_RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
_POLYGON = {"type": "Polygon", "coordinates": [_RING]}


def _tree(op: str, *args: Any) -> dict[str, Any]:
    return {"op": op, "args": list(args)}


def _nested(op: str, times: int) -> dict[str, Any]:
    tree = _tree("=", {"property": "id"}, "one")
    for _ in range(times):
        tree = _tree(op, tree)
    return tree


TEXTS = [
    "", " ", ",", ",,", "a", "one", "-1", "0", "1", "1e400", "nan", "inf", "-inf", "null", "true", "[]", "{}", "[1]",
    '{"a":1}', '{"a":{"b":{"c":1}}}', '"', "'", "\\", "%", "%00", "%ff", "\ud83d", "💥", "\t\n", "a" * 10_000,
    "9" * 400, "1,2,3,4", "1,2,3,4,5,6", "0,0,1", "nan,0,1,1", "0,0,inf,1", "180,-90,-180,90", "-200,-100,200,100",
    "5,5,5,5", "10,0,0,1", "2021-01-01", "2021-02-30T00:00:00Z", "../..", "/", "2021-01-01T00:00:00Z/..",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z/9999-12-31T23:59:60Z", "99999-01-01T00:00:00Z", "+id", "-id",
    "id,-id", "+", "-properties.a.b.c", "properties", "properties.", "geometry", "collection", "datetime", "next:",
    "next:x", "next:6572726f7273:6f6e65", "prev:ff:ff", "next:00:00", "'; DROP TABLE items;--", "cql2-text",
    "cql2-json", "xx", "id = 'one'", "id = ", "NOT " * 400, "(" * 400, "casei(" * 40,
    "id IN ('" + "','".join("x" * 9) + "')", "a=1 AND " * 200 + "a=1", "datetime > 5", "id > 5", "geometry = 1",
    "geometry > 'a'", "collection LIKE 5", "eo:cloud_cover LIKE 'a'", "eo:cloud_cover / 0 = 1", "eo:cloud_cover = 'x'",
    "S_INTERSECTS(geometry, POINT(1e308 1e308))", "S_INTERSECTS(geometry, POLYGON((0 0,1 1)))",
    "S_INTERSECTS(id, POINT(0 0))", "S_INTERSECTS(geometry, geometry)", "T_AFTER(datetime, 5)",
    "T_AFTER(id, DATE('x'))", "T_DURING(datetime, INTERVAL('..', '..'))", "A_CONTAINS(id, 5)",
    "A_CONTAINS(a, (1,(2)))", "1 = 1", "true", "'a'", "id BETWEEN 5 AND DATE('2021-01-01')", "id IS NULL IS NULL",
    '"" = 1', '"properties" = 1', "frob(1) = 1", json.dumps(_POLYGON),
    json.dumps({"type": "Polygon", "coordinates": []}), json.dumps({"type": "Point"}),
    json.dumps({"type": "GeometryCollection", "geometries": []}),
    json.dumps({"type": "Feature", "geometry": _POLYGON}),
    json.dumps({"type": "Point", "coordinates": [1e308, 1e308]}),
    json.dumps({"type": "Point", "coordinates": ["a", None]}),
    json.dumps({"type": "Polygon", "coordinates": [[[500, 500], [600, 500], [600, 600], [500, 500]]]}),
    json.dumps(_tree("=", {"property": "id"}, "one")), json.dumps(_tree("frob", 1)),
    json.dumps({"id": {"startsWith": "o"}}), json.dumps({"id": {"in": []}}),
    json.dumps({"eo:cloud_cover": {"lt": "x"}}), json.dumps({"datetime": {"startsWith": "2"}}),
    json.dumps({"geometry": {"eq": 1}}), json.dumps({"": {"eq": 1}}), json.dumps({"a'b\"": {"eq": None}}), _DEEP,
    "total_count", "datetime_frequency,cloud_cover_frequency", "day", "flood", "flood OR dry", '"flood', "a & b | !c",
    "(((", "-", "OR", "AND NOT",
]  # fmt: skip

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 10**12, 10**40, 1.5, 1e308, "", "a", "one", " ", "💥", "a" * 10_000, [], {}, [None],
    [[]], [1], ["a"], ["one", "one"], [0, 0, 1, 1], [0, 0, 0, 1, 1, 1], [1, 2, 3], [0, 0, 1e308, 1],
    ["0", "0", "1", "1"], [10, 0, 0, 1], [170, -10, -170, 10], [-1000, -1000, 1000, 1000], [[1, 2], [3, 4]], {"a": 1},
    {"a": {"b": 1}}, {"include": None, "exclude": None}, {"include": ["a..b", "", "."], "exclude": ["id"]},
    {"include": [1]}, {"include": "id"},
    {"include": ["properties.a.b.c.d", "assets.B04.href", "geometry.coordinates"]},
    {"exclude": ["id", "collection", "links"]}, [{"field": "id", "direction": "desc"}],
    [{"field": "geometry", "direction": "asc"}], [{"field": "a'b\"", "direction": "asc"}],
    [{"field": "properties", "direction": "asc"}], [{"field": "eo:cloud_cover"}],
    [{"field": "id", "direction": "asc"}] * 300, "2021-01-01T00:00:00Z/..", "2021-01-01", "../..", "next:x",
    "next:6572726f7273:6f6e65", "prev:ff:ff", "cql2-text", _POLYGON, {"type": "Point", "coordinates": [0, 0]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]},
    {"type": "GeometryCollection", "geometries": []}, {"type": "MultiPolygon", "coordinates": []},
    {"type": "Point", "coordinates": [1e308, -1e308]}, {"type": "Point", "coordinates": []},
    {"type": "LineString", "coordinates": [[0, 0, 0, 0], [1, 1, 1, 1]]},
    {"type": "LineString", "coordinates": [[0, 0]] * 9000},
    {"type": "Polygon", "coordinates": [[[x / 1000, (x * 7919) % 90] for x in range(9000)] + [[0, 0]]]},
    {"readonly": False, "context": "on", "base_url": "x", "nohydrate": 5}, {"timing": True},
    {"eo:cloud_cover": {"lt": 20}}, {"id": {"in": ["one"]}}, {"id": {"in": list(range(20_000))}},
    {"id": {"contains": "%_\\"}}, {"eo:cloud_cover": {"startsWith": "1"}}, {"datetime": {"eq": 5}},
    {"geometry": {"lt": 5}}, {"collection": {"gt": None}}, _tree("=", {"property": "id"}, "one"), _nested("not", 20),
    _nested("not", 400), _tree("and"), _tree("or", 1, 2),
    _tree("in", {"property": "id"}, [str(number) for number in range(20_000)]),
    _tree("in", {"property": "id"}, [[1], {}]), _tree("between", {"property": "id"}, [1, 2]), _tree("=", 1, 1),
    _tree("=", {"property": "geometry"}, 5), _tree("<", {"property": "datetime"}, {"timestamp": "never"}),
    _tree("<", {"property": "datetime"}, {"interval": ["..", ".."]}), _tree("=", {"property": ""}, 1),
    _tree("=", {"property": "a'); DROP TABLE items;--"}, 1), _tree("=", {"property": 5}, 1),
    _tree("like", {"property": "eo:cloud_cover"}, "a"), _tree("like", {"property": "id"}, {"a": 1}),
    _tree("casei", "a"), _tree("s_intersects", {"property": "geometry"}, _POLYGON),
    _tree("s_intersects", {"property": "geometry"}, {"bbox": [1]}),
    _tree("s_intersects", {"property": "geometry"}, {"type": "Polygon", "coordinates": "x"}), _tree("s_within", 1, 2),
    _tree("s_touches", _POLYGON, _POLYGON),
    _tree("t_after", {"property": "datetime"}, {"timestamp": "2021-01-01T00:00:00Z"}),
    _tree("t_during", {"property": "datetime"}, {"interval": ["2022-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]}),
    _tree("t_equals", 1, 2), _tree("a_contains", {"property": "a"}, ["b"]), _tree("a_overlaps", 1, {}),
    _tree("+", 1, 2), _tree("=", _tree("/", 1, 0), 1), _tree("=", {"property": "id"}, {"x": [1, {"y": 2}]}),
    _tree("isNull", {"property": "a"}), _tree("isNull", 5), {"op": 5, "args": [1]}, {"op": "=", "args": 5},
    {"op": ["="], "args": [1, 2]}, {"args": []}, ["total_count"], ["frob"], ["total_count"] * 5000, "day", ["flood"],
    ["((("], ["'"], [""], "id = 'one'",
]  # fmt: skip


@dataclass(frozen=True)
class Try:
    """A request with something odd in one place."""

    method: str
    path: str
    query: str = ""
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} {json.dumps(self.body)}"[:300]


def tries(description: dict[str, Any]) -> Iterator[Try]:
    """Every route with every odd value in every place."""
    bodies = description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            known = path.format(collection_id="hostile", item_id="one")
            in_path = [
                each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"
            ]
            for name, text in itertools.product(in_path, TEXTS):
                values = {"collection_id": "hostile", "item_id": "one", name: _quoted(text)}
                yield Try(method, path.format(**values), body={} if method == "post" else None)
            for each, text in itertools.product(operation.get("parameters", ()), TEXTS):
                if each["in"] == "query":
                    yield Try(
                        method, known, f"{each['name']}={_quoted(text)}{_beside(each['name'])}"
                    )
            if method == "post":
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                members = bodies[schema["$ref"].rpartition("/")[2]]["properties"]
                for member, value in itertools.product(members, VALUES):
                    beside = (
                        {"filter-lang": "cql2-text"}
                        if isinstance(value, str) and member == "filter"
                        else {}
                    )
                    yield Try(method, known, body={member: value, **beside})


def _quoted(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def _beside(name: str) -> str:
    """What makes a parameter count."""
    return (
        "&aggregations=total_count,centroid_geotile_grid_frequency"
        if name != "aggregations"
        else ""
    )


@pytest.fixture(scope="module")
def stac(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[httpx.Client]:
    made = [
        scene(
            name,
            folder=settings.assets,
            collection="hostile",
            properties={"eo:cloud_cover": 5, "a": ["b"]},
        )
        for name in ("one", "two", "three")
    ]
    load(ingest_conninfo, collections=[collection("hostile")], items=made)
    with (
        serving(settings, ["stac"]) as origin,
        httpx.Client(base_url=f"{origin}/stac", timeout=20) as client,
    ):
        yield client


def check(stac: httpx.Client, each: Try) -> int:
    """The status of an answer that is one: not a 5xx, not late, and a problem where it is an error."""
    started = time.monotonic()
    body = None if each.body is None else json.dumps(each.body)
    answer = stac.request(
        each.method.upper(), f"{each.path}?{each.query}", content=body, headers=JSON
    )
    assert time.monotonic() - started < SECONDS, each
    assert answer.status_code < 500, f"{each}: {answer.text}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", each
        assert answer.headers["cache-control"] == "no-store", each
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert 0 < len(problem["detail"]) <= 2000, each
        assert not any(
            word in answer.text for word in ("Traceback", "PL/pgSQL", "site-packages")
        ), answer.text
    else:
        assert answer.has_redirect_location or json.loads(answer.text), each
    return answer.status_code


def test_odd_values_anywhere(stac: httpx.Client) -> None:
    everything = [each for each in tries(stac.get("/api").json()) if "api.html" not in each.path]
    chosen = random.Random(4).sample(everything, REQUESTS)
    statuses = {check(stac, each) for each in chosen}
    assert statuses >= {200, 400, 404}


@pytest.mark.soak
def test_every_odd_value_everywhere(stac: httpx.Client) -> None:
    for each in tries(stac.get("/api").json()):
        check(stac, each)
