"""Work in flight: once for all who ask, dropped when they leave, ended in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from eotiles.core.errors import Unavailable
from eotiles.core.watch import Watch
from eotiles.http.tiles.flights import Abandoned, Flights, Token


async def join(flights: Flights[int], key: str, work: Callable[[Token], int]) -> int:
    """What a request does."""
    with flights.join(key, work) as future:
        await asyncio.wait([future])
        return future.result()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_the_same_work_is_done_once(pool: ThreadPoolExecutor) -> None:
    flights: Flights[int] = Flights(pool, seconds=5)
    calls = []
    go = threading.Event()

    def work(token: Token) -> int:
        calls.append(token)
        go.wait(5)
        return 7

    joined = [asyncio.ensure_future(join(flights, "key", work)) for _ in range(10)]
    await asyncio.sleep(0.01)
    assert len(flights) == 1
    go.set()
    assert await asyncio.gather(*joined) == [7] * 10
    assert len(calls) == 1
    assert len(flights) == 0
    assert await join(flights, "key", work) == 7
    assert len(calls) == 2, "what has landed is not kept"


async def test_an_error_reaches_all_and_is_not_kept(pool: ThreadPoolExecutor) -> None:
    flights: Flights[int] = Flights(pool, seconds=5)

    def fails(token: Token) -> int:
        raise ValueError("no")

    joined = [asyncio.ensure_future(join(flights, "key", fails)) for _ in range(3)]
    found = await asyncio.gather(*joined, return_exceptions=True)
    assert [str(error) for error in found] == ["no"] * 3
    assert await join(flights, "key", lambda token: 1) == 1


async def test_work_goes_on_while_one_waits_and_stops_when_all_have_left(
    pool: ThreadPoolExecutor,
) -> None:
    flights: Flights[int] = Flights(pool, seconds=5)
    stages: list[int] = []
    ended = threading.Event()

    def work(token: Token) -> int:
        try:
            for stage in range(100):
                token.check()
                stages.append(stage)
                time.sleep(0.01)
        finally:
            ended.set()
        return 1

    first = asyncio.ensure_future(join(flights, "key", work))
    second = asyncio.ensure_future(join(flights, "key", work))
    await asyncio.sleep(0.03)
    first.cancel()
    await asyncio.sleep(0.03)
    seen = len(stages)
    await asyncio.sleep(0.03)
    assert len(stages) > seen, "somebody still waits"
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert await asyncio.to_thread(ended.wait, 2)
    assert len(stages) < 100
    assert len(flights) == 0


async def test_work_that_waits_for_a_thread_never_starts_for_nobody(
    pool: ThreadPoolExecutor,
) -> None:
    flights: Flights[int] = Flights(pool, seconds=5)
    go = threading.Event()
    started: list[str] = []

    def slow(token: Token) -> int:
        go.wait(5)
        return 1

    def late(token: Token) -> int:
        started.append("late")
        return 2

    running = asyncio.ensure_future(join(flights, "slow", slow))
    waiting = asyncio.ensure_future(join(flights, "late", late))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.sleep(0.02)
    go.set()
    assert await running == 1
    await asyncio.sleep(0.05)
    assert started == []


def test_a_token_says_when_time_is_over() -> None:
    token = Token(seconds=0.0)
    time.sleep(0.01)
    with pytest.raises(Unavailable, match="took longer"):
        token.check()
    token.abandon()
    with pytest.raises(Abandoned):
        token.check()


def test_a_watch_adds_laps_up_and_looks_whether_to_go_on() -> None:
    looks: list[int] = []
    watch = Watch(lambda: looks.append(1))
    time.sleep(0.01)
    watch.lap("read")
    watch.lap("warp")
    watch.lap("read")
    assert list(watch.seconds) == ["read", "warp"]
    assert watch.seconds["read"] >= 0.01
    assert len(looks) == 3
