"""A few items that stand for a collection: of its newest and its oldest days."""

from __future__ import annotations

from typing import Any

import psycopg

EACH = 12
"""Items from either end: enough for a median that one odd scene does not move."""

_SAMPLE = """
WITH named AS (
    (SELECT id FROM pgstac.items WHERE collection = %(collection)s AND id <> %(without)s
     ORDER BY datetime DESC, id LIMIT %(each)s)
    UNION
    (SELECT id FROM pgstac.items WHERE collection = %(collection)s AND id <> %(without)s
     ORDER BY datetime, id LIMIT %(each)s)
)
SELECT pgstac.get_item(id, %(collection)s) FROM named ORDER BY id
"""


def sample_items(
    connection: psycopg.Connection[Any], collection: str, *, without: str = ""
) -> list[dict[str, Any]]:
    """Items of the collection, but the one called `without`."""
    values = {"collection": collection, "without": without, "each": EACH}
    return [row[0] for row in connection.execute(_SAMPLE, values).fetchall() if row[0]]
