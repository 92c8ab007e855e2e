"""What a person sees on the map page, with services that answer, fail and recover on demand."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visiting
from tests.browser.fake_services import HOSTILE, Fake

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _until(condition: Callable[[], bool], *, limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def test_scenes_are_listed_page_by_page(visit: Visiting, fake: Fake) -> None:
    page = (await visit(fake.url)).page
    await expect(page.locator("#count")).to_have_text("24 of 30")
    await page.click("#more")
    await expect(page.locator("#count")).to_have_text("30")
    assert await page.locator(".scene").count() == 30
    await expect(page.locator("#more")).to_be_hidden()
    assert [body.get("token") for body in fake.searches] == [None, 24]


async def test_text_of_the_catalogue_stays_text(visit: Visiting, fake: Fake) -> None:
    visited = await visit(fake.url)
    await expect(visited.page.locator(".scene strong").first).to_have_text(HOSTILE)
    await expect(visited.page.locator("#collection option").first).to_have_text(HOSTILE)
    await visited.drawn()
    assert await visited.page.title() == "Fake & sons"
    # The item's self link is javascript:, so the page does not offer it.
    await expect(visited.page.locator("#actions button")).to_have_count(2)
    await expect(visited.page.locator("#actions a")).to_have_count(0)


async def test_titles_that_begin_alike_are_told_apart(visit: Visiting, fake: Fake) -> None:
    page = (await visit(fake.url)).page
    for number in (20, 21):
        full = f"S2B_MSIL1C_20190918T142039_N0208_R010_T19GCN_20190918T1733{number}"
        row = page.get_by_role("button", name=f"{full}, ")
        title = row.locator("strong")
        await expect(title).to_have_text(full)
        await expect(title).to_have_attribute("title", full)
        head, tail = title.locator("span").first, title.locator("span").last
        assert await head.evaluate("it => it.scrollWidth > it.clientWidth"), "cut in the middle"
        assert await tail.evaluate("it => it.scrollWidth <= it.clientWidth")
        assert await tail.inner_text() == full[-12:]
        box, row_box = await tail.bounding_box(), await row.bounding_box()
        assert box is not None
        assert row_box is not None
        assert box["x"] + box["width"] <= row_box["x"] + row_box["width"], "the end is in sight"
    await row.click()
    await expect(page.get_by_role("heading", name=full)).to_have_attribute("title", full)


async def test_the_form_asks_what_it_says(visit: Visiting, fake: Fake) -> None:
    visited = await visit(fake.url)
    page = visited.page
    await visited.drawn()
    fake.searches.clear()
    await page.fill("input[name=from]", "2024-06-03")
    await page.fill("input[name=to]", "2024-06-20")
    await page.locator("input[name=cloud]").fill("35")
    await expect(page.locator("#cloud-value")).to_have_text("≤ 35 %")
    await _until(lambda: bool(fake.searches) and "filter" in fake.searches[-1])
    await page.check("input[name=inview]")
    await _until(lambda: "bbox" in fake.searches[-1])
    first, last = fake.searches[0], fake.searches[-1]
    assert first["datetime"] == "2024-06-03T00:00:00Z/.."
    assert last["datetime"] == "2024-06-03T00:00:00Z/2024-06-20T23:59:59Z"
    assert last["collections"] == ["fields"]
    assert last["filter"] == {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 35]}
    west, south, east, north = last["bbox"]  # type: ignore[misc]
    assert west < 7.0 < 7.1 < east
    assert south < 50.05 < north
    asked = len(fake.searches)
    await page.locator("#map canvas").press("ArrowRight")
    await _until(lambda: len(fake.searches) > asked)
    assert fake.searches[-1]["bbox"][0] > west  # type: ignore[index]


async def test_a_failing_tile_is_explained_and_tried_again(visit: Visiting, fake: Fake) -> None:
    fake.fail["tile"] = (503, "Every reading thread is busy; try again in 2 s.")
    visited = await visit(f"{fake.url}/?layer=ndvi")
    fault = visited.page.locator("#fault")
    await expect(fault.locator("span")).to_have_text(
        "Every reading thread is busy; try again in 2 s."
    )
    await visited.drawn()
    ground = await visited.pixels()
    fake.fail.clear()
    await fault.get_by_role("button", name="Try again").click()
    await expect(fault).to_be_hidden()
    await visited.drawn()
    imagery = await visited.pixels()
    assert len(np.unique(ground.reshape(-1, 3), axis=0)) < 20
    assert len(np.unique(imagery.reshape(-1, 3), axis=0)) > 100


async def test_other_scenes_of_the_place_leave_the_colours_alone(
    visit: Visiting, fake: Fake
) -> None:
    fake.items = 1
    alone = await visit(fake.url)
    await alone.drawn()
    fake.items, fake.stacked = 20, True
    among = await visit(fake.url)
    await expect(among.page.locator("#count")).to_have_text("20")
    await among.drawn()
    np.testing.assert_array_equal(await among.pixels(0.1), await alone.pixels(0.1))


async def test_a_failing_tilejson_is_explained(visit: Visiting, fake: Fake) -> None:
    fake.fail["tilejson"] = (424, "Asset B04 of item scene-0 cannot be read.")
    page = (await visit(fake.url)).page
    await expect(page.locator("#fault span")).to_have_text(
        "Asset B04 of item scene-0 cannot be read."
    )
    await expect(page.locator("#progress")).to_be_hidden()


@pytest.mark.parametrize("route", ["collections", "search"])
async def test_a_failing_catalogue_is_explained_and_asked_again(
    visit: Visiting, fake: Fake, route: str
) -> None:
    fake.fail[route] = (503, "The database does not answer.")
    page = (await visit(fake.url)).page
    notice = page.locator(".notice")
    await expect(notice).to_contain_text("The database does not answer.")
    fake.fail.clear()
    await notice.get_by_role("button", name="Try again").click()
    await expect(page.locator("#count")).to_have_text("24 of 30")
    await expect(notice).to_be_hidden()


async def test_an_empty_catalogue_says_what_fills_it(visit: Visiting, fake: Fake) -> None:
    fake.items = 0
    page = (await visit(fake.url)).page
    await expect(page.locator(".notice")).to_contain_text("eotiles ingest files")


async def test_a_click_reads_the_pixel_and_says_why_it_cannot(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?layer=ndvi")
    page = visited.page
    await visited.drawn()
    spot = {"x": 300, "y": 380}
    await page.locator("#map canvas").click(position=spot)  # type: ignore[arg-type]
    await expect(page.locator(".reading strong")).to_have_text("0.4321")
    pointer = await page.locator(".ramp .pointer").get_attribute("style")
    assert pointer is not None
    assert float(re.findall(r"left: ([\d.]+)%", pointer)[0]) == pytest.approx(71.6, abs=0.1)
    fake.fail["point"] = (424, "Asset B08 of item scene-0 cannot be read.")
    await page.locator("#map canvas").click(position={"x": 320, "y": 460})
    await expect(page.locator(".reading .said")).to_have_text(
        "Asset B08 of item scene-0 cannot be read."
    )
    await expect(page.locator(".ramp .pointer")).to_be_hidden()


async def test_a_keyboard_does_all_of_it(visit: Visiting, fake: Fake) -> None:
    visited = await visit(fake.url)
    page = visited.page
    await visited.drawn()
    await page.locator(".scene").nth(3).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#scene-title")).to_have_text("Scene 3")
    await expect(page.locator(".scene").nth(3)).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("radio", name="True colour").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("#legend figcaption")).to_contain_text("Vegetation")
    await visited.drawn()
    await page.locator("#map canvas").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".reading strong")).to_have_text("0.4321")


async def test_the_address_is_what_is_shown(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?collection=fields&item=scene-29&layer=ndvi&opacity=40")
    page = visited.page
    # Scene 29 is on the second page of the search; the address shows it all the same.
    await expect(page.locator("#scene-title")).to_have_text("Scene 29")
    await expect(page.get_by_role("radio", name="NDVI")).to_be_checked()
    await expect(page.locator("#opacity-value")).to_have_text("40 %")
    await page.locator(".scene").nth(5).click()
    await expect(page.locator("#scene-title")).to_have_text("Scene 5")
    await expect(page).to_have_url(re.compile(r"item=scene-5&layer=ndvi&opacity=40"))
    await page.go_back()
    await expect(page.locator("#scene-title")).to_have_text("Scene 29")


async def test_a_view_in_the_address_is_kept(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?collection=fields&item=scene-1#10.5/50.2/7.5")
    await visited.drawn()
    assert visited.page.url.endswith("#10.5/50.2/7.5")


async def test_far_out_it_says_that_the_layer_is_near(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?layer=ndvi#5/50/7")
    page = visited.page
    await expect(page.locator("#far")).to_have_text("Zoom in to see this layer.")
    await page.get_by_role("button", name="Zoom to").click()
    await expect(page.locator("#far")).to_be_hidden()


async def test_addresses_are_copied(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?layer=ndvi")
    page = visited.page
    await page.get_by_role("button", name="Copy XYZ").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        f"{fake.url}/raster/collections/fields/items/scene-0/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}?index=ndvi"
    )


async def test_a_phone_in_the_dark(visit: Visiting, fake: Fake) -> None:
    visited = await visit(f"{fake.url}/?layer=ndvi", width=390, height=844, dark=True)
    page = visited.page
    await visited.drawn()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await expect(page.locator("#layers")).to_be_in_viewport(ratio=1)
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background))) < 64
    await page.get_by_role("button", name="Hide").click()
    await expect(page.locator(".search")).to_be_hidden()


async def test_a_long_name_of_a_layer_stays_in_the_card(visit: Visiting, fake: Fake) -> None:
    visited = await visit(fake.url)
    await visited.drawn()
    names = visited.page.locator("#layers .name")
    short = names.nth(1)
    assert await short.evaluate("it => it.scrollWidth <= it.clientWidth"), "an index is not cut"
    await names.first.evaluate("it => { it.textContent = 'blue, green, red, nir, '.repeat(9) }")
    assert await names.first.evaluate("it => it.scrollWidth > it.clientWidth"), "cut"
    inside = "it => it.getBoundingClientRect().right <= it.closest('.choices').getBoundingClientRect().right"
    assert await names.first.evaluate(inside)
