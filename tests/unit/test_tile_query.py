"""Addresses and queries of tiles: what the lean route takes, and what it leaves to TiTiler's."""

from __future__ import annotations

import pytest

from eotiles.http.tiles.address import Place, parse_address
from eotiles.http.tiles.headers import etag, is_known
from eotiles.http.tiles.query import parse_query


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/collections/c/items/i/tiles/WebMercatorQuad/1/2/3.png", Place("item", "c", "i")),
        ("/collections/c/items/i/tiles/WebMercatorQuad/1/2/3", Place("item", "c", "i")),
        ("/collections/c/tiles/WGS1984Quad/1/2/3.webp", Place("collection", "c")),
        ("/searches/abc/tiles/WebMercatorQuad/1/2/3/explain", Place("search", search="abc")),
    ],
)
def test_addresses(path: str, place: Place) -> None:
    found = parse_address(path)
    assert found is not None
    assert (found.place, found.z, found.x, found.y) == (place, 1, 2, 3)
    assert found.explain is path.endswith("/explain")
    assert (found.format is None) is ("." not in path)


@pytest.mark.parametrize(
    "path",
    [
        "/collections/c/items/i/tiles/Nowhere/1/2/3.png",
        "/collections/c/items/i/tiles/WebMercatorQuad/1/2/3.bmp",
        "/collections/c/items/i/tiles/WebMercatorQuad/1/2/-3.png",
        "/collections/c/items/i/tiles/WebMercatorQuad/1/2/3@2x.png",
        "/collections/c/items/i/preview.png",
        "/collections/c/tiles/WebMercatorQuad/1/2/3/assets",
        "/tiles/WebMercatorQuad/1/2/3.png",
    ],
)
def test_other_addresses_are_left_alone(path: str) -> None:
    assert parse_address(path) is None


def test_queries_that_mean_the_same_have_the_same_key() -> None:
    one = parse_query("item", "index=NDVI&rescale=0,1&tilesize=512")
    two = parse_query("item", "tilesize=512&utm_source=x&rescale=0.0,1.0&index=ndvi")
    assert one is not None
    assert two is not None
    assert one.key == two.key


@pytest.mark.parametrize(
    "more",
    [
        "rescale=0,0.9", "colormap_name=viridis", "nodata=0", "resampling=cubic", "tilesize=512", "buffer=1",
        "return_mask=false", "color_formula=gamma R 2",
    ],
)  # fmt: skip
def test_queries_that_mean_something_else_have_another_key(more: str) -> None:
    plain, other = parse_query("item", "index=ndvi"), parse_query("item", f"index=ndvi&{more}")
    assert plain is not None
    assert other is not None
    assert plain.key != other.key


def test_which_items_of_a_mosaic_is_part_of_the_key() -> None:
    keys = set()
    for more in ("", "datetime=2020-01-01T00:00:00Z", "items_limit=5", "pixel_selection=mean"):
        ask = parse_query("collection", f"index=ndvi&{more}")
        assert ask is not None
        keys.add(ask.key)
    assert len(keys) == 4
    item = parse_query("item", "index=ndvi&datetime=nonsense")
    assert item is not None, "an item does not look at it"


@pytest.mark.parametrize(
    "query",
    [
        "", "index=nope", "index=ndvi&assets=B04", "index=ndvi&tilesize=300", "index=ndvi&rescale=5",
        "index=ndvi&rescale=nan,1", "index=ndvi&resampling=none", "index=ndvi&buffer=0.3",
        "index=ndvi&algorithm=nonsense", "index=ndvi&algorithm=hillshade&algorithm_params=[1]",
        "index=ndvi&colormap={", "assets=B04|nope=1",
    ],
)  # fmt: skip
def test_wrong_or_odd_queries_are_titilers(query: str) -> None:
    assert parse_query("item", query) is None


def test_wrong_searches_are_titilers() -> None:
    for more in ("datetime=yesterday", "bbox=1,2", "filter=((", "pixel_selection=best"):
        assert parse_query("collection", f"index=ndvi&{more}") is None, more


def test_an_etag_knows_its_parts_apart() -> None:
    assert etag("ab", "c", versions=[]) != etag("a", "bc", versions=[])
    assert etag("a", versions=["1", "2"]) != etag("a", versions=["2", "1"])
    assert etag("a", versions=["1"]) == etag("a", versions=["1"])


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("", False),
        ('"x"', True),
        ('W/"x"', True),
        ('"y", "x"', True),
        ("*", False),
        ('"y"', False),
        ("x", False),
    ],
)
def test_if_none_match(sent: str, known: bool) -> None:
    assert is_known('"x"', sent) is known
