"""Connections to web servers: to public addresses only, and with an end to every answer.

A name is allowed by an operator, but what it resolves to is decided by whoever owns it: tomorrow it may be a machine of
the internal network (DNS rebinding). So the addresses of a name are looked at, and the connection is made to what was
looked at and to nothing else, before a byte is sent.
"""

from __future__ import annotations

import io
import ipaddress
import math
import random
import socket
import ssl
import time
from http.client import HTTPResponse
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout
from urllib3.util.connection import allowed_gai_family, create_connection

from eotiles.core.deadline import deadline, left_s
from eotiles.read.objects import Unreachable

ADDRESSES_MAX = 4
"""Addresses of one name that are tried, each for as long as a connection may take."""

_IPV4_IN_IPV6 = ipaddress.IPv6Network("64:ff9b::/96")
"""A gateway (NAT64) makes a connection to the IPv4 address in the last four bytes of it."""


def names_an_address(host: str) -> bool:
    """Whether a host, without its port, is an address itself or localhost: the operator meant exactly that place."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet at large."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _IPV4_IN_IPV6:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is None and ip.teredo is not None:
            return False  # a tunnel to wherever its maker says
        ip = inner or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, if all of them are public.

    Raises:
        Unreachable: one is not: a name of both kinds is none of an honest server.
        OSError: the name cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(is_public(address) for address in addresses):
        raise Unreachable("its server has a private address; the operator can allow that")
    random.shuffle(addresses)
    return addresses[:ADDRESSES_MAX]


def connection_classes(
    *, private: bool, read_s: float, answer_s: float
) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """What urllib3's pools make their connections of: for http, for https.

    `private`: addresses that are not public are connected to as well.
    An answer ends `answer_s` after its request was sent, when nothing came for `read_s`, or at the work's deadline.
    Of a proxy the address is not looked at: the operator named it.
    """

    def response(
        sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> HTTPResponse:
        made = HTTPResponse(sock, debuglevel, method=method, url=url)
        raw = made.fp.detach()
        timed = _Timed(raw, sock, read_s=read_s, end=min(time.monotonic() + answer_s, deadline()))
        made.fp = io.BufferedReader(timed)
        return made

    class Plain(HTTPConnection):
        response_class = staticmethod(response)  # type: ignore[assignment]

        def _new_conn(self) -> socket.socket:
            if private or self.proxy is not None:
                return super()._new_conn()
            return _connect(self)

    class Secure(HTTPSConnection):
        response_class = staticmethod(response)  # type: ignore[assignment]

        def _new_conn(self) -> socket.socket:
            # Before TLS is spoken: not even a handshake reaches a private address.
            if private or self.proxy is not None:
                return super()._new_conn()
            return _connect(self)

    return Plain, Secure


def connection_pool(
    kind: str,
    host: str,
    *,
    classes: tuple[type[HTTPConnection], type[HTTPSConnection]],
    most: int,
    tls: ssl.SSLContext | None,
    proxy: str | None,
) -> HTTPConnectionPool:
    """At most so many connections to a server; `host` is that of an address, with its port.

    Raises:
        Unreachable: it has no such port.
    """
    parts = urlsplit(f"//{host}")
    try:
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unreachable("its address has no such port") from error
    pool: HTTPConnectionPool
    if proxy is not None:
        manager = ProxyManager(proxy, maxsize=most, block=True, ssl_context=tls)
        pool = manager.connection_from_host(name, port, kind)
    elif kind == "https":
        pool = HTTPSConnectionPool(name, port, maxsize=most, block=True, ssl_context=tls)
    else:
        pool = HTTPConnectionPool(name, port, maxsize=most, block=True)
    pool.ConnectionCls = classes[1] if pool.scheme == "https" else classes[0]
    return pool


def _connect(connection: HTTPConnection) -> socket.socket:
    port = connection.port or connection.default_port
    timeout = Timeout.resolve_default_timeout(connection.timeout)
    failure: OSError = OSError("no address")
    for address in public_addresses(connection.host, port):
        try:
            return create_connection(
                (address, port),
                left_s(timeout or math.inf),
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    raise failure


class _Timed(io.RawIOBase):
    """What a socket receives, until a moment: with a time-out of each read alone a server could drip for ever."""

    def __init__(
        self, raw: io.RawIOBase, sock: socket.socket, *, read_s: float, end: float
    ) -> None:
        self._raw = raw
        self._sock = sock
        self._read_s = read_s
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._sock.settimeout(min(left, self._read_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
