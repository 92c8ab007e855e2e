"""Bringing a database to the pgSTAC that eotiles is made for, and its roles to the rights they need."""

from __future__ import annotations

import psycopg
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate

from eotiles.core.errors import SetupError
from eotiles.core.sql import read_sql

_ONE_AT_A_TIME = 0x656F74696C6573
"""Advisory lock that a migration holds: the letters "eotiles"."""


def migrate(conninfo: str) -> str:
    """Install or upgrade pgSTAC, apply our own SQL, and return the version of pgSTAC. Repeating it changes nothing.

    Two at the same time wait for each other.

    Raises:
        SetupError: the database cannot be reached or the login may not migrate it.
    """
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
            connection.execute(read_sql("roles"))
            version = _migrate_pgstac(conninfo)
            connection.execute(read_sql("grants"))
            return version
    except psycopg.OperationalError as error:
        raise SetupError(f"the database cannot be reached: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise SetupError(f"the database cannot be migrated: {_first_line(error)}") from error


def _migrate_pgstac(conninfo: str) -> str:
    # A pool of our own: PgstacDB closes none that it makes itself.
    with (
        ConnectionPool(conninfo, min_size=1, max_size=1, open=True, timeout=10.0) as pool,
        PgstacDB(pool=pool) as database,
    ):
        return str(Migrate(database).run_migration())


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
