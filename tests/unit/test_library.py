"""The library: windows of native files equal rasterio's, blocks are decoded once, files that change are noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling

from eotiles.core.errors import AssetUnreadable
from eotiles.core.grid import Grid, Window
from eotiles.core.watch import Watch
from eotiles.gather import explain_step, gather
from eotiles.http.raster import make_library
from eotiles.plan import Step
from eotiles.read.files import AssetChanged, Files
from eotiles.read.library import Library
from eotiles.read.location import Location
from eotiles.read.native import Cut, Native
from eotiles.read.objects import Changed, Damaged, NotThere
from eotiles.read.pixels import Nodata
from eotiles.read.stores import open_stores
from eotiles.settings import Settings

UTM = CRS.from_epsg(32632)
PLACE = Affine(10, 0, 500_000, 0, -10, 5_000_000)
GRID = Grid(UTM, Affine(10, 0, 500_205, 0, -10, 4_999_635), 120, 140)


@pytest.fixture
def library() -> Iterator[Library]:
    with Library(open_stores(), blocks_bytes=2**24) as made:
        yield made


def write(path: Path, planes: np.ndarray[Any, Any], *, mask: Any = None, **options: Any) -> Path:
    profile = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", **options}
    bands, height, width = planes.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", count=bands, height=height, width=width, dtype=planes.dtype, crs=UTM,
            transform=PLACE, **profile,
        ) as dataset,
    ):  # fmt: skip
        dataset.write(planes)
        if mask is not None:
            dataset.write_mask(mask)
        dataset.build_overviews([2, 4], Resampling.nearest)
    return path


def numbers(seed: int, *, bands: int = 1, kind: str = "uint16") -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(1, 250, (bands, 300, 350)).astype(kind)


def native(library: Library, path: Path) -> Native:
    found = library.open(Location("file", "", str(path)))
    assert isinstance(found, Native), found
    return found


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize(
    "window", [Window(0, 1, 0, 1), Window(10, 70, 3, 80), Window(60, 75, 0, 87), Window(0, 75, 63, 65)]
)  # fmt: skip
def test_windows_are_rasterios(
    library: Library, tmp_path: Path, interleave: str, level: int, window: Window
) -> None:
    planes = numbers(1, bands=3)
    usable = np.random.default_rng(2).random(planes.shape[1:]) > 0.3
    path = write(tmp_path / "a.tif", planes, mask=usable, interleave=interleave)
    file = native(library, path)
    ((data, mask),) = library.cut([Cut(file, level, (3, 1), window)])
    options = {} if level == 0 else {"overview_level": level - 1}
    with rasterio.open(path, **options) as dataset:
        area = ((window.row0, window.row1), (window.col0, window.col1))
        np.testing.assert_array_equal(data, dataset.read([3, 1], window=area))
        np.testing.assert_array_equal(mask, dataset.read_masks(1, window=area) != 0)


def test_files_are_stacked(library: Library, tmp_path: Path) -> None:
    files = [native(library, write(tmp_path / f"{n}.tif", numbers(n))) for n in range(3)]
    cuts = [Cut(file, 0, (1,), Window(5, 200, 7, 300)) for file in files]
    ((stacked, mask),) = library.cut(cuts, stacked=True)
    assert mask is None
    np.testing.assert_array_equal(stacked, np.concatenate([data for data, _ in library.cut(cuts)]))


def test_a_block_is_decoded_once_for_all_threads(library: Library, tmp_path: Path) -> None:
    file = native(library, write(tmp_path / "a.tif", numbers(1)))
    cut = Cut(file, 0, (1,), Window(0, 300, 0, 350))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: library.cut([cut])[0][0], range(24)))
    assert all((each == found[0]).all() for each in found)
    assert library.counts().loads == 5 * 6
    told = library.explain(cut)
    assert (told["blocks"], told["cached"]) == (30, 30)
    assert told["bytes"] > 0


def test_why_gdal_reads_is_found_out_once(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "strips.tif", numbers(1), tiled=False, blockxsize=350)
    where = Location("file", "", str(path))
    reasons = {library.open(where) for _ in range(3)}
    (reason,) = reasons
    assert isinstance(reason, str)
    assert "strip" in reason
    assert capsys.readouterr().out.count("read by GDAL") == 1


def test_a_file_that_is_replaced_is_read_anew(library: Library, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", numbers(1))
    window = Window(0, 300, 0, 350)
    old = native(library, path)
    library.cut([Cut(old, 0, (1,), Window(0, 10, 0, 10))])
    os.replace(write(tmp_path / "b.tif", numbers(2)), path)  # noqa: PTH105 - the same inode must not stay
    with pytest.raises(Changed) as error:
        library.cut([Cut(old, 0, (1,), window)])
    assert error.value.name == str(path)
    ((data, _),) = library.cut([Cut(native(library, path), 0, (1,), window)])
    np.testing.assert_array_equal(data, numbers(2))


def test_what_is_wrong_with_a_file_names_it(library: Library, tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        library.open(Location("file", "", str(tmp_path / "none.tif")))
    path = write(tmp_path / "a.tif", numbers(1))
    level = native(library, path).header.levels[0]
    content = bytearray(path.read_bytes())
    start = int(level.offsets[0, 1, 1])
    content[start + 4 : start + 40] = b"x" * 36
    path.write_bytes(content)
    file = native(library, path)
    with pytest.raises(Damaged) as error:
        library.cut([Cut(file, 0, (1,), Window(64, 128, 64, 128))])
    assert error.value.name == str(path)
    library.cut([Cut(file, 0, (1,), Window(0, 64, 0, 64))])


def files(library: Library, folder: Path) -> Files:
    def locate(asset: str) -> Location:
        return Location("file", "", str(folder / f"{asset}.tif"))

    return Files(item="'i' of collection 'c'", locate=locate, library=library)


def steps(*assets: str, bands: tuple[int, ...] = (1,)) -> list[Step]:
    return [Step(asset=asset, bands=bands, sources={}) for asset in assets]


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
def test_files_that_lie_alike_are_warped_as_each_alone(
    library: Library, tmp_path: Path, resampling: str
) -> None:
    for name in "ab":
        planes = numbers(ord(name))
        planes[planes % 7 == 0] = 0
        write(tmp_path / f"{name}.tif", planes, nodata=0)

    def read(opened: Files, wanted: list[Step]) -> list[Any]:
        return gather(
            opened, wanted, GRID, nodata=lambda step: Nodata({}), resampling=resampling, watch=Watch()
        )  # fmt: skip

    with files(library, tmp_path) as opened:
        together = read(opened, steps("a", "b"))
        alone = [read(opened, steps(name))[0] for name in "ab"]
    valid = alone[0].valid & alone[1].valid
    assert 0 < valid.sum() < valid.size
    for both, one in zip(together, alone, strict=True):
        np.testing.assert_array_equal(both.valid, valid)
        np.testing.assert_array_equal(both.data[:, valid], one.data[:, valid])


def test_what_is_too_much_together_is_read_one_by_one(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.tif", numbers(ord(name)))

    def read() -> list[Any]:
        with files(library, tmp_path) as opened:
            return gather(
                opened, steps(*"abc"), GRID, nodata=lambda step: Nodata({}), resampling="cubic", watch=Watch()
            )  # fmt: skip

    together = read()
    monkeypatch.setattr("eotiles.gather.DECODED_BYTES_MAX", 400_000)
    for one, other in zip(together, read(), strict=True):
        np.testing.assert_array_equal(one.data, other.data)
        np.testing.assert_array_equal(one.valid, other.valid)
    monkeypatch.setattr("eotiles.gather.DECODED_BYTES_MAX", 1000)
    with files(library, tmp_path) as opened:
        told = explain_step(opened, steps("a")[0], GRID, resampling="nearest")
    reason = "very many blocks are needed at once"
    assert told == {"asset": "a", "reader": "gdal", "reason": reason, "resampling": "nearest"}


def test_native_and_gdal_meet_on_one_grid(library: Library, tmp_path: Path) -> None:
    write(tmp_path / "a.tif", numbers(1))
    write(tmp_path / "b.tif", numbers(1), tiled=False, blockxsize=350)
    with files(library, tmp_path) as opened:
        a, b = gather(
            opened, steps("a", "b"), GRID, nodata=lambda step: Nodata({}), resampling="nearest", watch=Watch()
        )  # fmt: skip
    assert isinstance(opened.reader("b"), str)
    np.testing.assert_array_equal(a.valid, b.valid)
    assert (a.data == b.data).mean() > 0.999


def test_a_file_replaced_while_it_is_read_asks_for_a_second_try(
    library: Library, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tif", numbers(1))
    with files(library, tmp_path) as opened:
        file = opened.native("a")
        assert file is not None
        os.replace(write(tmp_path / "b.tif", numbers(2)), path)  # noqa: PTH105
        with pytest.raises(AssetChanged, match="being replaced"):
            opened.cut([("a", Cut(file, 0, (1,), Window(0, 9, 0, 9)))])
    with files(library, tmp_path) as again:
        file = again.native("a")
        assert file is not None
        ((data, _),) = again.cut([("a", Cut(file, 0, (1,), Window(0, 9, 0, 9)))])
        np.testing.assert_array_equal(data, numbers(2)[:, :9, :9])


def test_a_damaged_asset_is_named(library: Library, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", numbers(1))
    content = bytearray(path.read_bytes())
    level = native(library, path).header.levels[0]
    start = int(level.offsets[0, 0, 0])
    content[start + 2 : start + 60] = b"y" * 58
    path.write_bytes(content)
    with files(library, tmp_path) as opened:
        file = opened.native("a")
        assert file is not None
        with pytest.raises(AssetUnreadable, match=r"asset 'a' of item 'i' .* the file is damaged"):
            opened.cut([("a", Cut(file, 0, (1,), Window(0, 9, 0, 9)))])


def test_several_processes_share_the_memory_for_blocks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    with make_library(Settings(_env_file=None, block_cache_mb=512)) as library:
        assert library.blocks_bytes == 128 * 2**20
    assert "one process a machine is best" in capsys.readouterr().out


@pytest.mark.parametrize("resampling", ["nearest", "average"])
def test_both_numbers_for_no_data_are_hidden(
    library: Library, tmp_path: Path, resampling: str
) -> None:
    """The file's and the item's; around the file there is nothing, whoever reads it."""
    planes = numbers(1)
    planes[0, :50], planes[0, 50:100] = 0, 255
    write(tmp_path / "a.tif", planes, nodata=0)
    around = Grid(UTM, Affine(10, 0, 499_000, 0, -10, 5_001_000), 500, 550)
    with files(library, tmp_path) as opened:
        (found,) = gather(
            opened, steps("a"), around, nodata=lambda step: Nodata({1: 255.0}), resampling=resampling, watch=Watch()
        )  # fmt: skip
    expected = np.zeros((500, 550), bool)
    expected[200:400, 100:450] = True
    np.testing.assert_array_equal(found.valid, expected)


def test_what_is_fine_alone_but_not_together_is_warped_alone(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.tif", numbers(ord(name)))
    monkeypatch.setattr("eotiles.warp.resample.WORK_MAX", GRID.height_px * GRID.width_px * 16 * 2)
    with files(library, tmp_path) as opened:
        found = gather(
            opened, steps(*"abc"), GRID, nodata=lambda step: Nodata({}), resampling="cubic", watch=Watch()
        )  # fmt: skip
    assert len(found) == 3
    assert all(each.valid.all() for each in found)
