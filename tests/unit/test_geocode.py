"""Pixels warped by ground control points: which grid, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.geocode import geocoded, utm_zone
from tests.builders import geotiff, ramp
from tests.products import Sentinel1


@pytest.mark.parametrize(
    ("longitudes", "latitudes", "epsg"),
    [
        ([9.0, 9.2], [45.0, 45.1], 32632),
        ([-70.0, -68.0], [-47.0, -46.0], 32719),
        ([179.0, -179.5], [10.0, 11.0], 32660),
        ([179.5, -179.0], [10.0, 11.0], 32601),
        ([180.0], [0.0], 32660),
        ([-180.0], [0.0], 32601),
        ([10.0, 20.0], [86.0, 85.0], 3413),
        ([10.0, 20.0], [-86.0, -81.0], 3031),
    ],
)
def test_the_zone_of_the_middle(longitudes: list[float], latitudes: list[float], epsg: int) -> None:
    assert utm_zone(longitudes, latitudes).to_epsg() == epsg


def points(path: Path, made: list[GroundControlPoint], crs: str | None = "EPSG:4326") -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", width=40, height=30, count=1, dtype="uint16", gcps=made, crs=crs
    ) as dataset:
        dataset.write(ramp(30, 40))
    return path


def corner(row: float, column: float, x: float, y: float) -> GroundControlPoint:
    return GroundControlPoint(row=row, col=column, x=x, y=y, z=0.0)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_points_that_say_nothing_are_refused(tmp_path: Path) -> None:
    grid = [(0, 0), (0, 40), (30, 0), (30, 40)]
    for name, made in {
        "few": [corner(row, column, 9 + column / 1e4, 45 - row / 1e4) for row, column in grid[:3]],
        "nowhere": [corner(row, column, float("nan"), 45.0) for row, column in grid],
        "infinite": [corner(row, column, float("inf"), 45.0) for row, column in grid],
        "beyond": [corner(row, column, 500.0 * column, 900.0 * row) for row, column in grid],
        "wide": [corner(row, column, 4.0 * column, 2.0 * row) for row, column in grid],
    }.items():
        with pytest.raises(IngestRefused):
            geocoded(points(tmp_path / f"{name}.tif", made), tmp_path / "part.tif", pixel_m=0.01)


def test_a_file_on_a_grid_has_no_points(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "a.tif", ramp(8, 8))
    with pytest.raises(IngestRefused, match="no ground control points"):
        geocoded(path, tmp_path / "part.tif", pixel_m=10)


def test_what_it_is_made_of_counts(tmp_path: Path) -> None:
    folder = Sentinel1(polarisations=("vv",)).write(tmp_path)
    path = next(folder.glob("measurement/*.tiff"))
    first = geocoded(path, tmp_path / "a.tif", pixel_m=10)
    second = geocoded(path, tmp_path / "b.tif", pixel_m=10)
    coarse = geocoded(path, tmp_path / "c.tif", pixel_m=20)
    assert first.sha256 == second.sha256 != coarse.sha256
    assert np.isclose(first.width / coarse.width, 2, rtol=0.05)
    # The border of zeros and what lies outside is no data.
    assert first.statistics[0].minimum is not None
    assert first.statistics[0].minimum > 0
    assert 0.3 < first.statistics[0].valid / first.statistics[0].count < 0.95
