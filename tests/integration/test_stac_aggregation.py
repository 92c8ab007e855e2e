"""Counts of items: over time, space, cloud cover and names, of everything that a search can ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration

SCENES = 12


@pytest.fixture(scope="module")
def stac(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[httpx.Client]:
    """Twelve months, ever cloudier, at four places; one more that says nothing of itself and crosses 180°."""
    items = [
        scene(
            f"month-{month:02}",
            folder=settings.assets,
            collection="counted",
            longitude=10.0 * (month % 4),
            datetime=f"2021-{month:02}-15T10:00:00Z",
            properties={
                "eo:cloud_cover": 100.0 if month == SCENES else month * 5,
                "platform": "sentinel-2a" if month < 5 else "sentinel-2b",
                "grid:code": f"MGRS-31UD{'QR'[month % 2]}",
                "description": "a flood" if month % 2 else "dry land",
            },
        )
        for month in range(1, SCENES + 1)
    ]
    odd = scene(
        "odd", folder=settings.assets, collection="counted", datetime="2023-01-01T00:00:00Z"
    )
    odd["properties"] |= {"eo:cloud_cover": "thick", "platform": ["x"]}
    odd["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[west, 0], [east, 0], [east, 1], [west, 1], [west, 0]]]
            for west, east in ([179.0, 180.0], [-180.0, -179.0])
        ],
    }
    load(
        ingest_conninfo,
        collections=[collection("counted"), collection("counted-none")],
        items=[*items, odd],
    )
    with (
        serving(settings, ["stac"]) as origin,
        httpx.Client(base_url=f"{origin}/stac", timeout=20) as client,
    ):
        yield client


def ask(stac: httpx.Client, *names: str, **more: Any) -> dict[str, Any]:
    """The same answer four ways: by GET and POST, of the collection and of everything."""
    body = {"aggregations": list(names), **more}
    query = {"aggregations": ",".join(names)} | {
        name: ",".join(str(part) for part in value)
        if isinstance(value, list)
        else json.dumps(value)
        if isinstance(value, dict)
        else str(value)
        for name, value in more.items()
    }
    if isinstance(more.get("filter"), dict):
        query["filter-lang"] = "cql2-json"
    answers = [
        stac.post("/collections/counted/aggregate", json=body),
        stac.get("/collections/counted/aggregate", params=query),
        stac.post("/aggregate", json={**body, "collections": ["counted"]}),
        stac.get("/aggregate", params={**query, "collections": "counted"}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json()["type"] == "AggregationCollection"
        assert answer.json()["aggregations"] == answers[0].json()["aggregations"]
    return {each["name"]: each for each in answers[0].json()["aggregations"]}


def frequencies(aggregation: dict[str, Any]) -> dict[str, int]:
    return {each["key"]: each["frequency"] for each in aggregation["buckets"]}


def test_values(stac: httpx.Client) -> None:
    found = ask(stac, "total_count", "datetime_min", "datetime_max")
    assert {name: each["value"] for name, each in found.items()} == {
        "total_count": SCENES + 1,
        "datetime_min": "2021-01-15T10:00:00Z",
        "datetime_max": "2023-01-01T00:00:00Z",
    }


def test_over_time(stac: httpx.Client) -> None:
    months = ask(
        stac,
        "datetime_frequency",
        datetime_frequency_interval="quarter",
        datetime="../2022-01-01T00:00:00Z",
    )
    assert frequencies(months["datetime_frequency"]) == {
        f"2021-{month}-01T00:00:00Z": 3 for month in ("01", "04", "07", "10")
    }
    days = ask(stac, "datetime_frequency")["datetime_frequency"]
    assert (days["interval"], len(days["buckets"]), days["overflow"]) == ("day", SCENES + 1, 0)


def test_cloud_cover(stac: httpx.Client) -> None:
    found = ask(stac, "cloud_cover_frequency")["cloud_cover_frequency"]
    assert list(frequencies(found).values()) == [1, 2, 2, 2, 2, 2, 0, 0, 0, 1]
    assert found["overflow"] == 1, "the item whose cloud cover is no number"
    assert found["buckets"][9] == {
        "key": "90-100", "data_type": "numeric", "from": 90, "to": 100, "frequency": 1,
    }  # fmt: skip


def test_names(stac: httpx.Client) -> None:
    found = ask(stac, "platform_frequency", "grid_code_frequency", "collection_frequency")
    assert frequencies(found["platform_frequency"]) == {"sentinel-2b": 8, "sentinel-2a": 4}
    assert frequencies(found["grid_code_frequency"]) == {"MGRS-31UDQ": 6, "MGRS-31UDR": 6}
    assert frequencies(found["collection_frequency"]) == {"counted": SCENES + 1}


def test_over_space(stac: httpx.Client) -> None:
    found = ask(
        stac,
        "centroid_geohash_grid_frequency",
        "centroid_geotile_grid_frequency",
        centroid_geohash_grid_frequency_precision=1,
        centroid_geotile_grid_frequency_precision=3,
    )
    # The item on both sides of 180° is counted on one of them, not in the middle of the map.
    assert frequencies(found["centroid_geohash_grid_frequency"]) == {"s": SCENES, "x": 1}
    assert frequencies(found["centroid_geotile_grid_frequency"]) == {"3/4/3": SCENES, "3/7/3": 1}
    finer = ask(
        stac, "centroid_geotile_grid_frequency", centroid_geotile_grid_frequency_precision=7
    )
    assert frequencies(finer["centroid_geotile_grid_frequency"]) == {
        "7/64/63": 3, "7/67/63": 3, "7/71/63": 3, "7/74/63": 3, "7/127/63": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        ({"bbox": [9.5, 0.2, 10.5, 0.4]}, 3),
        ({"bbox": [9.5, 0.2, -10, 10.5, 0.4, 99]}, 3),
        ({"bbox": [170, -10, -170, 10]}, 1),
        ({"bbox": [179.5, 0.2, -100, 0.5, 0.4, 99]}, 4),
        ({"datetime": "2021-02-01T00:00:00Z/2021-04-01T00:00:00Z"}, 2),
        ({"ids": ["month-01", "odd", "none"]}, 2),
        ({"intersects": {"type": "Point", "coordinates": [20.5, 0.5]}}, 3),
        (
            {
                "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]},
                "ids": ["month-01", "month-07"],
            },
            1,
        ),
        ({"query": {"platform": {"endsWith": "2a"}}}, 4),
        ({"ids": ["none"]}, 0),
    ],
)
def test_everything_that_narrows_a_search(
    stac: httpx.Client, narrowed: dict[str, Any], count: int
) -> None:
    found = ask(stac, "total_count", "platform_frequency", **narrowed)
    assert found["total_count"]["value"] == count


def test_filters_as_text_and_free_text(stac: httpx.Client) -> None:
    asked = {"aggregations": "total_count", "collections": "counted"}
    body = {"aggregations": ["total_count"], "collections": ["counted"]}
    text = "platform LIKE '%2a'"
    for answer in (
        stac.get("/aggregate", params={**asked, "filter": text}),
        stac.post("/aggregate", json={**body, "filter": text, "filter-lang": "cql2-text"}),
    ):
        assert answer.json()["aggregations"][0]["value"] == 4, answer.text
    for answer in (
        stac.get("/aggregate", params={**asked, "q": "flood"}),
        stac.post("/aggregate", json={**body, "q": ["flood"]}),
    ):
        assert answer.json()["aggregations"][0]["value"] == 6, answer.text


def test_a_path_cannot_be_left_by_the_body(stac: httpx.Client) -> None:
    body = {"aggregations": ["total_count"], "collections": ["counted"]}
    answer = stac.post("/collections/counted-none/aggregate", json=body)
    assert answer.json()["aggregations"][0]["value"] == 0


def test_they_are_announced_and_linked(stac: httpx.Client) -> None:
    classes = stac.get("/conformance").json()["conformsTo"]
    assert {
        f"https://api.stacspec.org/v0.3.0/aggregation{part}" for part in ("", "#filter", "#query")
    } <= set(classes)
    for path in ("/", "/collections/counted"):
        links = {
            (link["rel"], link.get("method")): link["href"]
            for link in stac.get(path).json()["links"]
        }
        names = [
            each["name"] for each in stac.get(links["aggregations", "GET"]).json()["aggregations"]
        ]
        assert "cloud_cover_frequency" in names
        counted = stac.get(links["aggregate", "GET"], params={"aggregations": ",".join(names)})
        assert [each["name"] for each in counted.json()["aggregations"]] == names
        posted = stac.post(links["aggregate", "POST"], json={"aggregations": names})
        assert posted.json()["aggregations"] == counted.json()["aggregations"]
        assert stac.get(links["aggregate", "GET"]).json()["aggregations"] == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("aggregations=frob", "no 'frob'"),
        ("aggregations=total_count,", "no ''"),
        (
            "aggregations=total_count&datetime_frequency_interval=second",
            "datetime_frequency_interval",
        ),
        ("aggregations=total_count&centroid_geohash_grid_frequency_precision=0", "precision"),
        ("aggregations=total_count&centroid_geohash_grid_frequency_precision=12", "precision"),
        ("aggregations=total_count&centroid_geotile_grid_frequency_precision=99", "precision"),
        ("aggregations=total_count&aggregations=total_count", ""),
        ("aggregations=total_count&filter=((", "filter: not CQL2 text"),
        (
            "aggregations=total_count&filter=a%3D1&query=%7B%22a%22:%7B%22eq%22:1%7D%7D",
            "exclude each other",
        ),
        (
            "aggregations=total_count&bbox=0,0,1,1&intersects=%7B%22type%22:%22Point%22,%22coordinates%22:[0,0]%7D",
            "",
        ),
        ("aggregations=total_count&bbox=nan,0,1,1", "bbox"),
        ("aggregations=total_count&intersects=5", "intersects"),
        ("aggregations=total_count&datetime=never", "datetime"),
        ("aggregations=total_count&q=(((", "search text"),
    ],
)
def test_what_cannot_be_used_is_400(stac: httpx.Client, query: str, sentence: str) -> None:
    for path in ("/aggregate", "/collections/counted/aggregate"):
        answer = stac.get(f"{path}?{query}")
        if answer.status_code == 200:
            assert query.count("aggregations=") == 2, "a list may be given in parts"
            continue
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert sentence in answer.json()["detail"]


def test_an_unknown_collection_is_404(stac: httpx.Client) -> None:
    for answer in (
        stac.get("/collections/none/aggregate?aggregations=total_count"),
        stac.post("/collections/none/aggregate", json={}),
        stac.get("/collections/none/aggregations"),
    ):
        assert answer.status_code == 404
        assert "no collection 'none'" in answer.json()["detail"]
