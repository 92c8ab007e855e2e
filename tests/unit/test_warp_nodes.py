"""Positions are as exact as they say, and where they cannot be, GDAL is asked."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import from_bounds
from rasterio.warp import transform

from eotiles.core.grid import Grid
from eotiles.read.pixels import overview_level
from eotiles.warp.levels import pick_level
from eotiles.warp.nodes import ERROR_MAX_PX, SIDE_MAX_PX, Nodes, Window, find_nodes
from tests.unit.warp_scenes import SCENES, scene_grid, texture, tile_at, write_scene

MERCATOR = CRS.from_epsg(3857)
DEGREES = CRS.from_epsg(4326)


def exact(target: Grid, source: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows of every pixel centre, transformed one by one."""
    across, down = np.meshgrid(np.arange(target.width_px) + 0.5, np.arange(target.height_px) + 0.5)
    x, y = target.transform * (across.ravel(), down.ravel())
    x, y = (np.array(values) for values in transform(target.crs, source.crs, x, y))
    columns, rows = ~source.transform * (x, y)
    return columns.reshape(across.shape), rows.reshape(across.shape)


def error(nodes: Nodes, target: Grid, source: Grid) -> float:
    columns, rows = exact(target, source)
    return max(
        float(np.abs(nodes.down @ nodes.columns @ nodes.across.T - columns).max()),
        float(np.abs(nodes.down @ nodes.rows @ nodes.across.T - rows).max()),
    )


@given(
    name=st.sampled_from(sorted(SCENES)),
    tms=st.sampled_from(["WebMercatorQuad", "WGS1984Quad"]),
    zoom=st.integers(2, 18),
    east=st.floats(-3, 3),
    north=st.floats(-3, 3),
    size=st.sampled_from([1, 2, 7, 64, 256]),
    coarser=st.sampled_from([1, 4, 64]),
)
@settings(max_examples=150, deadline=None)
def test_no_pixel_is_further_off_than_the_bound(
    name: str, tms: str, zoom: int, east: float, north: float, size: int, coarser: int
) -> None:
    _, lon, lat, _ = SCENES[name]
    scene = scene_grid(name)
    source = Grid(
        scene.crs, scene.transform * Affine.scale(coarser), 1100 // coarser, 1100 // coarser
    )
    target = tile_at(tms, lon + east, lat + north, zoom, size)
    nodes = find_nodes(target, source)
    assume(nodes is not None)
    assert nodes is not None
    assert nodes.error_px <= ERROR_MAX_PX
    assert error(nodes, target, source) <= nodes.error_px
    # The fewest exact points do wherever tiles are as fine as those of a map of a country.
    assert len(nodes.columns) <= 4 or zoom < 9


@given(
    a=st.floats(-50, 50),
    b=st.floats(-50, 50),
    d=st.floats(-50, 50),
    e=st.floats(-50, 50),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
)
@settings(max_examples=60, deadline=None)
def test_rotated_grids(a: float, b: float, d: float, e: float, height: int, width: int) -> None:
    assume(abs(a * e - b * d) > 1)
    target = Grid(MERCATOR, Affine(a, b, 1.15e6, d, e, 5.97e6), height, width)
    source = scene_grid("utm-32n")
    tilted = Grid(source.crs, source.transform * Affine.rotation(33), 1100, 1100)
    for scene in (source, tilted):
        nodes = find_nodes(target, scene)
        assert nodes is not None
        assert error(nodes, target, scene) <= nodes.error_px <= ERROR_MAX_PX
        columns, rows = exact(target, scene)
        window = nodes.window("nearest")
        assert (
            window is not None
            or columns.max() < 0
            or rows.max() < 0
            or columns.min() > 1100
            or rows.min() > 1100
        )
        if window is not None:
            inside = (columns >= 0) & (columns < 1100) & (rows >= 0) & (rows < 1100)
            assert (columns[inside] >= window.col0).all()
            assert (columns[inside] < window.col1).all()
            assert (rows[inside] >= window.row0).all()
            assert (rows[inside] < window.row1).all()


def test_one_crs_needs_no_projection() -> None:
    source = scene_grid("utm-32n")
    target = Grid(
        CRS.from_wkt(source.crs.to_wkt()),
        source.transform * Affine.translation(17.3, 3.5) * Affine.scale(0.5),
        64,
        48,
    )
    nodes = find_nodes(target, source)
    assert nodes is not None
    assert nodes.columns.shape == (2, 2)
    assert nodes.scale == pytest.approx((0.5, 0.5))
    assert error(nodes, target, source) < 1e-8
    assert nodes.window("nearest") == Window(row0=2, row1=37, col0=16, col1=43)


def test_what_lies_beside_has_no_window() -> None:
    source = scene_grid("utm-32n")
    for east, north in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        nodes = find_nodes(tile_at("WebMercatorQuad", 10.3 + east, 47.2 + north, 13), source)
        assert nodes is not None
        assert nodes.window("cubic") is None


def test_the_window_has_what_the_method_needs() -> None:
    source = scene_grid("utm-32n")
    for zoom in (11, 12, 13, 14):
        target = tile_at("WebMercatorQuad", 10.3, 47.2, zoom)
        nodes = find_nodes(target, source)
        assert nodes is not None
        columns, rows = exact(target, source)
        for method, radius in (("nearest", 0), ("bilinear", 1), ("cubic", 2)):
            window = nodes.window(method)
            assert window is not None
            reach = radius * max(1.0, *nodes.scale)
            assert window.col0 <= max(0, columns.min() - reach)
            assert window.row1 >= min(1100, rows.max() + reach)
            assert window.col1 - window.col0 <= np.ptp(columns) + 2 * reach + 6


AROUND_THE_WORLD = Grid(DEGREES, from_bounds(-180, -90, 180, 90, 720, 360), 360, 720)


@pytest.mark.parametrize(
    ("target", "source"),
    [
        pytest.param(
            Grid(MERCATOR, from_bounds(2.0e7, 0, 2.01e7, 1e5, 64, 64), 64, 64),
            AROUND_THE_WORLD,
            id="over the antimeridian",
        ),
        pytest.param(
            Grid(CRS.from_epsg(3995), from_bounds(-1e5, -1e5, 1e5, 1e5, 64, 64), 64, 64),
            AROUND_THE_WORLD,
            id="around a pole",
        ),
        pytest.param(
            Grid(CRS.from_epsg(3995), from_bounds(-1e5, 1e6, 1e5, 1.2e6, 64, 64), 64, 64),
            AROUND_THE_WORLD,
            id="antimeridian through the middle",
        ),
        pytest.param(
            tile_at("WebMercatorQuad", 178.9, 0.1, 10),
            Grid(DEGREES, from_bounds(178, -1, 182, 1, 400, 200), 200, 400),
            id="a source past 180 degrees",
        ),
        pytest.param(
            tile_at("WebMercatorQuad", 0.1, 0.1, 0), scene_grid("utm-32n"), id="the world in a zone"
        ),
        pytest.param(
            Grid(MERCATOR, from_bounds(1e30, 1e30, 2e30, 2e30, 64, 64), 64, 64),
            scene_grid("laea"),
            id="nowhere",
        ),
        pytest.param(
            Grid(MERCATOR, Affine(float("nan"), 0, 0, 0, -1, 0), 64, 64),
            scene_grid("laea"),
            id="not a number",
        ),
        pytest.param(
            Grid(MERCATOR, Affine(1, 0, 1e6, 0, -1, 6e6), 64, SIDE_MAX_PX + 1),
            scene_grid("laea"),
            id="too wide",
        ),
        pytest.param(
            tile_at("WebMercatorQuad", 10.3, 47.2, 13),
            Grid(MERCATOR, Affine(0, 0, 0, 0, 0, 0), 64, 64),
            id="a source without size",
        ),
        pytest.param(
            tile_at("WebMercatorQuad", 10.3, 47.2, 13),
            Grid(MERCATOR, Affine(float("nan"), 0, 0, 0, -10, 0), 64, 64),
            id="a source that is nowhere",
        ),
    ],
)
def test_gdal_is_asked(target: Grid, source: Grid) -> None:
    assert find_nodes(target, source) is None
    assert pick_level(target, [source]) is None


def test_the_last_tile_before_the_antimeridian_is_ours() -> None:
    for lon, zoom in itertools.product((-179.9999, 179.9999), (4, 8, 12)):
        target = tile_at("WebMercatorQuad", lon, 10.0, zoom)
        nodes = find_nodes(target, AROUND_THE_WORLD)
        assert nodes is not None
        assert error(nodes, target, AROUND_THE_WORLD) <= nodes.error_px


@pytest.mark.parametrize("name", sorted(SCENES))
def test_levels_are_those_that_gdal_reads(tmp_path: Path, name: str) -> None:
    grid = scene_grid(name, 1101)  # 551, 276 and 138: not halves
    path = write_scene(tmp_path / "scene.tif", texture((1, 1101, 1101), "uint8"), grid)
    levels = [grid]
    with rasterio.open(path) as dataset:
        for number in range(3):
            with rasterio.open(path, overview_level=number) as level:
                levels.append(Grid(level.crs, level.transform, level.height, level.width))
        for tms, zoom in itertools.product(("WebMercatorQuad", "WGS1984Quad"), range(7, 17)):
            target = tile_at(tms, *SCENES[name][1:3], zoom)
            picked = pick_level(target, levels)
            assert picked is not None
            assert (picked - 1 if picked else None) == overview_level(dataset, target), (tms, zoom)
