"""What every request gets: an id, a log line, a count, and a look at its parameters.

Pure ASGI: a client that disconnects is noticed by the application inside.
"""

from __future__ import annotations

import re
import time
import uuid
from functools import lru_cache
from urllib.parse import parse_qsl

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eotiles.http.errors import UNEXPECTED, problem

LEFT = 499
"""Status in logs and counts of a request whose client left before an answer; nginx calls it so."""

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRET = re.compile(r"((?:token|key|secret|password|sig|signature)[^=&]*=)[^&]*", re.IGNORECASE)
QUERY_SHOWN = 1_000
"""Characters of a query that the access log keeps; an address may have 64 KiB."""

WRITER = "eotiles.writer"
"""Where a request's state holds the name of the key that it writes with; the access log tells it."""

_QUIET = ("/healthz", "/readyz", "/metrics")
_LOG = structlog.get_logger("eotiles.access")


class Meters:
    """Prometheus counters of one service."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        prefix = f"eotiles_{service}_http"
        self.requests = Counter(
            f"{prefix}_requests",
            "Requests answered.",
            ["operation", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            f"{prefix}_request_seconds",
            "Seconds to the last byte.",
            ["operation"],
            registry=self.registry,
        )
        self.in_progress = Gauge(
            f"{prefix}_requests_in_progress", "Requests being answered.", registry=self.registry
        )


class Operations:
    """ASGI middleware: request id, access log, metrics, refusal of NUL and of repeated scalar parameters.

    `scalars` are the query parameters that take one value: with one repeated nobody can know which was meant, and a
    cache in front may choose otherwise than we do.
    """

    def __init__(
        self, app: ASGIApp, *, service: str, meters: Meters, scalars: frozenset[str]
    ) -> None:
        self.app = app
        self._service = service
        self._meters = meters
        self._scalars = scalars

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        asked = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = asked if _ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})
        status = 500
        started_answer = False
        started = time.perf_counter()

        async def stamped(message: Message) -> None:
            nonlocal status, started_answer
            if message["type"] == "http.response.start":
                started_answer = True
                status = message["status"]
                answer = MutableHeaders(scope=message)
                answer["X-Request-ID"] = request_id
                if status >= 400:
                    answer["Cache-Control"] = "no-store"
            await send(message)

        path, query = scope["path"], scope["query_string"].decode("latin-1")
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            self._meters.in_progress.inc()
            try:
                if refused := self._refusal(path, query):
                    await problem(400, refused, instance=path)(scope, receive, stamped)
                else:
                    await self.app(scope, receive, stamped)
                if not started_answer:
                    status = LEFT
            except Exception:
                # Here, inside CORS and with the request's id, rather than in Starlette's outermost handler: the log
                # gets the trace, the client an answer that a browser lets its page read.
                _LOG.exception("unexpected error", service=self._service, path=path)
                if started_answer:
                    raise
                await problem(500, UNEXPECTED, instance=path)(scope, receive, stamped)
            finally:
                self._meters.in_progress.dec()
                seconds = time.perf_counter() - started
                operation = _operation(scope)
                self._meters.requests.labels(operation, str(status)).inc()
                self._meters.seconds.labels(operation).observe(seconds)
                if not path.endswith(_QUIET):
                    _LOG.info(
                        "request",
                        service=self._service,
                        method=scope["method"],
                        path=path,
                        query=_SECRET.sub(r"\1***", query)[:QUERY_SHOWN],
                        status=status,
                        ms=round(seconds * 1000, 1),
                        **({"key": scope["state"][WRITER]} if WRITER in scope["state"] else {}),
                    )

    def _refusal(self, path: str, query: str) -> str | None:
        if "\0" in path or "%00" in query:
            return "the address holds a NUL character"
        if not query:
            return None
        find = _repeated if len(query) <= QUERY_SHOWN else _repeated.__wrapped__
        name = find(query, self._scalars)
        return (
            None
            if name is None
            else f"parameter {name!r} is given more than once, but takes one value"
        )


@lru_cache(maxsize=1024)
def _repeated(query: str, scalars: frozenset[str]) -> str | None:
    """A parameter of `scalars` that is there twice. The tiles of a map have one query."""
    seen: set[str] = set()
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name in seen and name in scalars:
            return name
        seen.add(name)
    return None


def _operation(scope: Scope) -> str:
    """The route's template: few label values, whatever is asked for."""
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return f"{scope['method']} {template}" if template else f"{scope['method']} unmatched"
