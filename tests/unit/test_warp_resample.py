"""The kernels do what their NumPy twin does, and nothing of an input makes them read where nothing is."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from eotiles.core.grid import Grid
from eotiles.warp import twin
from eotiles.warp.nodes import METHODS, Nodes, find_nodes
from eotiles.warp.resample import DTYPES, TooCoarse, check_work, resample
from tests.unit.warp_scenes import scene_grid, texture, tile_at

UTM = CRS.from_epsg(32632)


def nodes_of(place: Affine, shape: tuple[int, int], source_shape: tuple[int, int]) -> Nodes:
    """Of a target whose pixel (0, 0) begins where `place` says, in source pixels."""
    source = Grid(UTM, Affine(10, 0, 5e5, 0, -10, 5e6), *source_shape)
    nodes = find_nodes(Grid(UTM, source.transform * place, *shape), source)
    assert nodes is not None
    return nodes


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["uint16", "float32"]),
    method=st.sampled_from(METHODS),
    zoom=st.floats(0.2, 4.5),
    stretch=st.floats(0.7, 1.4),
    turn=st.sampled_from([0.0, 0.0, 20.0, -115.0]),
    corner=st.tuples(st.floats(-12, 30), st.floats(-12, 30)),
    holes=st.floats(0, 0.9),
    masked=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_kernels_and_twin_are_one(
    seed: int,
    dtype: str,
    method: str,
    zoom: float,
    stretch: float,
    turn: float,
    corner: tuple[float, float],
    holes: float,
    masked: bool,
) -> None:
    random = np.random.default_rng(seed)
    shape, full = (9, 13), (31, 26)
    place = Affine.translation(*corner) * Affine.rotation(turn) * Affine.scale(zoom, zoom * stretch)
    nodes = nodes_of(place, shape, full)
    window = nodes.window(method)
    if window is None:
        return
    data = random.integers(0, 60000, (2, *full)).astype(dtype)
    data[:, random.random(full) < holes] = 7
    data[1, random.random(full) < holes / 3] = 9
    if dtype == "float32":
        data[0, 5, 5], data[1, 9, 9] = np.nan, np.inf
    part = data[:, window.row0 : window.row1, window.col0 : window.col1]
    nodata = np.array([[7, np.nan], [7, 9]], np.float64)
    mask = random.random(part.shape[1:]) > holes / 5 if masked else None
    origin = (window.row0, window.col0)
    made = resample(part, nodes, origin=origin, method=method, nodata=nodata, mask=mask)
    same = twin.resample(part, nodes, origin=origin, method=method, nodata=nodata, mask=mask)
    assert (made[1] == same[1]).all()
    off = np.abs(made[0].astype(float) - same[0].astype(float))
    assert off.max() <= (0 if method == "nearest" else 1 if dtype == "uint16" else 0.1)
    assert np.isfinite(made[0]).all()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize("method", METHODS)
def test_a_window_is_as_good_as_the_whole(dtype: str, method: str) -> None:
    data = texture((1, 90, 80), dtype)
    for corner in ((-3.0, -4.0), (31.3, 22.8), (70.0, 80.0)):
        nodes = nodes_of(Affine.translation(*corner) * Affine.scale(1.3), (21, 17), (90, 80))
        window = nodes.window(method)
        assert window is not None
        part = data[:, window.row0 : window.row1, window.col0 : window.col1]
        whole, valid = resample(data, nodes, origin=(0, 0), method=method)
        made, valid_too = resample(part, nodes, origin=(window.row0, window.col0), method=method)
        assert (valid == valid_too).all()
        assert valid.any()
        assert (whole == made).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_window_elsewhere_is_no_data_and_no_crash(method: str) -> None:
    nodes = nodes_of(Affine.translation(40, 40), (8, 8), (100, 100))
    data = np.ones((1, 5, 5), np.uint16)
    for origin in ((0, 0), (95, 95), (-(2**40), 2**40), (0, 42)):
        made, valid = resample(data, nodes, origin=origin, method=method)
        assert not valid.any()
        assert not made.any()
    nothing = resample(data[:, :0], nodes, origin=(40, 40), method=method)
    assert not nothing[1].any()


@pytest.mark.parametrize("method", METHODS)
def test_the_pixels_of_the_source_itself_stay_as_they_are(method: str) -> None:
    data = texture((2, 12, 15), "uint16")
    nodes = nodes_of(Affine.identity(), (12, 15), (12, 15))
    made, valid = resample(data, nodes, origin=(0, 0), method=method)
    assert valid.all()
    assert (made == data).all()


def test_values_stay_in_their_type() -> None:
    data = np.zeros((1, 20, 20), np.uint16)
    data[0, :, 10:] = 65535  # cubic overshoots on both sides of a step
    nodes = nodes_of(Affine.translation(2, 2) * Affine.scale(0.23), (64, 64), (20, 20))
    made, valid = resample(data, nodes, origin=(0, 0), method="cubic")
    assert valid.all()
    assert made[0, 0].max() == 65535
    assert made[0, 0].min() == 0
    assert (np.diff(made[0, 0].astype(int)) >= -65535 // 10).all(), "no number went around"


def test_numbers_that_mean_no_data() -> None:
    nodes = nodes_of(Affine.identity(), (1, 4), (1, 4))
    floats = np.array([[[0.1, np.inf, -3.4028234663852886e38, 2.0]]], np.float32)
    nodata = np.array([[0.1, -3.4028234663852886e38]])
    _, valid = resample(floats, nodes, origin=(0, 0), method="nearest", nodata=nodata)
    assert valid.tolist() == [[False, False, False, True]]
    whole = np.array([[[0, 1, 2, 65535]]], np.uint16)
    for nodata, expected in (
        ([[-9999, 2]], [True, True, False, True]),
        ([[0.5, 65536]], [True] * 4),
        ([[np.inf, 65535]], [True, True, True, False]),
    ):
        _, valid = resample(
            whole, nodes, origin=(0, 0), method="nearest", nodata=np.array(nodata, np.float64)
        )
        assert valid[0].tolist() == expected


def test_what_does_not_fit_is_refused() -> None:
    nodes = nodes_of(Affine.identity(), (4, 4), (4, 4))
    data = np.zeros((1, 4, 4), np.uint16)
    for wrong in (data[0], data.astype(np.complex64), data.astype(np.uint64)):
        with pytest.raises(ValueError, match="cannot resample"):
            resample(wrong, nodes, origin=(0, 0), method="nearest")
    with pytest.raises(ValueError, match="cannot resample"):
        resample(data, nodes, origin=(0, 0), method="lanczos")
    with pytest.raises(ValueError, match="nodata"):
        resample(data, nodes, origin=(0, 0), method="nearest", nodata=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="mask"):
        resample(data, nodes, origin=(0, 0), method="nearest", mask=np.ones((3, 4), np.bool_))


def test_work_has_a_bound() -> None:
    coarse = nodes_of(Affine.scale(100), (256, 256), (25600, 25600))
    check_work(coarse, "nearest", bands=16)
    with pytest.raises(TooCoarse):
        check_work(coarse, "cubic", bands=1)
    line = nodes_of(Affine.scale(20000, 1), (1, 4000), (1, 80_000_000))
    with pytest.raises(TooCoarse):
        resample(np.zeros((1, 1, 9), np.uint8), line, origin=(0, 0), method="bilinear")


def test_threads_share_kernels() -> None:
    source = scene_grid("utm-32n", 300)
    nodes = find_nodes(tile_at("WebMercatorQuad", 10.3, 47.2, 14), source)
    assert nodes is not None
    data = texture((2, 300, 300), "uint16")
    data.flags.writeable = False  # as blocks of a cache are
    expected = resample(data, nodes, origin=(0, 0), method="cubic")[0]
    results = []

    def work() -> None:
        results.extend(resample(data, nodes, origin=(0, 0), method="cubic")[0] for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 20
    assert all((result == expected).all() for result in results)


def test_dtypes_are_known_to_numba() -> None:
    for name in DTYPES:
        assert np.dtype(name).name == name


def test_a_folder_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path) -> None:
    """Kernels compile each time then, instead of failing."""
    code = (
        "import numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from eotiles.warp.compiled import load_kernel\n"
        "load_kernel('nearest', 'uint8')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
