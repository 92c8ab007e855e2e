"""A look at every JSON body before anything else reads it: size, depth, number of values, and no NaN or NUL.

FastAPI's own limit of a body's size answers in plain text and logs the refusal as an error of the server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sized
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eotiles.catalog.filters import finite
from eotiles.core.errors import BadParameter
from eotiles.http.errors import problem

MOST_DEPTH = 32
WAIT_S = 30.0
"""Longest that a body may take to arrive."""


class StrictJson:
    """ASGI middleware that refuses bodies which are too large, or JSON that PostgreSQL or a kernel would trip over.

    Python's JSON reader takes NaN and Infinity; PostgreSQL stores null for one and refuses a NUL character with an
    error of its own. JSON that is refused answers `refusal_status`, a body that is too large 413, one that takes longer
    than `wait_s` to arrive 408. What is JSON is read as JSON, whatever it
    is called.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_bytes: int,
        most_values: int,
        most_entries: int | None = None,
        refusal_status: int = 400,
        wait_s: float = WAIT_S,
    ) -> None:
        self.app = app
        self._wait_s = wait_s
        self._most_bytes = most_bytes
        self._most_values = most_values
        self._most_entries = most_entries
        self._refusal_status = refusal_status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._wait_s):
                body = await self._read(receive)
        except TimeoutError:
            late = f"the body took longer than {self._wait_s:g} s to arrive"
            await problem(408, late, instance=scope["path"])(scope, receive, send)
            return
        if body is None:
            return  # the client left
        if len(body) > self._most_bytes:
            large = f"the body is larger than {self._most_bytes} bytes"
            await problem(413, large, instance=scope["path"])(scope, receive, send)
            return
        try:
            # Only a JSON Patch is a list.
            is_object = scope["method"] != "PATCH"
            check_json(
                body,
                most_values=self._most_values,
                most_entries=self._most_entries,
                is_object=is_object,
            )
        except BadParameter as error:
            refusal = problem(self._refusal_status, str(error), instance=scope["path"])
            await refusal(scope, receive, send)
            return
        whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is not None:
                message, whole = whole, None
                return message
            return await receive()

        _call_json(scope)
        await self.app(scope, replay, send)

    async def _read(self, receive: Receive) -> bytes | None:
        """A body, or the beginning of one that is too large; None if the client left."""
        body = bytearray()
        is_more = True
        while is_more and len(body) <= self._most_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
        return bytes(body)


def _call_json(scope: Scope) -> None:
    """The request with its body called JSON, which it is by now: curl's `--data` calls it a form, and libraries behind
    would get bytes where they expect an object."""
    headers = MutableHeaders(raw=list(scope.get("headers", ())))
    kind, _, subtype = headers.get("content-type", "").partition(";")[0].lower().partition("/")
    if kind.strip() == "application" and (
        subtype.strip() == "json" or subtype.strip().endswith("+json")
    ):
        return
    headers["content-type"] = "application/json"
    scope["headers"] = headers.raw


def check_json(
    body: bytes, *, most_values: int, most_entries: int | None = None, is_object: bool = True
) -> None:
    """Pass a JSON text that is within bounds. `most_entries` is of one object, or of one list but for coordinates.

    Raises:
        BadParameter: it is empty or not JSON, or no object where one is wanted; it holds NaN, Infinity, a text that
            PostgreSQL cannot store, or a name twice in one object; it is over a bound.
    """
    if not body:
        raise BadParameter("the body is empty; it has to be JSON")
    try:
        value = json.loads(
            body, parse_constant=finite, parse_float=finite, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"the body is not JSON: {error}"[:200]) from error
    if is_object and not isinstance(value, dict):
        raise BadParameter("the body is not a JSON object")
    left = most_values
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                _check_length(part, most_entries)
                for key in part:
                    _check_text(key)
                below.extend(part.values())
            elif isinstance(part, list):
                if part and not isinstance(part[0], list):
                    _check_length(part, most_entries)
                below.extend(part)
            elif isinstance(part, str):
                _check_text(part)
        left -= len(below)
        if left < 0:
            raise BadParameter(f"the body holds more than {most_values} values")
        if not below:
            return
        level = below
    raise BadParameter(f"the body is nested deeper than {MOST_DEPTH} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Of a name that is there twice nobody can tell which value was meant: readers of JSON differ."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1) if len(names) < 1000 else "…"
        raise BadParameter(f"the body holds an object in which {twice[:100]!r} is there twice")
    return made


def _check_length(part: Sized, most: int | None) -> None:
    if most is not None and len(part) > most:
        raise BadParameter(f"the body holds {len(part)} things in one place; at most {most} go in")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadParameter("the body holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadParameter(
            "the body holds half of a surrogate pair, which is no character"
        ) from error
