"""The one way to PostgreSQL: an async psycopg pool whose every trouble is an Unavailable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from psycopg import AsyncConnection, InterfaceError, OperationalError, ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from eotiles.catalog.patience import GRACE_S, answered
from eotiles.core.errors import BadParameter, EotilesError, Unavailable
from eotiles.core.role import Role

__all__ = ["Connection", "Database", "Role", "is_conninfo"]

Connection = AsyncConnection[TupleRow]


def is_conninfo(text: str) -> bool:
    """Whether libpq can read a connection string. Its own error would repeat the text, password and all."""
    try:
        conninfo_to_dict(text)
    except ProgrammingError:
        return False
    return True


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
        self._statement_timeout_s = statement_timeout_s
        self._wait_s = wait_s
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            kwargs={
                "options": " ".join(options),
                "connect_timeout": max(2, round(wait_s)),
                # A machine that vanished: what was sent and is not acknowledged for so long breaks the connection.
                "tcp_user_timeout": 5000,
            },
            min_size=1,
            max_size=pool_max,
            max_waiting=pool_max * 16,
            timeout=wait_s,
            # The pool tries twice, this long apart, and again as soon as somebody asks. With more patience it would
            # double its waits and serve nobody for up to 16 s after PostgreSQL has come back.
            reconnect_timeout=1.0,
            check=self._check,
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
            Unavailable: none came free in time, PostgreSQL is down or silent, or a statement took too long.
            BadParameter: PostgreSQL finds the statement too complex.
        """
        try:
            async with self._pool.connection() as connection:
                with answered(connection, within_s=self._statement_timeout_s + GRACE_S):
                    yield connection
        except (OperationalError, InterfaceError) as error:
            raise self._explain(error) from error

    async def ping(self) -> None:
        """Ask the database for nothing.

        Raises:
            Unavailable: it does not answer.
        """
        async with self.connection() as connection:
            with answered(connection, within_s=self._wait_s):
                await connection.execute("SELECT 1")

    def stats(self) -> dict[str, Any]:
        """Counters of the pool, as psycopg_pool names them."""
        return dict(self._pool.get_stats())

    def _explain(self, error: OperationalError | InterfaceError) -> EotilesError:
        """What to tell the client of a request that PostgreSQL or the pool let down."""
        if isinstance(error, PoolTimeout | TooManyRequests):
            return Unavailable("the database does not answer or is busy; try again in a moment")
        state = error.sqlstate or ""
        if state == "57014":  # query_canceled
            return Unavailable(
                f"the database was stopped at its limit of {self._statement_timeout_s:g} s; ask for less"
            )
        if state.startswith("54"):  # program_limit_exceeded: expressions nested too deep
            return BadParameter("the search is too complex for the database; ask for less")
        if (
            state.startswith("40") or state == "55P03"
        ):  # deadlock, serialization failure; lock_not_available
            return Unavailable("the database is busy; try again in a moment")
        return Unavailable("the database cannot be reached; try again in a moment")

    async def _check(self, connection: Connection) -> None:
        """Whether a connection still works. If not, the others of the pool were lost with it: all are made anew.

        Without this each request would meet two dead connections after a restart of PostgreSQL and be refused.
        """
        try:
            with answered(connection, within_s=self._wait_s):
                await AsyncConnectionPool.check_connection(connection)
        except OperationalError:
            await self._pool.drain()
            raise
