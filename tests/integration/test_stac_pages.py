"""Paging: every item once, in order, by GET and by POST, there and back, however many are equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration

SCENES = 40
PAGE = 7


@pytest.fixture(scope="module")
def stac(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[httpx.Client]:
    """Two collections with the same ids, four days, five cloud covers, and every third item without one."""
    items = [
        scene(
            f"scene-{number:02}",
            folder=settings.assets,
            collection=f"paged-{half}",
            datetime=f"2021-03-0{1 + number % 4}T10:00:00Z",
            properties={"platform": "sentinel-2a"}
            | ({} if number % 3 == 0 else {"eo:cloud_cover": 10 * (number % 5)}),
        )
        for half in "ab"
        for number in range(SCENES // 2)
    ]
    load(ingest_conninfo, collections=[collection("paged-a"), collection("paged-b")], items=items)
    with (
        serving(settings, ["stac"]) as origin,
        httpx.Client(base_url=f"{origin}/stac", timeout=20) as client,
    ):
        yield client


def follow(stac: httpx.Client, answer: httpx.Response, rel: str) -> Iterator[dict[str, Any]]:
    """A page and all that its links of a kind lead to."""
    for _ in range(SCENES + 1):
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["numberReturned"] == len(page["features"])
        yield page
        link = next((each for each in page["links"] if each["rel"] == rel), None)
        if link is None:
            return
        assert link["type"] == "application/geo+json"
        if link["method"] == "POST":
            assert link["href"] == f"{stac.base_url}search"
            answer = stac.post(link["href"], json=link["body"])
        else:
            answer = stac.get(link["href"])
    pytest.fail("the pages go on and on")


def keys(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["collection"], item["id"]) for item in page["features"]]


SORTS = [
    "",
    "+datetime",
    "-eo:cloud_cover",
    "+eo:cloud_cover",
    "-eo:cloud_cover,+id",
    "platform",
    "-id",
    "+nothing",
]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("way", ["GET", "POST", "items"])
def test_every_item_once_there_and_back(stac: httpx.Client, sort: str, way: str) -> None:
    query: dict[str, Any] = {
        "limit": PAGE,
        "fields": "properties.eo:cloud_cover,properties.datetime",
    }
    if sort:
        query["sortby"] = sort
    if way == "GET":
        first = stac.get("/search", params={**query, "collections": "paged-a,paged-b"})
    elif way == "items":
        first = stac.get("/collections/paged-a/items", params=query)
    else:
        directions = {"-": "desc", "+": "asc"}
        body: dict[str, Any] = {"limit": PAGE, "collections": ["paged-a", "paged-b"]}
        if sort:
            body["sortby"] = [
                {"field": each.lstrip("+-"), "direction": directions.get(each[0], "asc")}
                for each in sort.split(",")
            ]
        first = stac.post("/search", json=body)
    pages = list(follow(stac, first, "next"))
    found = [key for page in pages for key in keys(page)]
    wanted = SCENES // 2 if way == "items" else SCENES
    assert len(found) == len(set(found)) == wanted
    assert all(len(page["features"]) == PAGE for page in pages[:-1])
    covers = [
        item["properties"].get("eo:cloud_cover") for page in pages for item in page["features"]
    ]
    known = [each for each in covers if each is not None]
    if "cloud" in sort:
        assert known == sorted(known, reverse=sort.startswith("-"))
    # The last page, reached by its `previous` link's address once more, and on to the first.
    back_rel = next(
        (link["rel"] for link in pages[-1]["links"] if link["rel"].startswith("prev")), "none"
    )
    last = next(each for each in pages[-2]["links"] if each["rel"] == "next")
    again = (
        stac.post(last["href"], json=last["body"])
        if last["method"] == "POST"
        else stac.get(last["href"])
    )
    back = list(follow(stac, again, back_rel))
    assert [keys(page) for page in reversed(back)] == [keys(page) for page in pages]


def test_the_number_of_all_is_told_where_it_is_known(stac: httpx.Client) -> None:
    whole = stac.post("/search", json={"collections": ["paged-a"], "limit": 100}).json()
    assert (whole["numberMatched"], whole["numberReturned"]) == (SCENES // 2, SCENES // 2)
    empty = stac.get("/search?ids=none").json()
    assert (empty["numberMatched"], empty["numberReturned"]) == (0, 0)
    of_collection = stac.get("/collections/paged-a/items?limit=100").json()
    assert of_collection["numberMatched"] == SCENES // 2
    part = stac.post("/search", json={"collections": ["paged-a"], "limit": 5}).json()
    assert "numberMatched" not in part, "nobody counted"


def test_head_and_options(stac: httpx.Client) -> None:
    for path in (
        "/",
        "/collections",
        "/collections/paged-a",
        "/collections/paged-a/items",
        "/search?limit=1",
    ):
        head = stac.head(path)
        assert (head.status_code, head.content) == (200, b"")
        get = stac.get(path)
        assert head.headers["content-type"] == get.headers["content-type"]
        assert head.headers["content-length"] == str(len(get.content))
    origin = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    for path in ("/search", "/aggregate", "/collections/paged-a/aggregate"):
        allowed = stac.options(
            path, headers={**origin, "Access-Control-Request-Headers": "content-type"}
        )
        assert allowed.status_code == 200
        assert "POST" in allowed.headers["access-control-allow-methods"]
        assert "content-type" in allowed.headers["access-control-allow-headers"].lower()


def test_requests_are_counted_by_route(stac: httpx.Client) -> None:
    stac.get("/collections/paged-a/items?limit=1")
    stac.head("/collections/paged-a/items?limit=1")
    stac.post("/search", content=b'{"limit": 1}')
    metrics = stac.get("/metrics").text
    for operation in (
        "GET /collections/{collection_id}/items",
        "HEAD /collections/{collection_id}/items",
        "POST /search",
    ):
        assert f'operation="{operation}",status="200"' in metrics
