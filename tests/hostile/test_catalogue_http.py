"""Whoever holds a key writes what nobody should: it is refused with a sentence, or no page of the catalogue minds."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import builders
from tests.hostile.conftest import Product, refused

pytestmark = pytest.mark.integration

NAME = "hostile-catalogue"
ONE = f"/collections/{NAME}/items/one"
SCRIPT = "javascript:alert(1)"
GEOTIFF = "image/tiff; application=geotiff"
HUGE = "1" + "0" * 400
PAGES = (
    "/stac/collections",
    f"/stac/collections/{NAME}",
    f"/stac{ONE}",
    f"/stac/search?collections={NAME}",
    f"/stac/collections/{NAME}/queryables",
    f"/stac/aggregate?collections={NAME}&aggregations=datetime_min,datetime_max,datetime_frequency",
    f"/raster/collections/{NAME}/info",
    f"/raster/collections/{NAME}/WebMercatorQuad/tilejson.json?assets=a",
    f"/raster{ONE}/WebMercatorQuad/tilejson.json?assets=a",
    f"/raster/collections/{NAME}/legend?assets=a&rescale=0,1",
    f"/raster/collections/{NAME}/WMTSCapabilities.xml?assets=a",
)


@pytest.fixture(autouse=True)
def _stored(product: Product) -> Iterator[None]:
    assert product.write("POST", "/collections", json=builders.collection(NAME)).status_code == 201
    made = product.write("POST", f"/collections/{NAME}/items", json=thing())
    assert made.status_code == 201, made.text
    yield
    product.write("DELETE", f"/collections/{NAME}")


def thing(**more: Any) -> dict[str, Any]:
    href = "https://data.example.org/a.png"
    return builders.item("one", collection=NAME, assets={"a": {"href": href}}) | more


@pytest.mark.parametrize("value", [[1], 5, "x", None, [], True])
def test_a_patch_that_leaves_no_document(product: Product, value: Any) -> None:
    steps = [{"op": "replace", "path": "", "value": value}]
    for path in (ONE, f"/collections/{NAME}"):
        refused(product.write("PATCH", path, json=steps), 400)


@pytest.mark.parametrize(
    "times",
    [
        {"datetime": "9999-12-31T23:59:59-12:00"},
        {"datetime": "0001-01-01T00:00:00+12:00"},
        {
            "datetime": None,
            "start_datetime": "2020-01-01T00:00:00Z",
            "end_datetime": "9999-12-31T23:59:59-12:00",
        },
    ],
)
def test_times_beyond_all_calendars(product: Product, times: dict[str, Any]) -> None:
    item = thing(id="late")
    item["properties"] |= times
    refused(product.write("POST", f"/collections/{NAME}/items", json=item), 400)
    collection = builders.collection(NAME)
    ends = [
        times.get("start_datetime", times["datetime"]),
        times.get("end_datetime", times["datetime"]),
    ]
    collection["extent"]["temporal"]["interval"] = [ends]
    refused(product.write("PUT", f"/collections/{NAME}", json=collection), 400)


def test_an_item_with_a_number_beyond_all_floats_can_be_changed(product: Product) -> None:
    text = json.dumps(thing(id="huge")).replace('"datetime":', f'"x:huge": {HUGE}, "datetime":')
    made = product.write("POST", f"/collections/{NAME}/items", content=text.encode())
    assert made.status_code == 201, made.text
    path = f"/collections/{NAME}/items/huge"
    changed = product.write("PATCH", path, json={"properties": {"title": "new"}})
    assert changed.status_code == 200, changed.text
    assert json.loads(changed.text)["properties"]["x:huge"] == int(HUGE)
    assert product.write("DELETE", path).status_code == 200


def test_patches_do_not_let_a_document_grow_without_end(product: Product) -> None:
    filled = product.write("PATCH", ONE, json={"properties": {"filler": "x" * 200_000}})
    assert filled.status_code == 200
    for turn in range(4):
        steps = [
            {"op": "copy", "from": "/properties", "path": f"/properties/more{turn}{number}"}
            for number in range(4)
        ]
        answer = product.write("PATCH", ONE, json=steps)
        if answer.status_code != 200:
            refused(answer, 400)
            assert "16 MB" in answer.json()["detail"]
            break
    else:
        pytest.fail("it grew and grew")
    assert len(product.http.get(f"/stac{ONE}").content) < 17 << 20


MEMBERS: tuple[dict[str, Any], ...] = (
    {"renders": {"x": {"assets": ["a"], "rescale": 5}}},
    {"renders": {"x": {"assets": ["a"], "rescale": [5, {}]}}},
    {"renders": {"x": {"assets": ["a"], "asset_bidx": 5, "colormap": 5, "asset_expression": 5}}},
    {"renders": {"x": {"assets": 5}}},
    {"renders": {"x": {"index": ["ndvi"], "assets": [{"a": 1}], "minmax_zoom": "x"}}},
    {"renders": {"x": {"assets": ["a|bidx=" + "9" * 5000], "title": {"a": 1}}}},
    {"renders": [1]},
    {"renders": 5},
    {"item_assets": [1]},
    {"item_assets": {"a": 5}},
    {"item_assets": {"a": {"type": GEOTIFF, "roles": [{"a": 1}], "bands": [5], "title": 5}}},
    {"attribution": 5, "assets": {}},
    {"title": "<script>alert(1)</script>" * 1000},
)


# TiTiler warns of renders that its routes do not take.
@pytest.mark.filterwarnings("ignore:Cannot construct URL")
@pytest.mark.parametrize("members", MEMBERS, ids=lambda members: json.dumps(members)[:50])
def test_members_that_mean_nothing_break_no_page(product: Product, members: dict[str, Any]) -> None:
    # Past every check too, as another program may write them.
    stored = builders.collection(NAME) | copy.deepcopy(members)
    written = product.write("PUT", f"/collections/{NAME}", json=stored)
    assert written.status_code in (200, 400), written.text
    item = thing()
    item["properties"]["renders"] = members.get("renders", {})
    written = product.write("PUT", ONE, json=item)
    assert written.status_code in (200, 400), written.text
    for page in PAGES:
        answer = product.http.get(page)
        assert answer.status_code < 500, (page, answer.text)


@pytest.mark.parametrize(
    "href", [SCRIPT, "data:text/html,<script>", "file:///etc/passwd", "/etc/passwd"]
)
def test_hrefs_of_alternates_and_of_item_assets_are_looked_at(product: Product, href: str) -> None:
    png = "https://data.example.org/a.png"
    item = thing(assets={"a": {"href": png, "alternate": {"copy": {"href": href}}}})
    refused(product.write("PUT", ONE, json=item), 422)
    collection = builders.collection(NAME)
    for members in (
        {"assets": {"a": {"href": png, "alternate": {"copy": {"href": href}}}}},
        {"item_assets": {"a": {"href": href, "title": "A"}}},
        {"item_assets": {"a": {"title": "A", "alternate": {"copy": {"href": href}}}}},
    ):
        refused(product.write("PUT", f"/collections/{NAME}", json=collection | members), 422)
    assert href not in product.http.get(f"/stac{ONE}").text


def test_alternates_elsewhere_are_welcome(product: Product) -> None:
    asset = {
        "href": "https://data.example.org/a.png",
        "alternate": {"s3": {"href": "s3://b/a.png"}},
    }
    assert product.write("PUT", ONE, json=thing(assets={"a": asset})).status_code == 200
    served = product.http.get(f"/stac{ONE}").json()["assets"]["a"]["alternate"]
    assert served == {"s3": {"href": "s3://b/a.png"}}


@pytest.mark.parametrize("href", [SCRIPT, " JavaScript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_addresses_of_providers_are_looked_at(product: Product, href: str) -> None:
    providers = [{"name": "Somebody", "url": href}]
    collection = builders.collection(NAME) | {"providers": providers}
    refused(product.write("PUT", f"/collections/{NAME}", json=collection), 422, 400)
    item = thing()
    item["properties"]["providers"] = providers
    refused(product.write("PUT", ONE, json=item), 422, 400)


def test_names_of_providers_are_no_html_in_a_tilejson(product: Product) -> None:
    """TileJSON 3 lets clients show an attribution as HTML, and Leaflet does."""
    collection = builders.collection(NAME) | {
        "providers": [{"name": "<img src=x onerror=alert(1)>"}]
    }
    assert product.write("PUT", f"/collections/{NAME}", json=collection).status_code == 200
    for place in (ONE, f"/collections/{NAME}"):
        path = f"/raster{place}/WebMercatorQuad/tilejson.json?assets=a"
        answer = product.http.get(path)
        if answer.status_code == 200:
            assert "<" not in answer.json()["attribution"], path
    assert answer.status_code == 200, answer.text
