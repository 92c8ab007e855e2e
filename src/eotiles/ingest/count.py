"""The last step of every way in: do the items that were acknowledged lie in the catalogue?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eotiles.core.errors import Unavailable
from eotiles.ingest.session import connect

IDS_A_QUERY = 10_000


@dataclass(frozen=True)
class Count:
    """Items of a collection after an ingest, as the database counts them."""

    collection: str
    items: int
    """All that the collection holds."""

    run: int
    """That this run acknowledged: ingested, updated or unchanged."""

    found: int
    """Of those, that are there."""

    @property
    def is_complete(self) -> bool:
        """Whether none is missing."""
        return self.found == self.run

    def __str__(self) -> str:
        if self.is_complete:
            return f"{self.items} items in {self.collection}, of them {self.run} from this run, checked"
        return (
            f"{self.items} items in {self.collection}, but of {self.run} from this run {self.run - self.found} are "
            "missing: was something removed meanwhile? Run it again"
        )


def count_items(conninfo: str, acknowledged: Iterable[tuple[str, str]]) -> tuple[Count, ...]:
    """Counts of the collections that a run has touched, in alphabetical order.

    Args:
        conninfo: of a database login that may read items.
        acknowledged: collection and id of every item that the run has reported as stored.

    Raises:
        Unavailable: the database cannot be reached.
    """
    by_collection: dict[str, set[str]] = {}
    for collection, item in acknowledged:
        by_collection.setdefault(collection, set()).add(item)
    counts: list[Count] = []
    if not by_collection:
        return ()
    with connect(conninfo) as connection:
        for collection, ids in sorted(by_collection.items()):
            ordered, found = sorted(ids), 0
            for start in range(0, len(ordered), IDS_A_QUERY):
                found += _number(
                    connection.execute(
                        "SELECT count(*) FROM items WHERE collection = %s AND id = ANY(%s)",
                        [collection, ordered[start : start + IDS_A_QUERY]],
                    ).fetchone()
                )
            total = _number(
                connection.execute(
                    "SELECT count(*) FROM items WHERE collection = %s", [collection]
                ).fetchone()
            )
            counts.append(Count(collection, total, len(ids), found))
    return tuple(counts)


def _number(row: tuple[int, ...] | None) -> int:
    if row is None:
        raise Unavailable("the database did not count the items")
    return row[0]
