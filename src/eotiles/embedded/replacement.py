"""A new database that takes the place of the catalogue's in one moment, or vanishes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from eotiles.core.errors import SetupError
from eotiles.core.role import login
from eotiles.core.sql import read_sql
from eotiles.embedded.bootstrap import connect
from eotiles.embedded.configuration import DATABASE, SUPERUSER
from eotiles.embedded.layout import Layout

FRESH, REPLACED = f"{DATABASE}_fresh", f"{DATABASE}_replaced"

_SWAPPED_WITHIN_S = 60
_AGAIN_S = 0.05
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"


@contextmanager
def replacement(layout: Layout, *, port: int) -> Iterator[str]:
    """URI of an empty database with PostGIS, as superuser. When the block ends it is the catalogue's, under its name.

    Sessions of the old one are closed then; pools connect again. If the block raises, the new one is dropped. A killed
    process leaves one of the two behind, which the next replacement drops.

    Raises:
        SetupError: PostgreSQL refuses.
    """
    try:
        with connect(layout, port=port, database="postgres") as connection:
            _drop(connection)
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            owner = sql.Identifier(login("admin"))
            connection.execute(create.format(sql.Identifier(FRESH), owner))
        try:
            with connect(layout, port=port, database=FRESH) as connection:
                connection.execute(read_sql("embedded"))
            yield make_conninfo(host=str(layout.run), port=port, user=SUPERUSER, dbname=FRESH)
            _swap(layout, port=port)
        finally:
            with connect(layout, port=port, database="postgres") as connection:
                _drop(connection)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise SetupError(f"the database cannot be replaced: {reason[0]}") from error


def _drop(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for name in (FRESH, REPLACED):
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(command.format(sql.Identifier(name)))


def _swap(layout: Layout, *, port: int) -> None:
    """Both renames in one transaction. PostgreSQL renames no database that somebody is connected to.

    The first rename locks the database, and new sessions wait for that lock; it then waits for the old ones to leave,
    and a second connection ends these meanwhile.
    """
    done = threading.Event()

    def end_sessions() -> None:
        with connect(layout, port=port, database="postgres", lock=False) as other:
            while not done.is_set():
                other.execute(_END_SESSIONS, [[DATABASE, FRESH]])
                done.wait(_AGAIN_S)

    ending = threading.Thread(target=end_sessions, name="eotiles-swap", daemon=True)
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with connect(layout, port=port, database="postgres") as connection:
        connection.execute(f"SET statement_timeout TO '{_SWAPPED_WITHIN_S}s'".encode())
        ending.start()
        try:
            with connection.transaction():
                for old, new in ((DATABASE, REPLACED), (FRESH, DATABASE)):
                    connection.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))
        finally:
            done.set()
            ending.join()
