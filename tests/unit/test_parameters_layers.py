"""The layer that a request names."""

from __future__ import annotations

import pytest

from eotiles.core.errors import BadParameter, UnknownIndex
from eotiles.http.titiler.layers import parse_choice, parse_layer
from eotiles.plan import AssetChoice, Layer


def layer(**given: object) -> Layer:
    return parse_layer(**{"index": None, "assets": None, "expression": None, **given})  # type: ignore[arg-type]


def test_an_index_in_any_case() -> None:
    assert layer(index="NDVI") == layer(index=" ndvi ") == Layer(index="ndvi")


def test_indices_that_differ_by_case_alone() -> None:
    assert layer(index="BAI") == layer(index="bai") == Layer(index="bai")
    assert layer(index="BaI") == Layer(index="BaI")
    assert layer(index="mSR705") != layer(index="MSR705")


def test_constants() -> None:
    assert layer(index="SAVI", constants="L:0.5").constants == (("L", 0.5),)
    assert layer(index="EVI", constants=" g:2 ,C2 : -1e-3").constants == (
        ("C2", -0.001),
        ("g", 2.0),
    )
    assert layer(index="savi", constants="").constants == ()


def test_an_expression_over_names_of_bands() -> None:
    assert layer(expression="nir-red") == Layer(expression="nir-red")


def test_assets_with_options() -> None:
    assert layer(
        assets=["red", "data|bidx=1,3", "x|bands=red,nir", "y|expression=b1*2;b1"]
    ).assets == (
        AssetChoice("red"),
        AssetChoice("data", numbers=(1, 3)),
        AssetChoice("x", names=("red", "nir")),
        AssetChoice("y", expression="b1*2;b1"),
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "index=NAME, or assets=KEY"),
        ({"constants": "L:1"}, "those of an index"),
        ({"assets": ["red"], "constants": "L:1"}, "those of an index"),
        ({"index": "savi", "constants": "X:1"}, "no constant 'X'; it has L"),
        ({"index": "ndvi", "constants": "L:1"}, "it has none"),
        ({"index": "savi", "constants": "L"}, "number within"),
        ({"index": "savi", "constants": "L=1"}, "no constant 'L=1'"),
        ({"index": "savi", "constants": "L:nan"}, "number within"),
        ({"index": "savi", "constants": "L:-inf"}, "number within"),
        ({"index": "savi", "constants": "L:1e7"}, "number within"),
        ({"index": "savi", "constants": "L:1_0"}, "number within"),
        ({"index": "savi", "constants": "L:١"}, "number within"),
        ({"index": "savi", "constants": "L:1+1"}, "number within"),
        ({"index": "savi", "constants": "L:1,L:1"}, "given twice"),
        ({"index": "savi", "constants": ",".join("abcdefghijklmnopqrstuvwxyz")}, "no constant 'a'"),
        ({"index": "ndvi", "assets": ["red"]}, "not both"),
        ({"index": "ndvi", "expression": "b1"}, "not both"),
        ({"assets": ["a"] * 17}, "at most 16"),
        ({"assets": [""]}, "key is empty"),
        ({"assets": ["a|bidx=0"]}, "from 1"),
        ({"assets": ["a|bidx=1,x"]}, "from 1"),
        ({"assets": ["a|bidx=-1"]}, "from 1"),
        ({"assets": ["a|bidx=²"]}, "from 1"),
        ({"assets": ["a|bidx=99999999999999999999"]}, "from 1"),
        ({"assets": ["a|bidx=" + ",".join("1" * 17)]}, "at most 16"),
        ({"assets": ["a|nope=1"]}, "unknown option 'nope=1'"),
        ({"assets": ["a|"]}, "unknown option ''"),
    ],
)
def test_what_is_no_layer(given: dict[str, object], says: str) -> None:
    with pytest.raises(BadParameter, match=says):
        layer(**given)


def test_an_unknown_index_lists_those_there_are() -> None:
    with pytest.raises(
        UnknownIndex, match=r"no index 'nvdi'; there are ndvi, ndwi, ndmi, mndwi and 276 more"
    ):
        layer(index="nvdi")
    with pytest.raises(UnknownIndex) as long:
        layer(index="x" * 10_000)
    assert len(str(long.value)) < 200


def test_an_asset_alone_means_all_its_bands() -> None:
    assert parse_choice("red") == AssetChoice("red", numbers=(), names=(), expression="")
