"""Products that are broken, and what stands beside them: refused with file and reason, while others go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eotiles.ingest.count import count_items
from tests.products import Landsat, Sentinel1, Sentinel2
from tests.products_way import PREFIX, Way

pytestmark = pytest.mark.integration

GOOD = Sentinel2(sensing="20200705T101559")
BAD = Sentinel2()


def band_of(folder: Path) -> Path:
    return next(folder.glob("GRANULE/*/IMG_DATA/*_B04.jp2"))


def test_one_broken_product_stops_no_other(way: Way) -> None:
    band = band_of(BAD.write(way.archive, checksums=None))
    GOOD.write(way.archive)
    content = band.read_bytes()
    for damaged, reason in (
        (content[:-30], "it is truncated"),
        (content[: len(content) // 3], "it is truncated"),
        (b"", "is empty"),
        (b"II*\0" + content[4:], "is not a JPEG 2000 file"),
    ):
        band.write_bytes(damaged)
        summary = way("sentinel2")
        assert [str(refusal.file) for refusal in summary.refused] == [str(band)]
        assert reason in summary.refused[0].reason
        assert [scene.item for scene in summary.scenes] == [GOOD.item]
        assert not summary.is_complete
    band.unlink()
    summary = way("sentinel2")
    assert f"lacks its images {band.name}" in str(summary.refused[0])
    assert way.items("sentinel2") == [GOOD.item]
    # What was refused left nothing behind.
    assert {path.name for path in (way.assets / f"{PREFIX}sentinel2").iterdir()} == {GOOD.item}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA3-256"])
def test_a_flipped_bit_is_found_by_the_checksum(way: Way, algorithm: str) -> None:
    band = band_of(BAD.write(way.archive, checksums=algorithm))
    content = bytearray(band.read_bytes())
    content[len(content) // 2] ^= 1
    band.write_bytes(content)
    summary = way("sentinel2")
    assert summary.scenes == ()
    assert "is not the file that the product's manifest describes" in str(summary.refused[0])
    assert summary.refused[0].file == str(band)


def test_an_image_that_is_another(way: Way) -> None:
    """Pixels that do not fit what the metadata says: three bands for one."""
    folder = BAD.write(way.archive, checksums=None)
    shutil.copy(next(folder.glob("GRANULE/*/IMG_DATA/*_TCI.jp2")), band_of(folder))
    assert "has 3 bands instead of 1" in str(way("sentinel2").refused[0])


def test_outside_the_roots_nothing_stays(way: Way) -> None:
    BAD.write(way.archive)
    summary = way("sentinel2", roots=(str(way.assets),))
    assert "name its folder in EOTILES_ASSET_ROOTS, or say --copy" in str(summary.refused[0])
    assert str(summary.refused[0].file).endswith(".jp2")
    assert way.items("sentinel2") == []
    assert way("sentinel2", roots=(str(way.assets),), copy=True).refused == ()


def test_a_landsat_folder_without_an_image(way: Way) -> None:
    folder = Landsat().write(way.archive)
    other = Landsat(date="20200720")
    other.write(way.archive)
    next(folder.glob("*_SR_B4.TIF")).unlink()
    summary = way("landsat")
    assert "lacks its images LC08_L2SP_193030_20200704_20200913_02_T1_SR_B4.TIF" in str(
        summary.refused[0]
    )
    assert [scene.item for scene in summary.scenes] == [other.item]


def test_radar_that_is_damaged(way: Way) -> None:
    folder = Sentinel1().write(way.archive, checksums=None)
    image = next(folder.glob("measurement/*-vv-*"))
    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    summary = way("sentinel1", copy=True)
    assert summary.refused[0].file == str(image)
    assert not list(way.assets.rglob("*.tif"))


def test_an_item_that_is_gone_is_told(way: Way) -> None:
    GOOD.write(way.archive)
    assert way("sentinel2").counts[0].is_complete
    acknowledged = [(f"{PREFIX}sentinel2", GOOD.item), (f"{PREFIX}sentinel2", "another")]
    (count,) = count_items(way.conninfo, acknowledged)
    assert (count.items, count.run, count.found, count.is_complete) == (1, 2, 1, False)
    assert "of 2 from this run 1 are missing" in str(count)


def test_a_second_ingest_with_copy_moves_the_item(way: Way) -> None:
    """In place first, copied later: the same item, updated."""
    folder = GOOD.write(way.archive)
    assert [scene.outcome for scene in way("sentinel2").scenes] == ["ingested"]
    summary = way("sentinel2", copy=True)
    assert [scene.outcome for scene in summary.scenes] == ["updated"]
    href = way.item("sentinel2", GOOD.item)["assets"]["red"]["href"]
    assert not Path(href).is_relative_to(folder)
    assert len(way.items("sentinel2")) == 1
