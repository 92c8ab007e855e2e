"""What the catalogue announces, it does: stac-api-validator on every class, and the STAC schemas on every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from stac_api_validator.validations import QueryConfig, validate_api
from stac_validator import utilities as stac_validator_utilities

from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import schemas as schemas_of_stac
from tests.stac_server import RENDERS, collection, load, scene, serving

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

SCENES = 24

VALIDATED = {
    "core": "/core",
    "collections": "/collections",
    "features": "/ogcapi-features",
    "item-search": "/item-search",
    "filter": "/item-search#filter",
    "item-search#filter": "/item-search#filter",
    "features#filter": "/item-search#filter",
    "item-search#sort": "/item-search#sort",
    "features#sort": "/ogcapi-features#sort",
    "item-search#fields": "/item-search#fields",
    "features#fields": "/ogcapi-features#fields",
    "item-search#query": "/item-search#query",
    "features#query": "/ogcapi-features#query",
}
"""The validator's name → how the class that we announce ends."""

NOT_ANNOUNCED = ("/browseable", "/children", "/transaction")
"""Classes that the validator knows and we do not have: no child links, no writes in this service."""

DEFECTS = {
    # It posts `"collections": "scenes"`; the specification says an array of strings. For each of its sort orders,
    # and for each operator of the query extension.
    r"POST \S+/search .*\"collections\": \"scenes\"\} had unexpected status code 400": "a_list",
    # It takes the hint that `fields` is for a demand, and in one form only: the same fields without `"include": []`
    # it wants to hold the property. PySTAC Client sends the empty list whenever something is left out.
    r"'exclude': \['geometry'\], 'include': (\[\]|None)\}\} response contained": "a_hint",
}
"""Errors that are the validator's own (0.6.8) → test of the request that proves it, below."""


@pytest.fixture(scope="module")
def origin(own_cluster: Cluster) -> Iterator[str]:
    """A catalogue of its own: the validator reads all of it."""
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    settings = Settings(_env_file=None, data=own_cluster.status().data)
    made = [
        scene(
            f"day-{number:02}",
            folder=settings.assets,
            longitude=10.0 * (number % 4),
            datetime=f"2021-03-{number:02}T10:00:00Z",
            properties={
                "eo:cloud_cover": 4 * number,
                "platform": f"sentinel-2{'ab'[number % 2]}",
                "grade": "ABC"[number % 3],
            },
        )
        for number in range(1, SCENES + 1)
    ]
    load(
        own_cluster.conninfo("ingest"),
        collections=[
            collection("scenes", renders=RENDERS, title="Scenes"),
            collection("bare", title="Nothing yet"),
        ],
        items=made,
    )
    with serving(settings, ["stac"]) as address:
        yield address


@pytest.fixture
def stac(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{origin}/stac", timeout=20) as client:
        yield client


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validator's schemas come from this machine; one that is not here is an error."""
    known = schemas_of_stac.documents()
    fetch = stac_validator_utilities.fetch_and_parse_file

    def local(address: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        return known[address] if address.startswith("https:") else fetch(address, headers)

    monkeypatch.setattr(stac_validator_utilities, "fetch_and_parse_file", local)


def test_the_validator_finds_nothing(origin: str, stac: httpx.Client, no_network: None) -> None:
    announced = stac.get("/conformance").json()["conformsTo"]
    ours = [each for each in announced if each.startswith("https://api.stacspec.org")]
    for ending in VALIDATED.values():
        assert any(each.endswith(ending) for each in ours), ending
    assert not [each for each in announced if each.endswith(NOT_ANNOUNCED)]
    square = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8], [0.2, 0.2]]
    _, errors = validate_api(
        root_url=f"{origin}/stac/",
        ccs_to_validate=list(VALIDATED),
        collection="scenes",
        geometry=json.dumps({"type": "Polygon", "coordinates": [square]}),
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property="properties.eo:cloud_cover",
        validate_pagination=True,
        # Numbers, where its command line sends texts; and values of one letter, because it takes the letters of a
        # value that is found for a list of values (`in`).
        query_config=QueryConfig(
            "eo:cloud_cover",
            48,
            48,
            48,
            48,
            48,
            48,
            "platform",
            "senti",
            "2a",
            "nel",
            "grade",
            "A,B",
        ),
        transaction_collection=None,
        headers={},
        # Its own check of asset addresses asks for whole files.
        open_assets_urls=False,
    )
    found = [str(each) for each in errors]
    unknown = [each for each in found if not any(re.search(known, each) for known in DEFECTS)]
    assert unknown == []
    for known in DEFECTS:
        assert any(re.search(known, each) for each in found), f"no longer a defect: {known}"


def test_defect_a_list(stac: httpx.Client) -> None:
    """STAC API 1.0.0, item search: collections is `[string]`."""
    for more in (
        {"sortby": [{"field": "properties.datetime", "direction": "asc"}], "limit": 100},
        {"query": {"eo:cloud_cover": {"eq": 48}}, "limit": 20},
    ):
        assert stac.post("/search", json={**more, "collections": "scenes"}).status_code == 400
        answer = stac.post("/search", json={**more, "collections": ["scenes"]})
        assert answer.status_code == 200
        assert answer.json()["features"]


def test_defect_a_hint(stac: httpx.Client) -> None:
    """Fields extension: the values are hints, and an answer with more than was asked for is compliant."""
    for fields in (
        {"exclude": ["geometry"]},
        {"exclude": ["geometry"], "include": []},
        {"exclude": ["geometry"], "include": None},
    ):
        body = {"fields": fields, "limit": 1, "collections": ["scenes"]}
        (item,) = stac.post("/search", json=body).json()["features"]
        assert "geometry" not in item
        assert item["properties"]["eo:cloud_cover"] == 4 * SCENES


def test_every_answer_fits_its_schema(stac: httpx.Client) -> None:
    schemas = schemas_of_stac.registry()

    def check(document: dict[str, Any]) -> None:
        named = document.get("stac_extensions", [])
        checked = schemas_of_stac.validate(document, schemas)
        assert checked[1:] == named, "every schema that is named is here"

    check(stac.get("/").json())
    collections = stac.get("/collections").json()["collections"]
    assert len(collections) == 2
    for each in (*collections, stac.get("/collections/scenes").json()):
        check(each)
    pages = [
        stac.get("/search?limit=100"),
        stac.get("/collections/scenes/items?limit=100"),
        stac.post("/search", json={"limit": 100, "collections": ["scenes"]}),
    ]
    for page in pages:
        found = page.json()
        assert found["type"] == "FeatureCollection"
        assert len(found["features"]) == SCENES
        for item in found["features"]:
            check(item)
    item = stac.get("/collections/scenes/items/day-01").json()
    check(item)
    assert any("web-map-links" in each for each in item["stac_extensions"])
    scenes = next(each for each in collections if each["id"] == "scenes")
    assert any("web-map-links" in each for each in scenes["stac_extensions"])
