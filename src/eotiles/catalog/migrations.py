"""Bringing a database to the pgSTAC that eotiles is made for, and its roles to the rights they need."""

from __future__ import annotations

import psycopg
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate
from pypgstac.version import __version__

from eotiles.core.again import again
from eotiles.core.errors import SetupError
from eotiles.core.sql import read_sql

_ONE_AT_A_TIME = 0x656F74696C6573
"""Advisory lock that a migration holds: the letters "eotiles"."""

_TURN_WITHIN_S = 600
"""How long to wait for the migration of another process."""


def migrate(conninfo: str) -> str:
    """Install or upgrade pgSTAC, apply our own SQL, and return the version of pgSTAC. Repeating it changes nothing.

    Two at the same time wait for each other.

    Raises:
        SetupError: the database cannot be reached, the login may not migrate it, or its pgSTAC is newer than ours.
    """
    connection = _connect(conninfo)
    try:
        with connection:
            connection.execute(f"SET lock_timeout TO '{_TURN_WITHIN_S}s'".encode())
            connection.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
            _run(connection, "roles")
            version = _migrate_pgstac(conninfo)
            _run(connection, "grants")
            _run(connection, "changes")
            _run(connection, "queryables")
            return version
    except psycopg.errors.InsufficientPrivilege as error:
        raise SetupError(
            f"this login may not migrate the database ({_first_line(error)}); use its owner with CREATEROLE, "
            "or a superuser while PostGIS is not installed in it"
        ) from error
    except psycopg.Error as error:
        raise SetupError(f"the database cannot be migrated: {_first_line(error)}") from error


def our_version() -> str:
    """Version of pgSTAC that `migrate` brings a database to."""
    return str(__version__)


def server_major(conninfo: str) -> int:
    """Major version of the PostgreSQL server.

    Raises:
        SetupError: it cannot be reached.
    """
    with _connect(conninfo) as connection:
        return connection.info.server_version // 10_000


def installed_version(conninfo: str) -> str | None:
    """Version of pgSTAC in a database; None when there is none.

    Raises:
        SetupError: the database cannot be reached.
    """
    with _connect(conninfo) as connection:
        try:
            row = connection.execute("SELECT pgstac.get_version()").fetchone()
        except psycopg.errors.InvalidSchemaName:
            return None
    return None if row is None else str(row[0])


def _connect(conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(
            conninfo, autocommit=True, connect_timeout=5, application_name="eotiles migrate"
        )
    except psycopg.Error as error:
        raise SetupError(f"the database cannot be reached: {_first_line(error)}") from error


def _migrate_pgstac(conninfo: str) -> str:
    # A pool of our own: PgstacDB closes none that it makes itself.
    with (
        ConnectionPool(conninfo, min_size=1, max_size=1, open=True, timeout=10.0) as pool,
        PgstacDB(pool=pool) as database,
    ):
        try:
            return str(Migrate(database).run_migration())
        except psycopg.Error:
            raise
        except (
            Exception
        ) as error:  # pypgstac has no errors of its own: no way from this version, rolled back
            raise SetupError(
                f"pgSTAC {database.version} of this database cannot be migrated: {error}"
            ) from error


def _run(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """One of our scripts; another process may be setting the embedded database up."""
    again(lambda: connection.execute(read_sql(name)), on=psycopg.errors.InternalError_)


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
