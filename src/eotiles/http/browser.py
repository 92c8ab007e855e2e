"""STAC Browser at `/browser`: somebody else's single-page application, told where our catalogue is.

What is served is a folder as scripts/stac_browser.py builds it, or as the official image of version 5 holds it: the
page says where it lies in `<base id="stac-browser-base">`, and reads its options from `runtime-config.js`.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from eotiles.core.errors import SetupError
from eotiles.http.files import ASKED, Files
from eotiles.settings import Settings

PATH = "/browser"
ELSEWHERE = "https://radiantearth.github.io/stac-browser/#/external/"
"""The public STAC Browser, for where none is installed; the address of an API follows. It runs in the visitor's
browser, so this API must be one that the visitor reaches."""

BASEMAP = "https://tile.openstreetmap.org"
"""What the official image draws under the imagery; a build of scripts/stac_browser.py asks nobody else."""

_BASE = re.compile(r'<base href="[^"]*" id="stac-browser-base">')
_TITLE = re.compile(r"<title>[^<]*</title>")
_HASHED = re.compile(rf"{PATH}/(?:js|css|img|fonts|assets)/")
"""Below these the builders put a hash into every name."""


def add_browser(app: FastAPI, settings: Settings, *, static: Path, policy: str) -> None:
    """Serve the STAC Browser in `settings.browser` at `/browser`, or lead to the public one where there is none.

    `static` holds the map's libraries, whose coastline is drawn under the imagery.

    Raises:
        SetupError: the folder holds no STAC Browser.
    """
    page = None if settings.browser is None else _page(settings.browser)
    files = Files(directory=settings.browser, kept=_HASHED) if settings.browser else None

    async def answer(request: Request) -> Response:
        parts = [part for part in request.path_params.get("path", "").split("/") if part]
        path = "/".join(parts)
        # Starlette: with the prefix that a proxy cut off, whatever is mounted where.
        root = str(request.base_url).rstrip("/")
        if page is None or files is None:
            return RedirectResponse(f"{ELSEWHERE}{root}{settings.stac_path}/{quote(path)}")
        if path == "runtime-config.js":
            text = runtime_config(settings, root=root, coastline=_coastline(static))
            return Response(text, media_type="text/javascript", headers={"Cache-Control": ASKED})
        if path not in ("", "index.html") and not {".", ".."}.intersection(parts):
            try:
                return await files.get_response(path, request.scope)
            except HTTPException as error:
                if error.status_code != 404 or _HASHED.search(request.url.path):
                    raise
        # Every other path is a place inside the application.
        text = page.replace("{base}", html.escape(f"{request.base_url.path.rstrip('/')}{PATH}/"))
        text = text.replace("{title}", html.escape(settings.title))
        headers = {"Cache-Control": ASKED, "Content-Security-Policy": policy}
        return HTMLResponse(text, headers=headers)

    for path in (PATH, PATH + "/{path:path}"):
        app.add_route(path, answer, methods=["GET", "HEAD"])


def runtime_config(settings: Settings, *, root: str, coastline: str | None) -> str:
    """The script that says to STAC Browser where it is and what it shows; `root` is the address of the map page.

    displayOverview: it would read GeoTIFFs itself, and stretch them by guess, where our tiles are asked for.
    """
    options = {
        "catalogUrl": f"{root}{settings.stac_path}/",
        "catalogTitle": settings.title,
        "pathPrefix": urlsplit(root).path + PATH + "/",
        "allowExternalAccess": False,
        "displayOverview": False,
        "socialSharing": ["email"],
        "footerLinks": [{"label": "Map", "url": f"{root}/"}],
    }
    return (
        f"window.STAC_BROWSER_CONFIG = {json.dumps(options)};\n"
        f"window.EOTILES_COASTLINE = {json.dumps(coastline and f'{root}/{coastline}')};\n"
    )


def browser_policy(origins: str) -> str:
    """Content-Security-Policy of STAC Browser's page: its own origin and the `origins` given, each after a space.

    OpenLayers places what it draws by style attributes, and reads GeoTIFFs in workers made of blobs.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {BASEMAP}{origins}",
            f"connect-src 'self'{origins}",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )


def _page(folder: Path) -> str:
    """Its index.html with `{base}` and `{title}` where the address and the name of this server go."""
    try:
        text = (folder / "index.html").read_text(encoding="utf-8")
    except OSError:
        text = ""
    icon = '<link rel="icon" href="../static/icon.svg" type="image/svg+xml">'
    text, count = _BASE.subn(f'<base href="{{base}}" id="stac-browser-base">{icon}', text)
    if count != 1:
        raise SetupError(
            f"{folder} holds no STAC Browser that can be placed at {PATH}; name the folder that "
            "`python scripts/stac_browser.py` prints with EOTILES_BROWSER"
        )
    return _TITLE.sub("<title>{title}</title>", text)


def _coastline(static: Path) -> str | None:
    """Path of the map page's coastline below the root; its folder carries its version."""
    found = next(static.glob("vendor/world-atlas-*/land.json"), None)
    return None if found is None else f"static/{found.relative_to(static).as_posix()}"
