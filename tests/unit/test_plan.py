"""Plans: which bands supply a layer, and every way in which they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.core.errors import (
    BadParameter,
    MissingBand,
    NotFound,
    UnknownAsset,
    UnknownBand,
)
from eotiles.core.index import INDICES
from eotiles.plan import (
    AssetChoice,
    Layer,
    missing_symbols,
    plan_index,
    plan_layer,
    split_formulas,
)


def band(common_name: str, **fields: Any) -> dict[str, Any]:
    return {"eo:common_name": common_name, "name": common_name.upper(), **fields}


def item(**assets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "scene",
        "collection": "scenes",
        "properties": {},
        "assets": {
            key: {"href": f"/{key}.tif", "type": "image/tiff", "roles": ["data"], "bands": bands}
            for key, bands in assets.items()
        },
    }


def test_bands_of_one_file_are_read_at_once() -> None:
    plan = plan_index(item(data=[band("red"), band("green"), band("nir")]), INDICES["ndvi"])
    (step,) = plan.steps
    assert (step.asset, step.bands, plan.names) == ("data", (3, 1), ("N", "R"))
    assert plan.physical


def test_bands_of_several_files_keep_their_symbols() -> None:
    plan = plan_index(item(b4=[band("red")], b8=[band("nir")]), INDICES["ndvi"])
    assert [(step.asset, step.bands) for step in plan.steps] == [("b8", (1,)), ("b4", (1,))]
    assert plan.names == ("N", "R")


def test_of_equal_names_the_finest_band_is_taken_then_the_first() -> None:
    scene = item(
        coarse=[band("red", gsd=60)],
        fine=[band("red", gsd=10)],
        same=[band("red", gsd=10)],
        n=[band("nir")],
    )
    assert {step.asset for step in plan_index(scene, INDICES["ndvi"]).steps} == {"fine", "n"}


def test_nir_is_preferred_to_nir08() -> None:
    scene = item(narrow=[band("nir08", gsd=10)], broad=[band("nir", gsd=20)], r=[band("red")])
    assert {step.asset for step in plan_index(scene, INDICES["ndvi"]).steps} == {"broad", "r"}
    del scene["assets"]["broad"]
    assert {step.asset for step in plan_index(scene, INDICES["ndvi"]).steps} == {"narrow", "r"}


def test_a_missing_band_is_named() -> None:
    scene = item(r=[band("red")])
    with pytest.raises(MissingBand, match=r"'scene' of collection 'scenes'.*'ndvi'.*nir or nir08"):
        plan_index(scene, INDICES["ndvi"])
    assert missing_symbols(scene, INDICES["ndvi"]) == ("N",)


def test_explain_tells_what_is_read_and_what_it_means() -> None:
    scene = item(d=[band("red", **{"raster:scale": 0.1}), band("nir", nodata=0)])
    explained = plan_index(scene, INDICES["ndvi"]).explain()
    assert explained["formulas"] == ["(N - R) / (N + R)"]
    assert [
        (b["band"], b["common_name"], b["scale"], b["nodata"])
        for b in explained["reads"][0]["bands"]
    ] == [
        (2, "nir", 1.0, 0.0),
        (1, "red", 0.1, None),
    ]


def test_assets_keep_their_order_and_their_options() -> None:
    scene = item(a=[band("red"), band("nir")], b=[band("green")])
    layer = Layer(
        assets=(AssetChoice("b"), AssetChoice("a", numbers=(2,)), AssetChoice("a", names=("red",))),
        expression="b1+b2; b3",
    )
    plan = plan_layer(scene, layer, physical=False)
    assert [(step.asset, step.bands) for step in plan.steps] == [
        ("b", ()),
        ("a", (2,)),
        ("a", (1,)),
    ]
    assert plan.formulas == ("b1+b2", "b3")


@pytest.mark.parametrize(
    ("layer", "error", "says"),
    [
        (Layer(assets=(AssetChoice("z"),)), UnknownAsset, "has no GeoTIFF asset 'z'; it has a"),
        (
            Layer(assets=(AssetChoice("a", names=("nir",)),)),
            UnknownBand,
            "no band 'nir'; it has red",
        ),
        (Layer(assets=(AssetChoice("a"),) * 17), BadParameter, "at most 16"),
        (Layer(assets=(AssetChoice("a"),), expression="b1;b1;b1;b1;b1"), BadParameter, "at most 4"),
        (Layer(assets=(AssetChoice("a"),), expression="b1;;b1"), BadParameter, "empty"),
    ],
)
def test_what_cannot_be_planned(layer: Layer, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        plan_layer(item(a=[band("red")]), layer, physical=False)


def test_unknown_things_are_not_found() -> None:
    assert issubclass(UnknownAsset, NotFound)
    assert issubclass(UnknownBand, NotFound)
    assert not issubclass(MissingBand, NotFound)


@pytest.mark.parametrize("arguments", [{}, {"index": "ndvi", "assets": (AssetChoice("a"),)}])
def test_a_layer_is_one_thing(arguments: dict[str, Any]) -> None:
    with pytest.raises(BadParameter, match=r"index=NAME or assets=KEY"):
        Layer(**arguments)


def test_formulas_are_parted_by_semicolons() -> None:
    assert split_formulas("") == ()
    assert split_formulas(" b1 ;b2; ") == ("b1", "b2")
