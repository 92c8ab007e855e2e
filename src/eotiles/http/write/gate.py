"""Who may write what: whoever sends the token of a key, in the collections of that key."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from eotiles.core.errors import EotilesError, Forbidden, Unauthorized
from eotiles.core.key import Key, find_key
from eotiles.http.errors import problem, status_of
from eotiles.http.operations import WRITER

WRITES = ("POST", "PUT", "PATCH", "DELETE")

_OFF = "writing over HTTP is off here: EOTILES_INGEST_TOKEN_SHA256 names no token; `eotiles token` makes one"
_KEY = "eotiles.key"
"""Where a request's state holds the Key that it came with."""


class TokenGate:
    """ASGI middleware in front of every write: refuses before a byte of the body is read."""

    def __init__(self, app: ASGIApp, *, keys: Collection[Key]) -> None:
        self.app = app
        self._keys = tuple(keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in WRITES:
            try:
                key = check_token(Headers(scope=scope).get("authorization", ""), keys=self._keys)
            except EotilesError as error:
                await problem(status_of(error), str(error), instance=scope["path"])(
                    scope, receive, send
                )
                return
            state = scope.setdefault("state", {})
            state[_KEY], state[WRITER] = key, key.name
        await self.app(scope, receive, send)


def check_token(authorization: str, *, keys: Collection[Key]) -> Key:
    """The key of an Authorization header that holds a known token.

    Raises:
        Forbidden: writing is off.
        Unauthorized: there is no token, or an unknown one.
    """
    if not keys:
        raise Forbidden(_OFF)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("writing needs a token: send `Authorization: Bearer TOKEN`")
    key = find_key(keys, token.strip())
    if key is None:
        raise Unauthorized("this token may not write")
    return key


def check_scope(request: Request, collection: str) -> None:
    """Pass a request whose key may write a collection.

    Raises:
        Forbidden: it may write others.
    """
    key: Key = request.scope["state"][_KEY]
    if not key.allows(collection):
        raise Forbidden(f"the key {key.name!r} may not write the collection {collection[:200]!r}")


async def check_path(request: Request) -> None:
    """Dependency of every route: the key may write the collection that the path names.

    What the router has found in the path counts, so nothing is read out of an address twice and differently.
    """
    collection = request.path_params.get("collection_id")
    if collection is not None:
        check_scope(request, collection)
