"""Overload is answered at once, and what was let in is served."""

from __future__ import annotations

import asyncio

import httpx
from starlette.types import Message, Receive, Scope, Send

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


async def _busy(app: Admission) -> asyncio.Task[None]:
    """One request that works until it is cancelled."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        """Nothing is sent: it works."""

    task = asyncio.create_task(app({"type": "http", "path": "/busy"}, receive, send))
    await asyncio.sleep(0)
    return task


async def test_who_has_left_the_line_is_not_served() -> None:
    served: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope["path"])
        await asyncio.Event().wait()

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError("nobody is there to be answered")

    messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
    app = Admission(slow, working=1, waiting=1)
    busy = await _busy(app)
    await asyncio.wait_for(app({"type": "http", "path": "/left"}, receive, send), timeout=1)
    busy.cancel()
    await _busy(app)
    assert served == ["/busy", "/busy"], "the place in line was given back"


async def test_a_long_wait_ends_in_503_and_what_was_sent_meanwhile_is_kept() -> None:
    gate = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        await gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    app = Admission(slow, working=1, waiting=5, wait_s=0.2)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://test"
    ) as client:
        first = asyncio.create_task(client.post("/1", content=b"first"))
        await asyncio.sleep(0.01)
        late = await asyncio.wait_for(client.post("/2", content=b"second"), timeout=1)
        third = asyncio.create_task(client.post("/3", content=b"third"))
        await asyncio.sleep(0.05)
        gate.set()
        answers = [await first, await third]

    assert late.status_code == 503
    assert [answer.content for answer in answers] == [b"first", b"third"]
