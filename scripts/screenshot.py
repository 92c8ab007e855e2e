#!/usr/bin/env python3
"""Take the README's picture: the map of a running eotiles, or of a demo started for it, in a real Chromium.

python scripts/screenshot.py --url http://127.0.0.1:8080 --out docs/images/map.png
python scripts/screenshot.py --demo --out docs/images/map.png
python scripts/screenshot.py --demo --browser --out docs/images/browser.png
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",  # root in a container has no user namespace to make one in
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",  # WebGL 2 without a graphics card
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
SIZE = ViewportSize(width=1440, height=900)
READY_S = 60.0
DRAWN_S = 60.0


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium of the system, with WebGL by software and no request of its own."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise SystemExit(
            "screenshot: Chromium is missing (Debian, Ubuntu: apt-get install chromium)"
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


async def drawn(page: Page) -> None:
    """Wait until the page says that its imagery is there and MapLibre has nothing left to draw."""
    await page.wait_for_selector("html[data-state=idle]", state="attached", timeout=DRAWN_S * 1000)


async def take(url: str, out: Path, *, layer: str, theme: str, probe: bool) -> None:
    """The picture of the page at `url`, which shows its newest scene."""
    async with chromium() as browser:
        page = await browser.new_page(
            viewport=SIZE, color_scheme="dark" if theme == "dark" else "light"
        )
        await page.goto(f"{url.rstrip('/')}/?layer={layer}")
        await drawn(page)
        if probe:
            box = await page.locator("#map").bounding_box()
            assert box is not None
            await page.mouse.click(
                box["x"] + box["width"] * 0.153, box["y"] + box["height"] * 0.353
            )
            await page.wait_for_selector(".reading .where")
            await page.mouse.move(box["x"] + 20, box["y"] + 20)
        await page.wait_for_timeout(1000)  # fades of tiles and labels
        out.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=out)


async def take_browser(url: str, out: Path) -> None:
    """The picture of the newest item in STAC Browser."""
    async with chromium() as browser:
        page = await browser.new_page(viewport=SIZE)
        answer = await page.request.get(f"{url.rstrip('/')}/stac/search?limit=1")
        (item,) = (await answer.json())["features"]
        path = f"collections/{item['collection']}/items/{item['id']}"
        await page.goto(f"{url.rstrip('/')}/browser/{path}", wait_until="networkidle")
        await page.wait_for_timeout(2000)  # tiles fade in
        await page.screenshot(path=out)


@contextmanager
def demo() -> Iterator[str]:
    """A demo on a free port with a data folder of its own; its address."""
    folder = Path(tempfile.mkdtemp(prefix="eotiles-"))
    folder.chmod(0o711)  # the account that PostgreSQL runs under has to get through
    process = subprocess.Popen(
        [sys.executable, "-m", "eotiles", "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "EOTILES_DATA": str(folder)},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.match(r"\s+map\s+(http\S+)", line):
                yield found[1]
                break
        else:
            raise SystemExit("screenshot: the demo did not start; its message stands above")
    finally:
        process.send_signal(signal.SIGINT)  # as Ctrl-C: the demo stops its database too
        process.wait(READY_S)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--url", help="address of a running eotiles")
    source.add_argument("--demo", action="store_true", help="start a demo for the picture")
    parser.add_argument("--out", type=Path, default=Path("docs/images/map.png"))
    # Patagonia is dry: its NDVI is one shade of orange.
    parser.add_argument(
        "--layer", default="true-colour", help="what is shown (default: true-colour)"
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument(
        "--browser", action="store_true", help="STAC Browser instead of the map (EOTILES_BROWSER)"
    )
    parser.add_argument("--no-probe", action="store_true", help="without the value of a pixel")
    options = parser.parse_args()
    with demo() if options.demo else _as_given(options.url) as url:
        picture = (
            take_browser(url, options.out)
            if options.browser
            else take(
                url,
                options.out,
                layer=options.layer,
                theme=options.theme,
                probe=not options.no_probe,
            )
        )
        asyncio.run(picture)
    print(f"screenshot: {options.out}, {options.out.stat().st_size / 1000:.0f} kB")


@contextmanager
def _as_given(url: str) -> Iterator[str]:
    yield url


if __name__ == "__main__":
    main()
