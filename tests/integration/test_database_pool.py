"""The pool of connections while PostgreSQL is busy, gone and back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from eotiles.catalog.database import Database
from eotiles.catalog.migrations import migrate
from eotiles.core.errors import BadParameter, Unavailable
from eotiles.embedded.cluster import Cluster

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def running(own_cluster: Cluster) -> Iterator[Cluster]:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    yield own_cluster
    own_cluster.stop()


def _database(cluster: Cluster, *, pool_max: int = 4, timeout_s: float = 5.0) -> Database:
    return Database(
        cluster.conninfo("read"), pool_max=pool_max, wait_s=1.0, statement_timeout_s=timeout_s
    )


async def _sleep(database: Database, seconds: float) -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT pg_sleep(%s)", [seconds])


async def test_sessions_carry_their_bounds(running: Cluster) -> None:
    async with _database(running) as database, database.connection() as connection:
        cursor = await connection.execute(
            "SELECT current_setting('statement_timeout'), current_setting('pgstac.readonly')"
        )
        assert await cursor.fetchone() == ("5s", "true")
    assert database.stats()["pool_min"] == 1


async def test_an_exhausted_pool_is_unavailable_within_a_second(running: Cluster) -> None:
    async with _database(running, pool_max=2) as database:
        busy = [asyncio.create_task(_sleep(database, 2.5)) for _ in range(2)]
        await asyncio.sleep(0.3)
        began = time.perf_counter()
        with pytest.raises(Unavailable, match="does not answer or is busy"):
            await database.ping()
        assert 0.9 <= time.perf_counter() - began < 1.5
        await asyncio.gather(*busy)
        await database.ping()


async def test_too_many_waiting_are_refused_at_once(running: Cluster) -> None:
    async with _database(running, pool_max=1) as database:
        busy = asyncio.create_task(_sleep(database, 1.5))
        await asyncio.sleep(0.3)
        answers = await asyncio.gather(
            *(database.ping() for _ in range(30)), return_exceptions=True
        )
        await busy
    assert all(isinstance(answer, Unavailable) for answer in answers)


async def test_a_long_statement_is_stopped_and_says_so(running: Cluster) -> None:
    async with _database(running, timeout_s=0.2) as database:
        with pytest.raises(Unavailable, match=r"limit of 0\.2 s"):
            await _sleep(database, 5)
        await database.ping()


async def test_a_statement_too_complex_is_the_callers_fault(running: Cluster) -> None:
    async with _database(running) as database:
        with pytest.raises(BadParameter, match="too complex"):
            async with database.connection() as connection:
                await connection.execute("SELECT 1" + "+1" * 100_000)


async def test_an_error_of_the_caller_stays_what_it_is(running: Cluster) -> None:
    async with _database(running) as database:
        with pytest.raises(KeyError):
            async with database.connection():
                raise KeyError
        await database.ping()


async def test_a_restart_costs_no_request(running: Cluster) -> None:
    async with _database(running) as database:
        await asyncio.gather(*(_sleep(database, 0.3) for _ in range(4)))
        assert database.stats()["pool_size"] == 4
        pid = running.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        running.start()
        for _ in range(6):
            await database.ping()


async def test_down_is_unavailable_and_heals_by_itself(running: Cluster) -> None:
    async with _database(running) as database:
        await database.ping()
        running.stop()
        for _ in range(2):
            began = time.perf_counter()
            with pytest.raises(Unavailable):
                await database.ping()
            assert time.perf_counter() - began < 1.5
        running.start()
        began = time.perf_counter()
        while time.perf_counter() - began < 10:
            try:
                await database.ping()
                break
            except Unavailable:
                continue
        assert time.perf_counter() - began < 3


async def test_a_session_that_loses_its_server_is_unavailable(running: Cluster) -> None:
    async with _database(running) as database:
        sleeping = asyncio.create_task(_sleep(database, 5))
        await asyncio.sleep(0.3)
        running.stop()
        with pytest.raises(Unavailable, match="cannot be reached"):
            await sleeping
        running.start()


async def test_a_pool_opens_while_postgresql_is_down(running: Cluster) -> None:
    running.stop()
    async with _database(running) as database:
        with pytest.raises(Unavailable):
            await database.ping()
        running.start()
        await asyncio.sleep(1.1)
        await database.ping()
