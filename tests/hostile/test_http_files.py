"""Files that an item should not name: damaged, enormous on paper, of odd numbers or places, and no files at all."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from tests.hostile.conftest import COLLECTION, TILE, Product, refused
from tests.integration.raster_scenes import UTM

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]

PLACE = Affine(10, 0, 500_000, 0, -10, 5_000_000)
TIFF = {
    "driver": "GTiff", "count": 1, "height": 400, "width": 400, "dtype": "uint16", "crs": UTM, "transform": PLACE,
}  # fmt: skip

WRONG: dict[str, dict[str, Any]] = {
    "complex": {"dtype": "complex64"},
    "complex-int": {"dtype": "complex_int16"},
    "no-crs": {"crs": None},
    "local-crs": {"crs": 'LOCAL_CS["x",UNIT["m",1]]'},
    "beyond-the-poles": {"crs": "EPSG:4326", "transform": Affine(10, 0, -400, 0, -10, 200)},
    "nowhere": {"transform": Affine(10, 0, float("nan"), 0, -10, float("inf"))},
    "rotated": {"transform": PLACE @ Affine.rotation(30)},
    "upside-down": {"transform": Affine(10, 0, 500_000, 0, 10, 5_000_000)},
    "tiny": {"transform": Affine(1e-12, 0, 500_000, 0, -1e-12, 5_000_000)},
    "sparse": {"width": 10**6, "height": 10**6, "BIGTIFF": "YES", "tiled": True, "sparse_ok": True},
    "one-block": {
        "width": 32_768, "height": 32_768, "dtype": "uint8", "tiled": True, "blockxsize": 32_768,
        "blockysize": 32_768, "sparse_ok": True,
    },
    "bands": {"count": 2000, "width": 16, "height": 16, "dtype": "uint8", "sparse_ok": True},
    "no-overviews": {
        "count": 64, "width": 8000, "height": 8000, "dtype": "uint8", "tiled": True, "blockxsize": 512,
        "blockysize": 512, "sparse_ok": True,
    },
}  # fmt: skip
"""Written by rasterio with these options; each is 424 wherever it would have to be read."""

ODD: dict[str, dict[str, Any]] = {
    "nan": {"dtype": "float64", "fill": np.nan},
    "infinite": {"dtype": "float64", "fill": np.inf},
    "huge": {"dtype": "float64", "fill": 1e308},
    "uint64": {"dtype": "uint64", "fill": 2**63},
    "int8": {"dtype": "int8", "fill": -1},
    "huge-pixels": {"transform": Affine(1e12, 0, 500_000, 0, -1e12, 5_000_000)},
    "one-pixel": {"width": 1, "height": 1},
}
"""Odd, but readable."""

PATHS = [
    f"/{TILE}.png?assets=x&rescale=0,3000",
    "/tiles/WebMercatorQuad/2/2/1.tif?assets=x",
    "/preview.png?assets=x&rescale=0,3000",
    "/info?assets=x",
    "/statistics?assets=x",
    "/asset_statistics?assets=x",
    "/point/9.001,45.149?assets=x",
    "/bbox/9,45.14,9.02,45.15/64x64.png?assets=x&rescale=0,3000",
    "/bbox/9,45.14,9.02,45.15.tif?assets=x&dst_crs=EPSG:3031",
    "/WebMercatorQuad/tilejson.json?assets=x&rescale=0,3000",
    f"/{TILE}.npy?assets=x&expression=b1*1e30",
]


def _item(product: Product, name: str, href: str, **asset: Any) -> dict[str, Any]:
    kind = {"type": "image/tiff; application=geotiff", "roles": ["data"], **asset}
    return {**product.good, "id": name, "assets": {"x": {"href": href, **kind}}}


def _store(product: Product, name: str, file: Path) -> None:
    product.store(_item(product, name, str(file)))


def _ask(product: Product, name: str, paths: Sequence[str] = PATHS) -> list[int]:
    """Statuses of routes; none is the server's fault, slow, or tells more than it should."""
    statuses = []
    for path in paths:
        started = time.monotonic()
        answer = product.http.get(product.item(name) + path)
        assert time.monotonic() - started < 8, path
        if answer.status_code != 200:
            refused(answer, 404, 422, 424)
        if answer.status_code == 424:
            assert f"asset 'x' of item '{name}'" in answer.json()["detail"]
        assert b"root:x:" not in answer.content
        statuses.append(answer.status_code)
    return statuses


@pytest.fixture(scope="module")
def folder(product: Product) -> Path:
    made = product.folder / "files"
    made.mkdir(exist_ok=True)
    return made


def _write(file: Path, *, fill: float | None = None, **options: Any) -> None:
    with rasterio.open(file, "w", **{**TIFF, **options}) as dataset:
        if fill is not None:
            dataset.write(np.full((1, dataset.height, dataset.width), fill, dataset.dtypes[0]))


@pytest.mark.parametrize("name", WRONG)
def test_files_that_cannot_be_used_are_424(product: Product, folder: Path, name: str) -> None:
    file = folder / f"{name}.tif"
    _write(file, **WRONG[name])
    _store(product, name, file)
    statuses = _ask(product, name)
    if name != "no-overviews":  # all but whole pictures of it can be had
        assert set(statuses) <= {404, 422, 424}
    assert 424 in statuses


@pytest.mark.parametrize("name", ODD)
def test_odd_numbers_and_places_are_no_error_of_the_server(
    product: Product, folder: Path, name: str
) -> None:
    file = folder / f"{name}.tif"
    _write(file, **{"fill": 7, **ODD[name]})
    _store(product, name, file)
    assert 200 in _ask(product, name)


def test_damaged_files_are_never_an_error_of_the_server(product: Product, folder: Path) -> None:
    """Cut off, or with bytes changed in the header and in the pixels; the seed is fixed."""
    source = folder / "whole.tif"
    _write(source, fill=7, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    whole = source.read_bytes()
    dice = random.Random(11)
    kinds = [b"", whole[:8], whole[:100], whole[: len(whole) // 2], b"\0" * 5000, b"<html>"]
    for number in range(16):
        damaged = bytearray(whole)
        reach = len(whole) if number % 2 else 500
        for _ in range(dice.choice([1, 3, 20, 200])):
            damaged[dice.randrange(reach)] = dice.randrange(256)
        kinds.append(bytes(damaged))
    for number, content in enumerate(kinds):
        file = folder / f"damaged-{number}.tif"
        file.write_bytes(content)
        _store(product, f"damaged-{number}", file)
        _ask(product, f"damaged-{number}")
    assert product.http.get(f"{product.item('good')}/{TILE}.png?index=ndvi").status_code == 200


def test_what_is_no_file_is_424_at_once(product: Product, folder: Path) -> None:
    (folder / "folder.tif").mkdir(exist_ok=True)
    pipe = folder / "pipe.tif"
    if not pipe.exists():
        os.mkfifo(pipe)
    for name in ("folder", "pipe"):
        _store(product, name, folder / f"{name}.tif")
        assert set(_ask(product, name)) <= {404, 424}


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A web server of this machine that nobody should ask, and what it was asked."""
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, format: str, *values: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_hrefs_that_lead_elsewhere_are_neither_stored_nor_opened(
    product: Product, folder: Path, canary: tuple[str, list[str]]
) -> None:
    host, asked = canary
    port = host.partition(":")[2]
    (folder / "link.tif").unlink(missing_ok=True)
    (folder / "link.tif").symlink_to("/etc/passwd")
    disguised = folder / "vrt.tif"
    disguised.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1" '
        'subClass="VRTRawRasterBand"><SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>'
    )
    hrefs = [
        "/etc/passwd", "file:///etc/passwd", "file://localhost/etc/passwd", "FILE:///etc/passwd", "/proc/self/environ",
        "/dev/zero", f"{folder}/link.tif", f"{folder}/{'../' * 12}etc/passwd", f"{folder}x/../../../x.tif",
        f"http://{host}/x.tif", f"https://{host}/x.tif", f"http://{host}@example.org/x.tif",
        f"http://2130706433:{port}/x.tif", f"http://[::ffff:127.0.0.1]:{port}/x.tif",
        f"/vsicurl/http://{host}/x.tif", f"vsicurl/http://{host}/x.tif", f"//{host}/x.tif",
        f"/vsicurl?header_file=/etc/passwd&url=http://{host}/x.tif", f"/vsizip//vsicurl/http://{host}/x.zip/a.tif",
        f"zip+http://{host}/x.zip!a.tif", f"ftp://{host}/x.tif", "/vsisubfile/0_100,/etc/passwd",
        f"vrt://{folder}/whole.tif", "<VRTDataset/>", f"GTIFF_RAW:{folder}/whole.tif", f"WMS:http://{host}/",
        f'ZARR:"/vsicurl/http://{host}/"', "s3://bucket/x.tif", "s3://bucket//x.tif", "data:image/tiff;base64,AAAA",
        "javascript:alert(1)", " /etc/passwd", "x.tif", "../x.tif", f"\\\\{host}\\x.tif",
    ]  # fmt: skip
    for number, href in enumerate(hrefs):
        item = _item(product, f"elsewhere-{number}", href)
        refused(product.write("POST", f"/collections/{COLLECTION}/items", json=item), 400, 422)
        product.store(item)
        assert set(_ask(product, f"elsewhere-{number}", PATHS[3:6])) == {424}, href
        served = product.http.get(f"/stac/collections/{COLLECTION}/items/elsewhere-{number}")
        address = served.json()["assets"]["x"]["href"]
        if address.startswith(str(product.http.base_url)):
            assert product.http.get(address).status_code == 404, href
    _store(product, "disguised", disguised)
    assert set(_ask(product, "disguised", PATHS[:6])) <= {404, 424}
    assert asked == []
