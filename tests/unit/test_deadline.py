"""What waits for a slow server on behalf of a request stops with that request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest

from eotiles.core.deadline import deadline, ends_at, left_s
from eotiles.core.errors import OutOfTime
from eotiles.http.tiles.flights import Flights, Token
from eotiles.read.blocks import BlockCache
from eotiles.read.ranges import Range
from eotiles.read.stores import Stores, open_stores
from tests.unit.web_server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        made.files["/a.tif"] = bytes(range(256)) * 1024
        yield made


@pytest.fixture
def stores() -> Iterator[Stores]:
    with open_stores() as made:
        yield made


def test_the_earlier_end_counts() -> None:
    assert deadline() == float("inf")
    now = time.monotonic()
    with ends_at(now + 5), ends_at(now + 60):
        assert deadline() == now + 5
        assert left_s(1.0) == 1.0
        assert 4 < left_s(10.0) <= 5
    with ends_at(now - 1), pytest.raises(OutOfTime):
        left_s(1.0)
    assert deadline() == float("inf")


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_a_server_that_is_too_slow_is_left(server: Server, stores: Stores, drips: bool) -> None:
    file, _ = stores.open(server.location("/a.tif"))
    over = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> bool:
        if drips:
            sent = handler.headers["Range"].removeprefix("bytes=")
            first, last = (int(number) for number in sent.split("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {sent}/{file.size_bytes}")
            handler.send_header("ETag", file.version)
            handler.send_header("Content-Length", str(last - first + 1))
            handler.end_headers()
        while not over.wait(0.05):
            try:
                handler.wfile.write(b"x" if drips else b"")
            except OSError:
                break
        return True

    server.misbehave = slow
    started = time.monotonic()
    try:
        # Two far ranges: one is fetched by this thread, one by another.
        wanted = [Range(0, 10_000), Range(200_000, 210_000)]
        with ends_at(started + 0.4), pytest.raises(OutOfTime):
            stores.get(file, wanted)
        assert time.monotonic() - started < 2
    finally:
        over.set()


async def test_the_thread_is_free_when_the_request_is_over(server: Server, stores: Stores) -> None:
    file, _ = stores.open(server.location("/a.tif"))
    over = threading.Event()
    server.misbehave = lambda handler: over.wait(20)
    with ThreadPoolExecutor(1) as pool:
        flights: Flights[bytes] = Flights(pool, seconds=0.3)

        def work(token: Token) -> bytes:
            return stores.get(file, [Range(0, 10)])[0]

        try:
            started = time.monotonic()
            with flights.join("key", work) as future:
                await asyncio.wait([future])
            with pytest.raises(OutOfTime):
                future.result()
            assert time.monotonic() - started < 2
            assert await asyncio.wrap_future(pool.submit(lambda: deadline())) == float("inf")
        finally:
            over.set()


def test_who_waited_for_a_load_that_ran_out_of_time_loads_for_itself() -> None:
    cache: BlockCache[str, bytes] = BlockCache(10_000, size_bytes=len)
    begun, go = threading.Event(), threading.Event()

    def hurried(keys: object) -> list[bytes]:
        begun.set()
        go.wait(5)
        raise OutOfTime

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, ["a"], hurried)
        assert begun.wait(5)
        second = pool.submit(cache.get, ["a"], lambda keys: [b"there"])
        while cache.counts().waits == 0:
            time.sleep(0.001)
        go.set()
        assert second.result(5) == [b"there"]
        with pytest.raises(OutOfTime):
            first.result(5)
