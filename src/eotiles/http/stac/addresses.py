"""The public addresses that a request was made under."""

from __future__ import annotations

from typing import cast

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.catalog.site import Site
from eotiles.settings import Settings


def site_of(request: Request) -> Site:
    """Addresses that a client of this request reaches; `app.state.eotiles` holds the Settings."""
    settings = cast(Settings, request.app.state.eotiles)
    here = str(request.base_url).rstrip("/")
    root = here.removesuffix(settings.stac_path)
    return Site(
        root=root,
        stac=here,
        raster=root + settings.raster_path,
        assets=root + settings.assets_path,
        folder=str(settings.assets),
    )


class MountedHere:
    """ASGI middleware: links start where this app is mounted. Starlette's start where the outermost app is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # In place: what the router notes in it, the route, is what requests are counted by.
        scope["app_root_path"] = scope.get("root_path", "")
        await self.app(scope, receive, send)
