"""Layers that are worked out once for items that look alike are those of each item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eotiles.catalog import alike
from eotiles.catalog.alike import layers_of
from eotiles.catalog.layers import offered_layers
from tests.stac_server import RENDERS, scene


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    alike._names.cache_clear()
    alike._worked_out.cache_clear()


def item(**properties: Any) -> dict[str, Any]:
    return scene("i", folder=Path("/data"), properties=properties)


def same(made: dict[str, Any], renders: dict[str, Any]) -> bool:
    """Whether both ways agree, twice: the second answer may be a remembered one."""
    expected = offered_layers(made["assets"], renders=renders, properties=made["properties"])
    return all(
        layers_of(made["assets"], renders=renders, properties=made["properties"]) == expected
        for _ in range(2)
    )


@pytest.mark.parametrize("renders", [{}, RENDERS], ids=["bands", "renders"])
def test_every_kind_of_item_gets_its_own_layers(renders: dict[str, Any]) -> None:
    plain = item()
    without = item()
    del without["assets"]["B08"]
    untyped = item()
    for asset in untyped["assets"].values():
        del asset["type"]
    other = item()
    for asset in other["assets"].values():
        del asset["type"]
        asset["href"] = asset["href"].replace(".tif", ".jp2")
    undeclared = item()
    for asset in undeclared["assets"].values():
        for band in asset["bands"]:
            del band["raster:scale"], band["raster:offset"]
    empty = item()
    empty["assets"] = {}
    odd = item()
    odd["assets"] |= {
        "text": "no asset",
        "none": None,
        "list": [1],
        "nothing": {},
        "href": {"href": 5},
    }
    for made in (plain, without, untyped, other, undeclared, empty, odd, plain):
        assert same(made, renders)


def test_properties_that_count_are_told_apart() -> None:
    """Bands without a scale of their own: the item's properties say what their numbers mean."""

    def undeclared(**properties: Any) -> dict[str, Any]:
        made = item(**properties)
        for asset in made["assets"].values():
            for band in asset["bands"]:
                del band["raster:scale"], band["raster:offset"]
        return made

    many: list[dict[str, Any]] = [
        {},
        {"s2:processing_baseline": "05.10"},
        {"s2:processing_baseline": "02.00"},
        {"raster:scale": 0.5},
        {"raster:scale": 0},
        {"raster:scale": None},
        {"raster:scale": "text"},
        {"gsd": 10},
        {"s2:processing_baseline": "05.10", "earthsearch:boa_offset_applied": True},
    ]
    found = set()
    for properties in [*many, *reversed(many)]:
        made = undeclared(**properties)
        assert same(made, {})
        found.add(layers_of(made["assets"], renders={}, properties=made["properties"]))
    assert len(found) > 1


def test_items_that_differ_in_what_counts_for_nothing_are_worked_out_once() -> None:
    for number in range(50):
        made = item(**{"eo:cloud_cover": number, "created": f"2020-01-01T00:00:{number}Z"})
        for key, asset in made["assets"].items():
            asset["href"] = f"https://example.org/{number}/{key}.tif?signature={number}"
        layers_of(made["assets"], renders=RENDERS, properties=made["properties"])
    # Once without any property, and once more with those that were looked for then.
    assert alike._worked_out.cache_info().misses <= 3


def test_what_cannot_be_remembered_is_looked_at_anew() -> None:
    huge = item()
    huge["assets"]["B02"]["description"] = "x" * alike.MOST_BYTES
    large = item()
    large["assets"]["B02"]["raster:something"] = 1 << 80
    broken = item()
    broken["assets"]["B02"]["title"] = "\ud800"
    for made in (huge, large, broken):
        assert same(made, {})
    assert alike._worked_out.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("s3://bucket/scene.TIF?versionId=1.2", "s3://.TIF"),
        ("/data/a.b/scene", ""),
        ("scene.tif", ".tif"),
        ("scene.averylongextension", ""),
        ("tif", ""),
        ("https://host/scene", "https://"),
        ("", ""),
    ],
)
def test_of_an_href_scheme_and_extension_count(href: str, expected: str) -> None:
    assert alike._shape(href) == expected


def test_names_of_products_are_no_difference() -> None:
    """Each item of Sentinel-2 has its own; what they could tell is not looked for where layers are chosen."""
    assets = {
        "B04": {"href": "/a.tif", "type": "image/tiff", "eo:common_name": "red"},
        "B08": {"href": "/b.tif", "type": "image/tiff", "eo:common_name": "nir"},
    }

    def offer(number: int) -> None:
        own = {"s2:product_uri": f"S2A_MSIL2A_{number}.SAFE", "s2:datastrip_id": f"S2A_{number}"}
        alike.layers_of(assets, renders={}, properties={"platform": "sentinel-2a", **own})

    offer(0)
    before = alike._worked_out.cache_info().misses
    for number in range(1, 20):
        offer(number)
    assert alike._worked_out.cache_info().misses == before
