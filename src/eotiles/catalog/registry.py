"""Where searches are registered: a small synchronous pool, for titiler-pgstac's own register and list routes alone.

Unlike every other connection that reads, these do not have pgstac.readonly: POST /searches/register adds a row, and
it is the only request that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from eotiles.catalog.mosaic import UNUSABLE, unusable_search
from eotiles.catalog.patience import GRACE_S, answered
from eotiles.core.errors import Unavailable

CONNECTIONS_MAX = 2


class Registry:
    """Connections that may register a search. Opens at once, even while PostgreSQL is down."""

    def __init__(self, conninfo: str, *, wait_s: float, statement_timeout_s: float) -> None:
        options = [
            "-c search_path=pgstac,public",
            "-c application_name=eotiles-register",
            "-c pgstac.readonly=false",
            f"-c statement_timeout={int(statement_timeout_s * 1000)}",
            "-c lock_timeout=1000",
        ]
        self._wait_s = wait_s
        self._statement_timeout_s = statement_timeout_s
        self._pool: ConnectionPool[psycopg.Connection[TupleRow]] = ConnectionPool(
            conninfo,
            kwargs={"options": " ".join(options), "connect_timeout": max(2, round(wait_s))},
            min_size=0,
            max_size=CONNECTIONS_MAX,
            timeout=wait_s,
            reconnect_timeout=1.0,
            check=self._check,
            open=False,
            name="eotiles-register",
        )

    def __enter__(self) -> Self:
        self._pool.open(wait=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close(timeout=2.0)

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection, as psycopg's own pool does.

        Raises:
            Unavailable: the database is down or busy.
            BadParameter: pgSTAC cannot use the search.
        """
        try:
            with (
                self._pool.connection(timeout) as connection,
                answered(connection, within_s=self._statement_timeout_s + GRACE_S),
            ):
                yield connection
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached; try again in a moment") from error
        except UNUSABLE as error:
            raise unusable_search(error) from error

    def _check(self, connection: psycopg.Connection[TupleRow]) -> None:
        with answered(connection, within_s=self._wait_s):
            ConnectionPool.check_connection(connection)
