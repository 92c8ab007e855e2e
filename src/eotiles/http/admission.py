"""How many requests may work and wait at once; one more is turned away at once. Pure ASGI."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.http.errors import problem

_ALWAYS = ("/healthz", "/readyz", "/metrics")


class Admission:
    """ASGI middleware: `working` requests at a time, `waiting` more in line, any further is answered 503 at once.

    Waiting in line costs a task and no thread, so health answers do not stand behind tiles.
    """

    def __init__(self, app: ASGIApp, *, working: int, waiting: int) -> None:
        self.app = app
        self._slots = asyncio.Semaphore(working)
        self._room = working + waiting
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(_ALWAYS):
            await self.app(scope, receive, send)
            return
        if self._inside >= self._room:
            refusal = problem(503, "too many requests are waiting; try again in a moment")
            await refusal(scope, receive, send)
            return
        self._inside += 1
        try:
            async with self._slots:
                await self.app(scope, receive, send)
        finally:
            self._inside -= 1
