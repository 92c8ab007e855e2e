"""How many requests may work and wait at once, and how long; one more is turned away at once. Pure ASGI."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eotiles.http.errors import problem

WAIT_S = 10.0
"""Longest wait in line: whoever asked has mostly given up by then."""

_ALWAYS = ("/healthz", "/readyz", "/metrics")
_BUSY = "too many requests are waiting; try again in a moment"


class Admission:
    """ASGI middleware: `working` requests at a time, `waiting` more in line, any further is answered 503 at once.

    Waiting in line costs a task and no thread, so health answers do not stand behind tiles. A client that leaves gives
    its place in line up, so that nothing is drawn for nobody.
    """

    def __init__(self, app: ASGIApp, *, working: int, waiting: int, wait_s: float = WAIT_S) -> None:
        self.app = app
        self._slots = asyncio.Semaphore(working)
        self._room = working + waiting
        self._wait_s = wait_s
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(_ALWAYS):
            await self.app(scope, receive, send)
            return
        if self._inside >= self._room:
            await problem(503, _BUSY)(scope, receive, send)
            return
        self._inside += 1
        try:
            heard: list[Message] = []
            if await self._turn(receive, heard):
                try:
                    await self.app(scope, _after(heard, receive), send)
                finally:
                    self._slots.release()
            elif not _has_left(heard):
                await problem(503, _BUSY)(scope, receive, send)
        finally:
            self._inside -= 1

    async def _turn(self, receive: Receive, heard: list[Message]) -> bool:
        """Whether a slot came free (and is taken now) before the client left or the wait was over."""
        if not self._slots.locked():
            return await self._slots.acquire()
        slot = asyncio.create_task(self._slots.acquire())
        client = asyncio.create_task(_listen(receive, heard))
        try:
            await asyncio.wait(
                (slot, client), timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            taken = slot.done() and not _has_left(heard)
        except asyncio.CancelledError:
            taken = False
            raise
        finally:
            client.cancel()
            if not taken and not slot.cancel():
                self._slots.release()
        return taken


async def _listen(receive: Receive, heard: list[Message]) -> None:
    """Collect what the client sends until it leaves."""
    while not _has_left(heard):
        heard.append(await receive())


def _has_left(heard: list[Message]) -> bool:
    return bool(heard) and heard[-1]["type"] == "http.disconnect"


def _after(heard: list[Message], receive: Receive) -> Receive:
    """What was heard in line comes first."""

    async def replay() -> Message:
        return heard.pop(0) if heard else await receive()

    return replay
