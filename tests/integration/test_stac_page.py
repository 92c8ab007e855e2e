"""Pages of a search as we put them together against upstream's: the same JSON, member for member."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from fastapi import Request, Response
from psycopg.types.json import Jsonb
from stac_fastapi.pgstac.core import CoreCrudClient
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.errors import NotFoundError

from eotiles.catalog.links import link_item
from eotiles.core.errors import UnknownItem
from eotiles.core.sql import read_sql
from eotiles.http.stac import application, parameters
from eotiles.http.stac.addresses import site_of
from eotiles.http.stac.client import _NOTHING, CatalogueClient, _additions
from eotiles.settings import Settings
from tests.stac_server import RENDERS, collection, load, scene, serving

pytestmark = pytest.mark.integration

ITEMS = 23
ODD = "odd ones/ä"


class PlainClient(CatalogueClient):
    """As upstream asks pgSTAC and puts items together; links are added to each item anew."""

    async def _search_base(self, search_request: PgstacSearch, request: Request) -> Any:
        parameters.bounded(search_request)
        found = await CoreCrudClient._search_base(self, search_request, request)
        fields = getattr(search_request, "fields", None)
        additions = _additions(
            set(fields.include or ()) if fields else set(),
            set(fields.exclude or ()) if fields else set(),
        )
        declared = await self._declared_by(found["features"], request)
        found["features"] = [
            link_item(
                site_of(request),
                item,
                **declared.get(item.get("collection", ""), _NOTHING),
                additions=additions,
            )
            for item in found["features"]
        ]
        if not {"next", "prev", "previous"} & {link["rel"] for link in found["links"]}:
            returned = found.pop("numberReturned")
            found |= {
                "numberMatched": found.get("numberMatched", returned),
                "numberReturned": returned,
            }
        return found

    async def _found_collections(self, request: Request, **asked: Any) -> Any:
        answer = await CoreCrudClient.all_collections(self, request, **asked)
        return json.loads(bytes(answer.body)) if isinstance(answer, Response) else answer

    async def get_item(
        self, item_id: str, collection_id: str, request: Request, **kwargs: Any
    ) -> Any:
        try:
            return await CoreCrudClient.get_item(self, item_id, collection_id, request)
        except NotFoundError as error:
            raise UnknownItem(
                f"there is no item {item_id!r} in collection {collection_id!r}"
            ) from error


def _scenes(settings: Settings, name: str) -> list[dict[str, Any]]:
    made = []
    for number in range(ITEMS):
        one = scene(
            f"p{number:02d}",
            folder=settings.assets,
            collection=name,
            longitude=number / 2,
            # Several of one moment: the order among them is that of their names.
            datetime=f"2020-01-{1 + number // 3:02d}T10:00:00Z",
            properties={"eo:cloud_cover": number * 7 % 100, "platform": f"p{number % 2}"},
        )
        if number % 4 == 0:
            one["properties"]["s2:processing_baseline"] = "05.10"
            one["assets"]["B02"]["href"] = f"https://example.org/{number}/B02.tif?a=b#c"
            del one["assets"]["B11"]
        if number % 5 == 0:
            one["links"].append({"rel": "derived_from", "href": "../elsewhere.json"})
            one["links"].append({"rel": "about", "href": "https://example.org/a?b=c;d#e"})
            one["properties"] |= {"tiny": 1e-7, "large": 12345678901, "none": None, "text": "ü "}
        if number % 6 == 0:
            one["properties"]["start_datetime"] = one["properties"]["end_datetime"] = (
                f"2020-01-{1 + number // 3:02d}T10:00:00Z"
            )
        if number == 7:
            one["assets"] = {}
            one["links"] = []
        made.append(one)
    return made


@pytest.fixture(scope="module")
def origins(settings: Settings, ingest_conninfo: str) -> Iterator[tuple[str, str]]:
    """Ours, and the same with upstream's way."""
    names = ("paged", "paged-plain", ODD)
    load(
        ingest_conninfo,
        collections=[
            collection("paged", renders=RENDERS),
            collection("paged-plain"),
            collection(ODD),
        ],
        items=[one for name in names for one in _scenes(settings, name)],
    )
    # A collection that was edited: its older items keep the base item that they were written with.
    edited = collection("paged-plain")
    edited["item_assets"]["B02"]["title"] = "Blue"
    del edited["item_assets"]["B11"]["bands"]
    later = [one | {"id": f"later-{one['id']}"} for one in _scenes(settings, "paged-plain")[:5]]
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT upsert_collection(%s)", [Jsonb(edited)])
        for one in later:
            connection.execute("SELECT upsert_item(%s)", [Jsonb(one)])
    with serving(settings, ["stac"]) as ours, pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "CatalogueClient", PlainClient)
        with serving(settings, ["stac"]) as plain:
            yield ours, plain


PAGED = ["paged", "paged-plain", ODD]
SEARCHES: list[dict[str, Any]] = [
    {"collections": PAGED, "limit": 7},
    {"collections": PAGED, "limit": 1000},
    {"collections": ["paged"], "ids": ["p01", "p04", "p05", "p06"], "limit": 1},
    {"collections": ["paged"], "limit": 23},
    {"collections": ["paged"], "limit": 22},
    {"collections": ["none"]},
    {"collections": PAGED, "ids": ["p03", "p05", "none"]},
    {"collections": PAGED, "bbox": [0, 0, 3, 1], "datetime": "2020-01-02T00:00:00Z/.."},
    {
        "collections": PAGED,
        "limit": 5,
        "sortby": [{"field": "properties.eo:cloud_cover", "direction": "desc"}],
    },
    {"collections": PAGED, "limit": 5, "sortby": [{"field": "platform", "direction": "asc"}]},
    {"collections": PAGED, "limit": 6, "sortby": [{"field": "tiny", "direction": "asc"}]},
    {"collections": PAGED, "limit": 6, "sortby": []},
    {"collections": PAGED, "limit": 9, "sortby": [{"field": "datetime", "direction": "asc"}]},
    {
        "collections": PAGED,
        "limit": 9,
        "sortby": [
            {"field": "properties.start_datetime", "direction": "desc"},
            {"field": "eo:cloud_cover", "direction": "asc"},
        ],
    },
    {"collections": PAGED, "limit": 4, "sortby": [{"field": "id", "direction": "asc"}]},
    {
        "collections": PAGED,
        "limit": 5,
        "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 50]},
    },
    {"collections": PAGED, "limit": 5, "query": {"platform": {"eq": "p1"}}},
    {
        "collections": PAGED,
        "intersects": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]},
    },
    {"collections": PAGED, "fields": {"include": ["id"], "exclude": []}, "limit": 5},
    {"collections": PAGED, "fields": {"include": [], "exclude": ["assets", "links"]}, "limit": 5},
    {"collections": PAGED, "fields": {"include": ["assets.B02"], "exclude": ["geometry"]}},
    {"collections": PAGED, "fields": {"include": [], "exclude": ["assets.B02.bands", "geometry"]}},
    {"collections": PAGED, "q": ["nothing"]},
]


def _in_order(text: str) -> Any:
    """JSON with the order of its members."""
    return json.loads(text, object_pairs_hook=list)


def _all_pages(origin: str, search: dict[str, Any], *, most: int = 40) -> list[Any]:
    """Answers page by page, then back by the links `previous`, as if all came from one origin."""
    answers: list[Any] = []
    body: dict[str, Any] | None = search
    rel = "next"
    with httpx.Client(base_url=f"{origin}/stac", timeout=20) as client:
        while body is not None and len(answers) < most:
            answer = client.post("/search", json=body)
            assert answer.status_code == 200, answer.text
            answers.append(_in_order(answer.text.replace(origin, "http://origin")))
            following = {link["rel"]: link.get("body") for link in answer.json()["links"]}
            if rel == "next" and "next" not in following:
                rel = "previous"
            body = following.get(rel)
    return answers


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: json.dumps(search)[:70])
def test_every_page_is_the_same_forth_and_back(
    origins: tuple[str, str], search: dict[str, Any]
) -> None:
    ours, plain = (_all_pages(origin, search) for origin in origins)
    assert len(ours) < 40
    if "fields" in search:
        # Upstream's order of included members is that of a set, another one in each process.
        assert _unordered(ours) == _unordered(plain)
    else:
        assert ours == plain


def _unordered(value: Any) -> Any:
    """Objects without the order of their members: pairs of a name and a value become a set of texts."""
    if isinstance(value, list) and value and all(_is_pair(each) for each in value):
        return {name: _unordered(each) for name, each in value}
    return [_unordered(each) for each in value] if isinstance(value, list) else value


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)


@pytest.mark.parametrize(
    "path",
    [
        "/search?collections=paged&limit=3",
        "/search?collections=paged,paged-plain&limit=4&sortby=-eo:cloud_cover",
        "/search?ids=p01,p02&fields=id,properties.platform",
        "/collections/paged/items?limit=5",
        f"/collections/{quote(ODD, safe='')}/items?limit=5",
        "/collections/paged/items?limit=5&token=next:7061676564:703034",
        "/collections/paged/items?limit=5&token=PREV:7061676564:703034",
        "/collections",
        "/collections?limit=1",
        "/collections?limit=2&offset=1",
        "/collections?limit=2&offset=1000",
        "/collections?bbox=0,0,1,1&datetime=2020-01-01T00:00:00Z/..&sortby=-id&limit=2",
        "/collections?filter=id='paged'&filter-lang=cql2-text",
        "/collections?q=paged,scenes",
        "/collections?query={%22id%22:{%22eq%22:%22paged%22}}",
        "/collections?query={%22id%22:{%22eq%22:%22paged%22}}&filter=id='paged'",
        "/collections?datetime=junk",
        "/collections?fields=id,title",
        "/collections?fields=-links,-extent",
        "/collections/paged/items/p06",
        "/collections/paged/items/p07",
        f"/collections/{quote(ODD, safe='')}/items/p00",
        "/collections/paged/items/none",
        "/collections/none/items/p00",
        "/collections/none/items",
        "/search?token=next:zz:zz",
        "/search?token=next:7061676564:6e6f6e65",
        "/search?collections=paged&datetime=2020-01-03T10:00:00Z",
        "/search?collections=paged&datetime=junk",
        "/search?collections=paged&sortby=",
        "/search?collections=paged&limit=0",
    ],
)
def test_every_route_answers_the_same(origins: tuple[str, str], path: str) -> None:
    answers = []
    for origin in origins:
        answer = httpx.get(f"{origin}/stac{path}", timeout=20)
        text = answer.text.replace(origin, "http://origin")
        body = json.loads(text) if "fields=" in path else _in_order(text)
        answers.append((answer.status_code, answer.headers["content-type"], body))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("next:7061676564:00", "Invalid paging token"),
        ("next:7061676564:ff", "Invalid paging token"),
        ("next:7061676564:3", "Invalid paging token"),
        ("back:7061676564:703034", "Invalid paging token"),
        ("7061676564:703034", "Invalid paging token"),
        ("next:7061676564:703939", "Could not find item using token"),
        ("next:6e6f6e65:703034", "Could not find item using token"),
    ],
)
def test_a_token_that_is_none_is_told(origins: tuple[str, str], token: str, sentence: str) -> None:
    answer = httpx.post(f"{origins[0]}/stac/search", json={"token": token}, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"{sentence}: {token}"


def test_a_page_reads_neither_the_pages_before_nor_the_catalogue(
    origins: tuple[str, str], admin_conninfo: str
) -> None:
    """Each look-up of the token's item and of what follows goes through an index."""
    text = read_sql("page").decode()
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SET enable_seqscan TO off")
        connection.execute(f"PREPARE page AS {text}".encode())
        plan = "\n".join(
            row[0]
            for row in connection.execute(
                """EXPLAIN EXECUTE page('{"collections": ["paged"]}', 11, 'paged', 'p10', FALSE)"""
            ).fetchall()
        )
    anchor = plan.partition("CTE anchor")[2].partition("CTE ")[0]
    assert "Index Scan using" in anchor
    assert "Seq Scan" not in anchor


def test_items_are_those_that_pgstac_puts_together_itself(
    origins: tuple[str, str], ingest_conninfo: str
) -> None:
    search = {"collections": ["paged", "paged-plain"], "limit": 60}
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        row = connection.execute("SELECT search(%s)", [Jsonb(search)]).fetchone()
    assert row is not None
    ours = httpx.post(f"{origins[0]}/stac/search", json=search, timeout=20).json()
    assert len(ours["features"]) == 51
    for mine, stored in zip(ours["features"], row[0]["features"], strict=True):
        for member in ("id", "collection", "geometry", "bbox", "stac_version", "type"):
            assert mine[member] == stored[member]
        plain = {key: value for key, value in mine["properties"].items() if value is not None}
        assert plain == stored["properties"]
        for key, asset in stored.get("assets", {}).items():
            assert {**mine["assets"][key], "href": ""} == {**asset, "href": ""}


def test_matches_are_counted_where_the_database_is_set_to(
    origins: tuple[str, str], admin_conninfo: str
) -> None:
    search = {"collections": PAGED, "limit": 2}

    def both() -> list[Any]:
        return [httpx.post(f"{at}/stac/search", json=search).json() for at in origins]

    assert all("numberMatched" not in answer for answer in both())
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        connection.execute("UPDATE pgstac.pgstac_settings SET value='on' WHERE name='context'")
        try:
            ours, plain = both()
        finally:
            connection.execute("UPDATE pgstac.pgstac_settings SET value='off' WHERE name='context'")
    assert ours["numberMatched"] == plain["numberMatched"] == 3 * ITEMS + 5
