"""Passwords of the logins in a database that is not embedded."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from eotiles.core.errors import SetupError
from eotiles.core.role import Role, login


def set_passwords(conninfo: str, passwords: Mapping[Role, str]) -> None:
    """Give the logins of roles their passwords. Only a hash travels, so that no log can hold a password.

    Raises:
        SetupError: the database cannot be reached, or the connecting login may not set passwords.
    """
    command = sql.SQL("ALTER ROLE {} PASSWORD {}")
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
            for role, password in passwords.items():
                name = login(role)
                hashed = connection.pgconn.encrypt_password(
                    password.encode(), name.encode(), b"scram-sha-256"
                )
                connection.execute(
                    command.format(sql.Identifier(name), sql.Literal(hashed.decode()))
                )
    except psycopg.Error as error:
        raise SetupError(
            f"the passwords of the logins cannot be set: {str(error).strip().splitlines()[0]}"
        ) from error
