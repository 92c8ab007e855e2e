"""Footprints: where valid pixels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.geometry
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform as to_crs

from eotiles.core.errors import IngestRefused
from eotiles.ingest.footprint import MAX_VERTICES, footprint
from eotiles.ingest.survey import Survey, survey
from tests.builders import CORNER, geotiff, north_up, ramp


def wedge(height: int, width: int) -> NDArray[np.uint16]:
    """Nodata in the north-west triangle, as at the edge of an orbit."""
    data = ramp(height, width)
    y, x = np.mgrid[0:height, 0:width]
    data[0, y * width + x * height < height * width] = 0
    return data


def centres(found: Survey, valid: NDArray[np.bool_]) -> shapely.MultiPoint:
    rows, columns = np.nonzero(valid)
    xs, ys = found.transform @ (columns + 0.5, rows + 0.5)
    lon, lat = to_crs(found.crs, "EPSG:4326", np.atleast_1d(xs), np.atleast_1d(ys))
    return shapely.points(lon, lat)


def test_a_full_raster_is_its_four_corners(tmp_path: Path) -> None:
    found = survey(geotiff(tmp_path / "a.tif", ramp(200, 300)))
    geometry, bbox = footprint([found])
    ring = geometry["coordinates"][0]
    xs = [CORNER[0], CORNER[0] + 3000, CORNER[0] + 3000, CORNER[0]]
    ys = [CORNER[1], CORNER[1], CORNER[1] - 2000, CORNER[1] - 2000]
    lon, lat = to_crs("EPSG:32719", "EPSG:4326", xs, ys)
    assert geometry["type"] == "Polygon"
    assert len(ring) == 5
    # A decimetre.
    for corner in zip(lon, lat, strict=True):
        assert min(abs(corner[0] - x) + abs(corner[1] - y) for x, y in ring) < 2e-6
    assert bbox == pytest.approx([min(lon), min(lat), max(lon), max(lat)], abs=1e-6)
    assert shapely.geometry.shape(geometry).exterior.is_ccw


@pytest.mark.parametrize("shape", [(200, 300), (2500, 3000)])
def test_a_wedge_without_data_is_left_out(shape: tuple[int, int], tmp_path: Path) -> None:
    data = wedge(*shape)
    found = survey(geotiff(tmp_path / "a.tif", data, transform=north_up(10)))
    geometry, _ = footprint([found])
    polygon = shapely.geometry.shape(geometry)
    cell = found.outline_step * 10 / 111_319
    every = max(1, data.size // 20_000)
    valid = np.zeros(shape, bool)
    valid.flat[::every] = (data[0] != 0).flat[::every]
    invalid = np.zeros(shape, bool)
    invalid.flat[::every] = (data[0] == 0).flat[::every]
    assert polygon.buffer(2 * cell).contains(centres(found, valid)).all()
    inside = polygon.buffer(-2 * cell).contains(centres(found, invalid))
    assert not inside.any()
    whole = shapely.box(*polygon.bounds).area
    assert polygon.area / whole == pytest.approx(0.5, abs=0.02)
    assert shapely.get_num_coordinates(polygon) < 20


def test_several_files_make_the_union(tmp_path: Path) -> None:
    """One file of 3 × 2 km, one of 6 × 4 km with the same corner, whose own corner there has no data."""
    small = survey(geotiff(tmp_path / "small.tif", ramp(200, 300)))
    holed = ramp(200, 300)
    holed[0, :100, :150] = 0
    large = survey(geotiff(tmp_path / "large.tif", holed, transform=north_up(20)))
    geometry, bbox = footprint([small, large])
    polygon = shapely.geometry.shape(geometry)
    whole = survey(geotiff(tmp_path / "whole.tif", ramp(200, 300), transform=north_up(20)))
    expected = shapely.geometry.shape(footprint([whole])[0])
    # The small file fills the corner that the large one lacks.
    assert polygon.symmetric_difference(expected).area / expected.area < 1e-3
    assert bbox == pytest.approx(list(expected.bounds), abs=1e-5)
    alone = shapely.geometry.shape(footprint([large])[0])
    assert alone.area / expected.area == pytest.approx(0.75, abs=0.01)


def test_files_of_different_crs_make_the_union(tmp_path: Path) -> None:
    utm = survey(geotiff(tmp_path / "utm.tif", ramp(100, 100)))
    degrees = Affine(1e-4, 0, -67.60, 0, -1e-4, -47.84)
    geographic = survey(
        geotiff(tmp_path / "deg.tif", ramp(100, 100), crs="EPSG:4326", transform=degrees)
    )
    geometry, bbox = footprint([utm, geographic])
    assert geometry["type"] == "MultiPolygon"
    assert bbox[2] == pytest.approx(-67.59)


def test_holes_stay_and_specks_go(tmp_path: Path) -> None:
    data = ramp(400, 400)
    data[0, 100:200, 100:200] = 0
    data[0, ::50, ::50] = 0
    geometry, _ = footprint([survey(geotiff(tmp_path / "a.tif", data))])
    assert len(geometry["coordinates"]) == 2


def test_noise_does_not_make_thousands_of_vertices(tmp_path: Path) -> None:
    data = np.where(np.random.default_rng(0).random((1, 800, 800)) < 0.5, 0, 1).astype(np.uint16)
    geometry, _ = footprint([survey(geotiff(tmp_path / "a.tif", data))])
    polygon = shapely.geometry.shape(geometry)
    assert polygon.is_valid
    assert shapely.get_num_coordinates(polygon) <= MAX_VERTICES


def test_a_single_pixel_has_a_footprint(tmp_path: Path) -> None:
    data = np.zeros((1, 300, 300), np.uint16)
    data[0, 150, 150] = 5
    geometry, bbox = footprint([survey(geotiff(tmp_path / "a.tif", data))])
    assert geometry["type"] == "Polygon"
    assert 0 < bbox[2] - bbox[0] < 3e-4


def test_the_antimeridian_and_the_pole_do_no_harm(tmp_path: Path) -> None:
    across = north_up(10_000, corner=(700_000, 5_000_000))
    geometry, bbox = footprint(
        [survey(geotiff(tmp_path / "a.tif", ramp(20, 50), crs="EPSG:32660", transform=across))]
    )
    assert geometry["type"] == "MultiPolygon"
    assert -180 <= bbox[0] <= bbox[2] <= 180
    polar = north_up(50_000, corner=(-1_000_000, 1_000_000))
    geometry, bbox = footprint(
        [survey(geotiff(tmp_path / "b.tif", ramp(40, 40), crs="EPSG:3413", transform=polar))]
    )
    assert shapely.geometry.shape(geometry).is_valid
    assert bbox[3] <= 90


def test_coordinates_off_the_earth_are_refused(tmp_path: Path) -> None:
    beyond = Affine(1, 0, 500, 0, -1, 95)
    found = survey(geotiff(tmp_path / "a.tif", ramp(4, 4), crs="EPSG:4326", transform=beyond))
    with pytest.raises(IngestRefused, match="not on the Earth"):
        footprint([found])


def test_local_coordinates_are_refused(tmp_path: Path) -> None:
    local = 'LOCAL_CS["site",UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    found = survey(geotiff(tmp_path / "a.tif", ramp(4, 4), crs=local))
    with pytest.raises(IngestRefused, match="not on the Earth"):
        footprint([found])
