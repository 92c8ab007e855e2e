"""Under which address people reach us: EOTILES_PUBLIC_URL, or what a trusted proxy says."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+){1,16}")


class PublicAddress:
    """ASGI middleware that sets scheme, host and root path of a request, so that every link starts right.

    With `public_url` that address counts always. Without it X-Forwarded-Proto, -Host and -Prefix count when the peer is
    one of `trusted_proxies` (addresses or networks; `*` trusts everybody).
    """

    def __init__(self, app: ASGIApp, *, public_url: str | None, trusted_proxies: str) -> None:
        self.app = app
        self._public = urlsplit(public_url) if public_url else None
        names = [name.strip() for name in trusted_proxies.split(",") if name.strip()]
        self._everybody = "*" in names
        self._networks = [ipaddress.ip_network(name) for name in names if name != "*"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._public is not None:
                _readdress(scope, self._public.scheme, self._public.netloc, self._public.path)
            elif self._trusts(scope):
                headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
                _readdress(
                    scope,
                    _first(headers.get(b"x-forwarded-proto")) or scope["scheme"],
                    _first(headers.get(b"x-forwarded-host")),
                    _first(headers.get(b"x-forwarded-prefix")),
                )
        await self.app(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        if self._everybody:
            return True
        try:
            peer = ipaddress.ip_address((scope.get("client") or ("", 0))[0])
        except ValueError:
            return False
        return any(peer in network for network in self._networks)


def _first(value: str | None) -> str:
    return value.split(",")[0].strip() if value else ""


def _readdress(scope: Scope, scheme: str, host: str, prefix: str) -> None:
    """Parts that are no part of an address do not count: links and pages are made of them."""
    if scheme in ("http", "https"):
        scope["scheme"] = scheme
    if _HOST.fullmatch(host):
        kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]
    prefix = prefix.rstrip("/")
    if _PREFIX.fullmatch(prefix):
        # ASGI: the path includes the root path, so a proxy that cut it off gets it back.
        if not (scope["path"] == prefix or scope["path"].startswith(prefix + "/")):
            scope["path"] = prefix + scope["path"]
        scope["root_path"] = prefix
