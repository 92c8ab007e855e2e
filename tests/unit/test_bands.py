"""Sources of an item, from every way that STAC has had to describe bands."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.bands import raster_assets, sources
from eotiles.core.source import Source

COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def item(assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"id": "i", "collection": "c", "properties": properties, "assets": assets}


def asset(**fields: Any) -> dict[str, Any]:
    return {"href": "/a.tif", "type": COG, "roles": ["data"], **fields}


def test_stac_1_1_bands_of_one_file() -> None:
    bands = [
        {
            "name": "B04",
            "eo:common_name": "red",
            "raster:scale": 0.0001,
            "raster:offset": -0.1,
            "nodata": 0,
            "gsd": 10,
        },
        {"name": "B11", "eo:common_name": "swir16", "raster:scale": 0.0002, "gsd": 20},
    ]
    meaning: dict[str, Any] = {
        "domain": "reflectance",
        "unit": "1",
        "is_stated": True,
        "rule": "STAC bands",
    }
    assert sources(item({"data": asset(bands=bands)})) == (
        Source("data", 1, "B04", "red", 0.0001, -0.1, nodata=0.0, gsd_m=10, **meaning),
        Source("data", 2, "B11", "swir16", 0.0002, 0.0, nodata=None, gsd_m=20, **meaning),
    )


def test_stac_1_0_bands() -> None:
    described = asset(
        **{
            "eo:bands": [
                {"name": "B1", "common_name": "blue"},
                {"name": "B2", "common_name": "green"},
            ],
            "raster:bands": [
                {"scale": 2.75e-5, "offset": -0.2, "nodata": 0, "spatial_resolution": 30},
                {"scale": 1e-4},
            ],
        }
    )
    blue, green = sources(item({"data": described}))
    assert (blue.common_name, blue.scale, blue.offset, blue.nodata, blue.gsd_m) == (
        "blue",
        2.75e-5,
        -0.2,
        0.0,
        30,
    )
    assert (green.band, green.scale, green.offset, green.nodata) == (2, 1e-4, 0.0, None)


def test_what_a_band_does_not_say_its_asset_says_and_then_the_item() -> None:
    described = asset(
        **{
            "bands": [{"eo:common_name": "red", "raster:scale": 0.5}, {"eo:common_name": "nir"}],
            "raster:scale": 0.25,
        }
    )
    red, nir = sources(item({"data": described}, **{"raster:offset": 7, "nodata": 255, "gsd": 30}))
    assert (red.scale, nir.scale) == (0.5, 0.25)
    assert (red.offset, red.nodata, red.gsd_m) == (7.0, 255.0, 30.0)


def test_common_name_of_an_asset_without_bands() -> None:
    (only,) = sources(item({"B8": asset(**{"eo:common_name": "nir"})}))
    assert (only.asset, only.band, only.name, only.common_name) == ("B8", 1, "B8", "nir")


@pytest.mark.parametrize(
    ("fields", "is_source", "is_drawable"),
    [
        ({}, True, True),
        ({"roles": []}, True, True),
        ({"roles": ["visual"]}, False, True),
        ({"roles": ["reflectance", "cloud"]}, True, True),
        ({"type": "image/jp2", "href": "/a.jp2"}, True, True),
        ({"type": "image/jp2", "href": "file:///a.jp2"}, True, True),
        ({"type": "image/jp2", "href": "s3://bucket/a.jp2"}, False, False),
        ({"type": "image/jp2", "href": "https://example.org/a.jp2"}, False, False),
        ({"type": "IMAGE/TIFF; application=geotiff"}, True, True),
        ({"type": None}, True, True),
        ({"type": None, "href": "/a.TIFF?sig=x"}, True, True),
        ({"type": None, "href": "/a.jp2"}, False, False),
        ({"href": None}, False, False),
    ],
)
def test_which_assets_count(fields: dict[str, Any], *, is_source: bool, is_drawable: bool) -> None:
    described = item({"a": asset(**fields)})
    assert bool(sources(described)) is is_source
    assert bool(raster_assets(described)) is is_drawable


@pytest.mark.parametrize(
    "assets",
    [
        None,
        [],
        {"a": None},
        {"a": "text"},
        {"a": asset(bands=None)},
        {"a": asset(bands="red")},
        {
            "a": asset(
                bands=[None, 3, {"eo:common_name": 5, "raster:scale": "big", "nodata": "nan"}]
            )
        },
        {"a": asset(**{"raster:bands": [{"scale": float("inf"), "offset": None}]})},
    ],
)
def test_metadata_of_strangers_never_raises(assets: Any) -> None:
    described = {"id": "i", "collection": "c", "properties": None, "assets": assets}
    for source in sources(described):
        assert (source.scale, source.offset, source.nodata) == (1.0, 0.0, None)


def test_a_scale_of_zero_is_no_source() -> None:
    assert sources(item({"a": asset(bands=[{"raster:scale": 0}, {}])}))[0].band == 2
