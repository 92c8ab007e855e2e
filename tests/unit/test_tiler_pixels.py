"""Reading onto a grid, from real GeoTIFFs, against arithmetic on their arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling

from eotiles.core.errors import AssetUnreadable, BadParameter, UnknownBand
from eotiles.core.grid import Grid
from eotiles.read.files import Files
from eotiles.read.grid import Size, part_grid
from eotiles.read.location import Location
from eotiles.read.pixels import Nodata, Pixels
from tests.builders import library

UTM = CRS.from_epsg(32632)
LEFT, TOP = 500_000.0, 5_000_000.0
NOTHING = Nodata({})


def write(
    path: Path,
    planes: np.ndarray[Any, Any],
    *,
    pixel: float = 10,
    left: float = LEFT,
    **profile: Any,
) -> Path:
    options = {"nodata": None, "crs": UTM, "tiled": True, "blockxsize": 64, "blockysize": 64}
    count, height, width = planes.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=height, width=width, dtype=planes.dtype,
        transform=Affine(pixel, 0, left, 0, -pixel, TOP), **(options | profile),
    ) as dataset:  # fmt: skip
        dataset.write(planes)
    return path


def grid(left: float, top: float, pixel: float, height: int, width: int) -> Grid:
    return Grid(UTM, Affine(pixel, 0, left, 0, -pixel, top), height, width)


def files(folder: Path) -> Files:
    def locate(asset: str) -> Location:
        return Location("file", "", str(folder / f"{asset}.tif"))

    return Files(item="'i' of collection 'c'", locate=locate, library=library())


def read(
    folder: Path,
    at: Grid,
    *,
    asset: str = "a",
    bands: tuple[int, ...] = (),
    nodata: Nodata = NOTHING,
    resampling: str = "nearest",
) -> Pixels:
    with files(folder) as opened:
        return opened.read(asset, bands, at, nodata=nodata, resampling=resampling)


def ramp(height: int = 96, width: int = 96, bands: int = 1) -> np.ndarray[Any, Any]:
    return (
        np.arange(bands * height * width, dtype=np.uint32).reshape(bands, height, width) % 60_000
        + 1
    ).astype(np.uint16)


def test_pixels_of_the_files_own_grid_come_back_as_they_are(tmp_path: Path) -> None:
    planes = ramp(bands=3)
    write(tmp_path / "a.tif", planes)
    found = read(tmp_path, grid(LEFT + 100, TOP - 200, 10, 40, 30))
    np.testing.assert_array_equal(found.data, planes[:, 20:60, 10:40])
    assert found.valid.all()
    assert found.bands == (1, 2, 3)


def test_outside_the_file_nothing_is_valid(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", ramp())
    over_the_edge = read(tmp_path, grid(LEFT - 100, TOP + 100, 10, 20, 20))
    assert over_the_edge.valid[10:, 10:].all()
    assert not over_the_edge.valid[:10].any()
    assert not over_the_edge.valid[:, :10].any()
    far = read(tmp_path, grid(LEFT + 50_000, TOP, 10, 20, 20), bands=(1,))
    assert not far.valid.any()
    assert far.data.shape == (1, 20, 20)


def test_coarser_and_finer_files_meet_by_georeference(tmp_path: Path) -> None:
    fine, coarse = ramp(), ramp(48, 48)
    write(tmp_path / "fine.tif", fine)
    write(tmp_path / "coarse.tif", coarse, pixel=20, left=LEFT - 40)
    at = grid(LEFT, TOP, 10, 80, 80)
    rows, columns = np.mgrid[0:80, 0:80]
    np.testing.assert_array_equal(read(tmp_path, at, asset="fine").data[0], fine[0, :80, :80])
    np.testing.assert_array_equal(
        read(tmp_path, at, asset="coarse").data[0], coarse[0, rows // 2, columns // 2 + 2]
    )


def test_a_coarse_grid_is_read_from_an_overview(tmp_path: Path) -> None:
    planes = ramp(256, 256)
    path = write(tmp_path / "a.tif", planes)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    with rasterio.open(path, overview_level=1) as overview:
        expected = overview.read(1)
    found = read(tmp_path, grid(LEFT, TOP, 40, 64, 64))
    np.testing.assert_array_equal(found.data[0], expected)
    half = read(tmp_path, grid(LEFT, TOP, 30, 64, 64))
    with rasterio.open(path, overview_level=0) as overview:
        pixels = np.floor((np.arange(64) + 0.5) * 30 / 20).astype(int)
        np.testing.assert_array_equal(half.data[0], overview.read(1)[np.ix_(pixels, pixels)])


HOLE = (slice(10, 20), slice(30, 50))


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average"])
@pytest.mark.parametrize("kind", ["file", "item", "both", "mask", "alpha"])
def test_no_data_is_never_valid(tmp_path: Path, kind: str, resampling: str) -> None:
    planes = np.full((1, 64, 64), 4000, np.uint16)
    planes[0][HOLE] = 0
    profile: dict[str, Any] = {"nodata": 0 if kind in ("file", "both") else None}
    nodata = Nodata({1: 0.0}) if kind in ("item", "both") else NOTHING
    if kind == "alpha":
        planes = np.concatenate([planes, np.where(planes == 0, 0, 65535).astype(np.uint16)])
    path = write(tmp_path / "a.tif", planes, **profile)
    if kind == "alpha":
        with rasterio.open(path, "r+") as dataset:
            dataset.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
    if kind == "mask":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
            dataset.write_mask(planes[0] != 0)
    found = read(tmp_path, grid(LEFT, TOP, 10, 64, 64), nodata=nodata, resampling=resampling)
    assert found.data.shape == (1, 64, 64)
    assert not found.valid[HOLE].any()
    outside = np.ones((64, 64), bool)
    outside[7:23, 27:53] = False
    assert found.valid[outside].all()
    assert set(np.unique(found.data[0][found.valid])) == {4000}, "no data leaked into a valid pixel"


def test_no_data_of_each_band_counts_for_all(tmp_path: Path) -> None:
    planes = np.full((2, 8, 8), 50, np.uint8)
    planes[0, 0, 0], planes[1, 0, 1] = 7, 9
    write(tmp_path / "a.tif", planes)
    found = read(tmp_path, grid(LEFT, TOP, 10, 8, 8), nodata=Nodata({1: 7.0, 2: 9.0}))
    assert not found.valid[0, :2].any()
    assert found.valid.sum() == 62


def test_no_data_that_the_type_cannot_hold_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((1, 8, 8), 5, np.uint8))
    for value in (-9999.0, 5.5, 1e30):
        assert read(tmp_path, grid(LEFT, TOP, 10, 8, 8), nodata=Nodata({1: value})).valid.all()


def test_a_request_may_say_what_no_data_is(tmp_path: Path) -> None:
    planes = np.full((1, 8, 8), 5, np.uint8)
    planes[0, 0] = 0
    write(tmp_path / "a.tif", planes, nodata=0)
    at = grid(LEFT, TOP, 10, 8, 8)
    assert read(tmp_path, at).valid.sum() == 56
    assert read(tmp_path, at, nodata=Nodata({1: 0.0}, override=5.0)).valid.sum() == 8
    assert read(tmp_path, at, nodata=Nodata({1: 0.0}, override=float("nan"))).valid.all()


def test_not_a_number_is_never_valid(tmp_path: Path) -> None:
    planes = np.ones((1, 8, 8), np.float32)
    planes[0, 0, :3] = np.nan, np.inf, -np.inf
    for nodata in (None, float("nan")):
        write(tmp_path / "a.tif", planes, nodata=nodata)
        assert read(tmp_path, grid(LEFT, TOP, 10, 8, 8)).valid.sum() == 61


def test_points(tmp_path: Path) -> None:
    planes = ramp(bands=2)
    planes[:, 5, 7] = 0
    write(tmp_path / "a.tif", planes, nodata=0)
    with files(tmp_path) as opened:

        def at(x: float, y: float) -> Pixels | None:
            return opened.sample("a", (), (x, y), crs=UTM, nodata=NOTHING)

        inside = at(LEFT + 33, TOP - 48)
        assert inside is not None
        assert inside.data[:, 0, 0].tolist() == planes[:, 4, 3].tolist()
        hole = at(LEFT + 75, TOP - 55)
        assert hole is not None
        assert not hole.valid.any()
        corner = at(LEFT, TOP)
        assert corner is not None
        assert at(LEFT - 0.01, TOP - 5) is None
        assert at(LEFT + 960, TOP - 5) is None


def test_the_finest_file_and_where_all_have_pixels(tmp_path: Path) -> None:
    write(tmp_path / "coarse.tif", ramp(48, 48), pixel=20, left=LEFT + 100)
    write(tmp_path / "fine.tif", ramp())
    write(tmp_path / "away.tif", ramp(), left=LEFT + 90_000)
    with files(tmp_path) as opened:
        assert opened.finest(["coarse", "fine"]).transform.a == 10
        assert opened.common_bounds(["coarse", "fine"], UTM) == (
            LEFT + 100,
            TOP - 960,
            LEFT + 960,
            TOP,
        )
        with pytest.raises(BadParameter, match="no place in common"):
            opened.common_bounds(["fine", "away"], UTM)


def test_sizes_follow_the_finest_band(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", ramp(100, 200))
    with files(tmp_path) as opened:
        native = opened.grid("a")

        def shape(size: Size, *, align: bool = False) -> tuple[int, int]:
            found = part_grid(
                native,
                (LEFT + 3, TOP - 1000, LEFT + 2000, TOP),
                bounds_crs=UTM,
                crs=UTM,
                size=size,
                align=align,
            )
            return found.height_px, found.width_px

        assert shape(Size()) == (100, 200)
        assert shape(Size(), align=True) == (100, 200)
        assert shape(Size(max_px=50)) == (25, 50)
        assert shape(Size(width_px=40)) == (20, 40)
        assert shape(Size(width_px=7, height_px=9)) == (9, 7)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    write(tmp_path / "vrt.tif", ramp())
    (tmp_path / "a.vrt").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>")
    (tmp_path / "vrt.tif").write_bytes((tmp_path / "a.vrt").read_bytes())
    write(tmp_path / "nowhere.tif", ramp(), crs=None)
    at = grid(LEFT, TOP, 10, 8, 8)
    for asset in ("text", "vrt", "absent", "nowhere"):
        with pytest.raises(
            AssetUnreadable, match=f"asset '{asset}' of item 'i' of collection 'c'"
        ) as error:
            read(tmp_path, at, asset=asset)
        assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ({"count": 65}, "more than 64 bands"),
        ({"width": 9000, "height": 16}, "no overviews"),
        (
            {"width": 8192, "height": 8192, "blockxsize": 8192, "blockysize": 8192},
            "blocks are too large",
        ),
        ({"width": 300_000, "height": 300_000, "blockxsize": 2048, "blockysize": 2048}, "pixels"),
        ({"transform": Affine(10, 1, LEFT, 1, -10, TOP)}, "rotated"),
    ],
)
def test_headers_over_a_limit_are_refused_before_a_pixel(
    tmp_path: Path, profile: dict[str, Any], says: str
) -> None:
    options: dict[str, Any] = {
        "driver": "GTiff", "count": 1, "width": 16, "height": 16, "dtype": "uint8", "crs": UTM, "tiled": True,
        "blockxsize": 16, "blockysize": 16, "sparse_ok": True, "transform": Affine(10, 0, LEFT, 0, -10, TOP),
    } | profile  # fmt: skip
    with rasterio.open(tmp_path / "a.tif", "w", **options):
        pass
    with pytest.raises(AssetUnreadable, match=says):
        read(tmp_path, grid(LEFT, TOP, 10, 8, 8))


def test_a_truncated_file_is_an_unreadable_asset(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    path = write(
        tmp_path / "a.tif",
        random.integers(1, 60_000, (1, 256, 256)).astype(np.uint16),
        compress="deflate",
    )
    whole = path.read_bytes()
    at = grid(LEFT, TOP, 10, 256, 256)
    for share in (0.05, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(AssetUnreadable):
            read(tmp_path, at)


def test_a_band_that_the_file_lacks(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", ramp())
    with pytest.raises(UnknownBand, match=r"asset 'a' .* has no band 2; it has 1"):
        read(tmp_path, grid(LEFT, TOP, 10, 8, 8), bands=(1, 2))
