"""One scene into pgSTAC: collection and item in one transaction, an upsert that may be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from eotiles.core.errors import IngestRefused, SetupError, Unavailable
from eotiles.ingest.collection import with_item
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import iso
from eotiles.ingest.sample import sample_items

Outcome = Literal["ingested", "updated", "unchanged"]

# pgSTAC creates a partition for a collection's first item and waits for readers of the table meanwhile.
SESSION = "-c search_path=pgstac,public -c statement_timeout=60000 -c lock_timeout=20000"
ATTEMPTS = 3
_TRY_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)

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


def connect(conninfo: str) -> psycopg.Connection[Any]:
    """A connection as pgSTAC wants it.

    Raises:
        Unavailable: the database cannot be reached.
    """
    try:
        return psycopg.connect(
            conninfo,
            options=SESSION,
            connect_timeout=5,
            application_name="eotiles ingest",
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            "the database cannot be reached: is it running (`eotiles db status`)?"
        ) from error


def load_scene(item: Mapping[str, Any], options: IngestOptions, *, conninfo: str) -> Outcome:
    """Store the item and what it changes in its collection. Returns after the commit, or nothing was stored.

    Raises:
        Unavailable: the database cannot be reached, or went away.
        IngestRefused: the database refuses the item.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connect(conninfo) as connection, connection.transaction():
                return _upsert(connection, item, options)
        except _TRY_AGAIN as error:
            if attempt == ATTEMPTS:
                raise IngestRefused(
                    "could not be stored: the catalogue is busy with others' changes"
                ) from error
        except psycopg.OperationalError as error:
            raise Unavailable("the database went away before the scene was stored") from error
        except psycopg.Error as error:
            detail = error.diag.message_primary or type(error).__name__
            raise IngestRefused(f"was not stored, the database refused it: {detail}") from error
    raise AssertionError("unreachable")


def _upsert(
    connection: psycopg.Connection[Any],
    item: Mapping[str, Any],
    options: IngestOptions,
) -> Outcome:
    # Two programs that widen one collection at a time would lose one of the widenings.
    connection.execute(LOCK, [options.collection])
    known = _one(connection, "SELECT get_collection(%s)", [options.collection])
    stored = _one(connection, "SELECT get_item(%s, %s)", [item["id"], options.collection])
    sample = sample_items(connection, options.collection, without=item["id"])
    collection = with_item(known, item, options, before=stored, sample=sample)
    if collection != known:
        connection.execute("SELECT upsert_collection(%s)", [Jsonb(collection)])
    stamps = {} if stored is None else _stamps(stored)
    if _without_nulls(_with(item, stamps)) == stored:
        return "unchanged"
    now = iso(datetime.now(UTC))
    stamped = _with(item, {"created": stamps.get("created", now), "updated": now})
    connection.execute("SELECT upsert_item(%s)", [Jsonb(stamped)])
    return "ingested" if stored is None else "updated"


def _one(
    connection: psycopg.Connection[Any], query: str, values: list[str]
) -> dict[str, Any] | None:
    row = connection.execute(query, values).fetchone()
    return None if row is None else row[0]


def _stamps(item: Mapping[str, Any]) -> dict[str, str]:
    properties = item["properties"]
    return {name: properties[name] for name in ("created", "updated") if name in properties}


def _with(item: Mapping[str, Any], stamps: Mapping[str, str]) -> dict[str, Any]:
    return {**item, "properties": {**item["properties"], **stamps}}


def _without_nulls(value: Any) -> Any:
    """JSON without the members that are null: pgSTAC drops those when it stores."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value
