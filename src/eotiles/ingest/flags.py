"""`eotiles:doubts`: what a probe doubts of an item's numbers, kept with the item so that it can be searched for."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg.types.json import Jsonb

from eotiles.core.errors import IngestRefused, UnknownItem
from eotiles.ingest.session import connect

DOUBTS = "eotiles:doubts"
"""A property of an item: sentences. It has none where nothing is doubted."""


def flag_item(conninfo: str, collection: str, item: str, doubts: Sequence[str]) -> bool:
    """Write doubts into an item, or take them out where there are none; whether that changed it.

    Raises:
        UnknownItem: it was removed meanwhile.
        Unavailable: the database cannot be reached.
        IngestRefused: the database refuses the change.
    """
    try:
        with connect(conninfo) as connection, connection.transaction():
            # Who changes the item meanwhile waits, and nothing of theirs is lost.
            connection.execute(
                "SELECT FROM items WHERE id = %s AND collection = %s FOR UPDATE", [item, collection]
            )
            row = connection.execute("SELECT get_item(%s, %s)", [item, collection]).fetchone()
            stored = None if row is None else row[0]
            if stored is None:
                raise UnknownItem(f"collection {collection!r} has no item {item!r}")
            if stored["properties"].get(DOUBTS, []) == list(doubts):
                return False
            properties = {
                key: value for key, value in stored["properties"].items() if key != DOUBTS
            }
            if doubts:
                properties[DOUBTS] = list(doubts)
            changed = {**stored, "properties": properties}
            connection.execute("SELECT update_item(%s)", [Jsonb(changed)])
            return True
    except psycopg.Error as error:
        detail = error.diag.message_primary or type(error).__name__
        raise IngestRefused(f"item {item!r} was not flagged: {detail}") from error
