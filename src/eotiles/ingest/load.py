"""One scene into pgSTAC: collection and item in one transaction, an upsert that may be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from eotiles.core.errors import IngestRefused, Unavailable
from eotiles.ingest.collection import with_item
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import iso
from eotiles.ingest.sample import sample_items
from eotiles.ingest.session import LOCK, connect

Outcome = Literal["ingested", "updated", "unchanged"]

ATTEMPTS = 3
_TRY_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)


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
    own = item["properties"].get("created")  # of a product: when its maker made it
    stamped = _with(item, {"created": own or stamps.get("created", now), "updated": now})
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
