"""Converting, copying and leaving files where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

from eotiles.core.errors import IngestRefused
from eotiles.ingest.cog import convert, is_cloud_optimised, same_pixels
from eotiles.ingest.place import Placed, place
from eotiles.ingest.survey import checksum, survey
from tests.builders import geotiff, ramp


def placed(
    path: Path,
    folder: Path,
    *,
    roots: tuple[str, ...] = (),
    nodata: float | None = None,
    labels: bool = False,
    data_bands: tuple[int, ...] = (),
) -> Placed:
    staging = folder / ".part"
    staging.mkdir(parents=True, exist_ok=True)
    return place(
        survey(path, nodata=nodata, data_bands=data_bands),
        "B04",
        folder=folder,
        staging=staging,
        roots=roots,
        labels=labels,
    )


def hostile_values(dtype: str, bands: int) -> NDArray[Any]:
    """Pixels that a careless conversion changes: the extremes, nodata in some bands only, NaN."""
    rng = np.random.default_rng(7)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        data = rng.normal(size=(bands, 520, 600)).astype(dtype)
        data[:, 5, :20] = np.nan
        data[0, 6, :20] = np.inf
        data[:, 7, :3] = np.finfo(kind).max
    else:
        limits = np.iinfo(kind)
        data = rng.integers(limits.min, limits.max, (bands, 520, 600), endpoint=True, dtype=dtype)
        data[:, 5, :3] = limits.min, limits.max, 1
    data[:, :, :40] = 0
    data[0, :, 40:80] = 0
    return data


@pytest.mark.parametrize(
    ("dtype", "nodata", "bands"),
    [
        ("uint8", 0, 3),
        ("int16", 0, 1),
        ("int16", None, 6),
        ("uint16", 0, 1),
        ("uint16", 0, 6),
        ("float32", np.nan, 1),
        ("float32", np.nan, 6),
        ("float32", 0, 3),
        ("float64", None, 1),
    ],
)
def test_every_pixel_survives_the_conversion(
    dtype: str, nodata: float | None, bands: int, tmp_path: Path
) -> None:
    data = hostile_values(dtype, bands)
    source = geotiff(tmp_path / "a.tif", data, nodata=nodata)
    made = tmp_path / "made.tif"
    convert(survey(source), made, "average")
    with rasterio.open(source) as before, rasterio.open(made) as after:
        np.testing.assert_array_equal(after.read(), data)
        np.testing.assert_array_equal(after.read_masks(), before.read_masks())
        assert after.crs == before.crs
        assert after.transform == before.transform
        assert repr(after.nodata) == repr(before.nodata)
        assert after.profile["compress"] == "zstd"
        assert after.block_shapes == [(512, 512)] * bands
        assert after.profile["interleave"] == ("pixel" if bands == 3 else "band")
        assert after.overviews(1) == [2]
        assert after.descriptions == before.descriptions
    assert cog_validate(made, strict=True, quiet=True) == (True, [], [])


def test_an_inner_mask_survives_the_conversion(tmp_path: Path) -> None:
    source = geotiff(tmp_path / "a.tif", ramp(600, 600, bands=2), nodata=None)
    hidden = np.zeros((600, 600), bool)
    hidden[:300] = True
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as dataset:
        dataset.write_mask(~hidden)
    made = tmp_path / "made.tif"
    convert(survey(source), made, "average")
    with rasterio.open(made) as after:
        np.testing.assert_array_equal(after.dataset_mask() == 0, hidden)
        np.testing.assert_array_equal(after.read(), ramp(600, 600, bands=2))
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".msk"] == []


def test_scale_description_and_tags_survive_the_conversion(tmp_path: Path) -> None:
    source = geotiff(
        tmp_path / "a.tif", ramp(600, 600), descriptions=("B04",), tags={"LEVEL": "L1C"}
    )
    with rasterio.open(source, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.0001,), (-0.1,)
    made = tmp_path / "made.tif"
    convert(survey(source), made, "average")
    with rasterio.open(made) as after:
        assert (after.scales, after.offsets) == ((0.0001,), (-0.1,))
        assert after.descriptions == ("B04",)
        assert after.tags()["LEVEL"] == "L1C"


def test_overviews_leave_nodata_out(tmp_path: Path) -> None:
    data = np.full((1, 600, 600), 1000, np.uint16)
    data[0, :, ::2] = 0
    result = placed(geotiff(tmp_path / "a.tif", data), tmp_path / "out")
    with rasterio.open(result.path, overview_level=0) as overview:
        assert np.unique(overview.read()).tolist() == [1000]


@pytest.mark.parametrize(("labels", "allowed"), [(True, {1, 4}), (False, {1, 2, 3, 4})])
def test_labels_are_never_averaged(labels: bool, allowed: set[int], tmp_path: Path) -> None:
    data = np.where(np.random.default_rng(3).random((1, 600, 600)) < 0.5, 1, 4).astype(np.uint8)
    result = placed(geotiff(tmp_path / "a.tif", data), tmp_path / "out", labels=labels)
    with rasterio.open(result.path, overview_level=0) as overview:
        assert set(np.unique(overview.read()).tolist()) == allowed


def cog(path: Path, tmp_path: Path) -> Path:
    source = geotiff(tmp_path / "source.tif", ramp(600, 700))
    path.parent.mkdir(parents=True, exist_ok=True)
    convert(survey(source), path, "average")
    return path


def test_a_cloud_optimised_file_below_a_root_stays_where_it_is(tmp_path: Path) -> None:
    path = cog(tmp_path / "archive" / "a.tif", tmp_path)
    result = placed(path, tmp_path / "out", roots=(str(tmp_path / "archive"), "s3://bucket/x"))
    assert result == Placed(path, path.stat().st_size, checksum(path), new=False)
    assert list((tmp_path / "out").glob("*.tif")) == []


def test_a_cloud_optimised_file_elsewhere_is_copied(tmp_path: Path) -> None:
    path = cog(tmp_path / "archive" / "a.tif", tmp_path)
    result = placed(path, tmp_path / "out", roots=(str(tmp_path / "other"),))
    assert result.new
    assert result.path.parent == tmp_path / "out"
    assert result.path.read_bytes() == path.read_bytes()


def test_a_link_that_leads_out_of_a_root_is_not_left_there(tmp_path: Path) -> None:
    path = cog(tmp_path / "archive" / "a.tif", tmp_path)
    (tmp_path / "root").mkdir()
    link = tmp_path / "root" / "a.tif"
    link.symlink_to(path)
    assert placed(link, tmp_path / "out", roots=(str(tmp_path / "root"),)).new


@pytest.mark.parametrize("options", [{}, {"tiled": True}])
def test_strips_and_missing_overviews_are_converted(
    options: dict[str, Any], tmp_path: Path
) -> None:
    path = geotiff(tmp_path / "a.tif", ramp(600, 700), options=options)
    assert not is_cloud_optimised(survey(path))
    result = placed(path, tmp_path / "out", roots=(str(tmp_path),))
    assert result.new
    assert is_cloud_optimised(survey(result.path))


def test_another_nodata_than_the_files_means_new_overviews(tmp_path: Path) -> None:
    path = cog(tmp_path / "archive" / "a.tif", tmp_path)
    result = placed(path, tmp_path / "out", roots=(str(tmp_path),), nodata=7)
    assert result.new
    with rasterio.open(result.path) as dataset:
        assert dataset.nodata == 7


def test_the_same_source_gets_the_same_name_and_is_not_converted_again(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", ramp(600, 700))
    first = placed(path, tmp_path / "out")
    inode = first.path.stat().st_ino
    again = placed(path, tmp_path / "out")
    assert (first.new, again.new) == (True, False)
    assert (again.path, again.sha256, again.path.stat().st_ino) == (first.path, first.sha256, inode)
    changed = placed(geotiff(path, ramp(600, 700, start=2)), tmp_path / "out")
    assert changed.path != first.path
    assert first.path.exists()


def marked(tmp_path: Path) -> tuple[Path, NDArray[np.uint8]]:
    """Four bands of bytes as GDAL writes them unless told otherwise: near infrared, 0 in places, marked as alpha."""
    data = np.random.default_rng(5).integers(1, 256, (4, 600, 700), dtype=np.uint8)
    data[3, :300] = 0
    path = geotiff(tmp_path / "archive" / "naip.tif", data, nodata=None)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha
    return path, data


def test_a_band_that_is_data_loses_its_mark_of_transparency(tmp_path: Path) -> None:
    path, data = marked(tmp_path)
    result = placed(path, tmp_path / "out", data_bands=(1, 2, 3, 4))
    with rasterio.open(result.path) as after:
        np.testing.assert_array_equal(after.read(), data)
        assert after.read_masks().all()
        assert [colour.name for colour in after.colorinterp] == [
            "red",
            "green",
            "blue",
            "undefined",
        ]
    with rasterio.open(result.path, overview_level=0) as overview:
        small = overview.read().astype(float)
    halves = data.reshape(4, 300, 2, 350, 2).mean(axis=(2, 4))
    assert np.abs(small - halves).max() <= 1, "averages leave no pixel out"
    seen = survey(path, data_bands=(4,))
    assert (seen.unmarked, seen.masked, seen.colours[3]) == ((4,), False, "undefined")
    assert [figures.valid for figures in seen.statistics] == [600 * 700] * 4


def test_a_mark_of_transparency_counts_where_nobody_says_otherwise(tmp_path: Path) -> None:
    path, data = marked(tmp_path)
    result = placed(path, tmp_path / "out")
    with rasterio.open(result.path) as after:
        assert after.colorinterp[3] == ColorInterp.alpha
        np.testing.assert_array_equal(after.read_masks(1) == 0, data[3] == 0)
    assert survey(path).statistics[0].valid == 300 * 700
    assert placed(path, tmp_path / "out", data_bands=(4,)).path != result.path


def test_a_cloud_optimised_file_with_a_wrong_mark_does_not_stay(tmp_path: Path) -> None:
    path, _ = marked(tmp_path)
    kept = placed(path, tmp_path / "archive").path
    roots = (str(tmp_path / "archive"),)
    assert not placed(kept, tmp_path / "out", roots=roots).new
    result = placed(kept, tmp_path / "out", roots=roots, data_bands=(4,))
    with rasterio.open(result.path) as after:
        assert (result.new, after.colorinterp[3]) == (True, ColorInterp.undefined)


def test_an_inner_mask_beside_a_wrong_mark_stays(tmp_path: Path) -> None:
    path, data = marked(tmp_path)
    visible = np.ones((600, 700), bool)
    visible[:, :90] = False
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(visible)
    result = placed(path, tmp_path / "out", data_bands=(4,))
    with rasterio.open(result.path) as after:
        np.testing.assert_array_equal(after.read(), data)
        np.testing.assert_array_equal(after.dataset_mask() != 0, visible)
        assert after.colorinterp[3] == ColorInterp.undefined


def test_pixels_that_differ_are_noticed(tmp_path: Path) -> None:
    data = ramp(600, 700)
    one = geotiff(tmp_path / "one.tif", data)
    assert same_pixels(one, one, nodata=None)
    data[0, 599, 699] += 1
    assert not same_pixels(one, geotiff(tmp_path / "two.tif", data), nodata=None)
    assert not same_pixels(one, geotiff(tmp_path / "small.tif", ramp(600, 699)), nodata=None)
    # The same numbers, but fewer of them valid.
    assert not same_pixels(
        one, geotiff(tmp_path / "nodata.tif", ramp(600, 700), nodata=2), nodata=None
    )


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    source = survey(cog(tmp_path / "a.tif", tmp_path))
    with pytest.raises(IngestRefused, match=r"cannot be stored \(No such file or directory\)"):
        place(source, "B04", folder=tmp_path, staging=tmp_path / "gone", roots=(), labels=False)
