"""The way of a tile with pixels handed in: validity, meaning, formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eotiles import tiler
from eotiles.core.errors import BadExpression, BadParameter
from eotiles.core.index import INDICES
from eotiles.core.raster import Raster
from eotiles.plan import AssetChoice, Layer, Plan, Step, plan_index, plan_layer
from eotiles.read.pixels import Pixels

ITEM: dict[str, Any] = {
    "id": "i",
    "collection": "c",
    "properties": {},
    "assets": {
        "data": {
            "href": "/d.tif",
            "type": "image/tiff",
            "bands": [
                {"eo:common_name": "red", "raster:scale": 0.0001, "raster:offset": -0.1},
                {"eo:common_name": "nir", "raster:scale": 0.0001, "raster:offset": -0.1},
            ],
        },
        "plain": {"href": "/p.tif", "type": "image/tiff", "bands": [{"eo:common_name": "swir16"}]},
    },
}
DN = {
    "data": np.array([[[2000, 1000, 3000, 5000]], [[6000, 1000, 9000, 1000]]], np.uint16),
    "plain": np.array([[[7, 8, 9, 10]]], np.uint8),
}


def evaluate(
    plan: Plan, *, valid: list[bool] | None = None, scale: float = 1.0, offset: float = 0.0
) -> Raster:
    """A plan over DN whose files declare a scale and an offset."""

    def read(step: Step) -> Pixels:
        bands = step.bands or tuple(range(1, len(DN[step.asset]) + 1))
        return Pixels(
            data=DN[step.asset][[band - 1 for band in bands]],
            valid=np.array([valid or [True] * 4]),
            bands=bands,
            names=tuple(f"b{band}" for band in bands),
            scales=(scale,) * len(bands),
            offsets=(offset,) * len(bands),
        )

    return tiler.evaluate(plan, [read(step) for step in plan.steps])


def assets(*choices: AssetChoice, physical: bool = False, **fields: Any) -> Plan:
    return plan_layer(ITEM, Layer(assets=choices, **fields), physical=physical)


def test_an_index_is_computed_from_physical_values() -> None:
    raster = evaluate(plan_index(ITEM, INDICES["ndvi"]))
    red, nir = DN["data"].astype(float) * 0.0001 - 0.1
    with np.errstate(invalid="ignore"):
        expected = ((nir - red) / (nir + red))[0]
    assert raster.data.dtype == np.float32
    assert raster.names == ("ndvi",)
    assert raster.valid.tolist() == [[True, False, True, True]], "0/0 is transparent"
    np.testing.assert_allclose(raster.data[0, 0, [0, 2, 3]], expected[[0, 2, 3]], atol=1e-6)


def test_what_one_band_lacks_no_pixel_has() -> None:
    raster = evaluate(
        assets(AssetChoice("data"), AssetChoice("plain")), valid=[True, False, True, True]
    )
    assert raster.valid.tolist() == [[True, False, True, True]]
    assert raster.data.shape == (3, 1, 4)


def test_bands_keep_the_type_and_the_numbers_of_their_file() -> None:
    raster = evaluate(assets(AssetChoice("data", numbers=(2, 1))))
    assert raster.data.dtype == np.uint16
    assert raster.data.tolist() == DN["data"][::-1].tolist()
    assert raster.names == ("data_b2", "data_b1")


def test_physical_values_come_from_the_item_else_from_the_file() -> None:
    plan = assets(AssetChoice("data", numbers=(1,)), AssetChoice("plain"), physical=True)
    raster = evaluate(plan, scale=2.0, offset=1.0)
    np.testing.assert_allclose(raster.data[0, 0], [0.1, 0.0, 0.2, 0.4], atol=1e-7)
    assert raster.data[1, 0].tolist() == [15, 17, 19, 21]


def test_expressions_over_all_bands_and_over_those_of_one_asset() -> None:
    plan = assets(
        AssetChoice("plain", expression="b1*2;b1+1"),
        AssetChoice("data", numbers=(2,)),
        expression="b1+b2;b3",
    )
    raster = evaluate(plan)
    assert raster.data[:, 0].tolist() == [[22, 25, 28, 31], [6000, 1000, 9000, 1000]]
    assert raster.names == ("b1+b2", "b3")


def test_an_expression_knows_only_the_bands_there_are() -> None:
    with pytest.raises(BadExpression, match="unknown band"):
        evaluate(assets(AssetChoice("plain"), expression="b2"))


def test_division_by_zero_is_transparent() -> None:
    raster = evaluate(assets(AssetChoice("data"), expression="b2/(b1-2000)"))
    assert raster.valid.tolist() == [[False, True, True, True]]


def test_assets_as_bands() -> None:
    plan = assets(AssetChoice("plain"), asset_as_band=True)
    assert evaluate(plan).names == ("plain",)
    with pytest.raises(BadParameter, match=r"'data'.*has 2 bands"):
        evaluate(assets(AssetChoice("data"), asset_as_band=True))
