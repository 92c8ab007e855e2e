"""The tools of benchmarks/: a benchmark that counts or compares wrongly says nothing."""

from __future__ import annotations

import collections
import copy
import datetime
import http.client
import io
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import apis
import archive
import interleaved
import page
import scenes
import searches
import server
import stock
import traces
from hydraters import hydrate
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


def test_another_table_of_the_page_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    tables = [
        f"<!-- {name} -->\nold {name}\n<!-- end of {name} -->\n"
        for name in ("table", "search table")
    ]
    path.write_text("".join(tables))
    machine = {"cpus": 2, "cpu": "a cpu", "system": "Linux", "python": "3.11", "load": 0.5}
    page.write_page({"machine": machine, "rounds": 3, "lines": []}, path, name="search table")
    text = path.read_text()
    assert text.startswith(tables[0] + "<!-- search table -->\nMeasured ")
    assert "old search table" not in text


def test_the_archive_has_as_many_items_as_asked_for_and_always_the_same() -> None:
    for items in (100, 20_011, 1_000_000):
        assert sum(archive.counts(items).values()) == items
    kind = archive.KINDS[1]
    made = [archive.item(kind, number, of=500) for number in range(500)]
    assert made == [archive.item(kind, number, of=500) for number in range(500)]
    assert len({item["id"] for item in made}) == 500
    times = [item["properties"]["datetime"] for item in made]
    assert times == sorted(times)
    assert times[0][:4] == "2015"
    assert times[-1][:4] == "2024"
    clouds = [item["properties"]["eo:cloud_cover"] for item in made]
    assert 0 <= min(clouds) < 5
    assert 95 < max(clouds) <= 100
    for item in made:
        assert len(item["assets"]) == 12
        assert 3_300 < len(json.dumps(item, separators=(",", ":"))) < 4_500
        ring = item["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring)


def test_rows_are_items_without_what_their_collection_says() -> None:
    kind = archive.KINDS[0]
    stac = archive.collection(kind)
    base = {
        "type": "Feature",
        "stac_version": stac["stac_version"],
        "assets": stac["item_assets"],
        "collection": kind.id,
    }
    item = archive.item(kind, 7, of=50)
    before = copy.deepcopy((item, base))
    identifier, geometry, collection, begin, end, content = stock.copied(item, base)
    assert (item, base) == before
    assert (identifier, collection, begin, end) == (
        item["id"],
        kind.id,
        item["properties"]["datetime"],
        item["properties"]["datetime"],
    )
    assert len(content) < len(json.dumps(item)) * 0.7
    columns = {"id": identifier, "collection": collection, "geometry": item["geometry"]}
    assert hydrate(base, {**json.loads(content), **columns}) == item
    assert geometry.startswith("0103000020E6100000".lower())


def test_a_geometry_is_the_polygon_in_ewkb() -> None:
    # SELECT 'SRID=4326;POLYGON((0 0, 1 0, 1 1, 0 0))'::geometry
    zero, one = "0" * 16, "000000000000f03f"
    expected = "0103000020e61000000100000004000000" + zero * 2 + one + zero + one * 2 + zero * 2
    assert stock.polygon([[0, 0], [1, 0], [1, 1], [0, 0]]) == expected


def test_no_two_requests_of_a_case_are_alike() -> None:
    for case in searches.CASES:
        asked = case.requests(60, items=1_000_000)
        assert asked == case.requests(60, items=1_000_000)
        sent = {(each.path, each.payload) for each in asked}
        assert len(sent) == 60, case.name
        others = {
            (each.path, each.payload) for each in case.requests(60, items=1_000_000, seed="b")
        }
        assert not sent & others, case.name


def test_searches_lie_where_the_archive_is() -> None:
    chance = random.Random(1)
    for _ in range(200):
        west, south, east, north = searches._box(chance, 5)
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
        begin, end = map(datetime.datetime.fromisoformat, searches._period(chance, 30).split("/"))
        assert begin >= archive.BEGIN
        assert end - begin == datetime.timedelta(days=30)
        assert end < archive.BEGIN + datetime.timedelta(seconds=archive.SPAN_S)
    names = collections.Counter(case.name for case in searches.CASES)
    assert max(names.values()) == 1


def test_ids_of_an_answer_are_told_in_their_order() -> None:
    assert interleaved.names(b'{"features":[{"id":"b"},{"id":"a"}]}') == ["b", "a"]
    assert interleaved.names(b'{"collections":[{"id":"c"}],"links":[]}') == ["c"]
    assert interleaved.names(b'{"id":"one","type":"Feature"}') == ["one"]
    assert interleaved.names(b'{"features":[]}') == []


def test_the_slowest_of_a_hundred_are_left_out() -> None:
    assert interleaved.p95([float(number) for number in range(1, 101)]) == 95
    assert interleaved.p95([3.0, 1.0, 2.0]) == 3
    assert interleaved.p95([1.0] * 19 + [9.0]) == 1
    assert interleaved.p95([1.0] * 18 + [9.0, 9.0]) == 9


def test_a_search_s_ratio_is_that_of_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    timings = interleaved.Timings({"a": [1.0, 10.0, 100.0], "b": [2.0, 10.0, 300.0]})
    line = timings.line("x", ours="a", peer="b", most=0.8)
    assert (line["ours_ms"], line["peer_ms"], line["ratio"]) == (10, 10, 2)
    assert (line["bar"], line["verdict"]) == (1.25, "ok")
    assert timings.line("x", ours="b", peer="a", most=1.05)["verdict"] == "short"
    assert timings.p95_line("x", ours="b", peer="a", most=1.15)["verdict"] == "short"
    capsys.readouterr()


def test_rivals_that_find_something_else_end_the_benchmark(
    ranges: server.Server, tmp_path: Path
) -> None:
    (tmp_path / "files" / "one.json").write_text('{"features":[{"id":"a"}]}')
    (tmp_path / "files" / "two").mkdir()
    (tmp_path / "files" / "two" / "one.json").write_text('{"features":[{"id":"b"}]}')
    asked = [searches.Asked("/one.json")] * 6
    one = apis.Api(ranges, "", os.getpid())
    timings = interleaved.interleave([one], asked, warm_up=2)
    assert len(timings.wall_ms["ranges"]) == 4
    assert all(0 < wall_ms < 1000 for wall_ms in timings.wall_ms["ranges"])
    assert timings.kilobytes["ranges"] == pytest.approx(0.025)
    assert interleaved.crowd(one, asked, clients=3) > 0
    other = apis.Api(copy.copy(ranges), "/two", os.getpid())
    other.server.name = "other"
    with pytest.raises(RuntimeError, match="do not find the same"):
        interleaved.interleave([one, other], asked, warm_up=2)
    assert interleaved.interleave([one, other], asked, warm_up=2, same=False)
