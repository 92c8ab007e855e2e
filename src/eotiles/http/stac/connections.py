"""Lends stac-fastapi-pgstac its connections: a bounded wait, and every trouble of the database as an error of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from asyncpg import Connection, Pool, create_pool, exceptions
from fastapi import FastAPI, Request
from stac_fastapi.pgstac.db import close_db_connection, con_init

from eotiles.core.errors import BadParameter, Conflict, EotilesError, NotFound, Unavailable
from eotiles.core.role import Role
from eotiles.http.stac.configuration import WRITE_TIMEOUT_S, postgres_settings
from eotiles.settings import Settings

_GRACE_S = 2.0
"""How much longer than PostgreSQL's own limit we wait for it to say that a statement took too long."""

_BROKEN = (exceptions.InterfaceError, exceptions.InternalClientError)
"""What asyncpg raises of a connection whose server died in the middle of something."""

_UNREACHABLE = "the database cannot be reached; try again in a moment"
_NOT_SET_UP = "the catalogue is not set up in this database; `eotiles db migrate` does it"

_BY_CODE: Mapping[str, tuple[type[EotilesError], str | None]] = {
    "57014": (
        Unavailable,
        "the database took too long over this; ask for a smaller area, period or page",
    ),
    "55P03": (Unavailable, "somebody else is changing this; try again in a moment"),
    "40": (Unavailable, "somebody else changed this at the same time; try again"),
    "08": (Unavailable, _UNREACHABLE),
    "53": (Unavailable, "the database is out of resources; try again in a moment"),
    "57": (Unavailable, _UNREACHABLE),
    "28": (Unavailable, "the database does not accept this service's login"),
    "3D": (Unavailable, _NOT_SET_UP),
    "3F": (Unavailable, _NOT_SET_UP),
    "42P01": (Unavailable, _NOT_SET_UP),
    "23505": (Conflict, "something of that id exists already"),
    "23": (BadParameter, None),
    "P0002": (NotFound, "there is no such thing in the catalogue"),
    # What remains comes from the request: pgSTAC builds SQL of it (as literals) and refuses with these.
    "P0001": (BadParameter, None),
    "22": (BadParameter, None),
    # An undefined function, an ambiguous one, a cast that there is not, a type that nobody can tell.
    **dict.fromkeys(
        ("42883", "42725", "42846", "42P18"),
        (
            BadParameter,
            "the filter uses a function or an operator that does not exist for these values",
        ),
    ),
    "42804": (BadParameter, "the filter compares values of different types"),
    "42601": (BadParameter, "the search text, the filter or the sort order cannot be understood"),
    "42703": (BadParameter, "the filter or the sort order names something that does not exist"),
    "54": (BadParameter, "the request is too complex for the database"),
    "XX000": (BadParameter, "the geometry or the filter cannot be used"),
}
"""SQLSTATE, or the first two characters of it, → error and sentence; None: PostgreSQL's own message."""


def translate(error: exceptions.PostgresError) -> EotilesError | None:
    """What a PostgreSQL error means to the caller; None for one that is our own fault."""
    code = str(error.sqlstate or "")
    for key in (code, code[:2]):
        if key in _BY_CODE:
            kind, sentence = _BY_CODE[key]
            return kind(
                sentence or str(error.args[0] if error.args else kind.__doc__).splitlines()[0][:300]
            )
    return None


@asynccontextmanager
async def pool_of(app: FastAPI, settings: Settings, role: Role) -> AsyncIterator[None]:
    """The pool that the routes of `app` use while it runs. A database that is down delays this by `database_wait_s`."""
    configured = postgres_settings(settings, role)
    pool = await create_pool(
        configured.connection_string,
        min_size=configured.db_min_conn_size,
        max_size=configured.db_max_conn_size,
        max_queries=configured.db_max_queries,
        max_inactive_connection_lifetime=configured.db_max_inactive_conn_lifetime,
        init=con_init,
        server_settings=configured.server_settings.model_dump(),
        reset=_leave if role == "read" else None,
    )
    app.state.readpool = pool
    app.state.get_connection = _lender(settings, role)
    try:
        with suppress(EotilesError):
            await ping(app)
        yield
    finally:
        try:
            async with asyncio.timeout(_GRACE_S):
                await close_db_connection(app)
        except TimeoutError:
            pool.terminate()


async def _leave(connection: Connection) -> None:
    """Instead of asyncpg's four statements after each use, a round trip: a reader changes nothing of its session, and
    a transaction left open is ended before this."""


async def ping(app: FastAPI) -> None:
    """Ask the database for the version of its catalogue.

    Raises:
        Unavailable: it does not answer, or holds no catalogue.
    """
    async with app.state.get_connection(Request({"type": "http", "app": app}), "r") as connection:
        await connection.fetchval("SELECT pgstac.get_version()", timeout=_GRACE_S)


def _lender(settings: Settings, role: Role) -> Any:
    limit_s = settings.statement_timeout_s if role == "read" else WRITE_TIMEOUT_S

    @asynccontextmanager
    async def lend(
        request: Request, readwrite: Literal["r", "w"] = "r"
    ) -> AsyncIterator[Connection]:
        pool = request.app.state.readpool
        connection = await _acquire(pool, wait_s=settings.database_wait_s)
        try:
            async with asyncio.timeout(limit_s + _GRACE_S):
                yield connection
        except exceptions.PostgresError as error:
            if (known := translate(error)) is None:
                raise
            raise known from error
        except (OSError, *_BROKEN) as error:  # TimeoutError is an OSError
            # Or giving it back would wait for an answer once more. The pool has dropped one whose server ended it.
            with suppress(exceptions.InterfaceError):
                connection.terminate()
            raise Unavailable(_UNREACHABLE) from error
        finally:
            # A connection that broke cannot be tidied up; the pool has dropped it by then.
            with suppress(OSError, exceptions.PostgresError, *_BROKEN):
                await pool.release(connection, timeout=_GRACE_S)

    return lend


async def _acquire(pool: Pool, *, wait_s: float) -> Connection:
    try:
        return await pool.acquire(timeout=wait_s)
    except TimeoutError as error:
        raise Unavailable("the database has no free connection; try again in a moment") from error
    except exceptions.PostgresError as error:
        raise (translate(error) or Unavailable(_UNREACHABLE)) from error
    except (OSError, exceptions.InterfaceError) as error:
        raise Unavailable(_UNREACHABLE) from error
