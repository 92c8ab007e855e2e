"""Overload is answered at once, and what was let in is served."""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import Receive, Scope, Send

from eotiles.http.admission import Admission


async def test_one_too_many_is_refused_and_the_rest_is_served() -> None:
    gate = asyncio.Event()
    running = 0
    most = 0

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal running, most
        if scope["path"] != "/healthz":
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    app = Admission(slow, working=2, waiting=3)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as client:
        inside = [asyncio.create_task(client.get(f"/{i}")) for i in range(5)]
        await asyncio.sleep(0.05)
        refused = await asyncio.wait_for(client.get("/6"), timeout=0.1)
        health = await asyncio.wait_for(client.get("/healthz"), timeout=0.1)
        gate.set()
        answers = await asyncio.gather(*inside)
        after = await client.get("/7")

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert health.status_code == 200
    assert [answer.status_code for answer in answers] == [200] * 5
    assert after.status_code == 200
    assert most == 2


async def test_a_request_that_leaves_the_line_gives_its_room_back() -> None:
    gate = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = Admission(slow, working=1, waiting=1)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as client:
        first = asyncio.create_task(client.get("/1"))
        second = asyncio.create_task(client.get("/2"))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.sleep(0.05)
        third = asyncio.create_task(client.get("/3"))
        await asyncio.sleep(0.05)
        assert not third.done()
        gate.set()
        assert (await first).status_code == 200
        assert (await third).status_code == 200
