"""What the kernels make of a scene is what GDAL makes of it: exact coordinates, the same scale."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import transform

from eotiles.core.grid import Grid
from eotiles.warp.levels import pick_level
from eotiles.warp.nodes import METHODS, Nodes, find_nodes
from eotiles.warp.resample import resample
from tests.unit.warp_scenes import (
    SCENES,
    gdal_warp,
    grid_of,
    scene_grid,
    texture,
    tile_at,
    with_holes,
    write_scene,
    zoom_of,
)

NODATA = 0


@pytest.fixture(scope="module", params=sorted(SCENES))
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    grid = scene_grid(request.param)
    data = with_holes(texture((1, grid.height_px, grid.width_px), "uint16"), NODATA)
    path = tmp_path_factory.mktemp("scenes") / f"{request.param}.tif"
    return request.param, write_scene(path, data, grid, nodata=NODATA)


def targets(name: str) -> list[tuple[str, Grid]]:
    """Tiles from an overview of 8 to twice native, in the middle and over a corner, and a grid of a UTM zone beside."""
    _, lon, lat, _ = SCENES[name]
    found = []
    grid = scene_grid(name)
    corners = transform(grid.crs, CRS.from_epsg(4326), *([edge] for edge in grid.bounds[:2]))
    corner = (corners[0][0], corners[1][0])
    for tms in ("WebMercatorQuad", "WGS1984Quad"):
        native = zoom_of(tms, lat, 10.0)
        for zoom in range(native - 4, native + 2):
            for where, place in (("middle", (lon, lat)), ("corner", corner)):
                found.append((f"{tms} {zoom} {where}", tile_at(tms, *place, zoom)))
    zone = CRS.from_epsg((32600 if lat > 0 else 32700) + int((lon + 180) // 6) + 2)
    (x,), (y,) = transform(CRS.from_epsg(4326), zone, [corner[0]], [corner[1]])
    for pixel in (5.3, 10.0, 17.0, 40.0):
        place = from_origin(x - 100 * pixel, y + 156 * pixel, pixel, pixel)
        found.append((f"beside {pixel}", Grid(zone, place, 256, 256)))
    return found


def ours(
    dataset: Any, nodes: Nodes, method: str, nodata: float, mask: NDArray[np.bool_] | None = None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    window = nodes.window(method)
    assert window is not None
    rows, cols = (window.row0, window.row1), (window.col0, window.col1)
    return resample(
        dataset.read(window=(rows, cols)),
        nodes,
        origin=(window.row0, window.col0),
        method=method,
        nodata=np.array([[nodata, np.nan]] * dataset.count),
        mask=None if mask is None else mask[slice(*rows), slice(*cols)],
    )


@pytest.mark.parametrize("method", METHODS)
def test_tiles_of_every_zoom_are_those_of_gdal(scene: tuple[str, Path], method: str) -> None:
    name, path = scene
    partial = 0
    seen = set()
    with ExitStack() as stack:
        sources = [stack.enter_context(rasterio.open(path))]
        sources += [
            stack.enter_context(rasterio.open(path, overview_level=number))
            for number in range(len(sources[0].overviews(1)))
        ]
        for label, target in targets(name):
            level = pick_level(target, [grid_of(source) for source in sources])
            assert level is not None, label
            seen.add(level)
            nodes = find_nodes(target, grid_of(sources[level]))
            assert nodes is not None, label
            data, valid = ours(sources[level], nodes, method, NODATA)
            expected = gdal_warp(
                sources[level], target, method=method, scale=nodes.scale, nodata=NODATA
            )
            assert (valid == (expected[0] != NODATA)).all(), label
            assert not data[0][~valid].any()
            partial += 0.02 < valid.mean() < 0.95
            off = np.abs(data[0].astype(int) - expected[0])[valid]
            if method == "nearest":
                assert (off == 0).mean() > 0.9995, label
            else:
                assert (off <= 1).mean() > 0.9999, label
                assert off.max() <= 2, label
    assert partial > 10, "edges and holes were inside of tiles"
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0), ("int16", -9999), ("float32", float("nan")), ("float32", -9999.0)],
)
def test_types_of_pixels(tmp_path: Path, dtype: str, nodata: float, method: str) -> None:
    grid = scene_grid("utm-32n", 400)
    data = with_holes(texture((1, 400, 400), dtype), nodata)
    path = write_scene(tmp_path / "scene.tif", data, grid, nodata=nodata)
    for zoom in (13, 14):
        target = tile_at("WebMercatorQuad", 10.3, 47.2, zoom)
        nodes = find_nodes(target, grid)
        assert nodes is not None
        with rasterio.open(path) as dataset:
            made, valid = ours(dataset, nodes, method, nodata)
            expected = gdal_warp(dataset, target, method=method, scale=nodes.scale, nodata=nodata)
        is_nodata = np.isnan(expected[0]) if np.isnan(nodata) else expected[0] == nodata
        assert (valid == ~is_nodata).all()
        assert 0.02 < valid.mean() < 0.95
        off = np.abs(made[0].astype(float) - expected[0])[valid]
        # Coordinates are exact to 1e-5 pixels here, and from pixel to pixel the texture has steps of thousands.
        step = 0.05 if dtype == "float32" else 1
        if method == "nearest":
            assert (off == 0).mean() > 0.9995
        else:
            assert (off <= step).mean() > 0.9999
            assert off.max() <= 2 * step


@pytest.mark.parametrize("method", METHODS)
def test_no_nodata_at_all_ends_at_the_scene(tmp_path: Path, method: str) -> None:
    grid = scene_grid("laea", 300)
    path = write_scene(tmp_path / "scene.tif", texture((2, 300, 300), "uint16"), grid)
    for zoom in (12, 13, 14, 15):
        target = tile_at("WebMercatorQuad", 23.9, 60.1, zoom)
        nodes = find_nodes(target, grid)
        assert nodes is not None
        with rasterio.open(path) as dataset:
            made, valid = ours(dataset, nodes, method, float("nan"))
            expected = gdal_warp(dataset, target, method=method, scale=nodes.scale, add_alpha=True)
        assert (valid == (expected[-1] != 0)).all()
        off = np.abs(made.astype(int) - expected[:-1])[:, valid]
        assert (off <= (0 if method == "nearest" else 1)).mean() > 0.9995
        assert method == "nearest" or off.max() <= 2


@pytest.mark.parametrize("method", METHODS)
def test_a_mask_counts_as_gdal_counts_it(tmp_path: Path, method: str) -> None:
    grid = scene_grid("utm-32n", 400)
    mask = with_holes(np.ones((1, 400, 400), np.uint8), 0)[0] != 0
    data = texture((1, 400, 400), "uint16")
    path = write_scene(tmp_path / "scene.tif", data, grid, mask=mask)
    for zoom in (13, 14):
        target = tile_at("WebMercatorQuad", 10.3, 47.2, zoom)
        nodes = find_nodes(target, grid)
        assert nodes is not None
        with rasterio.open(path) as dataset:
            made, valid = ours(dataset, nodes, method, float("nan"), mask)
            expected = gdal_warp(dataset, target, method=method, scale=nodes.scale, add_alpha=True)
        assert (valid == (expected[-1] != 0)).all()
        off = np.abs(made[0].astype(int) - expected[0])[valid]
        assert (off <= (0 if method == "nearest" else 1)).mean() > 0.9995
        assert method == "nearest" or off.max() <= 2


def test_a_pixel_is_valid_where_every_band_is(tmp_path: Path) -> None:
    grid = scene_grid("utm-32n", 400)
    data = with_holes(texture((3, 400, 400), "uint16"), NODATA)
    target = tile_at("WebMercatorQuad", 10.3, 47.2, 14)
    nodes = find_nodes(target, grid)
    assert nodes is not None
    expected = np.ones((256, 256), np.bool_)
    for number in range(3):
        path = write_scene(
            tmp_path / f"{number}.tif", data[number : number + 1], grid, nodata=NODATA
        )
        with rasterio.open(path) as dataset:
            expected &= (
                gdal_warp(dataset, target, method="cubic", scale=nodes.scale, nodata=NODATA)[0] != 0
            )
    path = write_scene(tmp_path / "all.tif", data, grid, nodata=NODATA)
    with rasterio.open(path) as dataset:
        made, valid = ours(dataset, nodes, "cubic", NODATA)
    assert (valid == expected).all()
    assert not made[:, ~valid].any()
