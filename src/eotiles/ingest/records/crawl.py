"""A static catalogue, followed link by link: several documents at a time, each once, none outside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.records.fetch import Fetcher
from eotiles.ingest.records.foreign import absolute
from eotiles.ingest.records.journal import Mark
from eotiles.ingest.records.record import MOST_DOCUMENT_BYTES, Json, Record, parse
from eotiles.ingest.records.source import Sieve

MOST_DEPTH = 32
"""Links from the root to an item; catalogues by year, month, day and tile have seven."""

MOST_DOCUMENTS = 10_000_000
MOST_WAITING = 2_000_000
"""Links that were found and not followed yet."""

CONCURRENCY = 8
_FOLLOWED = ("child", "item")


@dataclass(frozen=True, slots=True)
class _Step:
    """A link that is to be followed."""

    address: str
    depth: int
    parent: str | None
    """Id of the collection that it was found in."""


class Folder:
    """Documents of a catalogue in a folder of this machine. Nothing outside of it is read."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, path: str) -> bytes:
        """The text of a document.

        Raises:
            IngestRefused: it cannot be read, or lies elsewhere.
        """
        if "://" in path:
            raise IngestRefused("leads out of the folder of the catalogue, which is not followed")
        file = Path(path).resolve()
        if not file.is_relative_to(self._root):
            raise IngestRefused("leads out of the folder of the catalogue, which is not followed")
        try:
            if file.stat().st_size > MOST_DOCUMENT_BYTES:
                raise IngestRefused(f"is larger than {MOST_DOCUMENT_BYTES >> 20} MiB")
            return file.read_bytes()
        except OSError as error:
            raise IngestRefused(f"cannot be read ({error.strerror})") from error


def crawl_records(
    root: str,
    sieve: Sieve,
    reader: Fetcher | Folder,
    *,
    into: str | None = None,
    concurrency: int = CONCURRENCY,
    stored: Collection[bytes] = (),
    known: Mapping[str, Json] | None = None,
) -> Iterator[Record]:
    """Every collection and wanted item that can be reached from a document; a collection before its items.

    What cannot be had is told in a Record, and the others go on. Whatever the links say, a document is read once, at
    most MOST_DEPTH links away.

    Args:
        root: address or path of a catalogue, a collection or an item.
        sieve: which items are wanted.
        reader: reads a document by its address.
        into: collection that items go into instead of their own.
        concurrency: documents that are on their way at a time.
        stored: digests (`digest`) of addresses whose items an earlier run had stored.
        known: documents that were read already, by address.
    """
    seen = {digest(root)}
    steps: deque[_Step] = deque([_Step(root, 0, None)])
    flying: dict[Future[Any], _Step] = {}
    left = sieve.wanted.limit
    threads = ThreadPoolExecutor(concurrency, thread_name_prefix="eotiles-crawl")
    try:
        while steps or flying:
            while steps and len(flying) < 2 * concurrency:
                step = steps.pop()
                flying[threads.submit(_read, reader, step.address, known or {})] = step
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                step = flying.pop(future)
                try:
                    document = future.result()
                    found = list(_links(document, step))
                except (IngestRefused, BadParameter) as error:
                    yield Record(step.address, None, str(error), gap=True)
                    continue
                record = _record(document, step, into)
                if record is not None and (record.is_collection or sieve.takes(document)):
                    if record.is_collection and not sieve.takes_collection(document.get("id")):
                        found = [(rel, address) for rel, address in found if rel == "child"]
                    elif record.is_collection:
                        yield record
                    elif sieve.takes_collection(document.get("collection") or step.parent):
                        yield record
                        left = None if left is None else left - 1
                        if left == 0:
                            return
                parent = (
                    document.get("id")
                    if record is not None and record.is_collection
                    else step.parent
                )
                for _, address in reversed(found):
                    mark = digest(address)
                    if mark in seen or mark in stored:
                        continue
                    refusal = _refusal(len(seen), len(steps), step.depth)
                    if refusal:
                        yield Record(step.address, None, refusal)
                        break
                    seen.add(mark)
                    steps.append(_Step(address, step.depth + 1, parent))
    finally:
        # What is on its way is not waited for: nobody reads it.
        threads.shutdown(wait=False, cancel_futures=True)


def digest(address: str) -> bytes:
    """What an address is remembered by: eight bytes."""
    return blake2b(urldefrag(address).url.encode(errors="replace"), digest_size=8).digest()


def digest_of(key: str) -> bytes:
    """The digest that a mark's key is the text of; of another text, one that no address has."""
    try:
        return bytes.fromhex(key)
    except ValueError:
        return b""


def _read(reader: Fetcher | Folder, address: str, known: Mapping[str, Json]) -> Json:
    if address in known:
        return known[address]
    text = reader.read(address)
    if len(text) > MOST_DOCUMENT_BYTES:
        raise IngestRefused(f"is larger than {MOST_DOCUMENT_BYTES >> 20} MiB")
    document = parse(text)
    if not isinstance(document, dict):
        raise BadParameter("is no STAC catalogue, collection or item")
    return document


def _record(document: Json, step: _Step, into: str | None) -> Record | None:
    """The document, unless it is a catalogue: those are not kept."""
    kind = document.get("type")
    if kind == "Catalog":
        return None
    name = (into or document.get("collection") or step.parent, document.get("id"))
    mark = None
    if kind == "Feature" and isinstance(name[0], str) and isinstance(name[1], str):
        mark = Mark(digest(step.address).hex(), ((name[0], name[1]),))
    return Record(
        step.address,
        document,
        base=step.address,
        size_bytes=8192,
        parent=step.parent if isinstance(step.parent, str) else None,
        mark=mark,
    )


def _links(document: Json, step: _Step) -> Iterator[tuple[str, str]]:
    """Relation and address of every link that leads on."""
    if document.get("type") == "Feature":
        return
    links = document.get("links")
    if not isinstance(links, list):
        raise BadParameter("is no STAC catalogue, collection or item")
    for link in links:
        if isinstance(link, dict) and link.get("rel") in _FOLLOWED:
            href = link.get("href")
            if isinstance(href, str):
                yield str(link["rel"]), absolute(href, step.address)


def _refusal(seen: int, waiting: int, depth: int) -> str:
    """Why no more links are followed, if so."""
    if depth >= MOST_DEPTH:
        return f"lies {MOST_DEPTH} links away from the beginning; what it leads to is not followed"
    if seen >= MOST_DOCUMENTS or waiting >= MOST_WAITING:
        return f"is one of more than {MOST_DOCUMENTS:,} documents, or leads to too many: not all are followed"
    return ""
