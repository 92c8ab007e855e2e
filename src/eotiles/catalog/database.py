"""The one way to PostgreSQL: an async psycopg pool whose every trouble is an Unavailable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from eotiles.core.errors import Unavailable
from eotiles.core.role import Role

__all__ = ["Connection", "Database", "Role"]

Connection = AsyncConnection[TupleRow]


class Database:
    """A pool of connections of one role. Opens at once, even while PostgreSQL is down, and heals by itself.

    A request waits at most `wait_s` for a connection; then, and whenever PostgreSQL cannot be reached, `connection`
    raises Unavailable.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        pool_max: int,
        wait_s: float,
        statement_timeout_s: float,
        readonly: bool = True,
    ) -> None:
        # pgstac.readonly keeps pgSTAC from writing its `searches` table on reads. default_transaction_read_only
        # would not do: pgSTAC then fails on the insert instead of leaving it out.
        options = [
            "-c search_path=pgstac,public",
            "-c application_name=eotiles",
            f"-c statement_timeout={int(statement_timeout_s * 1000)}",
            "-c lock_timeout=1000",
            "-c idle_in_transaction_session_timeout=10000",
        ]
        if readonly:
            options.append("-c pgstac.readonly=true")
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            kwargs={"options": " ".join(options), "connect_timeout": max(2, round(wait_s))},
            min_size=1,
            max_size=pool_max,
            max_waiting=pool_max * 16,
            timeout=wait_s,
            reconnect_timeout=30.0,
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="eotiles",
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.close(timeout=2.0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; commits on leaving, rolls back on an error.

        Raises:
            Unavailable: none came free in time, or PostgreSQL is down.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, TooManyRequests) as error:
            raise Unavailable(
                "the database has no free connection; try again in a moment"
            ) from error
        except OperationalError as error:
            raise Unavailable("the database cannot be reached; try again in a moment") from error

    async def ping(self) -> None:
        """Ask the database for nothing.

        Raises:
            Unavailable: it does not answer.
        """
        async with self.connection() as connection:
            await connection.execute("SELECT 1")

    def stats(self) -> dict[str, Any]:
        """Counters of the pool, as psycopg_pool names them."""
        return dict(self._pool.get_stats())
