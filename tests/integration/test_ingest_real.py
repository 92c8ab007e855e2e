"""Real imagery: the demo scene, thirteen bands of Sentinel-2, aerial photographs, Landsat, radar."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from eotiles.core.errors import SetupError
from eotiles.ingest.demo import demo_files, demo_options
from eotiles.ingest.files import ingest_files
from eotiles.ingest.options import IngestOptions, parse_bands
from eotiles.ingest.period import parse_period
from tests.builders import SHARED

pytestmark = pytest.mark.integration

IMAGERY = SHARED / "imagery"

Bring = Callable[[list[Path], IngestOptions], dict[str, Any]]


@pytest.fixture
def bring(ingest_conninfo: str, tmp_path: Path) -> Iterator[Bring]:
    """Ingests one scene and returns its item as the catalogue has it."""
    assets = tmp_path / "assets"

    def ingest(paths: list[Path], options: IngestOptions) -> dict[str, Any]:
        summary = ingest_files(
            paths, options, conninfo=ingest_conninfo, assets=assets, roots=(str(assets),)
        )
        assert [str(refusal) for refusal in summary.refused] == []
        (scene,) = summary.scenes
        with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
            row = connection.execute(
                "SELECT get_item(%s, %s)", [scene.item, options.collection]
            ).fetchone()
        assert row is not None
        found = row[0]
        assert isinstance(found, dict)
        return found

    yield ingest
    with psycopg.connect(
        ingest_conninfo, options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id = 'ingest-real'")
    shutil.rmtree(assets, ignore_errors=True)


def real(*parts: str) -> Path:
    path = IMAGERY.joinpath(*parts)
    if not path.exists():
        pytest.skip("the real imagery is not beside this checkout")
    return path


def assert_same_pixels(source: Path, item: dict[str, Any], asset: str = "data") -> None:
    made = Path(item["assets"][asset]["href"])
    with rasterio.open(source) as before, rasterio.open(made) as after:
        np.testing.assert_array_equal(after.read(), before.read())
        assert after.transform == before.transform
        assert after.crs == before.crs
    assert cog_validate(made, strict=True, quiet=True) == (True, [], [])


def test_the_demo_scene(bring: Bring, tmp_path: Path) -> None:
    if find_spec("scipy") is None:
        pytest.skip("the demo reads its imagery with SciPy")
    try:
        paths = demo_files(tmp_path)
    except SetupError as error:
        pytest.skip(str(error))
    item = bring(paths, replace(demo_options(), collection="ingest-real"))
    assert item["id"] == "s2-patagonia-demo"
    assert sorted(item["assets"]) == ["B02", "B03", "B04", "B08", "B11", "B12", "thumbnail"]
    # The 20 m bands cover four times the ground of the 10 m bands; the footprint is that of all together.
    with rasterio.open(item["assets"]["B11"]["href"]) as dataset:
        bounds = rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    assert item["bbox"] == pytest.approx(list(bounds), abs=1e-5)
    assert item["properties"]["gsd"] == 10
    assert item["properties"]["start_datetime"] == "2015-06-27T00:00:00Z"
    assert item["properties"]["attribution"] == "contains modified Copernicus Sentinel data"
    for key, path in zip(("B02", "B03", "B04", "B08", "B11", "B12"), paths, strict=True):
        assert_same_pixels(path, item, key)
        assert item["assets"][key]["gsd"] == (20 if key in ("B11", "B12") else 10)


def test_thirteen_bands_in_strips(bring: Bring) -> None:
    source = real("flood-spain-s1-s2", "s2-l1c-13bands-20190918.tif")
    options = IngestOptions(collection="ingest-real", domain="toa_reflectance", scale=0.0001)
    item = bring([source], options)
    assert_same_pixels(source, item)
    bands = item["assets"]["data"]["bands"]
    assert [band["name"] for band in bands][7:10] == ["B08", "B8A", "B09"]
    names = {band["name"]: band.get("eo:common_name") for band in bands}
    assert (names["B08"], names["B8A"], names["B11"], names["B04"]) == (
        "nir",
        "nir08",
        "swir16",
        "red",
    )
    assert item["properties"]["datetime"] == "2019-09-18T00:00:00Z"
    assert bands[0]["raster:spatial_resolution"] == pytest.approx(10, rel=1e-4)
    assert item["properties"]["constellation"] == "sentinel-2"
    with rasterio.open(item["assets"]["data"]["href"]) as dataset:
        assert dataset.profile["interleave"] == "band"
        assert dataset.block_shapes == [(512, 512)] * 13


def test_aerial_photographs_without_overviews(bring: Bring) -> None:
    source = real("naip-prairie-rgbn", "m_4709963_se_14_1_20200831.tif")
    options = IngestOptions(
        collection="ingest-real", bands=parse_bands("red,green,blue,nir"), domain="display"
    )
    item = bring([source], options)
    assert_same_pixels(source, item)
    with rasterio.open(item["assets"]["data"]["href"]) as dataset:
        assert dataset.overviews(1)
    assert item["properties"]["datetime"] == "2020-08-31T00:00:00Z"
    assert item["properties"]["proj:code"] == "EPSG:26914"


def test_landsat_reflectance_in_strips_of_one_row(bring: Bring) -> None:
    source = real("landsat8-india-ms-pan", "LC08_L2SP_143054_20230213_20230218_02_T1_SR.tif")
    options = IngestOptions(
        collection="ingest-real",
        bands=parse_bands("B2,B3,B4,B5,B6,B7,QA_PIXEL"),
        period=parse_period("2023-02-13"),
    )
    item = bring([source], options)
    assert_same_pixels(source, item)
    common = [band.get("eo:common_name") for band in item["assets"]["data"]["bands"]]
    assert common == ["blue", "green", "red", "nir08", "swir16", "swir22", None]


def test_radar_in_decibels_with_nan(bring: Bring) -> None:
    source = real("flood-spain-s1-s2", "s1-vv-vh-db-20190917.tif")
    item = bring([source], IngestOptions(collection="ingest-real", domain="db"))
    assert_same_pixels(source, item)
    bands = item["assets"]["data"]["bands"]
    assert [band["name"] for band in bands] == ["VV", "VH"]
    assert bands[0]["nodata"] == "nan"
    assert -40 < bands[0]["statistics"]["mean"] < 0


def test_labels_keep_their_values_in_overviews(bring: Bring) -> None:
    source = real("flood-spain-s1-s2", "water-label.tif")
    options = IngestOptions(
        collection="ingest-real", labels=True, period=parse_period("2019-09-17")
    )
    item = bring([source], options)
    assert_same_pixels(source, item)
    band = item["assets"]["data"]["bands"][0]
    assert (band["eotiles:labels"], band["eotiles:domain"]) == (True, "dn")
    picture = band["statistics"]
    assert (picture["minimum"], picture["maximum"]) == (-1, 1)
