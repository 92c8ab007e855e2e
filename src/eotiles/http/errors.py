"""From an exception to an answer: one table, one shape (RFC 9457 problem+json), never a path of the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from eotiles.core import errors

STATUS: Mapping[type[Exception], int] = {
    errors.BadParameter: 422,
    errors.NotFound: 404,
    errors.AssetUnreadable: 424,
    errors.HrefRefused: 424,
    errors.IngestRefused: 422,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.ItemsRefused: 422,
    errors.Unavailable: 503,
    errors.EotilesError: 500,
}
"""Status of each exception class; the nearest base class counts."""

Handler = Callable[[Request, Exception], Response]

Foreign = tuple[int, str | None]
"""Status, and what to say instead of the exception's own text where that may hold a path of the server."""

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timed out",
    409: "Conflict",
    413: "Content too large",
    422: "Unusable parameter",
    424: "Asset cannot be read",
    500: "Internal error",
    503: "Service unavailable",
}

_KINDS = {
    "tileMatrixSetId": "tile matrix set",
    "colorMapId": "colormap",
    "algorithmId": "algorithm",
}
"""How people call what a path names."""

_LISTED = {"colormap_name": ("colormap", "/colorMaps")}
"""Parameters with more values than a sentence holds: what they are, and the route that lists them."""

UNEXPECTED = "something went wrong here; the log has the details"
"""What a client learns of an error that nobody foresaw."""

MOST_DETAIL = 2000
MOST_INSTANCE = 300
MOST_REASON = 500
MOST_REFUSALS = 100
"""Characters, and items of a request: what a client sent is said back to it, but not at any length."""

RETRY_AFTER_S = 1
"""What a 503 tells clients to wait."""


def problem(
    status: int,
    detail: str,
    *,
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, object] | None = None,
) -> Response:
    """An RFC 9457 answer that no cache keeps; `members` are extension members of its own."""
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": _short(detail, MOST_DETAIL),
    }
    if instance:
        body["instance"] = _short(instance, MOST_INSTANCE)
    body.update(members or {})
    extra = {"Cache-Control": "no-store", **(headers or {})}
    if status == 503:
        extra.setdefault("Retry-After", str(RETRY_AFTER_S))
    if status == 401:
        extra.setdefault("WWW-Authenticate", "Bearer")
    return Response(
        json.dumps(body, ensure_ascii=False).encode(errors="replace"),
        status_code=status,
        headers=extra,
        media_type="application/problem+json",
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def status_of(error: Exception) -> int:
    """The status of an exception's nearest class in STATUS; 500 for a stranger."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def _known(status: int) -> Handler:
    def handler(request: Request, error: Exception) -> Response:
        return problem(status, str(error), instance=request.url.path)

    return handler


def _items_refused(statuses: Mapping[type[Exception], int]) -> Handler:
    """The worst status of all reasons, and the reasons one by one: a bad request counts before a conflict."""

    def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.ItemsRefused)
        found = {
            next((statuses[kind] for kind in type(each).__mro__ if kind in statuses), 500)
            for _, each in error.refusals
        }
        listed = [
            {"id": _short(name, MOST_INSTANCE), "reason": _short(str(each), MOST_REASON)}
            for name, each in error.refusals[:MOST_REFUSALS]
        ]
        return problem(
            next(status for status in (500, 503, 400, 422, 404, 409, *found) if status in found),
            str(error),
            instance=request.url.path,
            members={"errors": listed, "refused": len(error.refusals)},
        )

    return handler


def _foreign(status: int, detail: str | None) -> Handler:
    def handler(request: Request, error: Exception) -> Response:
        if detail is not None:
            structlog.get_logger("eotiles").warning(
                "library error", error=str(error), kind=type(error).__name__
            )
        return problem(status, detail or str(error), instance=request.url.path)

    return handler


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(
        error.status_code, str(error.detail), instance=request.url.path, headers=error.headers
    )


def _explain(entry: Mapping[str, object]) -> str:
    where = [str(part) for part in entry["loc"]]  # type: ignore[attr-defined]
    name = ".".join(where[1:]) or where[0]
    if name in _LISTED and entry["type"] == "literal_error":
        kind, route = _LISTED[name]
        return f"{name}: there is no {kind} {str(entry['input'])[:60]!a}; {route} lists them"
    return f"{name}: {entry['msg']}"


def _validation(status: int) -> Handler:
    def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        entries = error.errors()
        for entry in entries:
            if entry["loc"][0] == "path" and entry["type"] == "literal_error":
                # One of a closed list, and part of the address: a tile matrix set, a colormap, an algorithm.
                kind = _KINDS.get(entry["loc"][1], entry["loc"][1])
                what = f"there is no {kind} {str(entry['input'])[:60]!r}"
                return problem(404, what, instance=request.url.path)
        detail = "; ".join(_explain(entry) for entry in entries[:8])
        return problem(status, detail, instance=request.url.path)

    return handler


def add_handlers(
    app: Starlette,
    *,
    validation_status: int,
    foreign: Mapping[type[Exception], Foreign] | None = None,
) -> None:
    """Make every error of an app a problem+json.

    An exception that nobody foresaw is answered by the Operations middleware. What FastAPI cannot validate, and
    BadParameter, answer `validation_status`; `foreign` are exceptions of a library that reach the app.
    """
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _known(status))
    app.add_exception_handler(errors.BadParameter, _known(validation_status))
    for kind, (status, detail) in (foreign or {}).items():
        app.add_exception_handler(kind, _foreign(status, detail))
    statuses = {**STATUS, errors.BadParameter: validation_status}
    statuses |= {kind: status for kind, (status, _) in (foreign or {}).items()}
    app.add_exception_handler(errors.ItemsRefused, _items_refused(statuses))
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation(validation_status))
