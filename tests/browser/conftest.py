"""A real Chromium, and pages that write down what must not happen."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
import pytest_asyncio
import uvicorn
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect
from starlette.types import ASGIApp

from scripts.screenshot import NAMES, chromium, drawn
from tests.browser.fake_services import Fake, create_fake

# Without a graphics card a page takes seconds to draw on a busy machine.
expect.set_options(timeout=20_000)


@dataclass
class Visit:
    """A page with what went wrong on it."""

    page: Page
    origin: str
    errors: list[str] = field(default_factory=list)
    """Console errors, uncaught exceptions, violations of the Content-Security-Policy."""
    foreign: list[str] = field(default_factory=list)
    """Requests to other origins."""

    async def drawn(self) -> None:
        """Wait until the imagery is there; fades take a moment more."""
        await drawn(self.page)
        await self.page.wait_for_timeout(400)

    async def pixels(self, share: float = 0.2) -> NDArray[np.uint8]:
        """(y, x, 3) uint8: a square in the middle of where an item is flown to, `share` of the map wide."""
        box = await self.page.locator("#map").bounding_box()
        assert box is not None
        size = box["width"] * share
        # 56 and 356: what the page leaves free beside an item on a wide map, 48 on a narrow one.
        free = (56 + box["width"] - 356) / 2 if box["width"] > 760 else box["width"] / 2
        left = box["x"] + free - size / 2
        top = box["y"] + (box["height"] - size) / 2
        clip = {"x": left, "y": top, "width": size, "height": size}
        png = await self.page.screenshot(clip=clip)  # type: ignore[arg-type]
        return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


Visiting = Callable[..., Awaitable[Visit]]


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an application on a free port, served by a thread."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server took more than 60 s to start"
        time.sleep(0.02)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests; skipped where there is none, failed there on CI."""
    if not any(map(shutil.which, NAMES)):
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("Chromium is missing: make test installs it")
        pytest.skip("Chromium is missing: make test installs it")
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """One profile for all tests: browsers keep the libraries, and so do these pages."""
    context = await browser.new_context()
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(context: BrowserContext) -> AsyncIterator[Visiting]:
    """Opens an address in a new page; `width`, `height` and `dark` as a person's device has them."""
    pages = []

    async def open_page(
        url: str, *, width: int = 1140, height: int = 600, dark: bool = False
    ) -> Visit:
        page = await context.new_page()
        pages.append(page)
        await page.set_viewport_size({"width": width, "height": height})
        # Flights and fades cost seconds where every frame is drawn by the processor.
        scheme = "dark" if dark else "light"
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        parts = urlsplit(url)
        visited = Visit(page, f"{parts.scheme}://{parts.netloc}")
        page.on("console", lambda said: said.type == "error" and visited.errors.append(said.text))
        page.on("pageerror", lambda error: visited.errors.append(str(error)))
        page.on("request", lambda request: _note_foreign(visited, request.url))
        await page.goto(url)
        return visited

    yield open_page
    for page in pages:
        await page.close()


def _note_foreign(visited: Visit, url: str) -> None:
    if not url.startswith((visited.origin + "/", "blob:" + visited.origin, "data:")):
        visited.foreign.append(url)


@pytest.fixture(scope="session")
def _fake_server() -> Iterator[tuple[Fake, str]]:
    fake = Fake()
    with served(create_fake(fake)) as url:
        yield fake, url


@pytest.fixture
def fake(_fake_server: tuple[Fake, str]) -> Fake:
    """Fake services in a healthy state, behind the real page at `fake.url`."""
    fake, url = _fake_server
    fake.reset(url)
    return fake
