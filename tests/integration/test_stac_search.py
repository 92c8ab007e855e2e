"""The STAC API as clients use it: pystac-client and plain HTTP against a real server on real pgSTAC."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import pystac_client
import pytest
from pystac.validation import RegisteredValidator

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import schemas
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration

SCENES = 12


@pytest.fixture(scope="module")
def origin(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[str]:
    """A server with twelve scenes: one a day, ever cloudier, every second one described as a flood."""
    items = [
        scene(
            f"day-{day:02}",
            folder=settings.assets,
            collection="search-scenes",
            longitude=10.0 * (day % 4),
            datetime=f"2021-03-{day:02}T10:00:00Z",
            properties={
                "eo:cloud_cover": day * 5.0,
                "title": f"Scene {day}",
                "tags": ["third", "any"] if day % 3 == 0 else ["any"],
                "description": "a flood" if day % 2 else "dry land",
                "platform": "sentinel-2a" if day < 7 else "sentinel-2b",
                "odd": "a+b %41" if day == 5 else "even",
            },
        )
        for day in range(1, SCENES + 1)
    ]
    load(
        ingest_conninfo,
        collections=[
            collection("search-scenes", title="Scenes to search"),
            collection("search-empty", title="An empty collection"),
        ],
        items=items,
    )
    with serving(settings, ["stac"]) as address:
        yield address


@pytest.fixture
def stac(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{origin}/stac", timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def catalogue(origin: str) -> pystac_client.Client:
    # Nothing that pystac-client looks for is missing: it would warn.
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=UserWarning)
        return pystac_client.Client.open(f"{origin}/stac/")


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["features"]]


def days(*numbers: int) -> list[str]:
    return [f"day-{number:02}" for number in numbers]


class TestPystacClient:
    def test_it_finds_the_collections(self, catalogue: pystac_client.Client) -> None:
        names = [each.id for each in catalogue.get_collections()]
        assert {"search-scenes", "search-empty"} <= set(names)
        assert catalogue.get_collection("search-scenes").title == "Scenes to search"

    def test_it_pages_through_a_search(self, catalogue: pystac_client.Client) -> None:
        for method in ("GET", "POST"):
            search = catalogue.search(collections=["search-scenes"], limit=5, method=method)
            pages = [[item.id for item in page.items] for page in search.pages()]
            assert [len(page) for page in pages] == [5, 5, 2]
            found = [name for page in pages for name in page]
            assert found == days(*range(SCENES, 0, -1)), "newest first, each once"

    def test_it_filters_and_sorts(self, catalogue: pystac_client.Client) -> None:
        search = catalogue.search(
            collections=["search-scenes"],
            filter={
                "op": "and",
                "args": [
                    {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 40]},
                    {"op": "=", "args": [{"property": "platform"}, "sentinel-2b"]},
                ],
            },
            sortby=["-properties.eo:cloud_cover"],
        )
        assert [item.id for item in search.items()] == days(8, 7)

    def test_cql2_text_works_both_ways(self, catalogue: pystac_client.Client) -> None:
        for method in ("GET", "POST"):
            search = catalogue.search(
                collections=["search-scenes"],
                method=method,
                filter="eo:cloud_cover BETWEEN 10 AND 20",
                filter_lang="cql2-text",
            )
            assert [item.id for item in search.items()] == days(4, 3, 2)

    def test_it_looks_in_space_and_time(self, catalogue: pystac_client.Client) -> None:
        search = catalogue.search(
            collections=["search-scenes"],
            bbox=[9.5, 0.2, 10.5, 0.4],
            datetime="2021-03-01/2021-03-08",
        )
        assert [item.id for item in search.items()] == days(5, 1)
        point = {"type": "Point", "coordinates": [20.5, 0.5]}
        search = catalogue.search(collections=["search-scenes"], intersects=point)
        assert [item.id for item in search.items()] == days(10, 6, 2)

    def test_queries_and_fields(self, catalogue: pystac_client.Client) -> None:
        search = catalogue.search(
            collections=["search-scenes"],
            query={"eo:cloud_cover": {"gt": 50}},
            fields={"include": ["properties.platform"], "exclude": ["assets"]},
        )
        found = list(search.items_as_dicts())
        assert [item["id"] for item in found] == days(12, 11)
        assert found[0]["properties"] == {"platform": "sentinel-2b"}
        assert "assets" not in found[0]

    def test_it_tells_what_can_be_filtered_by(self, catalogue: pystac_client.Client) -> None:
        merged = catalogue.get_merged_queryables(["search-scenes"])
        assert merged["properties"]["eo:cloud_cover"]["maximum"] == 60.0
        of_collection = catalogue.get_collection("search-scenes").get_queryables()
        assert of_collection["properties"]["platform"]["enum"] == ["sentinel-2a", "sentinel-2b"]

    def test_what_it_reads_is_valid(
        self, catalogue: pystac_client.Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        validator = RegisteredValidator.get_validator()
        monkeypatch.setattr(validator, "schema_cache", dict(schemas.documents()))
        assert catalogue.validate()
        for found in catalogue.collection_search(
            filter="id LIKE 'search-%mpty%'", filter_lang="cql2-text", sortby="title", limit=5
        ).collections():
            assert found.id == "search-empty"
            assert found.validate()
        search = catalogue.search(
            method="POST",
            collections=["search-scenes"],
            query=["platform=sentinel-2a"],
            sortby="+properties.datetime",
            fields=["-links"],
        )
        assert [item["id"] for item in search.items_as_dicts()] == days(1, 2, 3, 4, 5, 6)
        for item in catalogue.search(collections=["search-scenes"], max_items=3).items():
            assert item.validate()

    def test_collection_search(self, catalogue: pystac_client.Client) -> None:
        found = catalogue.collection_search(q="empty")
        ours = [each.id for each in found.collections() if each.id.startswith("search-")]
        assert ours == ["search-empty"]

    def test_it_reads_one_item(self, catalogue: pystac_client.Client) -> None:
        item = catalogue.get_collection("search-scenes").get_item("day-03")
        assert item is not None
        assert item.properties["eo:cloud_cover"] == 15


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("eo:cloud_cover IN (5, 10)", days(2, 1)),
            ("title LIKE 'Scene 1%' AND eo:cloud_cover > 50", days(12, 11)),
            ("casei(title) = casei('SCENE 4')", days(4)),
            ("NOT eo:cloud_cover > 5", days(1)),
            ("eo:cloud_cover + 5 <= 15", days(2, 1)),
            ("S_INTERSECTS(geometry, POINT(30.5 0.5)) AND id < 'day-08'", days(7, 3)),
            ("S_WITHIN(geometry, BBOX(29, -1, 32, 2)) AND id < 'day-08'", days(7, 3)),
            ("T_BEFORE(datetime, TIMESTAMP('2021-03-02T00:00:00Z'))", days(1)),
            (
                "T_INTERSECTS(datetime, INTERVAL('2021-03-02T00:00:00Z', '2021-03-03T12:00:00Z'))",
                days(3, 2),
            ),
            ("datetime > DATE('2021-03-12')", days(12)),
            ("id = 'day-01' OR id = 'day-02'", days(2, 1)),
            ("A_CONTAINS(tags, ('third')) AND id < 'day-08'", days(6, 3)),
            ("accenti(title) = accenti('Scéne 4')", days(4)),
            ("gsd IS NULL AND id = 'day-01'", days(1)),
        ],
    )
    def test_every_kind_of_filter(self, stac: httpx.Client, text: str, expected: list[str]) -> None:
        found = stac.get("/search", params={"collections": "search-scenes", "filter": text})
        assert ids(found) == expected
        of_collection = stac.get("/collections/search-scenes/items", params={"filter": text})
        assert ids(of_collection) == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("S_INTERSECTS", days(7, 3)),
            ("S_EQUALS", []),
            ("S_DISJOINT", days(8, 6, 5, 4, 2, 1)),
            ("S_TOUCHES", []),
            ("S_WITHIN", days(7, 3)),
            ("S_OVERLAPS", []),
            ("S_CROSSES", []),
            ("S_CONTAINS", []),
        ],
    )
    def test_every_spatial_function(
        self, stac: httpx.Client, name: str, expected: list[str]
    ) -> None:
        around = "POLYGON((29 -1, 32 -1, 32 2, 29 2, 29 -1))"
        text = f"{name}(geometry, {around}) AND id < 'day-09'"
        found = stac.get("/search", params={"collections": "search-scenes", "filter": text})
        assert ids(found) == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("T_AFTER", days(*range(12, 5, -1))),
            ("T_BEFORE", days(2, 1)),
            ("T_CONTAINS", []),
            ("T_DISJOINT", days(*range(12, 5, -1), 2, 1)),
            ("T_DURING", days(5, 4, 3)),
            ("T_EQUALS", []),
            ("T_FINISHEDBY", []),
            ("T_FINISHES", []),
            ("T_INTERSECTS", days(5, 4, 3)),
            ("T_MEETS", []),
            ("T_METBY", []),
            ("T_OVERLAPPEDBY", []),
            ("T_OVERLAPS", []),
            ("T_STARTEDBY", []),
            ("T_STARTS", []),
        ],
    )
    def test_every_temporal_function(
        self, stac: httpx.Client, name: str, expected: list[str]
    ) -> None:
        text = f"{name}(datetime, INTERVAL('2021-03-03T00:00:00Z', '2021-03-05T23:00:00Z'))"
        found = stac.get(
            "/search", params={"collections": "search-scenes", "filter": text, "limit": "50"}
        )
        assert ids(found) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("A_CONTAINS(tags, ('third', 'any'))", days(6, 3)),
            ("A_CONTAINEDBY(tags, ('any'))", days(8, 7, 5, 4, 2, 1)),
            ("A_EQUALS(tags, ('third', 'any'))", days(6, 3)),
            ("A_OVERLAPS(tags, ('third', 'none'))", days(6, 3)),
            ("platform = odd", []),
            ("platform <> odd", days(*range(8, 0, -1))),
        ],
    )
    def test_lists_and_two_properties(
        self, stac: httpx.Client, text: str, expected: list[str]
    ) -> None:
        query = {"collections": "search-scenes", "filter": f"{text} AND id < 'day-09'"}
        assert ids(stac.get("/search", params=query)) == expected

    def test_a_filter_of_the_other_language_by_get(self, stac: httpx.Client) -> None:
        tree = {"op": "=", "args": [{"property": "id"}, "day-09"]}
        query = {
            "collections": "search-scenes",
            "filter": json.dumps(tree),
            "filter-lang": "cql2-json",
        }
        assert ids(stac.get("/search", params=query)) == days(9)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"eo:cloud_cover": {"eq": 10}}, days(2)),
            ({"eo:cloud_cover": {"neq": 10}, "id": {"lt": "day-04"}}, days(3, 1)),
            ({"eo:cloud_cover": {"gte": 10, "lt": 20}}, days(3, 2)),
            ({"eo:cloud_cover": {"gt": 10, "lte": 20}}, days(4, 3)),
            ({"eo:cloud_cover": {"in": [5, 10, 11]}}, days(2, 1)),
            ({"id": {"in": ["day-02", "day-09"]}}, days(9, 2)),
            ({"id": {"startsWith": "day-1"}}, days(12, 11, 10)),
            ({"title": {"endsWith": " 4"}}, days(4)),
            ({"title": {"contains": "ene 1"}}, days(12, 11, 10, 1)),
            ({"title": {"contains": "_cene"}}, []),
            ({"title": {"startsWith": "%"}}, []),
            ({"title": {"startsWith": "Scene\\"}}, []),
            ({"gsd": {"eq": None}, "id": {"eq": "day-01"}}, days(1)),
            ({"gsd": {"neq": None}}, []),
            ({"odd": {"eq": "a+b %41"}}, days(5)),
        ],
    )
    def test_every_operator_of_query(
        self, stac: httpx.Client, query: dict[str, Any], expected: list[str]
    ) -> None:
        text = json.dumps(query)
        posted = {"collections": ["search-scenes"], "query": query, "limit": 100}
        assert ids(stac.post("/search", json=posted)) == expected
        asked = {"collections": "search-scenes", "query": text, "limit": "100"}
        assert ids(stac.get("/search", params=asked)) == expected
        of_collection = stac.get(
            "/collections/search-scenes/items", params={"query": text, "limit": "100"}
        )
        assert ids(of_collection) == expected

    def test_between_as_drafts_of_cql2_had_it(self, stac: httpx.Client) -> None:
        tree = {"op": "between", "args": [{"property": "eo:cloud_cover"}, [10, 20]]}
        found = stac.post("/search", json={"collections": ["search-scenes"], "filter": tree})
        assert ids(found) == days(4, 3, 2)

    def test_free_text(self, stac: httpx.Client) -> None:
        for found in (
            stac.get("/search?collections=search-scenes&q=flood&limit=3"),
            stac.get("/collections/search-scenes/items?q=flood&limit=3"),
            stac.post(
                "/search", json={"collections": ["search-scenes"], "q": ["flood"], "limit": 3}
            ),
        ):
            assert ids(found) == days(11, 9, 7)

    def test_a_box_may_have_heights(self, stac: httpx.Client) -> None:
        flat = ids(stac.get("/search?collections=search-scenes&bbox=9.5,0.2,10.5,0.4"))
        assert flat == days(9, 5, 1)
        for found in (
            stac.get("/search?collections=search-scenes&bbox=9.5,0.2,-100,10.5,0.4,9000"),
            stac.post(
                "/search",
                json={"collections": ["search-scenes"], "bbox": [9.5, 0.2, -100, 10.5, 0.4, 9000]},
            ),
            stac.get("/collections/search-scenes/items?bbox=9.5,0.2,-100,10.5,0.4,9000"),
        ):
            assert ids(found) == flat

    def test_a_box_may_cross_the_antimeridian(self, stac: httpx.Client) -> None:
        everywhere = ids(stac.get("/search?collections=search-scenes&limit=100&bbox=-10,-1,100,2"))
        assert len(everywhere) == SCENES
        for box, expected in (("170,-1,-170,2", []), ("25,-1,5,2", days(12, 11, 8, 7, 4, 3))):
            numbers = [float(each) for each in box.split(",")]
            for found in (
                stac.get(f"/search?collections=search-scenes&limit=100&bbox={box}"),
                stac.get(f"/collections/search-scenes/items?limit=100&bbox={box}"),
                stac.post(
                    "/search",
                    json={"collections": ["search-scenes"], "bbox": numbers, "limit": 100},
                ),
                stac.get(
                    "/search",
                    params={
                        "collections": "search-scenes",
                        "limit": "100",
                        "filter": f"S_INTERSECTS(geometry, BBOX({box}))",
                    },
                ),
            ):
                assert ids(found) == expected

    def test_pages_lead_there_and_back(self, stac: httpx.Client) -> None:
        def page(href: str) -> tuple[list[str], dict[str, str]]:
            answer = httpx.get(href)
            links = {link["rel"]: link["href"] for link in answer.json()["links"]}
            return ids(answer), links

        start = f"{stac.base_url}collections/search-scenes/items?limit=5&sortby=%2Bid"
        first, links = page(start)
        second, links = page(links["next"])
        third, links = page(links["next"])
        assert first + second + third == days(*range(1, SCENES + 1))
        assert "next" not in links
        assert page(links["previous"])[0] == second

    def test_a_page_is_bounded(self, stac: httpx.Client) -> None:
        assert len(ids(stac.get("/search?collections=search-scenes&limit=1000000000000"))) == SCENES

    def test_answers_are_geojson(self, stac: httpx.Client) -> None:
        for found in (
            stac.get("/search?limit=1"),
            stac.get("/search?limit=1&fields=id"),
            stac.post("/search", json={"limit": 1, "fields": {"include": ["id"]}}),
            stac.get("/collections/search-scenes/items?limit=1&fields=id"),
            stac.get("/collections/search-scenes/items/day-01"),
        ):
            assert found.headers["content-type"] == "application/geo+json"

    def test_a_caller_cannot_change_pgstacs_settings(self, stac: httpx.Client) -> None:
        conf = {"base_url": "https://evil.example", "readonly": "false", "nohydrate": False}
        answer = stac.post("/search", json={"limit": 1, "conf": conf})
        assert ids(answer) != []
        assert "evil" not in str([link["href"] for link in answer.json()["links"]])


class TestDescription:
    def test_the_landing_page(self, stac: httpx.Client, origin: str, settings: Settings) -> None:
        page = stac.get("/").json()
        assert (page["type"], page["id"], page["stac_version"]) == ("Catalog", "eotiles", "1.1.0")
        assert (page["title"], page["description"]) == (settings.title, settings.description)
        links: dict[str, list[dict[str, Any]]] = {}
        for link in page["links"]:
            links.setdefault(link["rel"], []).append(link)
        assert links["self"][0]["href"] == links["root"][0]["href"] == f"{origin}/stac/"
        assert {link["method"] for link in links["search"]} == {"GET", "POST"}
        assert [link["href"] for link in links["alternate"]] == [
            f"{origin}/",
            f"{origin}/browser/",
        ]
        assert [link["href"] for link in links["icon"]] == [f"{origin}/static/icon.png"]
        # Everything that the page leads to on this server is there.
        for link in page["links"]:
            if link["href"].startswith(f"{origin}/stac") and link.get("method") != "POST":
                assert httpx.get(link["href"]).status_code == 200, link

    def test_conformance_holds_what_clients_look_for(self, stac: httpx.Client) -> None:
        classes = set(stac.get("/conformance").json()["conformsTo"])
        assert set(stac.get("/").json()["conformsTo"]) == classes
        assert {
            "https://api.stacspec.org/v1.0.0/core",
            "https://api.stacspec.org/v1.0.0/item-search",
            "https://api.stacspec.org/v1.0.0/ogcapi-features",
            "https://api.stacspec.org/v1.0.0/item-search#sort",
            "https://api.stacspec.org/v1.0.0/item-search#fields",
            "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
            "https://api.stacspec.org/v1.0.0-rc.1/collection-search",
            "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
            "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
        } <= classes
        assert not any("transaction" in each for each in classes)

    def test_what_can_be_filtered_and_sorted_by(self, stac: httpx.Client) -> None:
        for path in ("/queryables", "/collections/search-scenes/queryables"):
            queryables = stac.get(path)
            assert queryables.headers["content-type"] == "application/schema+json"
            assert {"id", "datetime", "geometry"} <= set(queryables.json()["properties"])
        for path in (
            "/sortables",
            "/collections/search-scenes/sortables",
            "/collections-sortables",
        ):
            sortables = stac.get(path).json()
            assert sortables["$id"].endswith(f"/stac{path}")
            assert "geometry" not in sortables["properties"]
            assert "id" in sortables["properties"]

    def test_queryables_are_told_from_the_items(
        self, stac: httpx.Client, ingest_conninfo: str
    ) -> None:
        def properties(path: str) -> dict[str, Any]:
            return stac.get(path).json()["properties"]

        found = properties("/collections/search-scenes/queryables")
        assert found["eo:cloud_cover"] == {
            "title": "Cloud cover", "type": "number", "minimum": 5.0, "maximum": 60.0,
        }  # fmt: skip
        assert found["platform"]["enum"] == ["sentinel-2a", "sentinel-2b"]
        assert found["collection"]["enum"] == ["search-scenes"]
        assert found["tags"] == {"title": "Tags", "type": "array"}
        assert found["id"]["type"] == "string"
        assert found["datetime"]["format"] == "date-time"
        assert {"search-scenes", "search-empty"} <= set(
            properties("/queryables")["collection"]["enum"]
        )
        assert "platform" not in properties("/collections/search-empty/queryables")
        sortables = properties("/collections/search-scenes/sortables")
        assert {"eo:cloud_cover", "platform", "id"} <= set(sortables)
        assert "tags" not in sortables
        # Every one of them can be filtered and sorted by.
        for name, schema in found.items():
            if name in sortables:
                literal = {"number": "1", "boolean": "true"}.get(
                    schema["type"], "'2021-01-01T00:00:00Z'"
                )
                query = {"filter": f'"{name}" > {literal}', "sortby": f"-{name}"}
                assert stac.get("/collections/search-scenes/items", params=query).status_code == 200

    def test_collections_can_be_searched(self, stac: httpx.Client) -> None:
        def names(**query: str) -> list[str]:
            answer = stac.get("/collections", params=query)
            assert answer.status_code == 200, answer.text
            return [
                each["id"]
                for each in answer.json()["collections"]
                if each["id"].startswith("search-")
            ]

        assert names(q="empty") == ["search-empty"]
        assert names(filter="title = 'An empty collection'") == ["search-empty"]
        assert names(query=json.dumps({"title": {"eq": "An empty collection"}})) == ["search-empty"]
        assert names(sortby="-title", limit="500", q="empty,scenes")[0] == "search-scenes"
        assert names(bbox="0,0,-5,1,1,5", limit="500") == names(bbox="0,0,1,1", limit="500") != []
        assert names(fields="title", limit="500") != []
        assert names(bbox="170,-1,-170,2", limit="500") == []
        assert names(bbox="170,-1,0.5,2", limit="500") == names(bbox="0,0,1,1", limit="500")

    def test_addresses_follow_the_public_url(self, settings: Settings) -> None:
        public = Settings(
            _env_file=None, data=settings.data, public_url="https://maps.example.org/eo"
        )
        with serving(public, ["stac"]) as address:
            page = httpx.get(f"{address}/stac/collections/search-scenes/items/day-01").json()
        hrefs = [link["href"] for link in page["links"]] + [
            asset["href"] for asset in page["assets"].values()
        ]
        ours = [href for href in hrefs if "licence" not in href]
        assert ours
        assert all(href.startswith("https://maps.example.org/eo/") for href in ours), ours
        assert any("/eo/stac/collections/search-scenes/items/day-01" in href for href in ours)
