"""The small picture: colours, transparency, bands of different pixels on one grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from eotiles.ingest.layers import NamedBand
from eotiles.ingest.survey import Survey, survey
from eotiles.ingest.thumbnail import thumbnail
from tests.builders import geotiff, north_up, ramp


def named(key: str, seen: Survey, *, scale: float = 0.0001) -> NamedBand:
    return NamedBand(key, 1, key, key, scale, 0.0, "reflectance", seen.statistics[0])


def drawn(paths: dict[str, Path]) -> NDArray[np.uint8]:
    """(band, y, x) uint8, the last band is opacity."""
    surveys = {key: survey(path) for key, path in paths.items()}
    bands = [named(key, seen) for key, seen in surveys.items()]
    content, shape = thumbnail(bands, surveys, paths)
    with MemoryFile(content) as file:
        with pytest.warns(NotGeoreferencedWarning):
            picture = file.open()
        assert picture.driver == "PNG"
        assert picture.shape == shape
        pixels: NDArray[np.uint8] = picture.read()
        picture.close()
    return pixels


def test_grey_from_dark_to_bright_and_transparent_without_data(tmp_path: Path) -> None:
    data = np.broadcast_to(np.arange(1, 301, dtype=np.uint16), (1, 200, 300)).copy()
    data[0, :50] = 0
    grey, opacity = drawn({"pan": geotiff(tmp_path / "a.tif", data)})
    assert (opacity[:50] == 0).all()
    assert (opacity[50:] == 255).all()
    row = grey[100].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()
    assert row[150] == pytest.approx(127, abs=2)


def test_colours_of_different_pixel_sizes_meet_on_the_ground(tmp_path: Path) -> None:
    """Blue has pixels twice as large over twice the ground: its bright square is where the others have theirs."""
    fine = np.full((1, 200, 300), 100, np.uint16)
    fine[0, 100:140, 200:240] = 1000
    coarse = np.full((1, 200, 300), 100, np.uint16)
    coarse[0, 50:70, 100:120] = 1000
    paths = {
        "red": geotiff(tmp_path / "r.tif", fine),
        "green": geotiff(tmp_path / "g.tif", fine),
        "blue": geotiff(tmp_path / "b.tif", coarse, transform=north_up(20)),
    }
    red, green, blue, opacity = drawn(paths)
    assert (opacity == 255).all()
    np.testing.assert_array_equal(red, green)
    np.testing.assert_array_equal(red, blue)
    assert set(np.unique(red)) == {0, 255}


def test_a_large_scene_is_made_small(tmp_path: Path) -> None:
    pixels = drawn({"pan": geotiff(tmp_path / "a.tif", ramp(1500, 700))})
    assert pixels.shape == (2, 512, 239)


def test_an_inner_mask_is_transparent(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", ramp(60, 60), nodata=None)
    hidden = np.zeros((60, 60), bool)
    hidden[:20] = True
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(~hidden)
    _, opacity = drawn({"pan": path})
    np.testing.assert_array_equal(opacity == 0, hidden)
