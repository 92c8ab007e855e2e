"""The whole product in a real Chromium: the demo scene on the map, true colour, NDVI, its legend and its values."""

from __future__ import annotations

import json
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import expect
from pyproj import Transformer

from eotiles.embedded.cluster import Cluster
from eotiles.http.one import create_one
from eotiles.ingest.demo import COLLECTION, EPSG, ITEM, demo_files, demo_options, demo_sources
from eotiles.ingest.files import ingest_files
from eotiles.settings import Settings
from tests.browser.conftest import Visiting, served
from tests.stac_server import compile_kernels

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]

SCENE = f"collection={COLLECTION}&item={ITEM}"


@pytest.fixture(scope="module")
def url(cluster: Cluster, settings: Settings) -> Iterator[str]:
    """eotiles under one origin, with the demo scene in it."""
    with tempfile.TemporaryDirectory() as folder:
        summary = ingest_files(
            demo_files(Path(folder)),
            demo_options(),
            conninfo=cluster.conninfo("ingest"),
            assets=settings.assets,
            roots=settings.roots,
        )
    assert not summary.refused
    compile_kernels()
    with served(create_one(settings, ("site", "stac", "raster"))) as address:
        yield address


def _legend(url: str, index: str) -> dict[str, object]:
    address = f"{url}/raster/collections/{COLLECTION}/items/{ITEM}/legend?index={index}&f=json"
    with urllib.request.urlopen(address, timeout=20) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def _share_of(palette: NDArray[np.float64], pixels: NDArray[np.uint8]) -> float:
    """Share of pixels whose colour lies within 8 of 255 of the ramp that the legend shows."""
    position = np.linspace(0, len(palette) - 1, 1024)
    ramp = np.stack([np.interp(position, np.arange(len(palette)), c) for c in palette.T], axis=1)
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    distance = np.abs(colours[:, None, :].astype(float) - ramp[None]).max(axis=2).min(axis=1)
    return float(counts[distance <= 8].sum() / counts.sum())


def _palette(legend: dict[str, object]) -> NDArray[np.float64]:
    stops = legend["stops"]
    assert isinstance(stops, list)
    return np.array(
        [[int(stop["color"][n : n + 2], 16) for n in (1, 3, 5)] for stop in stops], dtype=float
    )


async def test_a_newcomer_sees_the_scene_and_its_ndvi(visit: Visiting, url: str) -> None:
    legend = _legend(url, "ndvi")
    palette = _palette(legend)

    visited = await visit(url)
    page = visited.page
    await visited.drawn()
    await expect(page.locator(".scene")).to_have_count(1)
    await expect(page.locator("#scene-title")).to_have_text(ITEM)
    await expect(page.get_by_role("radio", name="True colour")).to_be_checked()
    await expect(page.locator(".maplibregl-ctrl-attrib")).to_contain_text("Copernicus Sentinel")
    assert await page.locator(".thumb img").evaluate("image => image.naturalWidth") > 0
    true_colour = await visited.pixels()

    await page.get_by_role("radio", name="NDVI").check()
    await expect(page.locator("#legend figcaption")).to_have_text(str(legend["title"]))
    await visited.drawn()
    ndvi = await visited.pixels()

    assert len(np.unique(true_colour.reshape(-1, 3), axis=0)) > 500
    assert len(np.unique(ndvi.reshape(-1, 3), axis=0)) > 20
    assert _share_of(palette, ndvi) > 0.98
    assert _share_of(palette, true_colour) < 0.5
    assert "layer=ndvi" in page.url

    await page.locator("#opacity").fill("0")
    await visited.drawn()
    assert len(np.unique((await visited.pixels()).reshape(-1, 3), axis=0)) < 20

    assert visited.errors == []
    assert visited.foreign == []


async def test_a_click_reads_what_numpy_computes(visit: Visiting, url: str) -> None:
    visited = await visit(f"{url}/?{SCENE}&layer=ndvi")
    page = visited.page
    await visited.drawn()
    await page.locator("#map canvas").click(position={"x": 210, "y": 300})
    value = float((await page.locator(".reading strong").inner_text()).replace("−", "-"))
    where = await page.locator(".reading .where").inner_text()
    south, west = (-float(degrees) for degrees in re.findall(r"[\d.]+", where))

    x, y = Transformer.from_crs(4326, EPSG, always_xy=True).transform(west, south)
    red, xs, ys = demo_sources()["B04"]
    nir, _, _ = demo_sources()["B08"]
    row, column = np.abs(ys - y).argmin(), np.abs(xs - x).argmin()
    # The place is shown to 0.00001°, a metre: beside an edge it may be the pixel next door.
    near = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    computed = (nir[near] - red[near]) / (nir[near] + red[near])
    assert np.abs(computed - value).min() < 1e-4
    assert visited.errors == []


async def test_an_address_opens_the_layer_it_names(visit: Visiting, url: str) -> None:
    visited = await visit(f"{url}/?{SCENE}&layer=mndwi&opacity=60")
    page = visited.page
    await visited.drawn()
    await expect(page.get_by_role("radio", name="MNDWI")).to_be_checked()
    await expect(page.locator("#opacity-value")).to_have_text("60 %")
    await expect(page.locator("#legend figcaption")).to_contain_text("Water")
    assert len(np.unique((await visited.pixels()).reshape(-1, 3), axis=0)) > 20
    assert visited.errors == []
    assert visited.foreign == []
