"""The database and its logins in a running cluster; every step may be repeated."""

from __future__ import annotations

import psycopg
from psycopg import sql

from eotiles.core.again import again
from eotiles.core.errors import SetupError
from eotiles.core.role import ROLES, login
from eotiles.core.sql import read_sql
from eotiles.embedded.configuration import DATABASE, SUPERUSER
from eotiles.embedded.layout import Layout
from eotiles.embedded.passwords import make_password, read_password

SETUP_LOCK = 0x656F7469
"""Key of PostgreSQL's advisory lock that is held while a database is set up."""


def bootstrap(layout: Layout, *, port: int) -> None:
    """Make roles, passwords, database and extensions, as the superuser over the socket.

    Raises:
        SetupError: the superuser cannot connect or PostgreSQL refuses.
    """
    try:
        # Another process may be migrating: both change roles and rights.
        again(lambda: _bootstrap(layout, port=port), on=psycopg.errors.InternalError_)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()
        raise SetupError(
            f"the embedded database cannot be set up: {reason[0] if reason else error}"
        ) from error


def _bootstrap(layout: Layout, *, port: int) -> None:
    with connect(layout, port=port, database="postgres") as connection:
        connection.execute(read_sql("roles"))
        connection.execute(read_sql("admin"))
        _set_passwords(connection, layout)
        _make_database(connection)
    with connect(layout, port=port, database=DATABASE) as connection:
        connection.execute(read_sql("embedded"))


def connect(
    layout: Layout, *, port: int, database: str, lock: bool = True
) -> psycopg.Connection[tuple[object, ...]]:
    """The superuser's connection over the socket; with `lock` nobody else sets databases up meanwhile."""
    connection = psycopg.connect(
        host=str(layout.run),
        port=port,
        user=SUPERUSER,
        dbname=database,
        autocommit=True,
        connect_timeout=10,
        application_name="eotiles setup",
    )
    # The backend of a start that was killed may still be making an extension.
    if lock:
        connection.execute("SELECT pg_advisory_lock(%s)", [SETUP_LOCK])
    return connection


def _set_passwords(connection: psycopg.Connection[tuple[object, ...]], layout: Layout) -> None:
    """Give each login the password of its file. Only a hash travels, so that no log can hold the password."""
    for role in ROLES:
        password = read_password(layout.passwords, role) or make_password(layout.passwords, role)
        hashed = connection.pgconn.encrypt_password(
            password.encode(), login(role).encode(), b"scram-sha-256"
        )
        command = sql.SQL("ALTER ROLE {} PASSWORD {}")
        connection.execute(
            command.format(sql.Identifier(login(role)), sql.Literal(hashed.decode()))
        )


def _make_database(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    found = connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
    ).fetchone()
    if found is None:
        command = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(command.format(sql.Identifier(DATABASE), sql.Identifier(login("admin"))))
