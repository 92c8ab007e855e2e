"""The tools of benchmarks/: a benchmark that counts or compares wrongly says nothing."""

from __future__ import annotations

import http.client
import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import page
import scenes
import server
import traces
from pictures import alike

DATA = bytes(range(256)) * 8


@pytest.fixture
def ranges(tmp_path: Path) -> Iterator[server.Server]:
    """The range server in its own process, over a folder with one file."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "data.bin").write_bytes(DATA)
    (tmp_path / "secret").write_text("secret")
    port = server.free_port()
    script = str(Path(server.__file__).with_name("ranges.py"))
    with server.Server(
        "ranges", [sys.executable, script, str(folder), str(port)],
        environment={}, port=port, ready="/requests", log=tmp_path / "log",
    ) as running:  # fmt: skip
        yield running


def ask(port: int, path: str, *, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        method, path, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers.get("ETag", "")
    connection.close()
    return found


def test_ranges_are_served_and_counted(ranges: server.Server) -> None:
    before = int(ranges.get("/requests"))
    status, body, tag = ask(ranges.port, "/data.bin", Range="bytes=10-19")
    assert (status, body) == (206, DATA[10:20])
    assert ask(ranges.port, "/data.bin", Range="bytes=2000-9999")[:2] == (206, DATA[2000:])
    assert ask(ranges.port, "/data.bin")[:2] == (200, DATA)
    assert ask(ranges.port, "/data.bin", method="HEAD")[:2] == (200, b"")
    assert ask(ranges.port, "/data.bin", If_Match=tag)[0] == 200
    assert ask(ranges.port, "/data.bin", If_Match='"another"')[0] == 412
    assert ask(ranges.port, "/data.bin", Range="bytes=9999-")[0] == 416
    assert ask(ranges.port, "/../secret")[0] == 404
    assert int(ranges.get("/requests")) == before + 8


def test_cpu_time_of_a_process_is_that_of_its_work(ranges: server.Server) -> None:
    rest = ranges.cpu_s()
    time.sleep(0.2)
    assert ranges.cpu_s() - rest < 0.05
    cost = ranges.batch(["/data.bin"] * 200, clients=4)
    assert cost.tiles == 200
    assert cost.bytes == len(DATA)
    assert 0.005 < cost.cpu_ms < 20
    assert 5 < ranges.rss_mb() < 200


def test_an_answer_that_is_no_tile_ends_the_benchmark(ranges: server.Server) -> None:
    with pytest.raises(RuntimeError, match="404"):
        ranges.batch(["/data.bin", "/missing"], clients=2)


def test_cpu_clock_is_the_one_of_the_process() -> None:
    assert time.clock_gettime(server._cpu_clock(os.getpid())) == pytest.approx(
        time.process_time(), abs=0.05
    )


def picture(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_pictures_are_alike_where_colours_and_transparency_are() -> None:
    pixels = np.full((10, 10, 4), (100, 150, 200, 255), np.uint8)
    other = pixels.copy()
    other[0, :5, 0] += 40
    other[1, :5, 0] += 10
    other[2, :5, 3] = 0
    assert alike(picture(pixels), picture(other)) == 0.9
    clear = pixels.copy()
    clear[2, :5] = 0
    assert alike(picture(other), picture(clear)) == 0.95
    assert alike(picture(pixels), picture(pixels[:5])) == 0


def test_a_panning_trace_asks_for_no_tile_twice() -> None:
    views = traces.panning(*scenes.centre([0]))
    tiles = [tile for view in views for tile in view]
    assert len(tiles) == len(set(tiles)) >= 100
    assert [len(view) for view in views[:3]] == [24, 24, 24]
    assert {tile[0] for tile in tiles} == {12, 13, 14}


def test_random_tiles_of_an_item_share_no_block() -> None:
    def blocks(zoom: int, seed: int) -> set[tuple[int, int]]:
        bounds = traces._TMS.xy_bounds(*traces.scattered(zoom, seed)[1:], zoom)
        x, y = _to_utm([bounds.left, bounds.right], [bounds.bottom, bounds.top])
        columns = [int((side - scenes.LEFT_M) // (512 * scenes.PIXEL_M)) for side in x]
        rows = [int((scenes.TOP_M - side) // (512 * scenes.PIXEL_M)) for side in y]
        return {
            (column, row)
            for column in range(columns[0], columns[1] + 1)
            for row in range(rows[1], rows[0] + 1)
        }

    for seed in range(50):
        assert not blocks(13, seed) & blocks(14, seed), seed
    assert traces.far_away()[0] == 9


def _to_utm(x: list[float], y: list[float]) -> tuple[list[float], list[float]]:
    from pyproj import Transformer  # noqa: PLC0415

    return Transformer.from_crs(3857, scenes.UTM, always_xy=True).transform(x, y)


def test_a_scene_is_a_cog_and_its_copy_lies_elsewhere(tmp_path: Path) -> None:
    data = np.zeros((scenes.SIZE_PX, scenes.SIZE_PX), np.uint16)
    data[1000:1100] = 7
    scenes._write(tmp_path / "a.tif", data, "deflate")
    scenes._copy_to((123_450.0, 6_000_000.0), source=tmp_path / "a.tif", target=tmp_path / "b.tif")
    with rasterio.open(tmp_path / "a.tif") as one, rasterio.open(tmp_path / "b.tif") as other:
        assert one.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert one.block_shapes == [(512, 512)]
        assert one.overviews(1) == [2, 4, 8, 16]
        assert (other.transform.c, other.transform.f) == (123_450, 6_000_000)
        assert (other.read(1) == data).all()


def test_footprint_lies_inside_the_pixels_with_data() -> None:
    left, top = scenes.PLACES[0]
    x, y = _ring_in_pixels(scenes.footprint(left, top), left, top)
    assert min(x) > 2
    assert max(x) < scenes.SIZE_PX - 2
    assert min(y) > 2
    assert (x + y).min() > scenes.WEDGE_PX


def _ring_in_pixels(
    ring: list[list[float]], left: float, top: float
) -> tuple[np.ndarray, np.ndarray]:
    from pyproj import Transformer  # noqa: PLC0415

    lon, lat = np.array(ring).T
    x, y = Transformer.from_crs(4326, scenes.UTM, always_xy=True).transform(lon, lat)
    return (x - left) / scenes.PIXEL_M, (top - y) / scenes.PIXEL_M


def test_the_page_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n")
    machine = {"cpus": 2, "cpu": "a cpu", "system": "Linux", "python": "3.11", "load": 0.5}
    entry = {
        "name": "case",
        "ours_ms": 2.0,
        "peer_ms": 20.0,
        "ratio": 10.0,
        "bar": 6.0,
        "verdict": "ok",
    }
    run = {"machine": machine, "rounds": 3, "lines": [entry]}
    page.write_page(run, path)
    page.write_page(run, path)
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.count("| case | 2 | 20 | 10.00 | 6 | ok |") == 1
    assert "old" not in text
