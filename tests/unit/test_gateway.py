"""The gateway's configuration, run by a real nginx in front of services that say what reached them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = Path(__file__).parents[2] / "services" / "gateway" / "nginx.conf"
PORTS = {"stac": 8081, "raster": 8082, "ingest": 8083, "explorer": 8084}
DOWN = "explorer"
"""The service that no test server stands for."""

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got; a test server is named by its `server.name`."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        kind = "image/png" if ".png" in self.path else "application/json"
        status = 503 if "busy" in self.path else 200
        text = json.dumps(
            {
                "service": self.server.name,  # type: ignore[attr-defined]
                "method": self.command,
                "path": self.path,
                "bytes": len(body),
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "padding": "x" * 2000,
            }
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: pytest's output is for failures."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of an nginx that runs our configuration with the services on this machine."""
    folder = tmp_path_factory.mktemp("gateway")
    text = CONFIGURATION.read_text()
    servers = []
    for name, port in PORTS.items():
        here = free_port()
        assert f"http://{name}:{port}" in text, f"the gateway does not know {name}:{port}"
        text = text.replace(f"http://{name}:{port}", f"http://127.0.0.1:{here}")
        if name != DOWN:
            server = ThreadingHTTPServer(("127.0.0.1", here), Echo)
            server.daemon_threads = True
            server.name = name  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            servers.append(server)
    listen = free_port()
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{listen};")
    text = text.replace("/tmp/", f"{folder}/").replace("/dev/stdout", f"{folder}/access.log")
    text = text.replace("/dev/stderr", f"{folder}/error.log")
    (folder / "nginx.conf").write_text(text)
    # Started by root, nginx would work as nobody, who may not enter pytest's folder.
    user = " user root;" if os.geteuid() == 0 else ""
    assert NGINX is not None
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", f"daemon off;{user}"],
        stderr=subprocess.PIPE,
    )
    try:
        _wait(listen, process)
        yield listen
    finally:
        process.terminate()
        process.communicate(timeout=10)
        for server in servers:
            server.shutdown()
            server.server_close()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            pytest.fail(f"nginx refuses the configuration: {process.communicate()[1].decode()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("nginx did not start within 5 s")


def ask(
    port: int, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def echo(port: int, method: str, path: str, **more: Any) -> dict[str, Any]:
    response, body = ask(port, method, path, **more)
    assert response.status == 200, (method, path, response.status, body)
    answer: dict[str, Any] = json.loads(body)
    return answer


@needs_nginx
@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("GET", "/stac", "stac"),
        ("GET", "/stac/", "stac"),
        ("GET", "/stac/collections/a/items?limit=10", "stac"),
        ("OPTIONS", "/stac/collections/a/items", "ingest"),
        ("OPTIONS", "/stac/collections/a/bulk_items", "ingest"),
        ("OPTIONS", "/stac/collections/a/queryables", "stac"),
        ("OPTIONS", "/stac/search", "stac"),
        ("POST", "/stac/search", "stac"),
        ("POST", "/stac/search?limit=1", "stac"),
        ("POST", "/stac/search/", "stac"),
        ("POST", "/stac/aggregate", "stac"),
        ("POST", "/stac/collections/c/aggregate", "stac"),
        ("POST", "/stac/collections/c/aggregations", "ingest"),
        ("POST", "/stac/collections/c/items/aggregate", "ingest"),
        ("PUT", "/stac/aggregate", "ingest"),
        ("POST", "/stac/collections", "ingest"),
        ("POST", "/stac/collections/a/items", "ingest"),
        ("PUT", "/stac/collections/a/items/b", "ingest"),
        ("PATCH", "/stac/collections/a/items/b", "ingest"),
        ("DELETE", "/stac/collections/a/items/b", "ingest"),
        ("DELETE", "/stac/search", "ingest"),
        ("POST", "/stac/search/more", "ingest"),
        ("POST", "/stac/collections/search", "ingest"),
        ("GET", "/raster/collections/a/items/b/tiles/WebMercatorQuad/1/0/0.png", "raster"),
        ("POST", "/raster/searches/register", "raster"),
        ("POST", "/raster/collections/a/items/b/statistics", "raster"),
        ("GET", "/assets/a/b/c.tif", "stac"),
    ],
)
def test_a_request_reaches_the_service_it_is_for(
    gateway: int, method: str, path: str, service: str
) -> None:
    answer = echo(gateway, method, path)
    assert (answer["service"], answer["method"], answer["path"]) == (service, method, path)


@needs_nginx
@pytest.mark.parametrize(
    ("asked", "service"), [("GET", "stac"), ("HEAD", "stac"), ("PUT", "ingest"), ("POST", "ingest")]
)
def test_a_preflight_goes_where_the_request_will(gateway: int, asked: str, service: str) -> None:
    headers = {"Access-Control-Request-Method": asked, "Origin": "https://elsewhere.example"}
    found = echo(gateway, "OPTIONS", "/stac/collections/a/items", headers=headers)
    assert found["service"] == service


@needs_nginx
def test_names_that_only_begin_alike_are_the_explorers(gateway: int) -> None:
    for path in ("/", "/stacks", "/rasters/1", "/assetsx", "/style.css", "/browser/stac/x"):
        response, _ = ask(gateway, "GET", path)
        assert response.status == 503, f"{path} reached a service that is not the explorer"


@needs_nginx
def test_an_escaped_path_arrives_as_it_was_sent(gateway: int) -> None:
    path = "/stac/collections/a%2Fb/items/c%20d"
    assert echo(gateway, "GET", path)["path"] == path
    assert echo(gateway, "DELETE", path)["service"] == "ingest"


@needs_nginx
def test_the_gateway_says_where_people_came_from(gateway: int) -> None:
    spoofed = {
        "Host": "maps.example.org:8080",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example",
    }
    headers = echo(gateway, "GET", "/stac", headers=spoofed)["headers"]
    assert headers["host"] == headers["x-forwarded-host"] == "maps.example.org:8080"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "x-forwarded-prefix" not in headers
    assert "forwarded" not in headers


@needs_nginx
@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-123_X.y", True), ("short", False), ("bad id with spaces", False)]
)
def test_the_request_id_is_passed_through_or_made(gateway: int, sent: str, kept: bool) -> None:
    got = echo(gateway, "GET", "/stac", headers={"X-Request-ID": sent})["headers"]["x-request-id"]
    assert (got == sent) is kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", got)


@needs_nginx
def test_text_is_compressed_and_images_are_not(gateway: int) -> None:
    accept = {"Accept-Encoding": "gzip"}
    text, _ = ask(gateway, "GET", "/stac/collections", headers=accept)
    image, _ = ask(gateway, "GET", "/raster/tiles/1/0/0.png", headers=accept)
    assert text.headers["Content-Encoding"] == "gzip"
    assert image.headers["Content-Encoding"] is None


@needs_nginx
def test_a_range_request_reaches_the_assets(gateway: int) -> None:
    got = echo(gateway, "GET", "/assets/a.tif", headers={"Range": "bytes=0-99"})
    assert got["headers"]["range"] == "bytes=0-99"


@needs_nginx
def test_the_bearer_token_reaches_ingest(gateway: int) -> None:
    bearer = {"Authorization": "Bearer canary-token"}
    got = echo(gateway, "POST", "/stac/collections", headers=bearer)
    assert got["headers"]["authorization"] == "Bearer canary-token"


@needs_nginx
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/raster/statistics", 1_000_000, 200),
        ("/raster/statistics", 1_100_000, 413),
        ("/stac/collections/a/items", 15_000_000, 200),
        ("/stac/collections/a/items", 17_000_000, 413),
    ],
)
def test_a_body_has_a_limit(gateway: int, path: str, size: int, status: int) -> None:
    response, body = ask(gateway, "POST", path, body=b"x" * size)
    assert response.status == status
    if status == 413:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.loads(body)["status"] == 413
        assert response.headers["Cache-Control"] == "no-store"


@needs_nginx
def test_a_service_that_is_down_is_503_with_a_sentence(gateway: int) -> None:
    response, body = ask(gateway, "GET", "/")
    assert response.status == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["detail"] == "the service is not up; try again in a moment"


@needs_nginx
def test_the_503_of_a_service_is_passed_on_as_it_is(gateway: int) -> None:
    response, body = ask(gateway, "GET", "/raster/busy")
    assert response.status == 503
    assert json.loads(body)["service"] == "raster"


@needs_nginx
@pytest.mark.parametrize(
    "path", ["/metrics", "/readyz", "/stac/metrics", "/raster/metrics", "/raster/readyz"]
)
def test_figures_of_the_services_stay_inside(gateway: int, path: str) -> None:
    response, body = ask(gateway, "GET", path)
    assert response.status == 404
    assert json.loads(body)["title"] == "Not found"


@needs_nginx
def test_health_needs_no_service(gateway: int) -> None:
    response, body = ask(gateway, "GET", "/healthz")
    assert response.status == 200
    assert json.loads(body) == {"service": "gateway", "status": "up"}
