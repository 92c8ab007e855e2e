"""Products as agencies deliver them (generated ones, with the documented structure) in a real pgSTAC."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.warp

from tests import products
from tests.builders import SHARED
from tests.products import Landsat, Sentinel1, Sentinel2
from tests.products_way import Way

pytestmark = pytest.mark.integration


def test_sentinel_2_stays_where_it_is(way: Way) -> None:
    product = Sentinel2(level="L2A", baseline="05.09")
    folder = product.write(way.archive)
    summary = way("sentinel2")
    assert summary.refused == ()
    assert [(scene.item, scene.outcome) for scene in summary.scenes] == [(product.item, "ingested")]
    assert (
        str(summary.counts[0]) == "1 items in products-sentinel2, of them 1 from this run, checked"
    )
    item = way.item("sentinel2", product.item)
    red = item["assets"]["red"]
    assert Path(red["href"]).is_relative_to(folder)
    assert red["type"] == "image/jp2"
    assert red["bands"][0] | {"statistics": None, "eotiles:percentiles": None} == {
        "name": "B04",
        "eo:common_name": "red",
        "eo:center_wavelength": 0.6646,
        "eo:full_width_half_max": 0.031,
        "gsd": 10.0,
        "data_type": "uint16",
        "nodata": 0,
        "raster:scale": 0.0001,
        "raster:offset": -0.1,
        "raster:spatial_resolution": 10.0,
        "eotiles:domain": "reflectance",
        "statistics": None,
        "eotiles:percentiles": None,
    }
    assert item["properties"]["s2:processing_baseline"] == "05.09"
    assert item["properties"]["processing:facility"] == "2APS"
    assert item["properties"]["datetime"] == "2020-07-04T10:15:59Z"
    # Labels are converted all the same: the small resolutions of JPEG 2000 are averages.
    labels = item["assets"]["scl"]
    assert Path(labels["href"]).is_relative_to(way.assets)
    assert [entry["value"] for entry in labels["bands"][0]["classification:classes"]] == [
        *range(12)
    ]
    again = way("sentinel2")
    assert [scene.outcome for scene in again.scenes] == ["unchanged"]


def test_sentinel_2_is_copied(way: Way) -> None:
    product = Sentinel2()
    folder = product.write(way.archive)
    assert way("sentinel2", copy=True).refused == ()
    item = way.item("sentinel2", product.item)
    shutil.rmtree(folder)
    for key, asset in item["assets"].items():
        assert Path(asset["href"]).is_relative_to(way.assets), key
        assert Path(asset["href"]).is_file(), key
    with rasterio.open(item["assets"]["nir"]["href"]) as dataset:
        expected = np.round(products.s2_reflectance("B08", 240) * 10_000)
        assert np.array_equal(dataset.read(1)[30:, 30:], expected[30:, 30:])


def test_the_old_convention(way: Way) -> None:
    products.old_sentinel2(way.archive)
    summary = way("sentinel2")
    assert summary.refused == ()
    assert way.items("sentinel2") == [
        "S2A_T32TLN_20160327T101559_L1C",
        "S2A_T32TMN_20160327T101559_L1C",
    ]
    item = way.item("sentinel2", "S2A_T32TMN_20160327T101559_L1C")
    assert item["properties"]["processing:facility"] == "SGS"
    assert item["properties"]["created"] == "2016-03-27T15:45:28Z"
    assert item["properties"]["sat:absolute_orbit"] == 3982


@pytest.mark.parametrize(
    ("level", "baseline", "listed", "offset"),
    [
        ("L1C", "02.09", True, 0),
        ("L1C", "04.00", True, -0.1),
        ("L1C", "05.10", False, -0.1),
        ("L2A", "03.01", True, 0),
        ("L2A", "04.00", False, -0.1),
    ],
)
def test_offsets_follow_the_baseline(
    way: Way, level: str, baseline: str, *, listed: bool, offset: float
) -> None:
    product = Sentinel2(level=level, baseline=baseline, listed_offset=listed)
    product.write(way.archive)
    assert way("sentinel2").refused == ()
    bands = way.item("sentinel2", product.item)["assets"]["red"]["bands"]
    assert [band["raster:offset"] for band in bands] == [offset]


def test_two_baselines_of_one_scene(way: Way) -> None:
    first = Sentinel2(baseline="02.09")
    for product in (first, replace(first, baseline="05.00")):
        product.write(way.archive)
    summary = way("sentinel2")
    assert len(summary.scenes) == 1
    assert "is the scene S2A_T32TLN_20200704T101559_L1C again" in str(summary.refused[0])


def test_landsat_level_2_stays_where_it_is(way: Way) -> None:
    product = Landsat()
    folder = product.write(way.archive)
    summary = way("landsat")
    assert summary.refused == ()
    item = way.item("landsat", product.item)
    red, thermal = (item["assets"][key] for key in ("red", "lwir11"))
    assert Path(red["href"]).is_relative_to(folder)
    assert red["type"].startswith("image/tiff; application=geotiff")
    assert [red["bands"][0][name] for name in ("raster:scale", "raster:offset", "nodata")] == [
        2.75e-05,
        -0.2,
        0,
    ]
    assert red["bands"][0]["eotiles:domain"] == "reflectance"
    assert thermal["bands"][0]["eotiles:domain"] == "kelvin"
    assert thermal["bands"][0]["raster:offset"] == 149.0
    quality = item["assets"]["qa_pixel"]["bands"][0]
    assert quality["classification:bitfields"][3]["name"] == "cloud"
    assert "statistics" not in quality
    properties = item["properties"]
    assert (properties["platform"], properties["grid:code"]) == ("landsat-8", "WRS2-193030")
    assert properties["datetime"] == "2020-07-04T10:04:21.618145Z"
    assert properties["eotiles:domain"] == "reflectance"
    assert [scene.outcome for scene in way("landsat").scenes] == ["unchanged"]


def test_landsat_level_1_is_copied(way: Way) -> None:
    product = Landsat(level=1)
    folder = product.write(way.archive, mtl=("txt",))
    assert way("landsat", copy=True).refused == ()
    shutil.rmtree(folder)
    item = way.item("landsat", product.item)
    pan = item["assets"]["pan"]
    assert (pan["bands"][0]["eotiles:domain"], pan["bands"][0]["raster:scale"]) == (
        "toa_reflectance",
        2e-05,
    )
    assert item["assets"]["lwir11"]["bands"][0]["eotiles:domain"] == "dn"
    with rasterio.open(pan["href"]) as dataset:
        assert np.array_equal(dataset.read(1), products.landsat_numbers(8, side=200))


@pytest.mark.parametrize("sensor", ["LC09", "LE07", "LT05"])
@pytest.mark.parametrize("form", ["xml", "json", "txt"])
def test_every_form_of_the_mtl(way: Way, sensor: str, form: str) -> None:
    product = Landsat(sensor=sensor)
    product.write(way.archive, mtl=(form,))
    assert way("landsat").refused == ()
    item = way.item("landsat", product.item)
    assert item["properties"]["platform"] == f"landsat-{int(sensor[2:])}"
    assert {"red", "nir08", "swir16", "qa_pixel"} <= set(item["assets"])


def test_naip(way: Way) -> None:
    image = products.naip(way.archive)
    assert way("naip", state="ND").refused == ()
    item = way.item("naip", f"nd_{image.stem}")
    asset = item["assets"]["image"]
    assert Path(asset["href"]) == image
    assert [band["eo:common_name"] for band in asset["bands"]] == ["red", "green", "blue", "nir"]
    assert {band["eotiles:domain"] for band in asset["bands"]} == {"display"}
    assert all("nodata" not in band for band in asset["bands"])
    assert item["properties"]["datetime"] == "2017-08-27T16:00:00Z"
    assert item["properties"]["grid:code"] == "DOQQ-4709963SE"
    assert Path(item["assets"]["metadata"]["href"]) == image.with_suffix(".txt")


def test_naip_marked_as_transparent(way: Way) -> None:
    """GDAL marks the fourth band of bytes so unless told otherwise."""
    image = products.naip(way.archive, marked=True, metadata="xml")
    assert "is marked as transparency, and would hide pixels): say --copy" in str(
        way("naip").refused[0]
    )
    assert way("naip", copy=True).refused == ()
    asset = way.item("naip", image.stem)["assets"]["image"]
    with rasterio.open(asset["href"]) as dataset:
        assert [colour.name for colour in dataset.colorinterp][3] != "alpha"


def test_sentinel_1_is_warped(way: Way) -> None:
    product = Sentinel1()
    product.write(way.archive)
    refused = way("sentinel1").refused
    assert "say --copy" in str(refused[0])
    assert way.items("sentinel1") == []
    assert way("sentinel1", copy=True).refused == ()
    item = way.item("sentinel1", product.item)
    assert item["properties"]["proj:code"] == "EPSG:32632"
    assert item["properties"]["sar:instrument_mode"] == "IW"
    band = item["assets"]["vv"]["bands"][0]
    assert (band["eotiles:domain"], band["sar:polarizations"]) == ("amplitude", ["VV"])
    with rasterio.open(item["assets"]["vv"]["href"]) as dataset:
        assert dataset.res == (10.0, 10.0)
        assert all(value % 10 == 0 for value in dataset.bounds)
        for row, column in products.S1_POINTS:
            # Of a pixel's middle, as ground control points lie at its corner.
            place = products.s1_place(row + 0.5, column + 0.5)
            x, y = rasterio.warp.transform("EPSG:4326", dataset.crs, *([value] for value in place))
            brightest = _brightest(dataset, x[0], y[0])
            assert np.hypot(*(np.array(brightest) - (x[0], y[0]))) < 10.0
    assert [scene.outcome for scene in way("sentinel1", copy=True).scenes] == ["unchanged"]


def _brightest(dataset: Any, x: float, y: float) -> tuple[float, float]:
    """Middle of the bright pixels near a place."""
    row, column = dataset.index(x, y)
    window = dataset.read(1)[row - 12 : row + 13, column - 12 : column + 13]
    rows, columns = np.nonzero(window > 2500)
    middle = dataset.transform @ (
        column - 12 + columns.mean() + 0.5,
        row - 12 + rows.mean() + 0.5,
    )
    return float(middle[0]), float(middle[1])


def test_real_naip(way: Way) -> None:
    """Cutouts of real images; they lack metadata, so their names say it all."""
    folder = SHARED / "imagery" / "naip-prairie-rgbn"
    if not folder.exists():
        pytest.skip("the real images are not beside this checkout")
    summary = way("naip", folder, roots=(str(way.assets), str(folder)))
    assert summary.refused == ()
    assert len(summary.scenes) == 6
    item = way.item("naip", "m_4709963_se_14_1_20170827")
    assert item["properties"]["datetime"] == "2017-08-27T16:00:00Z"
    assert Path(item["assets"]["image"]["href"]).parent == folder.resolve()
    assert item["assets"]["image"]["bands"][3]["eo:common_name"] == "nir"
