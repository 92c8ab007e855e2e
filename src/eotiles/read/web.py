"""Files on web servers (HTTP, HTTPS), read by range. Nothing is followed anywhere."""

from __future__ import annotations

import logging
import math
import random
import re
import ssl
import threading
import time
from http.client import HTTPException
from urllib.parse import urlsplit

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from eotiles.core.deadline import left_s
from eotiles.read.connections import connection_classes, connection_pool, names_an_address
from eotiles.read.location import Location
from eotiles.read.objects import Changed, NotThere, Part, StoreError, Unreachable, part
from eotiles.read.ranges import Range

POOLS_MAX = 64
"""Servers to which connections are kept."""

VERSION_LENGTH_MAX = 256
"""Of an ETag, in characters: it is kept as long as anything of the file is."""

BACKOFF_S = 0.2
"""Before the second attempt at most, doubled each time."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_MAY_PASS = frozenset((408, 425, 429, 500, 502, 503, 504))


class Web:
    """A Store of web servers; `close` it.

    Connections are made to public addresses only, unless the location's host is an address itself (127.0.0.1,
    localhost) or among `private_hosts` (with port, as in the root). A proxy is used only if one is given, whatever the
    environment says.
    """

    def __init__(
        self,
        *,
        connect_s: float = 3.0,
        read_s: float = 10.0,
        answer_s: float = 10.0,
        retries: int = 2,
        connections_max: int = 32,
        private_hosts: frozenset[str] = frozenset(),
        proxy: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        # Its lines of lower levels hold whole addresses, signatures among them.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._connect_s = connect_s
        self._read_s = read_s
        self._answer_s = answer_s
        self._retries = retries
        self._connections_max = connections_max
        self._private_hosts = private_hosts
        self._proxy = proxy
        self._ca_file = ca_file or certifi.where()
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, str], HTTPConnectionPool] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def read(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        """Bytes of a file.

        Raises:
            NotThere: the server has no such file, or refuses it.
            Changed: it has another version.
            Unreachable: it does not answer in time, fails again and again, redirects or serves no ranges.
            OutOfTime: the time of the work that it is read for is over; the server may be well.
        """
        end = time.monotonic() + self._answer_s
        attempt = 0
        while True:
            try:
                return self._once(location, wanted, version=version)
            except _MayPass as failure:
                left_s(0.0)
                if attempt >= self._retries or time.monotonic() >= end:
                    raise Unreachable(str(failure)) from failure.__cause__
            time.sleep(left_s(BACKOFF_S * 2**attempt * random.uniform(0.5, 1.0)))
            attempt += 1

    def _once(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        pool = self._pool(location)
        target = location.target
        if self._proxy is not None and location.kind == "http":
            target = f"http://{location.host}{target}"
        try:
            response = pool.urlopen(
                "GET",
                target,
                headers=_headers(location, wanted, version),
                redirect=False,
                retries=False,
                assert_same_host=False,
                timeout=Timeout(connect=left_s(self._connect_s), read=left_s(self._read_s)),
                pool_timeout=math.ceil(left_s(self._connect_s)),
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, HTTPException, OSError) as error:
            raise _MayPass from error
        whole = False
        try:
            got = _answer(response, wanted, version=version)
            whole = True
            return got
        except (HTTPError, HTTPException, OSError) as error:
            raise _MayPass("the server that holds the file broke off its answer") from error
        finally:
            # What is left of an answer is not waited for; of a whole one nothing is, and the connection serves again.
            if not whole:
                response.close()
            response.release_conn()

    def _pool(self, location: Location) -> HTTPConnectionPool:
        key = (location.kind, location.host)
        pool = self._pools.get(key)
        if pool is not None:
            return pool
        with self._lock:
            if key not in self._pools:
                while len(self._pools) >= POOLS_MAX:
                    self._pools.pop(next(iter(self._pools))).close()
                self._pools[key] = self._made(location)
            return self._pools[key]

    def _made(self, location: Location) -> HTTPConnectionPool:
        host = urlsplit(f"//{location.host}").hostname or ""
        if location.kind == "https" and self._tls is None:
            self._tls = ssl.create_default_context(cafile=self._ca_file)
        return connection_pool(
            location.kind,
            location.host,
            classes=connection_classes(
                private=names_an_address(host) or location.host in self._private_hosts,
                read_s=self._read_s,
                answer_s=self._answer_s,
            ),
            most=self._connections_max,
            tls=self._tls,
            proxy=self._proxy,
        )


class _MayPass(Exception):
    """The server that holds the file does not answer."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "")


def _headers(location: Location, wanted: Range, version: str | None) -> dict[str, str]:
    headers = {
        "Range": f"bytes={wanted.start}-{wanted.stop - 1}",
        "Accept-Encoding": "identity",
        "User-Agent": "eotiles",
    }
    if version is not None and version.startswith('"'):
        headers["If-Match"] = version
    elif version is not None and version.startswith("modified "):
        headers["If-Unmodified-Since"] = version.removeprefix("modified ")
    return headers


def _answer(response: BaseHTTPResponse, wanted: Range, *, version: str | None) -> Part:
    _check_status(response.status)
    sent = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if sent is None or response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreachable("the server answers with something else than bytes of the file")
    first, last, size_bytes = (int(number) for number in sent.groups())
    if first != wanted.start or last + 1 != min(wanted.stop, size_bytes):
        raise Unreachable("the server answers with other bytes than those asked for")
    now = _version(response, size_bytes)
    if version is not None and now != version:
        raise Changed
    # One byte more than there may be: less would leave an end of the answer in the connection.
    data = response.read(last - first + 2, decode_content=False)
    return part(data, wanted, size_bytes=size_bytes, version=now)


def _check_status(status: int) -> None:
    if status == 206:
        return
    error: StoreError | _MayPass
    if status in (404, 410):
        error = NotThere()
    elif status in (401, 403):
        error = NotThere("access to the file is refused")
    elif status == 412:
        error = Changed()
    elif 300 <= status < 400:
        error = Unreachable("the server redirects to another address; that is not followed")
    elif status == 200:
        error = Unreachable("the server serves no parts of files (byte ranges)")
    elif status == 416:
        error = Unreachable("the file is empty or shorter than it was")
    elif status in _MAY_PASS:
        error = _MayPass(f"the server that holds the file answers {status}")
    else:
        error = Unreachable(f"the server that holds the file answers {status}")
    raise error


def _version(response: BaseHTTPResponse, size_bytes: int) -> str:
    """An ETag; else when the file was modified; else its size alone."""
    etag = response.headers.get("ETag", "")
    if len(etag) <= VERSION_LENGTH_MAX and etag.startswith(('"', 'W/"')):
        return etag
    modified = response.headers.get("Last-Modified", "")
    if modified and len(modified) <= VERSION_LENGTH_MAX:
        return f"modified {modified}"
    return f"size {size_bytes}"
