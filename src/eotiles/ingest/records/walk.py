"""`ingest_records`: documents of other catalogues into this one, whatever way they come."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eotiles.catalog.bands import is_geotiff
from eotiles.core.errors import (
    BadParameter,
    HrefRefused,
    IngestRefused,
    Unavailable,
    UnknownCollection,
)
from eotiles.ingest.check import check_id
from eotiles.ingest.records.bulk import Bulk, Stored
from eotiles.ingest.records.foreign import adopt
from eotiles.ingest.records.foreign_collection import merged, new_collection, prepare
from eotiles.ingest.records.journal import Mark
from eotiles.ingest.records.record import Record
from eotiles.ingest.records.rows import Json, Row, Template, make_rows
from eotiles.ingest.scenes import Refusal
from eotiles.ingest.session import check_catalogue
from eotiles.read.hrefs import AllowList

if TYPE_CHECKING:
    # GDAL is loaded by who copies files.
    from eotiles.ingest.records.copy import Copying

BATCH_ITEMS = 2000
BATCH_BYTES = 32 * 2**20
"""Of JSON."""

CHUNK_ITEMS = 50
"""Made into rows at a time, while they are in the processor's caches: as objects an item is five times its JSON."""

BATCH_S = 10.0
"""What came is stored after so long, however little: a slow catalogue is not asked twice for much."""

MOST_LISTED = 1000
"""Refusals that are listed by name; the rest is counted."""

MOST_OUTSIDE = 10
_REMOTE = re.compile(r"(?:https?|s3|gs|az)://[A-Za-z0-9.-]+(?::\d+)?/")

Progress = Callable[[int, str], None]
"""Told how many documents were looked at and where the last one was."""


@dataclass(frozen=True)
class RecordOptions:
    """What is done with documents beyond storing them."""

    collection: str | None = None
    """All items become items of this collection."""

    replace_collections: bool = False
    """A collection's document takes the place of what the catalogue has, which otherwise stays."""


@dataclass
class Report:
    """What became of everything that was found."""

    items: Stored = field(default_factory=Stored)
    refused: list[Refusal] = field(default_factory=list)
    """The first MOST_LISTED."""

    refusals: int = 0
    collections: dict[str, str] = field(default_factory=dict)
    """`made`, `changed` or `kept`, by id."""

    checked: int = 0
    """Items of this run that are in the database, counted there at the end."""

    missing: int = 0
    """Items that were stored or found unchanged, and are not there at the end."""

    outside: set[str] = field(default_factory=set)
    """Servers and buckets of files that may not be opened, as a root would name them; the first MOST_OUTSIDE."""

    gaps: int = 0
    """Documents that could not be had: a later run may get them, and what is behind them."""

    @property
    def complete(self) -> bool:
        """Whether everything that was found is in the catalogue."""
        return self.refusals == 0 and self.missing == 0

    def refuse(self, refusal: Refusal) -> None:
        """Note what did not come in."""
        self.refusals += 1
        if len(self.refused) < MOST_LISTED:
            self.refused.append(refusal)

    def sentence(self) -> str:
        """All of it in a line."""
        repeated = f", {self.items.repeated} repeated" if self.items.repeated else ""
        return (
            f"{self.items.created} ingested, {self.items.updated} updated, {self.items.unchanged} unchanged{repeated}, "
            f"{self.refusals} refused; {self.checked} items, checked against the database"
        )


def ingest_records(
    records: Iterable[Record],
    options: RecordOptions,
    *,
    conninfo: str,
    allowed: AllowList,
    acknowledge: Callable[[Sequence[Mark]], None] | None = None,
    copying: Copying | None = None,
    progress: Progress | None = None,
) -> Report:
    """Bring documents into the catalogue, in batches; one that is refused stops no other.

    Items need their collection before them; where nobody has a document of it, one is made.

    Args:
        records: what was found, in any order but that.
        options: what is done with them.
        conninfo: of a database login that may write items and collections.
        allowed: what the raster service may open.
        acknowledge: told the marks of records once these and all before them are stored.
        copying: how files of items are copied; without it they stay where they are.
        progress: told after every batch and now and then.

    Raises:
        Unavailable: the database cannot be reached at the start.
        SetupError: the database has no pgSTAC, or its login may not write.
    """
    check_catalogue(conninfo)
    report = Report()
    with _no_cycles(), Bulk(conninfo) as bulk:
        work = _Work(bulk, options, allowed, report, copying)
        looked_at = 0
        marks: list[Mark] = []

        def flush() -> None:
            work.flush()
            if acknowledge is not None and marks:
                acknowledge(marks)
            marks.clear()

        try:
            for record in records:
                looked_at += 1
                work.take(record)
                if record.mark is not None:
                    marks.append(record.mark)
                if progress is not None and (looked_at % 100 == 0 or looked_at < 100):
                    progress(looked_at, record.place)
                if work.is_full:
                    flush()
            flush()
            bulk.finish()
            stored, report.checked = bulk.counted()
            report.missing = stored - report.checked
        except Unavailable as error:
            report.gaps += 1
            report.refuse(Refusal("the rest", f"was not stored: {error}"))
    return report


class _Work:
    """Rows until there are enough of them for a batch."""

    def __init__(
        self,
        bulk: Bulk,
        options: RecordOptions,
        allowed: AllowList,
        report: Report,
        copying: Copying | None,
    ) -> None:
        self._bulk = bulk
        self._options = options
        self._allowed = allowed
        self._report = report
        self._copying = copying
        self._documents: dict[str, list[tuple[Record, Json]]] = {}
        self._rows: dict[str, list[Row]] = {}
        self._templates: dict[str, Template] = {}
        """Of the batch: what others edit in a collection counts from the next one on."""

        self._count = 0
        self._bytes = 0
        self._since = time.monotonic()

    @property
    def is_full(self) -> bool:
        late = self._count > 0 and time.monotonic() - self._since > BATCH_S
        return late or self._count >= BATCH_ITEMS or self._bytes >= BATCH_BYTES

    def take(self, record: Record) -> None:
        try:
            self._report.gaps += record.gap
            if record.document is None:
                raise BadParameter(record.refusal)
            if record.is_collection:
                self._take_collection(record, record.document)
            else:
                self._take_item(record, record.document)
        except (BadParameter, HrefRefused, IngestRefused) as error:
            self._report.refuse(Refusal(record.place, str(error)))

    def _take_item(self, record: Record, document: Json) -> None:
        if document.get("type") != "Feature":
            raise BadParameter("is neither a STAC item nor a collection")
        collection = self._options.collection or document.get("collection") or record.parent
        if collection is None:
            raise BadParameter(
                f"item {document.get('id')!r} belongs to no collection: say with --collection to which"
            )
        check_id("a collection", collection)
        item = adopt(document, base=record.base, collection=collection)
        if self._copying is not None:
            self.flush()
            with self._copying.copied(item, lambda: self._report.refusals) as copied:
                self._documents[collection] = [(record, copied)]
                self.flush()
            return
        waiting = self._documents.setdefault(collection, [])
        waiting.append((record, item))
        self._count += 1
        self._bytes += record.size_bytes
        if len(waiting) % CHUNK_ITEMS == 0:
            self._make(collection, at_last=False)

    def _take_collection(self, record: Record, document: Json) -> None:
        if self._options.collection is not None:
            return  # its items become another's
        made = prepare(document, base=record.base, allowed=self._allowed)
        self._collection(made["id"], made, replace=self._options.replace_collections)

    def _collection(self, name: str, given: Json, *, replace: bool) -> None:
        known: list[Json | None] = []

        def change(stored: Json | None) -> Json:
            known.append(stored)
            return given if stored is None else merged(stored, given, replace=replace)

        changed = self._bulk.change_collection(name, change)
        self._templates.pop(name, None)
        word = "kept" if not changed else "made" if known[-1] is None else "changed"
        self._report.collections.setdefault(name, word)

    def flush(self) -> None:
        for collection in list(self._documents):
            self._make(collection, at_last=True)
        rows, self._rows = self._rows, {}
        self._documents.clear()
        self._templates.clear()
        self._count = self._bytes = 0
        self._since = time.monotonic()
        while rows:
            stored = self._bulk.store(rows.popitem()[1])
            for refusal in stored.refused:
                self._report.refuse(refusal)
            stored.refused = []
            self._report.items.add(stored)
        # Of what was freed nothing is left to look at; errors may have left cycles.
        gc.collect(1)

    def _make(self, collection: str, *, at_last: bool) -> None:
        """Make rows of the documents that wait; before the end of a batch only if there is their collection.

        Its document may come after its items; where none comes, one is made.
        """
        found = self._documents[collection]
        template = self._templates.get(collection)
        if template is None:
            try:
                template = self._bulk.template(collection)
            except UnknownCollection:
                if not at_last:
                    return
                template = self._new_collection(collection, found)
            if template is not None:
                self._templates[collection] = template
        del self._documents[collection]
        made = make_rows(
            [item for _, item in found],
            _blank(collection) if template is None else template,
            self._allowed,
            places=[record.place for record, _ in found],
        )
        self._rows.setdefault(collection, []).extend(self._fit(made, found))

    def _new_collection(
        self, collection: str, found: Sequence[tuple[Record, Json]]
    ) -> Template | None:
        """The template of a collection made of the first item that is fit to be stored; None: there is no such."""
        for record, item in found:
            (row,) = make_rows([item], _blank(collection), self._allowed, places=[record.place])
            if isinstance(row, Row):
                self._collection(collection, new_collection(collection, row), replace=False)
                return self._bulk.template(collection)
        return None

    def _fit(
        self,
        rows: Sequence[Row | BadParameter | HrefRefused],
        found: Sequence[tuple[Record, Json]],
    ) -> list[Row]:
        fit = []
        for row, (record, item) in zip(rows, found, strict=True):
            if isinstance(row, Row):
                fit.append(row)
                continue
            self._report.refuse(Refusal(record.place, str(row)))
            if isinstance(row, HrefRefused) and len(self._report.outside) < MOST_OUTSIDE:
                self._report.outside |= _remote_roots(item)
        return fit


def _remote_roots(item: Json) -> set[str]:
    """Where the GeoTIFFs of an item lie, as roots that would allow them; those of this machine aside."""
    hrefs = [asset["href"] for asset in item["assets"].values() if is_geotiff(asset)]
    found = (_REMOTE.match(href) for href in hrefs)
    return {match[0] for match in found if match is not None}


def _blank(collection: str) -> Template:
    return Template(collection, None, {}, None)


@contextmanager
def _no_cycles() -> Iterator[None]:
    """JSON has no cycles: looking for some in every batch would take a third of the time of all work."""
    was: Any = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
