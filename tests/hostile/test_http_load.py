"""Many at once, slow ones, and some that do not wait for their answer."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.hostile.conftest import COLLECTION, TILE, Product, refused

pytestmark = pytest.mark.integration

ITEM = f"/raster/collections/{COLLECTION}/items/good"
PICTURE = f"{ITEM}/{TILE}.png?index=ndvi"


@contextmanager
def _said(product: Product, text: str) -> Iterator[socket.socket]:
    """A connection on which so much was said."""
    address = (product.http.base_url.host, product.http.base_url.port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(text.encode())
        yield connection


def _timed(product: Product, path: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    return product.http.get(path), time.monotonic() - started


def test_overload_is_503_at_once_and_health_is_answered(product: Product) -> None:
    def ask(number: int) -> httpx.Response:
        with httpx.Client(base_url=product.http.base_url, timeout=30) as http:
            return http.get(f"{PICTURE}&nothing={number}")

    with ThreadPoolExecutor(120) as pool:
        asked = [pool.submit(ask, number) for number in range(120)]
        slowest = 0.0
        while not all(future.done() for future in asked):
            health, seconds = _timed(product, "/healthz")
            assert health.status_code == 200
            slowest = max(slowest, seconds)
            time.sleep(0.02)
        answers = [future.result() for future in asked]
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 503}
    assert 200 in statuses
    pictures = {answer.content for answer in answers if answer.status_code == 200}
    assert len(pictures) == 1
    for answer in answers:
        if answer.status_code == 503:
            refused(answer, 503)
            assert answer.headers["retry-after"] == "1"
    # The clients of this test share the server's process and processors.
    assert slowest < 2


def test_bodies_that_trickle_in_keep_nobody_out(product: Product) -> None:
    head = "HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with ExitStack() as stack:
        for _ in range(100):  # more than may work and wait together
            stack.enter_context(_said(product, f"POST {ITEM}/statistics?index=ndvi {head}"))
            stack.enter_context(_said(product, f"POST /stac/search {head}"))
        time.sleep(0.2)
        for path in (PICTURE, "/stac/search?limit=1", "/healthz"):
            answer, seconds = _timed(product, path)
            assert answer.status_code == 200, answer.text
            assert seconds < 2


def test_who_has_left_is_not_drawn_for(product: Product) -> None:
    heavy = f"GET {ITEM}/preview.png?index=ndvi&width=1000&height=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(50):
        with _said(product, heavy):
            time.sleep(0.002)
    assert product.http.get(PICTURE).status_code == 200
    counts = product.http.get("/raster/metrics").text
    found = re.search(r'requests_total\{.*status="499"\} (\d+)', counts)
    assert found is not None, counts
    assert float(found[1]) > 20, "most were forgotten while they waited"
