"""STAC Browser as `make demo BROWSER=1` shows it, in a real Chromium: from the catalogue to our tiles on its map."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Locator, expect
from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.embedded.cluster import Cluster
from eotiles.http.one import create_one
from eotiles.settings import Settings
from scripts.stac_browser import built_folder
from tests.browser.conftest import Visit, Visiting, served
from tests.painted import COLLECTION, ITEMS, NEWEST, QUARTERS, ingest_painted
from tests.stac_server import compile_kernels

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="session"),
]

TITLE = "Fields & forests"
PREFIX = "/eo"


class BehindPrefix:
    """A proxy that serves everything below /eo, and takes it off on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(PREFIX + "/"), scope["path"]
            forwarded = (b"x-forwarded-prefix", PREFIX.encode())
            path = scope["path"].removeprefix(PREFIX)
            scope = {**scope, "path": path, "headers": [*scope["headers"], forwarded]}
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def values(cluster: Cluster, settings: Settings) -> Settings:
    """Of an eotiles with the painted scenes and STAC Browser."""
    folder = built_folder()
    if not folder.is_dir():
        pytest.skip("STAC Browser is not built: run `python scripts/stac_browser.py` (needs npm)")
    with tempfile.TemporaryDirectory() as scenes:
        ingest_painted(cluster, settings, Path(scenes))
    return settings.model_copy(update={"browser": folder, "title": TITLE})


def app(values: Settings) -> ASGIApp:
    compile_kernels()
    return create_one(values, ("site", "stac", "raster"))


@pytest.fixture(scope="module")
def url(values: Settings) -> Iterator[str]:
    with served(app(values)) as address:
        yield address


async def painted(element: Locator) -> dict[str, NDArray[np.float64]]:
    """Where in a picture of the element each quarter's colour is: share of its pixels, mean x, mean y, 0..1."""
    image = np.asarray(Image.open(BytesIO(await element.screenshot())).convert("RGB")).astype(int)
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    found = {}
    for quarter, colour in QUARTERS.items():
        here = np.abs(image - np.array(colour)).max(axis=2) <= 3
        place = [x[here].mean() / x.max(), y[here].mean() / y.max()] if here.any() else [-1, -1]
        found[quarter] = np.array([here.mean(), *place])
    return found


async def shows_our_tiles(visited: Visit) -> None:
    """The map of the page has the four quarters of a scene in their colours and at their sides of one another."""
    element = visited.page.locator(".map").first
    for _ in range(60):
        found = await painted(element)
        if all(quarter[0] > 0.05 for quarter in found.values()):
            break
        await visited.page.wait_for_timeout(250)
    shares = np.array([quarter[0] for quarter in found.values()])
    assert shares.min() > 0.05, found
    assert shares.max() / shares.min() < 1.1, found
    west, east = found["north-west"], found["north-east"]
    south_west, south_east = found["south-west"], found["south-east"]
    assert west[1] < east[1] - 0.1
    assert south_west[1] < south_east[1] - 0.1
    assert west[2] < south_west[2] - 0.1
    assert east[2] < south_east[2] - 0.1


async def pictures(cards: Locator) -> list[int]:
    """Width in pixels of the thumbnail of each card; 0 is one that did not load."""
    thumbnails = cards.locator("img.thumbnail")
    await expect(thumbnails.first).to_be_visible()
    for image in await thumbnails.all():
        await image.scroll_into_view_if_needed()
        # Until it is near the window, a card shows an empty picture of one pixel.
        await expect(image).to_have_attribute("src", re.compile("^http"))
    loaded = "all => all.every((image) => image.complete)"
    deadline = time.monotonic() + 20
    while not await thumbnails.evaluate_all(loaded):
        assert time.monotonic() < deadline, "a thumbnail does not come"
        await asyncio.sleep(0.1)
    widths: list[int] = await thumbnails.evaluate_all("all => all.map((one) => one.naturalWidth)")
    return widths


async def test_from_the_catalogue_to_our_tiles_on_its_map(visit: Visiting, url: str) -> None:
    visited = await visit(f"{url}/browser", height=900)
    page = visited.page
    await expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    await expect(page).to_have_title(TITLE)
    assert await page.locator("img.logo").evaluate("it => it.naturalWidth") > 0
    card = page.locator(".catalog-card", has_text="Painted fields")
    (mosaic,) = await pictures(card)
    assert mosaic > 200
    await card.get_by_role("link", name="Painted fields").click()

    await expect(page.get_by_role("heading", name="Painted fields")).to_be_visible()
    assert page.url.startswith(f"{url}/browser/collections/{COLLECTION}")
    cards = page.locator(".item-card")
    await expect(cards).to_have_count(len(ITEMS))
    assert await pictures(cards) == [512] * len(ITEMS)
    await shows_our_tiles(visited)
    await page.get_by_role("link", name=NEWEST).first.click()

    await expect(page.get_by_role("heading", name=NEWEST)).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    await shows_our_tiles(visited)
    tiles = f"{url}/raster/collections/{COLLECTION}/items/{NEWEST}/tiles/WebMercatorQuad/"
    assert any(address.startswith(tiles) for address in asked), "the map shows something else"
    assert not [address for address in asked if address.split("?")[0].endswith(".tif")]
    assert visited.errors == []
    assert visited.foreign == []


async def test_a_search_with_a_filter_and_an_order(visit: Visiting, url: str) -> None:
    visited = await visit(f"{url}/browser/search", height=900)
    page = visited.page
    await page.get_by_role("tab", name="Search for Items").click()
    form = page.locator(".tab-pane.active")

    async def add_filter(times: int, value: str) -> None:
        await form.get_by_role("button", name="Add filter").click()
        await form.get_by_role("menuitem", name="Item ID").click()
        row = form.locator(".queryable-row").last
        for _ in range(times):  # = ≠ LIKE: each click is the next
            await row.locator(".op > button").first.click()
        await row.locator("input.value").fill(value)
        await row.locator("input.value").press("Tab")

    await add_filter(2, f"{COLLECTION}%")
    await add_filter(1, ITEMS[0])
    await form.locator(".sort .multiselect").click()
    await form.locator(".sort .multiselect__option", has_text="properties.datetime").click()
    titles = page.locator(".item-card .card-title")
    for order, found in (("Ascending", [ITEMS[1], NEWEST]), ("Descending", [NEWEST, ITEMS[1]])):
        await form.locator(".sort").get_by_role("button", name=order).click()
        await form.get_by_role("button", name="Submit").click()
        await expect(titles).to_have_text(found)
    assert await pictures(page.locator(".item-card")) == [512, 512]
    await titles.first.get_by_role("link").click()
    await shows_our_tiles(visited)
    assert visited.errors == []
    assert visited.foreign == []


async def test_the_map_and_stac_browser_lead_to_one_another(visit: Visiting, url: str) -> None:
    visited = await visit(f"{url}/?collection={COLLECTION}&item={NEWEST}")
    await visited.drawn()
    await visited.page.locator("#actions").get_by_role("link", name="STAC Browser").click()
    await expect(visited.page.get_by_role("heading", name=NEWEST)).to_be_visible()
    back = visited.page.get_by_role("link", name="View on the map")
    assert await back.get_attribute("href") == f"{url}/?collection={COLLECTION}&item={NEWEST}"
    assert visited.errors == []
    assert visited.foreign == []


async def test_a_place_inside_it_is_an_address_below_a_prefix_too(
    visit: Visiting, values: Settings
) -> None:
    with served(BehindPrefix(app(values))) as address:
        visited = await visit(f"{address}{PREFIX}/browser/collections/{COLLECTION}/items/{NEWEST}")
        await expect(visited.page.get_by_role("heading", name=NEWEST)).to_be_visible()
        await shows_our_tiles(visited)
        assert visited.errors == []
        assert visited.foreign == []
