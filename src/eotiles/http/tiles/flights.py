"""Work in flight: the same work is done once however many ask for it, and dropped when all of them have left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Generic, TypeVar

from eotiles.core.deadline import ends_at
from eotiles.core.errors import OutOfTime

Result = TypeVar("Result")


class Abandoned(Exception):
    """Everybody who asked has left; nobody hears of this."""


class Token:
    """What work looks at between its stages."""

    def __init__(self, *, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        """Of `time.monotonic()`."""

        self._seconds = seconds
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """Tell the work that nobody waits for it."""
        self._abandoned.set()

    def check(self) -> None:
        """Go on only if somebody waits and there is time left.

        Raises:
            Abandoned: nobody waits.
            OutOfTime: the time of a request is over.
        """
        if self._abandoned.is_set():
            raise Abandoned
        if time.monotonic() > self.deadline:
            raise OutOfTime(
                f"this took longer than {self._seconds:g} s to draw; ask for less, or try again in a moment"
            )


class _Flight(Generic[Result]):
    def __init__(self, token: Token, future: asyncio.Future[Result]) -> None:
        self.token = token
        self.future = future
        self.waiting = 0


class Flights(Generic[Result]):
    """Calls on a pool of threads, by key. Of one event loop."""

    def __init__(self, pool: Executor, *, seconds: float) -> None:
        self._pool = pool
        self.seconds = seconds
        """What work has from the moment it is asked for."""

        self._flights: dict[Hashable, _Flight[Result]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @contextmanager
    def join(
        self, key: Hashable, work: Callable[[Token], Result]
    ) -> Iterator[asyncio.Future[Result]]:
        """The future of `work`, which runs in a thread of the pool; the one in flight under `key` if there is one.

        Whoever leaves the context before it is done gets off; the last one takes the work along, at its next look at
        the token. It is to be waited for (`asyncio.wait`), not awaited: a waiter that is cancelled cancels nothing.
        """
        flight = self._flights.get(key)
        if flight is None:
            token = Token(seconds=self.seconds)
            loop = asyncio.get_running_loop()
            flight = _Flight(token, loop.run_in_executor(self._pool, _timed, work, token))
            self._flights[key] = flight
            flight.future.add_done_callback(lambda done: self._landed(key, done))
        flight.waiting += 1
        try:
            yield flight.future
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.future.done():
                flight.token.abandon()
                del self._flights[key]  # whoever comes now starts anew
                flight.future.cancel()  # if it waits for a thread, it never gets one

    def _landed(self, key: Hashable, done: asyncio.Future[Result]) -> None:
        if not done.cancelled():
            done.exception()  # seen, even where all have left
        flight = self._flights.get(key)
        if flight is not None and flight.future is done:
            del self._flights[key]


def _timed(work: Callable[[Token], Result], token: Token) -> Result:
    """What waits for a server on behalf of the work stops with it."""
    with ends_at(token.deadline):
        return work(token)
