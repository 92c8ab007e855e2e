"""Leaflet and OpenLayers show our layers, in a real Chromium, by the recipes of docs/clients.md."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from eotiles.embedded.cluster import Cluster
from eotiles.http.one import create_one
from eotiles.settings import Settings
from tests.browser.conftest import Visiting, served
from tests.painted import COLLECTION, NEWEST, QUARTERS, ingest_painted, place
from tests.stac_server import compile_kernels

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]

PAGES = Path(__file__).parent / "clients"
ROOT = Path(__file__).parents[2]
ITEM = f"/collections/{COLLECTION}/items/{NEWEST}"
MOSAIC = f"/collections/{COLLECTION}"


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """Somebody's web site with the maps: another origin than eotiles'."""
    lock = hashlib.sha256((PAGES / "package-lock.json").read_bytes()).hexdigest()
    installed = ROOT / ".cache" / f"web-clients-{lock[:12]}"
    if not (installed / ".stamp").is_file():
        pytest.skip("Leaflet and OpenLayers are not installed: scripts/setup test does (needs npm)")
    names = [path.name for path in PAGES.glob("*.html")]
    routes = [Route(f"/{name}", lambda _, name=name: FileResponse(PAGES / name)) for name in names]
    libraries = Mount("/npm", StaticFiles(directory=installed / "node_modules"))
    with served(Starlette(routes=[*routes, libraries])) as address:
        yield address


@pytest.fixture(scope="module")
def url(cluster: Cluster, settings: Settings) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as scenes:
        ingest_painted(cluster, settings, Path(scenes))
    compile_kernels()
    with served(create_one(settings, ("stac", "raster"))) as address:
        yield address


def tilejson_of(url: str, path: str) -> str:
    """Address of the first layer of an item or a collection, as its STAC links tell."""
    links = httpx.get(f"{url}/stac{path}").raise_for_status().json()["links"]
    return str(next(link["href"] for link in links if link["rel"] == "tilejson"))


async def shows_the_scene(visit: Visiting, address: str, *, eotiles: str) -> None:
    visited = await visit(address, width=620, height=620)
    page = visited.page
    await page.wait_for_selector("html[data-state=drawn]", state="attached", timeout=30_000)
    image = np.asarray(Image.open(BytesIO(await page.locator("#map").screenshot())).convert("RGB"))
    for quarter, colour in QUARTERS.items():
        x, y = await page.evaluate("([lon, lat]) => pixelOf(lon, lat)", list(place(quarter)))
        seen = image[round(y), round(x)].astype(int)
        assert np.abs(seen - np.array(colour)).max() <= 3, (quarter, seen)
    assert visited.errors == []
    assert visited.foreign, "the map asked nobody"
    assert all(one.startswith(f"{eotiles}/") for one in visited.foreign), visited.foreign


@pytest.mark.parametrize("path", [ITEM, MOSAIC])
async def test_leaflet(visit: Visiting, pages: str, url: str, path: str) -> None:
    query = urlencode({"tilejson": tilejson_of(url, path)})
    await shows_the_scene(visit, f"{pages}/leaflet.html?{query}", eotiles=url)


@pytest.mark.parametrize("way", ["tilejson", "xyz"])
@pytest.mark.parametrize("path", [ITEM, MOSAIC])
async def test_openlayers(visit: Visiting, pages: str, url: str, path: str, way: str) -> None:
    query = urlencode({"as": way, "url": tilejson_of(url, path)})
    await shows_the_scene(visit, f"{pages}/openlayers.html?{query}", eotiles=url)


@pytest.mark.parametrize("matrix_set", ["WebMercatorQuad", "WorldCRS84Quad"])
@pytest.mark.parametrize("path", [ITEM, MOSAIC])
async def test_openlayers_from_the_capabilities(
    visit: Visiting, pages: str, url: str, path: str, matrix_set: str
) -> None:
    capabilities = f"{url}/raster{path}/WMTSCapabilities.xml"
    query = urlencode({"as": "wmts", "url": capabilities, "matrixSet": matrix_set})
    await shows_the_scene(visit, f"{pages}/openlayers.html?{query}", eotiles=url)
