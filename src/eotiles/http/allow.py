"""OPTIONS: which methods an address takes, in the header Allow. STAC Browser shows who may write by it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_ASKED = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class AllowedMethods:
    """ASGI middleware that answers OPTIONS. What CORS asks before a request never gets here: its middleware answers.

    `besides` are methods that another service answers at the same addresses; `written` says whether the routes that
    change something count.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Sequence[BaseRoute],
        besides: Sequence[str] = (),
        written: bool = True,
    ) -> None:
        self.app = app
        self._routes = routes
        self._besides = tuple(besides)
        self._written = written

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self.app(scope, receive, send)
            return
        found = {method for method in _ASKED if self._takes(method, scope)}
        if found:
            found |= {"OPTIONS", *self._besides}
            if "GET" in found:
                found.add("HEAD")
            if not self._written:
                found -= {"POST", "PUT", "PATCH", "DELETE"}
            allow = ", ".join(method for method in _ASKED if method in found)
            await Response(status_code=204, headers={"Allow": allow})(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _takes(self, method: str, scope: Scope) -> bool:
        asked = {**scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in self._routes)
