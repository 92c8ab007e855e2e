"""Statistics and validity of every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from eotiles.ingest.chunks import mark
from eotiles.ingest.statistics import Tally
from eotiles.ingest.survey import survey
from tests.builders import geotiff, ramp


def test_statistics_are_exact_whatever_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eotiles.ingest.chunks.CHUNK_SAMPLES", 5000)
    data = ramp(301, 407, bands=3)
    data[0, 50:200, 100:300] = 0
    found = survey(geotiff(tmp_path / "a.tif", data))
    for band, figures in zip(data, found.statistics, strict=True):
        valid = band[band != 0].astype(np.float64)
        assert figures.count == band.size
        assert figures.valid == valid.size
        assert (figures.minimum, figures.maximum) == (valid.min(), valid.max())
        assert figures.mean == pytest.approx(valid.mean(), rel=1e-12)
        assert figures.stddev == pytest.approx(valid.std(), rel=1e-12)
        # Small enough for a sample of every pixel.
        assert figures.percentiles(2, 98) == pytest.approx(tuple(np.percentile(valid, (2, 98))))


@pytest.mark.parametrize("chunk", [7, 16, 100])
def test_the_sample_is_every_kth_pixel_whatever_the_chunks(chunk: int) -> None:
    values = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)
    tally = Tally(step=3)
    for row in range(0, 40, chunk):
        for column in range(0, 50, chunk):
            part = values[row : row + chunk, column : column + chunk]
            tally.add(part, np.ones(part.shape, bool), row=row, column=column)
    assert sorted(tally.statistics().sample) == sorted(values[::3, ::3].ravel())


def test_nothing_valid_has_no_figures() -> None:
    tally = Tally(step=1)
    tally.add(np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool), row=0, column=0)
    figures = tally.statistics()
    assert (figures.minimum, figures.mean, figures.valid, figures.count) == (None, None, 0, 4)
    assert figures.percentiles(2, 98) is None


def test_not_a_number_is_never_valid(tmp_path: Path) -> None:
    data = np.ones((1, 4, 4), np.float32)
    data[0, 0] = np.nan
    data[0, 1, 0] = np.inf
    figures = survey(geotiff(tmp_path / "a.tif", data, nodata=None)).statistics[0]
    assert (figures.valid, figures.maximum) == (11, 1.0)


def test_a_given_nodata_replaces_the_files(tmp_path: Path) -> None:
    data = np.array([[0, 1], [2, 2]], np.uint16)
    path = geotiff(tmp_path / "a.tif", data, nodata=2)
    assert survey(path).statistics[0].valid == 2
    again = survey(path, nodata=0)
    assert (again.nodata, again.statistics[0].valid) == (0, 3)


def test_a_cell_is_valid_if_any_of_its_pixels_is_in_any_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eotiles.ingest.survey.OUTLINE_PX", 10)
    data = np.zeros((2, 95, 60), np.uint16)
    data[0, 94, 59] = 1
    data[1, 0, 9] = 1
    found = survey(geotiff(tmp_path / "a.tif", data))
    assert found.outline_step == 10
    assert found.outline.shape == (10, 6)
    assert np.argwhere(found.outline).tolist() == [[0, 0], [9, 5]]


@pytest.mark.parametrize("step", [1, 4, 7])
def test_marking_agrees_with_numpy(step: int) -> None:
    valid: NDArray[np.bool_] = np.random.default_rng(0).random((33, 45)) < 0.02
    padded = np.zeros((-(-33 // step) * step, -(-45 // step) * step), bool)
    padded[:33, :45] = valid
    expected = padded.reshape(padded.shape[0] // step, step, -1, step).any(axis=(1, 3))
    outline = np.zeros_like(expected)
    for row in range(0, 33, 10):
        for column in range(0, 45, 13):
            window = Window(column, row, min(13, 45 - column), min(10, 33 - row))
            part = valid[row : row + 10, column : column + 13]
            mark(outline, part, window=window, step=step)
    np.testing.assert_array_equal(outline, expected)


def test_resolution_is_in_metres(tmp_path: Path) -> None:
    degrees = Affine(8.983152841195215e-05, 0, -0.78, 0, -8.983152841195215e-05, 38.1)
    assert survey(geotiff(tmp_path / "a.tif", ramp(4, 4))).resolution_m == 10
    found = survey(geotiff(tmp_path / "b.tif", ramp(4, 4), crs="EPSG:4326", transform=degrees))
    assert found.resolution_m == pytest.approx(10, rel=1e-4)
    feet = geotiff(tmp_path / "c.tif", ramp(4, 4), crs="EPSG:2263")
    assert survey(feet).resolution_m == pytest.approx(3.048006, rel=1e-6)
