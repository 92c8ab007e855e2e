"""A connection to pgSTAC that loads: who may, how it waits, and what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from eotiles.core.errors import SetupError, Unavailable

# pgSTAC creates a partition for a collection's first item and waits for readers of the table meanwhile.
SESSION = "-c search_path=pgstac,public -c statement_timeout=60000 -c lock_timeout=20000"

# By their numbers: asking by name is an error for a login that may not even look into the schema.
_MAY_WRITE = """
SELECT current_user,
       bool_and(has_schema_privilege(space.oid, 'USAGE') AND has_table_privilege(relation.oid, 'INSERT'))
FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relation.relnamespace
WHERE space.nspname = 'pgstac' AND relation.relname IN ('items', 'collections')
HAVING count(*) = 2
"""

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('eotiles-ingest:' || %s, 0))"


def check_catalogue(conninfo: str) -> None:
    """Make sure that there is a pgSTAC to load into and a login that may, before any work is done.

    Raises:
        Unavailable: the database cannot be reached.
        SetupError: it has no pgSTAC, or the login may not write.
    """
    with connect(conninfo) as connection:
        row = connection.execute(_MAY_WRITE).fetchone()
    if row is None:
        raise SetupError("the database has no pgSTAC catalogue: run `eotiles db migrate` first")
    login, may_write = row
    if not may_write:
        raise SetupError(
            f"the database login {login} may not write items and collections: take eotiles_ingest, or another member "
            "of pgstac_ingest"
        )


def stored_items(conninfo: str, names: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of some items, each named by collection and id, are in the catalogue.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT i.collection, i.id FROM unnest(%s::text[], %s::text[]) AS n (collection, id) "
            "JOIN items i USING (collection, id)",
            [[name[0] for name in names], [name[1] for name in names]],
        )
        return {(row[0], row[1]) for row in rows}


def stored_item(conninfo: str, collection: str, item: str) -> dict[str, Any] | None:
    """An item of the catalogue; None: there is none.

    Raises:
        Unavailable: the database cannot be reached.
    """
    with connect(conninfo) as connection:
        row = connection.execute("SELECT get_item(%s, %s)", [item, collection]).fetchone()
    return None if row is None else row[0]


def connect(conninfo: str, *, more: str = "") -> psycopg.Connection[Any]:
    """A connection as pgSTAC wants it, with more options of the session.

    Raises:
        Unavailable: the database cannot be reached.
    """
    try:
        return psycopg.connect(
            conninfo,
            options=f"{SESSION} {more}",
            connect_timeout=5,
            application_name="eotiles ingest",
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            "the database cannot be reached: is it running (`eotiles db status`)?"
        ) from error
