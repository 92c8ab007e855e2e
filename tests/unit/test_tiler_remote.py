"""Assets over HTTP: read by ranges below an allowed root, never asked for elsewhere, named when the server fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from eotiles.catalog.items import Item
from eotiles.core.errors import AssetUnreadable, HrefRefused
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.reader import ItemReader
from eotiles.plan import AssetChoice, Layer
from eotiles.read.hrefs import allow_list
from eotiles.read.library import Library
from eotiles.read.stores import open_stores

LAYER = Layer(assets=(AssetChoice("red"),))


@dataclass
class Store:
    """A small object store on a free port."""

    folder: Path
    library: Library
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def reader(self, href: str) -> ItemReader:
        asset = {"href": href, "type": "image/tiff", "roles": ["data"]}
        item = {
            "id": "i",
            "collection": "c",
            "bbox": None,
            "properties": {},
            "assets": {"red": asset},
        }
        access = Access(
            roots=allow_list((f"{self.url}/open",)), library=self.library, max_pixels=4096**2
        )
        return ItemReader(Item(item), access=access)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    library = Library(open_stores(), blocks_bytes=2**24)
    made = Store(tmp_path, library)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            file = made.folder / Path(urlsplit(self.path).path).name
            if self.path.startswith("/open/fails"):
                self.send_error(500)
            elif not file.is_file():
                self.send_error(404)
            else:
                self._send(file.read_bytes())

        def do_HEAD(self) -> None:
            self.do_GET()

        def _send(self, content: bytes) -> None:
            first, last = 0, len(content) - 1
            if asked := self.headers.get("Range"):
                start, _, end = asked.removeprefix("bytes=").partition("-")
                first, last = int(start), min(int(end or last), last)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[first : last + 1])

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with library:
        yield made
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def numbers(store: Store) -> NDArray[np.uint16]:
    planes = np.random.default_rng(3).integers(1, 60_000, (1, 64, 64)).astype(np.uint16)
    with rasterio.open(
        store.folder / "red.tif", "w", driver="GTiff", count=1, width=64, height=64, dtype="uint16", crs="EPSG:32632",
        transform=Affine(10, 0, 500_000, 0, -10, 5_000_000), tiled=True, blockxsize=64, blockysize=64,
    ) as dataset:  # fmt: skip
        dataset.write(planes)
    return planes


def test_a_file_below_the_root_is_read_by_ranges(store: Store, numbers: NDArray[np.uint16]) -> None:
    got = store.reader(f"{store.url}/open/red.tif").preview(layer=LAYER, reading=Reading())
    np.testing.assert_array_equal(got.array.data, numbers)
    assert {path.split("?")[0] for path in store.asked} == {"/open/red.tif"}, (
        "no listing, no side files"
    )


def test_a_signature_stays_in_the_address(store: Store, numbers: NDArray[np.uint16]) -> None:
    got = store.reader(f"{store.url}/open/red.tif?sig=abc").preview(layer=LAYER, reading=Reading())
    np.testing.assert_array_equal(got.array.data, numbers)
    assert set(store.asked) == {"/open/red.tif?sig=abc"}


@pytest.mark.parametrize(
    "path",
    [
        "/closed/red.tif",
        "/open/../closed/red.tif",
        "/opened/red.tif",
        "/open/%2e%2e/red.tif",
        "/open/red.vrt",
        "/open/red",
        "/open/?x=red.tif",
    ],
)
def test_nothing_is_asked_for_elsewhere(store: Store, path: str) -> None:
    with pytest.raises(HrefRefused):
        store.reader(store.url + path).preview(layer=LAYER, reading=Reading())
    assert store.asked == []


@pytest.mark.parametrize("name", ["absent.tif", "fails/red.tif"])
def test_a_server_that_fails_makes_an_unreadable_asset(store: Store, name: str) -> None:
    with pytest.raises(AssetUnreadable, match="asset 'red' of item 'i' of collection 'c'") as error:
        store.reader(f"{store.url}/open/{name}").preview(layer=LAYER, reading=Reading())
    assert "127.0.0.1" not in str(error.value)


def test_a_signature_is_not_logged(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (store.folder / "text.tif").write_text("no raster")
    with pytest.raises(AssetUnreadable):
        store.reader(f"{store.url}/open/text.tif?sig=secret").preview(
            layer=LAYER, reading=Reading()
        )
    logged = capsys.readouterr().out
    assert "/open/text.tif" in logged
    assert "secret" not in logged
