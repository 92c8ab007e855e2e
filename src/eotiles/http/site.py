"""The map page (`/`) and STAC Browser beside it: static files, their headers, and where the services are.

docs/map.md describes the page.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import eotiles
from eotiles.core.errors import Unavailable
from eotiles.http.browser import PATH as BROWSER
from eotiles.http.browser import add_browser, browser_policy
from eotiles.http.files import ASKED, Files
from eotiles.http.service import equip
from eotiles.settings import Settings

STATIC = Path(__file__).parent / "static"
VENDOR = re.compile("/static/vendor/")
"""Below it every folder carries its version, so what is there never changes."""


def create_site(settings: Settings, *, static: Path = STATIC) -> FastAPI:
    """The app that serves the map page from the folder `static`; it needs no database."""
    app = FastAPI(title=settings.title, openapi_url=None, docs_url=None, redoc_url=None)

    async def libraries_present() -> None:
        # vendor.py writes its stamp last.
        if not (static / "vendor" / ".stamp").is_file():
            raise Unavailable(
                "The map's libraries are not installed here: run `python scripts/vendor.py` (make setup does)."
            )

    async def page(request: Request) -> Response:
        await libraries_present()
        return FileResponse(static / "index.html", headers={"Cache-Control": ASKED})

    async def config(request: Request) -> Response:
        root = settings.public_url or request.scope.get("root_path", "").rstrip("/")
        return JSONResponse(
            {
                "title": settings.title,
                "description": settings.description,
                "version": eotiles.__version__,
                "stac": root + settings.stac_path,
                "raster": root + settings.raster_path,
                "browser": None if settings.browser is None else root + BROWSER,
            },
            headers={"Cache-Control": ASKED},
        )

    app.add_route("/", page, methods=["GET", "HEAD"])
    app.add_route("/config.json", config, methods=["GET", "HEAD"])
    app.mount("/static", Files(directory=static, kept=VENDOR), name="static")
    add_browser(app, settings, static=static, policy=browser_policy(_other_origins(settings)))
    app.add_middleware(PageHeaders, policy=content_security_policy(settings))
    equip(app, service="site", settings=settings, ready=libraries_present)
    return app


def content_security_policy(settings: Settings) -> str:
    """What the page may load: its own origin, the public address, and the origins that the settings name.

    MapLibre fetches tiles (connect-src), decodes them through blob: URLs and has data: pictures in its style sheet
    (img-src), and runs one worker from a file (worker-src 'self': no blob: worker). No inline script or style.
    """
    others = _other_origins(settings)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{others}",
            f"connect-src 'self'{others}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def _other_origins(settings: Settings) -> str:
    """Each with a space before it."""
    origins = [origin for origin in settings.map_origins.replace(",", " ").split() if origin]
    if settings.public_url is not None:
        parts = urlsplit(settings.public_url)
        origins.insert(0, f"{parts.scheme}://{parts.netloc}")
    return "".join(f" {origin}" for origin in origins)


class PageHeaders:
    """ASGI middleware: the security headers of the page on every answer of the site that brings none of its own."""

    def __init__(self, app: ASGIApp, *, policy: str) -> None:
        self.app = app
        self._headers = {
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
