"""A web server on a free port of this machine, honest or not, for tests of what reads from one."""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from eotiles.read.location import Location


@dataclass
class Request:
    path: str
    headers: dict[str, str]


@dataclass
class Server:
    """What it holds, what it was asked, and how it misbehaves."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    connected: list[int] = field(default_factory=list)
    """Ports that connections came from."""

    etag: Callable[[bytes], str] = lambda content: f'"{hashlib.md5(content).hexdigest()}"'
    """Of a content; empty: none is sent."""

    modified: str = ""
    misbehave: Callable[[BaseHTTPRequestHandler], bool] = lambda handler: False
    """Answers in its own way and says True, or leaves it to the server."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def location(self, path: str, query: str = "") -> Location:
        return Location("http", self.host, path, query)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            made.asked.append(Request(self.path, dict(self.headers)))
            if made.misbehave(self):
                return
            content = made.files.get(unquote(self.path.partition("?")[0]))
            if content is None:
                return self.answer(404)
            tag = made.etag(content)
            expected = self.headers.get("If-Match")
            unmodified = self.headers.get("If-Unmodified-Since")
            if (expected and (expected != tag or tag.startswith("W/"))) or (
                unmodified and unmodified != made.modified
            ):
                return self.answer(412)
            headers = {"ETag": tag} if tag else {}
            if made.modified:
                headers["Last-Modified"] = made.modified
            if "Range" not in self.headers:
                return self.answer(200, content, headers)
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, len(content))
            if start >= len(content):
                return self.answer(416)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
            return self.answer(206, content[start:stop], headers)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def answer(
            self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if "Content-Length" not in (headers or {}):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def process_request(self, request: object, address: tuple[str, int]) -> None:
            made.connected.append(address[1])
            super().process_request(request, address)

        def handle_error(self, request: object, address: object) -> None:
            pass  # a client that hangs up is what some tests are about

    server = Listening(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def drip(handler: BaseHTTPRequestHandler, *, every_s: float, seconds: float) -> None:
    """Bytes one by one, each well before a time-out."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(every_s)
