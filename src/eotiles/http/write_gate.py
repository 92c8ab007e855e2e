"""Who may write: whoever sends a token whose SHA-256 the settings hold."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.core.errors import EotilesError, Forbidden, Unauthorized
from eotiles.http.errors import problem, status_of

WRITES = ("POST", "PUT", "PATCH", "DELETE")

_OFF = "writing over HTTP is off here: EOTILES_INGEST_TOKEN_SHA256 names no token; `eotiles token` makes one"


class TokenGate:
    """ASGI middleware in front of every write: refuses before a byte of the body is read."""

    def __init__(self, app: ASGIApp, *, hashes: Collection[str]) -> None:
        self.app = app
        self._hashes = tuple(hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in WRITES:
            try:
                check_token(Headers(scope=scope).get("authorization", ""), hashes=self._hashes)
            except EotilesError as error:
                await problem(status_of(error), str(error), instance=scope["path"])(
                    scope, receive, send
                )
                return
        await self.app(scope, receive, send)


def check_token(authorization: str, *, hashes: Collection[str]) -> None:
    """Pass an Authorization header that holds a known token.

    Raises:
        Forbidden: writing is off.
        Unauthorized: there is no token, or an unknown one.
    """
    if not hashes:
        raise Forbidden(_OFF)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("writing needs a token: send `Authorization: Bearer TOKEN`")
    sent = hashlib.sha256(token.strip().encode()).hexdigest()
    # Every hash is compared, in constant time each, so that time says nothing about which came close.
    matches = [hmac.compare_digest(sent, known) for known in hashes]
    if not any(matches):
        raise Unauthorized("this token may not write")
