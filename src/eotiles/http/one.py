"""The services that one process runs, under one origin: `/`, `/stac`, `/raster`, `/assets`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.http.address import PublicAddress
from eotiles.http.errors import add_handlers
from eotiles.http.service import add_health
from eotiles.runtime import entered, writing_keys
from eotiles.settings import SERVICES, Service, Settings


def create_one(settings: Settings, services: Sequence[Service] = SERVICES) -> ASGIApp:
    """One ASGI application of the services named, each under the path it has in production."""
    written = "ingest" in services and bool(writing_keys(settings))
    parts = {service: _create(service, settings, written=written) for service in services}
    stac, write = parts.get("stac"), parts.get("ingest")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with entered(*(part.router.lifespan_context(part) for part in parts.values())):
            yield

    async def ready() -> None:
        for part in parts.values():
            await part.state.ready()

    one = Starlette(lifespan=lifespan)
    add_handlers(one, validation_status=422)
    registries = [part.state.meters.registry for part in parts.values()]
    add_health(one, service="+".join(services), ready=ready, registries=registries)
    if "site" in parts:
        one.mount("/", parts["site"])
    paths: dict[str, ASGIApp] = {}
    if stac is not None or write is not None:
        paths[settings.stac_path] = Catalogue(read=stac, write=write)
    if stac is not None:
        paths[settings.assets_path] = stac.state.assets
    if "raster" in parts:
        paths[settings.raster_path] = parts["raster"]
    return PublicAddress(
        Paths(paths, otherwise=one),
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
    )


def _create(service: Service, settings: Settings, *, written: bool) -> FastAPI:
    """A service's application. Imported when asked for: a catalogue-only process loads neither GDAL nor Numba."""
    if service == "stac":
        from eotiles.http.stac import create_stac  # noqa: PLC0415

        return create_stac(settings, written=written)
    if service == "ingest":
        from eotiles.http.write.application import create_write  # noqa: PLC0415

        return create_write(settings)
    if service == "raster":
        from eotiles.http.raster import create_raster  # noqa: PLC0415

        return create_raster(settings)
    from eotiles.http.site import create_site  # noqa: PLC0415

    return create_site(settings)


class Paths:
    """Applications under paths, each as if it ran alone behind a gateway.

    Starlette's Mount would not do: inside it `request.base_url` is the outer application's, and links that TiTiler and
    stac-fastapi build would lack the path.
    """

    def __init__(self, paths: Mapping[str, ASGIApp], *, otherwise: ASGIApp) -> None:
        self._paths = paths
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = scope.get("root_path", "")
            path = scope["path"].removeprefix(root)
            for prefix, app in self._paths.items():
                if path == prefix:
                    scope = {**scope, "path": scope["path"] + "/"}
                if path == prefix or path.startswith(prefix + "/"):
                    await app({**scope, "root_path": root + prefix}, receive, send)
                    return
        await self._otherwise(scope, receive, send)


_ASKED_BY_POST = re.compile(r"/search|(/collections/[^/]+)?/aggregate")
"""Paths of the STAC API whose POST changes nothing."""


class Catalogue:
    """What a gateway does under /stac: writes go to the ingest service, everything else to the STAC API."""

    def __init__(self, *, read: ASGIApp | None, write: ASGIApp | None) -> None:
        self._read = read
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writes = scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        asks = scope["method"] == "POST" and _ASKED_BY_POST.fullmatch(path) is not None
        app = self._write if (writes and not asks) or _asks_to_write(scope) else self._read
        await (app or self._read or self._write)(scope, receive, send)  # type: ignore[misc]


_WRITTEN = re.compile(r"/collections(/[^/]+(/items(/[^/]+)?|/bulk_items)?)?/?")
"""Paths of the STAC API that the ingest service writes at."""


def _asks_to_write(scope: Scope) -> bool:
    """Whether it is OPTIONS of an address that can be written; of CORS, if it is a write that is asked for."""
    if scope["method"] != "OPTIONS":
        return False
    asked = Headers(scope=scope).get("access-control-request-method", "OPTIONS")
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return asked not in ("GET", "HEAD") and _WRITTEN.fullmatch(path) is not None
