"""The renders of a collection in the database: read with items that stand for it, and changed in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from eotiles.core.errors import IngestRefused, Unavailable, UnknownCollection
from eotiles.ingest.item import RENDER
from eotiles.ingest.sample import sample_items
from eotiles.ingest.session import LOCK, connect

Json = dict[str, Any]


def read_collection(conninfo: str, collection: str) -> tuple[Json, list[Json]]:
    """The collection, and a sample of its items.

    Raises:
        UnknownCollection: there is none.
        Unavailable: the database cannot be reached.
    """
    with connect(conninfo) as connection:
        return _stored(connection, collection), sample_items(connection, collection)


def change_collection(conninfo: str, collection: str, change: Callable[[Json], Json]) -> Json:
    """Store what `change` makes of the collection, while nobody else changes it; and return it.

    Raises:
        UnknownCollection: there is none.
        Unavailable: the database cannot be reached, or went away.
        IngestRefused: the database refuses it.
    """
    try:
        with connect(conninfo) as connection, connection.transaction():
            connection.execute(LOCK, [collection])
            stored = _stored(connection, collection)
            made = change(stored)
            if made.get("renders"):
                extensions = set(made.get("stac_extensions") or ())
                if not any("/render/" in each for each in extensions):
                    made = {**made, "stac_extensions": sorted({*extensions, RENDER})}
            if made != stored:
                connection.execute("SELECT update_collection(%s)", [Jsonb(made)])
            return made
    except psycopg.OperationalError as error:
        raise Unavailable("the database went away before the change was stored") from error
    except psycopg.Error as error:
        detail = error.diag.message_primary or type(error).__name__
        raise IngestRefused(f"collection {collection!r} was not changed: {detail}") from error


def _stored(connection: psycopg.Connection[Any], collection: str) -> Json:
    row = connection.execute("SELECT get_collection(%s)", [collection]).fetchone()
    if row is None or row[0] is None:
        raise UnknownCollection(f"there is no collection {collection!r}")
    found: Json = row[0]
    return found
