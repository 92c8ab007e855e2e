"""Files that are refused, each with a sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from eotiles.core.errors import IngestRefused
from eotiles.ingest.header import GDAL_OPTIONS
from eotiles.ingest.survey import survey
from tests.builders import geotiff, north_up, ramp


def text(path: Path) -> Path:
    path.write_text("this is a text file")
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def virtual(path: Path) -> Path:
    """A VRT that would read another file, renamed."""
    source = geotiff(path.with_name("source.tif"), ramp(8, 8))
    path.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def broken_header(path: Path) -> Path:
    path.write_bytes(b"II*\0" + b"\xff" * 60)
    return path


def truncated(path: Path) -> Path:
    """The header is at the start, the last strips are gone."""
    noise = np.random.default_rng(1).integers(1, 60_000, (1, 300, 300), dtype=np.uint16)
    geotiff(path, noise)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    return path


def truncated_deflate(path: Path) -> Path:
    noise = np.random.default_rng(1).integers(1, 60_000, (2, 600, 600), dtype=np.uint16)
    geotiff(path, noise, options={"compress": "deflate", "tiled": True})
    content = path.read_bytes()
    path.write_bytes(content[:-20_000])
    return path


def overwritten(path: Path) -> Path:
    """A hole in the middle, as a broken download leaves it."""
    noise = np.random.default_rng(1).integers(1, 60_000, (1, 600, 600), dtype=np.uint16)
    geotiff(path, noise, options={"compress": "deflate", "tiled": True})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200_000] = bytes(200_000)
    path.write_bytes(content)
    return path


def without_crs(path: Path) -> Path:
    return geotiff(path, ramp(8, 8), crs=None)


def without_grid(path: Path) -> Path:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        return geotiff(path, ramp(8, 8), transform=Affine.identity())


def rotated(path: Path) -> Path:
    return geotiff(path, ramp(8, 8), transform=north_up() @ Affine.rotation(10))


def south_up(path: Path) -> Path:
    return geotiff(path, ramp(8, 8), transform=Affine(10, 0, 6e5, 0, 10, 47e5))


def complex_numbers(path: Path) -> Path:
    return geotiff(path, np.ones((1, 8, 8), np.complex64), nodata=None)


def nothing_valid(path: Path) -> Path:
    return geotiff(path, np.zeros((1, 8, 8), np.uint16), nodata=0)


def many_bands(path: Path) -> Path:
    return geotiff(path, ramp(2, 2, bands=65))


def sparse_giant(path: Path) -> Path:
    """A few kilobytes that claim to be 10^12 pixels."""
    options = {"sparse_ok": "TRUE", "tiled": True, "bigtiff": "YES"}
    options |= {"blockxsize": 16384, "blockysize": 16384}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=10**6,
        width=10**6,
        dtype="uint8",
        crs="EPSG:32719",
        transform=north_up(),
        **options,
    ):
        pass
    return path


def bomb(path: Path) -> Path:
    """Small in the file, 4 GiB in memory."""
    options = {"sparse_ok": "TRUE", "tiled": True, "blockxsize": 4096, "blockysize": 4096}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=2**16,
        width=2**16,
        dtype="uint8",
        crs="EPSG:32719",
        transform=north_up(),
        **options,
    ):
        pass
    return path


def mask_beside(path: Path) -> Path:
    geotiff(path, ramp(8, 8), nodata=None)
    path.with_name(path.name + ".msk").write_bytes(path.read_bytes())
    return path


REFUSALS: list[tuple[Callable[[Path], Path], str]] = [
    (text, "is not a GeoTIFF"),
    (empty, "is empty"),
    (virtual, "is not a GeoTIFF"),
    (broken_header, "is a damaged or truncated TIFF"),
    (truncated, "is truncated or damaged: not all of its 300 × 300 pixels can be read"),
    (truncated_deflate, "is truncated or damaged: not all of its 600 × 600 pixels can be read"),
    (overwritten, "is truncated or damaged: not all of its 600 × 600 pixels can be read"),
    (without_crs, "has no CRS: write one into the file (gdal_edit.py -a_srs EPSG:… FILE)"),
    (without_grid, "has no georeference"),
    (rotated, "has rotated or mirrored pixels: warp it to north-up first (gdalwarp)"),
    (south_up, "has rotated or mirrored pixels"),
    (complex_numbers, "holds complex numbers"),
    (nothing_valid, "has no valid pixel"),
    (many_bands, "has 65 bands, more than 64"),
    (sparse_giant, "has 1000000 × 1000000 pixels, more than 2^36"),
    (bomb, "would unpack to 4 GiB from"),
    (mask_beside, "keeps its mask in bad.tif.msk"),
]


@pytest.mark.parametrize(
    ("make", "sentence"), REFUSALS, ids=[make.__name__ for make, _ in REFUSALS]
)
def test_a_bad_file_is_refused_with_the_reason(
    make: Callable[[Path], Path], sentence: str, tmp_path: Path
) -> None:
    path = make(tmp_path / "bad.tif")
    with rasterio.Env(**GDAL_OPTIONS), pytest.raises(IngestRefused) as caught:
        survey(path)
    assert str(caught.value).startswith(sentence)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_overview_is_noticed(tmp_path: Path) -> None:
    """Full resolution is whole, the overview is not: the first tile of a map would fail."""
    path = geotiff(
        tmp_path / "a.tif", np.random.default_rng(1).integers(1, 9, (1, 600, 600), dtype=np.uint16)
    )
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    content = path.read_bytes()
    path.write_bytes(content[:-1000])
    with pytest.raises(IngestRefused, match="truncated or damaged"):
        survey(path)


def test_nodata_must_fit_the_pixels(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", ramp(4, 4))
    with pytest.raises(IngestRefused, match="cannot have nodata -9999: its pixels are uint16"):
        survey(path, nodata=-9999)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(IngestRefused, match=r"cannot be read \(No such file or directory\)"):
        survey(tmp_path / "gone.tif")
