"""What every service has in common: errors, CORS, logs, metrics, health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import eotiles
from eotiles.core.errors import Unavailable
from eotiles.http.errors import Foreign, add_handlers, problem
from eotiles.http.operations import Meters, Operations
from eotiles.http.scalars import scalar_parameters
from eotiles.settings import Settings

Ready = Callable[[], Awaitable[None]]
"""Returns when the service can answer; raises Unavailable when it cannot."""


def equip(
    app: FastAPI,
    *,
    service: str,
    settings: Settings,
    ready: Ready,
    validation_status: int = 422,
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "OPTIONS"),
    foreign: Mapping[type[Exception], Foreign] | None = None,
) -> None:
    """Give an app, whose routes are all there, what every service has.

    `foreign` are exceptions of a library that the service is built on, with the status each answers.

    CORS never allows credentials. `app.state` carries `ready` and `meters`, for the application that it is part of.
    """
    app.state.ready = ready
    app.state.meters = meters = Meters(service)
    add_handlers(app, validation_status=validation_status, foreign=foreign)
    add_health(app, service=service, ready=ready, registries=[meters.registry])
    app.add_middleware(Operations, service=service, meters=meters, scalars=scalar_parameters(app))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[origin.strip() for origin in settings.cors_origins.split(",")],
        allow_methods=list(methods),
        allow_headers=["Content-Type", "Authorization", "X-Request-ID"],
        expose_headers=[
            "Allow",
            "Content-Bbox",
            "Content-Crs",
            "Content-Range",
            "ETag",
            "Link",
            "Location",
            "Server-Timing",
            "X-Coverage",
            "X-Request-ID",
        ],
        allow_credentials=False,
        max_age=600,
    )


def add_health(
    app: Starlette, *, service: str, ready: Ready, registries: Sequence[CollectorRegistry]
) -> None:
    """`/healthz` answers as long as the process does and waits for nothing; `/readyz` asks `ready`; `/metrics` is in
    Prometheus' text format."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"service": service, "status": "up", "version": eotiles.__version__})

    async def readyz(request: Request) -> Response:
        try:
            await ready()
        except Unavailable as error:
            return problem(503, str(error))
        return JSONResponse(
            {"service": service, "status": "ready"}, headers={"Cache-Control": "no-store"}
        )

    async def metrics(request: Request) -> Response:
        text = b"".join(generate_latest(registry) for registry in registries)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    for endpoint in (healthz, readyz, metrics):
        path = f"/{endpoint.__name__}"
        app.add_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
