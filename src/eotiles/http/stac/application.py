"""Puts the STAC API together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI
from stac_fastapi.pgstac.app import instantiate_api
from stac_fastapi.types.errors import (
    ConflictError,
    DatabaseError,
    ForeignKeyError,
    InvalidQueryParameter,
    NotFoundError,
)

from eotiles.core.errors import BadParameter
from eotiles.http.allow import AllowedMethods
from eotiles.http.body import StrictJson
from eotiles.http.errors import Foreign
from eotiles.http.service import equip
from eotiles.http.stac.addresses import MountedHere
from eotiles.http.stac.asset_lookup import finder
from eotiles.http.stac.assets import create_assets
from eotiles.http.stac.client import CatalogueClient
from eotiles.http.stac.configuration import TRANSACTIONS, api_settings
from eotiles.http.stac.connections import ping, pool_of
from eotiles.http.stac.extensions import read_extensions
from eotiles.http.stac.head import HeadAsGet
from eotiles.http.stac.queryables import KEPT_S
from eotiles.http.stac.recent import Recent
from eotiles.settings import Settings

STAC_VERSION = "1.1.0"
MOST_SEARCH_BYTES = 1 << 20
MOST_SEARCH_VALUES = 25_000
"""Values in the body of a search: a geometry of ten thousand points fits."""

STAC_ERRORS: dict[type[Exception], Foreign] = {
    BadParameter: (
        400,
        None,
    ),  # the STAC API specification's status for a parameter; elsewhere ours is 422
    InvalidQueryParameter: (400, None),
    DatabaseError: (400, None),
    NotFoundError: (404, None),
    ForeignKeyError: (404, None),
    ConflictError: (409, None),
}


def create_stac(settings: Settings, *, written: bool = False) -> FastAPI:
    """The STAC API. It starts while the database is down, answers 503 meanwhile, and goes on by itself.

    `written`: somebody may write under the same address, which is then announced.

    `app.state.assets` is the application that hands out asset files, to be mounted at `settings.assets_path`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with pool_of(app, settings, "read"):
            yield

    api_config = api_settings(settings)
    api = instantiate_api(
        client=CatalogueClient,
        extensions=read_extensions(api_config),
        lifespan=lifespan,
        settings=api_config,
    )
    api.client.landing_page_id = api_config.stac_fastapi_landing_id
    api.client.stac_version = STAC_VERSION
    if written:
        classes = api.client.base_conformance_classes
        api.client.base_conformance_classes = [*classes, *TRANSACTIONS]
    app = cast(FastAPI, api.app)
    # Upstream's compression, proxy headers and CORS: the gateway, http/address.py and equip do these.
    app.user_middleware.clear()
    app.state.eotiles = settings
    app.state.renders = Recent(most=1024)
    app.state.facts = Recent(most=256, kept_s=KEPT_S)
    app.add_middleware(StrictJson, most_bytes=MOST_SEARCH_BYTES, most_values=MOST_SEARCH_VALUES)
    app.add_middleware(HeadAsGet)
    app.add_middleware(AllowedMethods, routes=app.routes)
    app.add_middleware(MountedHere)

    async def ready() -> None:
        await ping(app)

    equip(
        app,
        service="stac",
        settings=settings,
        ready=ready,
        validation_status=400,
        foreign=STAC_ERRORS,
    )
    app.state.assets = create_assets(settings, meters=app.state.meters, find=finder(app))
    return app
