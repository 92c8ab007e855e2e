"""The ingest service: what writes under /stac, in a process and with a database login of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

import eotiles
from eotiles.core.errors import HrefRefused
from eotiles.http.admission import Admission
from eotiles.http.allow import AllowedMethods
from eotiles.http.body import StrictJson
from eotiles.http.service import equip
from eotiles.http.stac.addresses import MountedHere
from eotiles.http.stac.application import STAC_ERRORS
from eotiles.http.stac.configuration import TRANSACTIONS, api_settings
from eotiles.http.stac.connections import ping, pool_of
from eotiles.http.write.gate import WRITES, TokenGate
from eotiles.http.write.routes import add_routes
from eotiles.read.hrefs import allow_list
from eotiles.runtime import writing_keys
from eotiles.settings import Settings

MOST_BYTES = 16 << 20
MOST_VALUES = 2_000_000
"""Values in one body: a thousand items of an ordinary size."""

MOST_ENTRIES = 1000
"""Items of a FeatureCollection, links, assets, properties, steps of a JSON Patch. With hundreds of thousands that are
wrong, finding out what is wrong with each would take half a minute and gigabytes."""

WORKING, WAITING = 4, 64
"""Writes at a time, and in line: each may hold a body of 16 MB, which is 100 to 200 MB as Python's objects."""

CHECKING = 2
"""Threads that check items. They take turns, but leave the event loop free for others."""


def create_write(settings: Settings) -> FastAPI:
    """The Transactions extension of the STAC API, for whoever has a token. Without a token's hash nobody writes."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ThreadPoolExecutor(CHECKING, thread_name_prefix="eotiles-check") as checking:
            app.state.checking = checking
            async with pool_of(app, settings, "ingest"):
                yield

    app = FastAPI(
        title=f"{settings.title}: writing",
        version=eotiles.__version__,
        lifespan=lifespan,
        openapi_url="/write/api",
        docs_url=None,
        redoc_url=None,
    )
    app.state.eotiles = settings
    app.state.settings = api_settings(settings)
    app.state.router_prefix = ""
    app.state.allowed = allow_list(settings.roots)
    keys = writing_keys(settings)
    add_routes(app, app.state.settings)
    _announce(app, written=bool(keys))
    app.add_middleware(
        StrictJson, most_bytes=MOST_BYTES, most_values=MOST_VALUES, most_entries=MOST_ENTRIES
    )
    app.add_middleware(Admission, working=WORKING, waiting=WAITING)
    app.add_middleware(TokenGate, keys=keys)
    app.add_middleware(
        AllowedMethods, routes=app.routes, besides=("GET", "HEAD"), written=bool(keys)
    )
    app.add_middleware(MountedHere)

    async def ready() -> None:
        await ping(app)

    equip(
        app,
        service="ingest",
        settings=settings,
        ready=ready,
        validation_status=400,
        methods=("GET", "HEAD", "OPTIONS", *WRITES),
        foreign={**STAC_ERRORS, HrefRefused: (422, None)},
    )
    return app


def _announce(app: FastAPI, *, written: bool) -> None:
    """What this process adds to the conformance classes of the catalogue: nothing while nobody may write."""

    async def conformance() -> dict[str, list[str]]:
        return {"conformsTo": [*TRANSACTIONS] if written else []}

    app.add_api_route("/conformance", conformance, methods=["GET"])
