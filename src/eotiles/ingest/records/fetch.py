"""JSON from the web server of another catalogue: politely, within bounds, and from nowhere else."""

from __future__ import annotations

import logging
import math
import random
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import orjson
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.read.connections import connection_classes, connection_pool
from eotiles.read.objects import Unreachable

MOST_ANSWER_BYTES = 64 * 2**20
"""Of one document or page, unpacked."""

MOST_REDIRECTS = 5
ATTEMPTS = 5
FIRST_WAIT_S = 0.5
"""Before the second attempt, doubled each time."""

MOST_WAIT_S = 120.0
"""Longest pause that a server may ask for (Retry-After)."""

_MAY_PASS = frozenset((408, 425, 429, 500, 502, 503, 504))
_BUSY = frozenset((429, 503))


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for."""

    connect_s: float = 10.0
    read_s: float = 30.0
    """Until something more of an answer comes."""

    answer_s: float = 120.0
    """For a whole answer."""

    total_s: float = 600.0
    """For a document with all attempts and pauses."""

    first_wait_s: float = FIRST_WAIT_S
    most_wait_s: float = MOST_WAIT_S


class Fetcher:
    """Reads documents, from many threads; `close` it.

    Only servers that the operator named are asked, so those may have any address. A redirect or a link to another is
    refused by name.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        connections: int = 8,
        proxy: str | None = None,
    ) -> None:
        # Its lines of lower levels hold whole addresses, keys among them.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._headers = {
            "User-Agent": "eotiles",
            "Accept": "application/geo+json, application/json",
            "Accept-Encoding": "gzip",
            **(headers or {}),
        }
        self._patience = patience or Patience()
        self._connections = connections
        self._proxy = proxy
        self._pools: dict[tuple[str, str], HTTPConnectionPool] = {}
        self._pauses: dict[str, float] = {}
        self._closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections; what is still being asked for is given up."""
        with self._lock:
            self._closed = True
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def read(self, url: str, *, body: Any = None) -> bytes:
        """The text of a document; with a `body`, what a POST of it is answered.

        Raises:
            IngestRefused: it cannot be had; a sentence's predicate.
        """
        for _ in range(MOST_REDIRECTS + 1):
            text, redirect = self._read(url, body)
            if redirect is None:
                return text
            target = _joined(url, redirect)
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise IngestRefused(
                    "redirects from https to an address that is not, which is not followed"
                )
            self.check_host(target, what="redirects")
            url = target
        raise IngestRefused(f"redirects more than {MOST_REDIRECTS} times")

    def check_host(self, url: str, *, what: str = "leads") -> None:
        """Pass an address on a server that the operator named.

        Raises:
            IngestRefused: it is none.
        """
        try:
            parts = urlsplit(url)
            host = _host(url)
        except ValueError:
            raise IngestRefused(f"{what} to something that is no address") from None
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
            raise IngestRefused(f"{what} to something that is no address of a web server")
        if host not in self._hosts:
            raise IngestRefused(
                f"{what} to {host}, which is not followed: name it with --host if it belongs to the catalogue"
            )

    def _read(self, url: str, body: Any) -> tuple[bytes, str | None]:
        """An answer's text, or where it redirects to."""
        self.check_host(url)
        end = time.monotonic() + self._patience.total_s
        for attempt in range(ATTEMPTS):
            self._wait_for_pause(url, end)
            if self._closed:
                raise IngestRefused("was given up")
            try:
                return self._once(url, body)
            except _MayPass as failure:
                wait = self._patience.first_wait_s * 2**attempt * random.uniform(0.5, 1.0)
                if failure.wait_s is not None:
                    wait = max(wait, failure.wait_s)
                if wait > self._patience.most_wait_s:
                    raise IngestRefused(
                        f"{failure}, and asks to come again in {failure.wait_s:.0f} s only"
                    ) from failure.__cause__
                if attempt + 1 == ATTEMPTS or time.monotonic() + wait > end:
                    raise IngestRefused(f"{failure}, {attempt + 1} times") from failure.__cause__
                if failure.is_busy:
                    self._pause(url, wait)
                else:
                    time.sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, url: str, body: Any) -> tuple[bytes, str | None]:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if self._proxy is not None and parts.scheme == "http":
            target = f"http://{parts.netloc}{target}"
        headers = {**self._headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._pool(parts.scheme, parts.netloc).urlopen(
                "GET" if body is None else "POST",
                target,
                body=None if body is None else orjson.dumps(body),
                headers=headers,
                redirect=False,
                retries=False,
                assert_same_host=False,
                timeout=Timeout(connect=self._patience.connect_s, read=self._patience.read_s),
                pool_timeout=math.ceil(self._patience.total_s),
                preload_content=False,
                decode_content=False,
            )
        except Unreachable as error:
            raise IngestRefused(str(error)) from error
        except (HTTPError, HTTPException, OSError) as error:
            raise _MayPass(_reason(error)) from error
        whole = False
        try:
            answer = _answer(response)
            whole = True
            return answer
        except (HTTPError, HTTPException, OSError) as error:
            raise _MayPass("breaks off its answer, or takes too long for it") from error
        finally:
            if not whole:
                response.close()
            response.release_conn()

    def _pool(self, scheme: str, host: str) -> HTTPConnectionPool:
        with self._lock:
            key = (scheme, host.lower())
            if key not in self._pools:
                tls = None
                if scheme == "https":
                    tls = ssl.create_default_context(cafile=certifi.where())
                self._pools[key] = connection_pool(
                    scheme,
                    host,
                    classes=connection_classes(
                        private=True, read_s=self._patience.read_s, answer_s=self._patience.answer_s
                    ),
                    most=self._connections,
                    tls=tls,
                    proxy=self._proxy,
                )
            return self._pools[key]

    def _pause(self, url: str, wait_s: float) -> None:
        """Have all threads leave a busy server alone for a while."""
        host = _host(url)
        with self._lock:
            self._pauses[host] = max(self._pauses.get(host, 0.0), time.monotonic() + wait_s)

    def _wait_for_pause(self, url: str, end: float) -> None:
        while (left := self._pauses.get(_host(url), 0.0) - time.monotonic()) > 0:
            if time.monotonic() >= end or self._closed:
                return
            time.sleep(min(left, max(end - time.monotonic(), 0.0), 1.0))


class _MayPass(Exception):
    """does not answer"""

    def __init__(self, message: str, *, wait_s: float | None = None, is_busy: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.is_busy = is_busy


def host_of(url: str) -> str:
    """The server of an address as `Fetcher` compares it: host, and the port where it is not the scheme's own.

    Raises:
        BadParameter: it is no address of a web server.
    """
    try:
        host = _host(url)
    except ValueError as error:
        raise BadParameter(f"{url!r} is no address") from error
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise BadParameter(f"{url!r} is no address of a web server (http or https)")
    return host


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    own = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, own) else f"{host}:{parts.port}"


def _joined(url: str, href: str) -> str:
    try:
        return urljoin(url, href)
    except ValueError:
        raise IngestRefused("redirects to something that is no address") from None


def _answer(response: BaseHTTPResponse) -> tuple[bytes, str | None]:
    status = response.status
    if status in (301, 302, 303, 307, 308):
        location = response.headers.get("Location")
        if not location:
            raise IngestRefused(f"answers {status} without saying where to")
        response.close()  # what it says beside is not waited for
        return b"", location
    if status in _MAY_PASS:
        raise _MayPass(f"answers {status}", wait_s=_retry_after(response), is_busy=status in _BUSY)
    if status != 200:
        raise IngestRefused(f"answers {status}{_detail(response)}")
    content = bytearray()
    for chunk in response.stream(2**16, decode_content=True):
        content += chunk
        if len(content) > MOST_ANSWER_BYTES:
            raise IngestRefused(f"is larger than {MOST_ANSWER_BYTES >> 20} MiB")
    return bytes(content), None


def _detail(response: BaseHTTPResponse) -> str:
    """What a STAC API says beside a status such as 400: a word of another's server, kept short."""
    try:
        said = orjson.loads(response.read(2**14, decode_content=True))
        detail = said.get("description") or said.get("detail") or said.get("title")
    except (HTTPError, HTTPException, OSError, ValueError, AttributeError):
        return ""
    text = "".join(letter if letter.isprintable() else " " for letter in str(detail or ""))
    return f": {text[:200]}" if text else ""


def _retry_after(response: BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _reason(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return "does not answer in time"
        cause = cause.__cause__ or cause.__context__
    return "cannot be reached, or breaks off"
