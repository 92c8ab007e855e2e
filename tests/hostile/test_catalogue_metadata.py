"""What strangers write into renders, assets and bands never stops a page of the catalogue: it counts or it does not."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.alike import collection_layers
from eotiles.catalog.layers import declared_layer, declared_layers, offered_layers

GEOTIFF = "image/tiff; application=geotiff"
LONG = "9" * 5000
ODD: tuple[Any, ...] = (
    5, True, "x", [], [5], [None], {}, {"a": 1}, [[1]], [{"name": 5}], [{"name": ["x"]}], 1e308, -1e308, LONG,
    [{"statistics": {"minimum": "a", "maximum": []}}], [{"data_type": 5, "nodata": {}}],
    [{"scale": 1e308, "offset": 1e308, "statistics": {"minimum": 0, "maximum": 1e308}}],
    [{"scale": 1e300, "statistics": {"minimum": -1e308, "maximum": 1e308}}],
    [{"statistics": {"minimum": 0, "maximum": 5e-324}}], [{"statistics": {"minimum": -1e308, "maximum": 1e308}}],
    [{"classification:classes": [{"value": 1.5e300, "name": ["x"]}]}],
)  # fmt: skip
"""Values of the wrong type, or numbers of the right one with which nobody reckons."""

MEMBERS = (
    "bands", "eo:bands", "raster:bands", "classification:classes", "roles", "type", "title", "data_type", "nodata",
    "gsd", "statistics", "unit", "raster:scale", "raster:offset", "eo:common_name", "eotiles:radiometry",
    "eotiles:domain", "processing:level", "proj:shape", "raster:sampling",
)  # fmt: skip
FIELDS = (
    "assets", "rescale", "title", "colormap", "colormap_name", "index", "expression", "minmax_zoom", "nodata",
)  # fmt: skip


def asset() -> dict[str, Any]:
    return {"href": "a.tif", "type": GEOTIFF, "roles": ["data"]}


@pytest.mark.parametrize("member", MEMBERS)
def test_odd_members_of_assets_and_properties_stop_nothing(member: str) -> None:
    for value in ODD:
        offered_layers({"a": {**asset(), member: value}}, renders={}, properties={})
        offered_layers({"a": asset()}, renders={}, properties={member: value})
        collection_layers({"item_assets": {"a": {**asset(), member: value}}, member: value})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ["mine", "visual", "ndvi"])
def test_odd_fields_of_renders_stop_nothing(field: str, name: str) -> None:
    assets = {"visual": asset(), "a": asset()}
    for value in ODD:
        renders = {name: {"assets": ["visual"], field: value}}
        offered_layers(assets, renders=renders, properties={})
        collection_layers({"item_assets": assets, "renders": renders})
        declared_layers({name: {"assets": ["visual"], "index": "ndvi", field: value}})


@pytest.mark.parametrize("numbers", [LONG, "1,2," + LONG, "²", "-1", ",", ""])
def test_numbers_of_bands_that_are_none(numbers: str) -> None:
    renders = {"visual": {"assets": [f"visual|bidx={numbers}"]}}
    collection_layers({"item_assets": {"visual": asset()}, "renders": renders})


@pytest.mark.parametrize(
    "render",
    [
        {"assets": ["a"] * 50_000},
        {"assets": ["a"], "rescale": [[0, 1]] * 50_000},
        {"assets": ["a"], "expression": "b1+" * 50_000 + "b1"},
        {"assets": ["a" * 50_000]},
    ],
    ids=["assets", "rescale", "expression", "asset"],
)
def test_a_render_beyond_all_bounds_is_no_layer(render: dict[str, Any]) -> None:
    assets = {"a": asset(), "a" * 50_000: asset()}
    for name in ("mine", "visual"):
        assert declared_layer(name, render) is None
        layers = offered_layers(assets, renders={name: render}, properties={})
        assert name not in {layer.render for layer in layers}


def test_names_and_titles_are_not_repeated_in_every_item_at_any_length() -> None:
    """A page of a thousand items has each name and title three times an item."""
    renders = {"n" * 50_000: {"assets": ["a"]}, "mine": {"assets": ["a"], "title": "t" * 50_000}}
    described = {"a": {**asset(), "title": "t" * 50_000}}
    for layers in (
        offered_layers(described, renders=renders, properties={}),
        offered_layers(described, renders={}, properties={}),
        declared_layers(renders),
    ):
        assert layers
        assert all(len(layer.title) <= 120 and len(layer.name) <= 200 for layer in layers)
