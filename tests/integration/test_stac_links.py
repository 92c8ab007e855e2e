"""What is added to items and collections when they are served: on every route, valid, and never in the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from referencing import Registry, Resource

from eotiles.catalog.links import LEGEND, WEB_MAP_LINKS
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.builders import SHARED
from tests.stac_server import RENDERS, collection, count, load, scene, serving, stored_row

pytestmark = pytest.mark.integration

SCHEMAS = SHARED / "schemas"
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="no folder with JSON schemas beside the checkout"
)

ITEM_SCHEMA = "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/item.json"


@pytest.fixture(scope="module")
def origin(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[str]:
    load(
        ingest_conninfo,
        collections=[collection("linked", renders=RENDERS), collection("linked-plain")],
        items=[
            scene("one", folder=settings.assets, collection="linked"),
            scene("two", folder=settings.assets, collection="linked-plain"),
        ],
    )
    with serving(settings, ["stac"]) as address:
        yield address


@pytest.fixture
def stac(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{origin}/stac", timeout=20) as client:
        yield client


def rels(thing: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in thing["links"] if link["rel"] == rel]


def every_route(stac: httpx.Client) -> dict[str, dict[str, Any]]:
    """The item `one` as each route gives it."""
    return {
        "item": stac.get("/collections/linked/items/one").json(),
        "items": stac.get("/collections/linked/items").json()["features"][0],
        "search by GET": stac.get("/search?collections=linked").json()["features"][0],
        "search by POST": stac.post("/search", json={"collections": ["linked"]}).json()["features"][
            0
        ],
    }


class TestItems:
    def test_every_route_gives_the_same_item(self, stac: httpx.Client, origin: str) -> None:
        given = every_route(stac)
        assert all(item == given["item"] for item in given.values())
        address = f"{origin}/raster/collections/linked/items/one"
        assert [(link["title"], link["href"]) for link in rels(given["item"], "tilejson")] == [
            (
                "True colour",
                f"{address}/WebMercatorQuad/tilejson.json?render=true-colour",
            ),
            ("NDVI: Vegetation", f"{address}/WebMercatorQuad/tilejson.json?render=ndvi"),
        ]
        assert rels(given["item"], "related")[0]["href"] == f"{address}/indices"
        assert (
            rels(given["item"], "alternate")[0]["href"] == f"{origin}/?collection=linked&item=one"
        )
        assert given["item"]["assets"]["thumbnail"]["href"].startswith(f"{address}/preview.png?")
        assert given["item"]["assets"]["B04"]["href"] == f"{origin}/assets/linked/one/B04.tif"
        assert given["item"]["stac_extensions"][-1] == WEB_MAP_LINKS

    def test_without_renders_the_indices_are_offered(self, stac: httpx.Client) -> None:
        item = stac.get("/collections/linked-plain/items/two").json()
        titles = [link["title"].split(":")[0] for link in rels(item, "tilejson")]
        assert titles == ["True colour", "NDVI", "NDWI", "NDMI", "MNDWI"]

    def test_a_search_over_collections_uses_the_renders_of_each(self, stac: httpx.Client) -> None:
        found = stac.get("/search?ids=one,two").json()["features"]
        assert {item["id"]: len(rels(item, "tilejson")) for item in found} == {"one": 2, "two": 5}

    def test_no_path_of_the_server_is_told(self, stac: httpx.Client, settings: Settings) -> None:
        for path in (
            "/search?limit=100",
            "/collections?limit=100",
            "/collections/linked/items/one",
        ):
            assert str(settings.data) not in stac.get(path).text

    def test_nothing_of_it_is_stored(
        self, stac: httpx.Client, ingest_conninfo: str, settings: Settings
    ) -> None:
        before = stored_row(ingest_conninfo, "linked", "one"), count(ingest_conninfo, "items")
        every_route(stac)
        assert (
            stored_row(ingest_conninfo, "linked", "one"),
            count(ingest_conninfo, "items"),
        ) == before
        stored = json.dumps(before[0], default=str)
        assert str(settings.assets) in stored
        assert not any(
            word in stored
            for word in ("tilejson", "http://127.0.0.1", "preview.png", "web-map-links")
        )

    @needs_schemas
    def test_items_are_valid(self, stac: httpx.Client) -> None:
        for path in ("/collections/linked/items/one", "/collections/linked-plain/items/two"):
            item = stac.get(path).json()
            validate(item, "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json")
            # The core schemas at hand are those of 1.0.0; what they say of links and assets is the same.
            validate({**item, "stac_version": "1.0.0"}, ITEM_SCHEMA)


class TestFields:
    @pytest.mark.parametrize(
        ("fields", "members"),
        [
            ("-links", {"assets"}),
            ("-assets", {"links"}),
            ("-links,-assets", set()),
            ("id,assets", {"links", "assets"}),
            ("links,assets", {"links", "assets"}),
            ("properties.datetime", {"links"}),
        ],
    )
    def test_what_is_left_out_stays_out(
        self, stac: httpx.Client, fields: str, members: set[str]
    ) -> None:
        include = [name for name in fields.split(",") if not name.startswith("-")]
        exclude = [name[1:] for name in fields.split(",") if name.startswith("-")]
        for found in (
            stac.get("/search", params={"collections": "linked", "fields": fields}),
            stac.post(
                "/search",
                json={
                    "collections": ["linked"],
                    "fields": {"include": include, "exclude": exclude},
                },
            ),
            stac.get("/collections/linked/items", params={"fields": fields}),
        ):
            (item,) = found.json()["features"]
            assert {"links", "assets"}.intersection(item) == members
            # Layers are found in the assets, and said in the links.
            has_layers = any(link["rel"] == "tilejson" for link in item.get("links", ()))
            assert has_layers == (members == {"links", "assets"} and "links" in include)
            assert ("thumbnail" in item.get("assets", {})) == ("assets" in members)

    def test_links_that_are_asked_for_come(self, stac: httpx.Client) -> None:
        (item,) = stac.get("/search?collections=linked&fields=links,assets").json()["features"]
        assert set(item) == {"id", "collection", "links", "assets"}
        assert len(rels(item, "tilejson")) == 2
        # Without assets nobody can tell what can be drawn; the map still shows the item.
        (item,) = stac.get("/search?collections=linked&fields=links").json()["features"]
        assert (rels(item, "tilejson"), len(rels(item, "alternate"))) == ([], 1)

    def test_an_identity_is_always_there_unless_left_out(self, stac: httpx.Client) -> None:
        (item,) = stac.get("/search?collections=linked&fields=properties.datetime").json()[
            "features"
        ]
        assert (item["id"], item["collection"]) == ("one", "linked")
        (item,) = stac.get("/search?collections=linked&fields=-id,-collection").json()["features"]
        assert "id" not in item
        assert item["assets"]["B04"]["href"].startswith("http://")


class TestCollections:
    def test_every_route_gives_the_same_collection(self, stac: httpx.Client, origin: str) -> None:
        one = stac.get("/collections/linked").json()
        listed = stac.get("/collections?limit=500").json()["collections"]
        assert next(each for each in listed if each["id"] == "linked") == one
        address = f"{origin}/raster/collections/linked"
        assert [link["href"] for link in rels(one, "tilejson")] == [
            f"{address}/WebMercatorQuad/tilejson.json?render=true-colour",
            f"{address}/WebMercatorQuad/tilejson.json?render=ndvi",
        ]
        (legend,) = rels(one, LEGEND)
        assert (legend["href"], legend["title"]) == (
            f"{address}/legend?render=ndvi",
            "Legend of NDVI: Vegetation",
        )
        (wmts,) = rels(one, "wmts")
        assert wmts["href"] == f"{address}/WMTSCapabilities.xml"
        assert wmts["wmts:layer"] == ["true-colour", "ndvi"]
        assert one["assets"]["thumbnail"]["href"] == f"{address}/preview.png?max_size=512"
        assert rels(one, "alternate")[0]["href"] == f"{origin}/?collection=linked"
        for rel in ("self", "root", "parent", "items"):
            assert len(rels(one, rel)) == 1
        for name in ("queryables", "sortables"):
            (link,) = rels(one, f"http://www.opengis.net/def/rel/ogc/1.0/{name}")
            assert httpx.get(link["href"]).status_code == 200

    def test_fields_are_honoured(self, stac: httpx.Client) -> None:
        query = {"fields": "title", "limit": "500"}
        listed = stac.get("/collections", params=query).json()["collections"]
        one = next(each for each in listed if each["id"] == "linked")
        assert not any(link["rel"] == "tilejson" for link in one.get("links", ()))
        assert "item_assets" not in one

    @needs_schemas
    def test_collections_are_valid(self, stac: httpx.Client) -> None:
        validate(
            stac.get("/collections/linked").json(),
            "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json",
        )


def validate(document: dict[str, Any], schema: str) -> None:
    """Validate against a schema of the shared folder, and everything that it refers to there."""
    index: dict[str, str] = json.loads((SCHEMAS / "index.json").read_text())

    def retrieve(uri: str) -> Resource[Any]:
        if uri.startswith("https://geojson.org/"):
            # Not there, and not needed: PostGIS has read the geometry.
            return Resource.from_contents({"$schema": "http://json-schema.org/draft-07/schema#"})
        return Resource.from_contents(json.loads((SCHEMAS / index[uri.rstrip("#")]).read_text()))

    contents = json.loads((SCHEMAS / index[schema]).read_text())
    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    validator = jsonschema.Draft7Validator(contents, registry=registry)
    errors = [error.message for error in validator.iter_errors(document)]
    assert not errors, errors[:3]
