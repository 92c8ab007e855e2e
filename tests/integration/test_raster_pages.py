"""`map.html` leads to the map page; nothing leads to a viewer that loads scripts of other sites."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.conftest import Raster
from tests.integration.raster_scenes import COLLECTION

pytestmark = pytest.mark.integration

PAGE = "/WebMercatorQuad/map.html"


@pytest.mark.parametrize(
    ("item", "asked", "layer"),
    [
        ("mixed", {}, None),
        ("mixed", {"index": "NDVI"}, "green"),  # as the collection's render is called
        ("mixed", {"assets": ["red", "green", "blue"]}, "true-colour"),
        ("mixed", {"assets": ["red"]}, None),
        ("mixed", {"index": "ndmi"}, None),
        (None, {}, None),
    ],
)
def test_map_html_leads_to_the_map_page(
    raster: Raster, item: str | None, asked: dict[str, Any], layer: str | None
) -> None:
    place = raster.item(item) if item else raster.collection
    got = raster.http.get(place + PAGE, params=asked)
    assert got.status_code == 307, got.text
    target = urlsplit(got.headers["location"])
    assert f"{target.scheme}://{target.netloc}/raster/" == str(raster.http.base_url)
    assert target.path == "/"
    wanted = {"collection": COLLECTION, "item": item, "layer": layer}
    assert parse_qs(target.query) == {name: [value] for name, value in wanted.items() if value}


def test_map_html_of_what_is_not_there(raster: Raster) -> None:
    for path in (
        f"/collections/{COLLECTION}/items/nobody{PAGE}",
        f"/collections/nothing{PAGE}",
        f"{raster.item('mixed')}/Nowhere/map.html",
    ):
        assert raster.http.get(path).status_code == 404, path


def test_a_registered_search_has_no_map(raster: Raster) -> None:
    made = raster.http.post("/searches/register", json={"collections": [COLLECTION]}).json()
    place = f"/searches/{made['id']}"
    assert raster.http.get(place + PAGE).status_code == 404
    for links in (made["links"], raster.http.get(f"{place}/info").json()["links"]):
        assert {"tilejson", "wmts"} <= {link["rel"] for link in links}
        assert "map" not in {link["rel"] for link in links}
    landing = raster.http.get("/").json()["links"]
    maps = [link["href"] for link in landing if link["href"].endswith("map.html")]
    assert len(maps) == 2
    assert not [href for href in maps if "/searches/" in href]


def test_a_collection_links_to_its_map(raster: Raster) -> None:
    links = raster.http.get(f"{raster.collection}/info").json()["links"]
    hrefs = [link["href"] for link in links if link["rel"] == "map"]
    assert hrefs
    for href in hrefs:
        got = raster.http.get(href.replace("{tileMatrixSetId}", "WebMercatorQuad"))
        assert got.status_code == 307, got.text
