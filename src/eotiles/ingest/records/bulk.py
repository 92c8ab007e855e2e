"""Many items into pgSTAC at a time: by COPY, a batch a transaction, an upsert that may be repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from eotiles.core.errors import IngestRefused, Unavailable, UnknownCollection
from eotiles.ingest.records.extent import Extent, extent_of, widened
from eotiles.ingest.records.rows import Json, Row, Template
from eotiles.ingest.scenes import Refusal
from eotiles.ingest.session import LOCK, connect

SESSION = "-c statement_timeout=600s -c lock_timeout=60s"
"""A partition's constraint is made anew, which reads all of it, where a batch goes beyond the dates it has."""

ATTEMPTS = 6
COPY_ROWS = 200
"""Written to the connection at a time."""

_TRY_AGAIN = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.LockNotAvailable,
    errors.ObjectInUse,
    errors.UniqueViolation,  # somebody stored the same item between our look and our COPY
    errors.CheckViolation,  # somebody narrowed the dates of the partition
    errors.UndefinedTable,  # somebody partitioned the collection anew
)

T = TypeVar("T")

_COLUMNS = "id, collection, datetime, end_datetime, geometry, content"

_TABLES = """
CREATE TEMP TABLE eotiles_seen (collection text, id text, place text);
CREATE INDEX ON eotiles_seen (collection, id);
CREATE TEMP TABLE eotiles_stage (LIKE pgstac.items) ON COMMIT DELETE ROWS;
"""

# LZ4 takes a fifth of the time of pglz; a PostgreSQL that was built without it goes on with what it has.
_COMPRESSION = """
SELECT set_config(name, 'lz4', false) FROM pg_catalog.pg_settings
WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)
"""

_TEMPLATE = """
SELECT c.partition_trunc, b.base_item, b.base_item_id
FROM pgstac.collections c, pgstac.current_base_item(c.id) b WHERE c.id = %s
"""

_KNOWN = "SELECT id FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
_SEEN = "SELECT id, place FROM eotiles_seen WHERE collection = %s AND id = ANY(%s)"

# Bytes first: jsonb is written in one way only, but for the zeros behind a number, and its own comparison walks
# through all members.
_CHANGED = """
SELECT s.id FROM eotiles_stage s JOIN pgstac.items i ON i.collection = %s AND i.id = s.id
WHERE CASE
  WHEN pg_catalog.record_image_eq(ROW(i.datetime, i.end_datetime, i.geometry, i.content),
                                  ROW(s.datetime, s.end_datetime, s.geometry, s.content)) THEN false
  ELSE (i.datetime, i.end_datetime, i.geometry, i.content) IS DISTINCT FROM
       (s.datetime, s.end_datetime, s.geometry, s.content)
END
"""

# In a fixed order: two programs that change the same items wait for each other, and neither for ever.
_REMOVE = """
WITH locked AS (
  SELECT id FROM pgstac.items WHERE collection = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
)
DELETE FROM pgstac.items i USING locked WHERE i.collection = %s AND i.id = locked.id
"""
_INSERT = f"""
INSERT INTO pgstac.items ({_COLUMNS}) SELECT {_COLUMNS} FROM eotiles_stage WHERE id = ANY(%s)
"""

_COUNT = """
SELECT (SELECT count(*) FROM eotiles_seen),
       (SELECT count(*) FROM eotiles_seen s JOIN pgstac.items i ON i.collection = s.collection AND i.id = s.id)
"""


@dataclass
class Stored:
    """What became of rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    """The same item, found again in this run and no different."""

    refused: list[Refusal] = field(default_factory=list)

    def add(self, other: Stored) -> None:
        """Count these too."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.repeated += other.repeated
        self.refused += other.refused


@dataclass
class _Partition:
    name: str
    first: datetime
    last: datetime
    first_end: datetime
    last_end: datetime

    def holds(self, rows: Sequence[Row]) -> bool:
        return (
            min(row.start for row in rows) >= self.first
            and max(row.start for row in rows) <= self.last
            and min(row.end for row in rows) >= self.first_end
            and max(row.end for row in rows) <= self.last_end
        )


class Bulk:
    """A connection that loads; `with` it. What was stored in a run is remembered by the database, not here."""

    def __init__(self, conninfo: str) -> None:
        self._connection = connect(conninfo, more=SESSION)
        self._partitions: dict[tuple[str, str], _Partition] = {}
        self._extents: dict[str, Extent] = {}

    def __enter__(self) -> Self:
        self._connection.execute(_COMPRESSION)
        self._connection.execute(_TABLES)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def template(self, collection: str) -> Template:
        """What items of a collection are stored by.

        Raises:
            UnknownCollection: there is no such collection.
            Unavailable: the database went away.
        """
        with _reachable():
            row = self._connection.execute(_TEMPLATE, [collection]).fetchone()
        if row is None:
            raise UnknownCollection(f"there is no collection {collection!r}")
        return Template(collection, *row)

    def collection(self, collection: str) -> Json | None:
        """A collection's document; None: there is none."""
        with _reachable():
            row = self._connection.execute(
                "SELECT pgstac.get_collection(%s)", [collection]
            ).fetchone()
        document: Json | None = None if row is None else row[0]
        return document

    def change_collection(self, collection: str, change: Callable[[Json | None], Json]) -> bool:
        """Store what `change` makes of a collection's document; whether that was another one.

        Raises:
            IngestRefused: the database refuses it.
            Unavailable: the database went away.
        """

        def work() -> bool:
            self._connection.execute(LOCK, [collection])
            known = self.collection(collection)
            made = change(known)
            if made == known:
                return False
            self._connection.execute("SELECT pgstac.upsert_collection(%s)", [Jsonb(made)])
            return True

        try:
            return self._attempt(work)
        except psycopg.Error as error:
            raise IngestRefused(_refused(error)) from error

    def store(self, rows: Sequence[Row]) -> Stored:
        """Store rows of one collection. Returns after the commit.

        What the database refuses is looked for in ever smaller parts: the others are stored.

        Raises:
            Unavailable: the database went away; what was reported before is stored, and of these rows all or some
                parts.
        """
        rows, stored = _each_once(rows)
        if not rows:
            return stored
        parts = [rows]
        while parts:
            part = parts.pop()
            try:
                stored.add(self._attempt(lambda part=part: self._store(part)))  # type: ignore[misc]
            except psycopg.Error as error:
                if len(part) == 1:
                    stored.refused.append(Refusal(part[0].place, _refused(error)))
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
        return stored

    def counted(self) -> tuple[int, int]:
        """How many items this run stored or found unchanged, and how many of those are in the catalogue now."""
        with _reachable():
            self._connection.execute("ANALYZE eotiles_seen")
            row = self._connection.execute(_COUNT).fetchone()
        assert row is not None
        return row[0], row[1]

    def finish(self) -> None:
        """Tell pgSTAC the ranges of what was loaded: its searches skip partitions by them."""
        with _reachable():
            for partition in sorted({each.name for each in self._partitions.values()}):
                try:
                    self._connection.execute(
                        "SELECT pgstac.update_partition_stats_q(%s)", [partition]
                    )
                except (errors.LockNotAvailable, errors.QueryCanceled):
                    continue  # the items are there all the same

    def _attempt(self, work: Callable[[], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with _reachable(), self._connection.transaction():
                    return work()
            except psycopg.Error as error:
                # What was learnt in a transaction that is undone is not so.
                self._partitions.clear()
                self._extents.clear()
                if attempt == ATTEMPTS or not isinstance(error, _TRY_AGAIN):
                    raise
                time.sleep(random.uniform(0.05, 0.1) * 2**attempt)
        raise AssertionError("unreachable")

    def _store(self, rows: Sequence[Row]) -> Stored:
        collection = rows[0].collection
        # As ingest of files does: two programs that widen one collection would lose one of the widenings.
        self._connection.execute(LOCK, [collection])
        stored = Stored()
        names = [row.id for row in rows]
        known = {row[0] for row in self._connection.execute(_KNOWN, [collection, names])}
        new = [row for row in rows if row.id not in known]
        for partition, part in self._by_partition(collection, new):
            self._copy(sql.Identifier("pgstac", partition), part)
        stored.created = len(new)
        again: set[str] = set()
        if known:
            old = [row for row in rows if row.id in known]
            again = self._replace(collection, old, stored)
        counted = [row for row in rows if row.id not in again]
        with self._connection.cursor().copy(
            "COPY eotiles_seen (collection, id, place) FROM STDIN"
        ) as copy:
            copy.write("".join([row.seen_line for row in counted]))
        self._widen(collection, counted)
        return stored

    def _replace(self, collection: str, rows: Sequence[Row], stored: Stored) -> set[str]:
        """Store rows over those of the same ids; the ids that this run has seen before are left and returned."""
        names = [row.id for row in rows]
        # Planned each time: a plan made when few had been seen would go through all of them for each batch.
        seen = dict(self._connection.execute(_SEEN, [collection, names], prepare=False).fetchall())
        self._copy(sql.Identifier("eotiles_stage"), rows)
        changed = {row[0] for row in self._connection.execute(_CHANGED, [collection])}
        for row in rows:
            if row.id in seen and row.id in changed:
                stored.refused.append(_twice(row, seen[row.id]))
        stored.repeated += len(seen.keys() - changed)
        moved = changed - seen.keys()
        if moved:
            ids = sorted(moved)
            # Where its times changed an item may move to another partition.
            for _ in self._by_partition(collection, [row for row in rows if row.id in moved]):
                pass
            self._connection.execute(_REMOVE, [collection, ids, collection])
            self._connection.execute(_INSERT, [ids])
        stored.updated = len(moved)
        stored.unchanged = len(rows) - len(moved) - len(seen)
        return set(seen)

    def _by_partition(
        self, collection: str, rows: Sequence[Row]
    ) -> Iterable[tuple[str, Sequence[Row]]]:
        """The tables that rows belong into, made where they are missing or too narrow."""
        if not rows:
            return
        trunc = self.template(collection).trunc
        parts: dict[str, list[Row]] = {}
        for row in rows:
            length = {"year": 4, "month": 7}.get(trunc or "", 0)
            parts.setdefault(row.start.isoformat()[:length], []).append(row)
        for span, part in sorted(parts.items()):
            key = (collection, span)
            partition = self._partitions.get(key)
            if partition is None or not partition.holds(part):
                partition = self._partitions[key] = self._partition(collection, part, partition)
            yield partition.name, part

    def _partition(
        self, collection: str, rows: Sequence[Row], known: _Partition | None
    ) -> _Partition:
        first, last = min(row.start for row in rows), max(row.start for row in rows)
        first_end, last_end = min(row.end for row in rows), max(row.end for row in rows)
        if known is not None:
            first, last = min(first, known.first), max(last, known.last)
            first_end, last_end = min(first_end, known.first_end), max(last_end, known.last_end)
        row = self._connection.execute(
            "SELECT pgstac.check_partition(%s, tstzrange(%s, %s, '[]'), tstzrange(%s, %s, '[]'))",
            [collection, first, last, first_end, last_end],
        ).fetchone()
        assert row is not None
        return _Partition(row[0], first, last, first_end, last_end)

    def _copy(self, table: sql.Identifier, rows: Sequence[Row]) -> None:
        statement = sql.SQL("COPY {} (" + _COLUMNS + ") FROM STDIN").format(table)
        with self._connection.cursor().copy(statement) as copy:
            for start in range(0, len(rows), COPY_ROWS):
                copy.write("".join([row.line for row in rows[start : start + COPY_ROWS]]))

    def _widen(self, collection: str, rows: Sequence[Row]) -> None:
        """Have the collection's extent hold the rows; most batches lie within it."""
        if not rows:
            return
        extent = extent_of(rows)
        known = self._extents.get(collection)
        if known is not None and known.holds(extent):
            return
        document = self.collection(collection)
        if document is None:
            return  # it was removed: the foreign key will say so
        made, self._extents[collection] = widened(document, extent)
        if made != document:
            self._connection.execute("SELECT pgstac.upsert_collection(%s)", [Jsonb(made)])


def _each_once(rows: Sequence[Row]) -> tuple[list[Row], Stored]:
    """The rows by their first occurrence, and what becomes of the others."""
    first: dict[str, Row] = {}
    stored = Stored()
    for row in rows:
        other = first.setdefault(row.id, row)
        if other is row:
            continue
        if other.values == row.values:
            stored.repeated += 1
        else:
            stored.refused.append(_twice(row, other.place))
    return list(first.values()), stored


def _twice(row: Row, place: str) -> Refusal:
    return Refusal(
        row.place,
        f"is another item {row.id!r} of collection {row.collection!r} than the one of {place}, which came first",
    )


def _refused(error: psycopg.Error) -> str:
    detail = error.diag.message_primary or type(error).__name__
    return f"was not stored, the database refused it: {detail}"


class _reachable:
    """Connections that break are no fault of an item."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, psycopg.OperationalError) and not isinstance(
            error, (*_TRY_AGAIN, errors.QueryCanceled, errors.ProgramLimitExceeded)
        ):
            raise Unavailable("the database went away") from error
