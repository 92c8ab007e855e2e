"""Plans: which bands supply a layer, and every way in which they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.bandmath.grammar import parse
from eotiles.core.errors import (
    BadExpression,
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


def test_an_expression_names_bands_of_the_item() -> None:
    scene = item(
        coarse=[band("red", gsd=60)], fine=[band("red", gsd=10), band("nir", gsd=10)], B11=[band("swir16")]
    )  # fmt: skip
    layer = Layer(
        expression="(nir - red) / (NIR + red); where(B11 > 0 and SWIR16 < 1, exp(nir), 0)"
    )
    plan = plan_layer(scene, layer, physical=False)
    assert [(step.asset, step.bands) for step in plan.steps] == [
        ("fine", (2, 1, 2)),
        ("B11", (1, 1)),
    ]
    assert plan.names == ("nir", "red", "NIR", "B11", "SWIR16")
    assert len(plan.formulas) == 2
    assert plan.physical
    assert plan.layer == layer


@pytest.mark.parametrize(
    ("expression", "error", "says"),
    [
        ("nir / blue", MissingBand, "'scene' of collection 'scenes' has no band 'blue'.*it has red, nir"),
        ("b1 * 2", MissingBand, r"no band 'b1'.*need assets"),
        ("a * 2", MissingBand, "no band 'a'"),
        ("1 + 1", BadParameter, "names no band"),
        ("nir;;red", BadParameter, "empty"),
        (";".join(["nir"] * 5), BadParameter, "at most 4"),
        ("+".join(f"x{n}" for n in range(17)), BadParameter, "at most 16"),
        ("nir+" * 300, BadParameter, "1200 characters"),
        ("\u202e nir\n+ n'", MissingBand, r"no band 'n'"),
    ],
)  # fmt: skip
def test_expressions_that_name_what_is_not_there(
    expression: str, error: type[Exception], says: str
) -> None:
    scene = item(a=[band("red"), band("nir")])
    with pytest.raises(error, match=says):
        plan_layer(scene, Layer(expression=expression), physical=False)


def test_constants_are_numbers_in_the_formula() -> None:
    scene = item(a=[band("red"), band("nir")])
    assert plan_index(scene, INDICES["savi"]).formulas == ("(1.0 + 1.0) * (N - R) / (N + R + 1.0)",)
    plan = plan_layer(scene, Layer(index="savi", constants=(("L", -0.5),)), physical=False)
    assert plan.formulas == ("(1.0 + (-0.5)) * (N - R) / (N + R + (-0.5))",)
    assert plan.layer.constants == (("L", -0.5),)
    parse(plan.formulas[0], names=plan.names)
    power = plan_index(scene, INDICES["gdvi"], constants=[("nexp", -3.0)])
    parse(power.formulas[0], names=power.names)
    huge = plan_index(scene, INDICES["gdvi"], constants=[("nexp", 1e6)])
    with pytest.raises(BadExpression, match="exponent"):
        parse(huge.formulas[0], names=huge.names)


def test_a_constant_without_default_has_to_be_given() -> None:
    scene = item(a=[band("red"), band("nir")])
    with pytest.raises(BadParameter, match="needs constants=PAR:VALUE"):
        plan_index(scene, INDICES["nirvp"])
    assert plan_index(scene, INDICES["nirvp"], constants=[("PAR", 7.0)]).formulas[0].endswith("7.0")


def test_wavelengths_are_those_of_the_bands() -> None:
    near, far = {"eo:center_wavelength": 0.6646}, {"eo:center_wavelength": 1.6137}
    scene = item(a=[band("red", **near), band("nir"), band("swir16", **far)])
    (formula,) = plan_index(scene, INDICES["fai"]).formulas
    assert formula == "N - (R + (S1 - R)*((833 - 664.6)/(1613.7 - 664.6)))"
    (formula,) = plan_index(scene, INDICES["fai"], constants=[("lambdaN", 842.0)]).formulas
    assert "842.0" in formula


def test_bands_are_found_by_wavelength() -> None:
    scene = item(
        a=[{"name": "x", "eo:center_wavelength": 0.705}, {"name": "y", "eo:center_wavelength": 0.84}]
    )  # fmt: skip
    with pytest.raises(MissingBand, match="red"):
        plan_index(scene, INDICES["ndvi"])
    plan = plan_index(scene, INDICES["cire"])
    assert plan.names == ("N", "RE1")
    assert [step.bands for step in plan.steps] == [(2, 1)]
