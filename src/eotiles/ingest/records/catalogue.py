"""Another catalogue, whichever kind it is: a STAC API, a static one on the web, or one in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.records.crawl import CONCURRENCY, Folder, crawl_records, digest_of
from eotiles.ingest.records.fetch import Fetcher, Patience, host_of
from eotiles.ingest.records.journal import Journal, Name, journal_of
from eotiles.ingest.records.record import Json, Record, parse
from eotiles.ingest.records.search import is_api, search_records
from eotiles.ingest.records.source import Sieve, Wanted

Stored = Callable[[Sequence[Name]], set[Name]]
"""Tells which of some items are in the catalogue."""


@dataclass(frozen=True)
class Catalogue:
    """Where another catalogue is and how it is asked."""

    url: str
    """Of a landing page, a catalogue, a collection or an item; or the path of a file."""

    wanted: Wanted = field(default_factory=Wanted)
    hosts: tuple[str, ...] = ()
    """Further servers that belong to it."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request: a key, for instance."""

    concurrency: int = CONCURRENCY
    into: str | None = None
    """Collection that all items go into instead of their own."""

    proxy: str | None = None
    patience: Patience = field(default_factory=Patience)

    def journal(self, data: Path) -> Journal:
        """The journal of this crawl; `data` is the data folder."""
        return journal_of(data, self.url, repr(self.wanted), self.into)

    def records(self, journal: Journal, stored: Stored) -> Iterator[Record]:
        """Everything in it that is wanted.

        Raises:
            BadParameter: there is no such catalogue, or it cannot be asked for what is wanted.
        """
        if "://" not in self.url:
            yield from self._of_folder(journal, stored)
            return
        hosts = (host_of(self.url), *self.hosts)
        with closing(
            Fetcher(
                hosts,
                headers=self.headers,
                patience=self.patience,
                connections=self.concurrency,
                proxy=self.proxy,
            )
        ) as fetcher:
            yield from self._of_web(fetcher, journal, stored)

    def _of_web(self, fetcher: Fetcher, journal: Journal, stored: Stored) -> Iterator[Record]:
        document = self._root(fetcher)
        api = self._api(document, fetcher)
        if api is None:
            yield from self._static(fetcher, self.url, journal, stored, known={self.url: document})
            return
        landing, url, wanted = api
        resume = None
        for mark in journal.marks(stored):
            resume = mark.key
        yield from search_records(landing, url, wanted, fetcher, into=self.into, resume=resume)

    def _root(self, reader: Fetcher) -> Json:
        try:
            document = parse(reader.read(self.url))
        except (IngestRefused, BadParameter) as error:
            raise BadParameter(f"{self.url} {error}") from error
        if not isinstance(document, dict):
            raise BadParameter(f"{self.url} is no STAC catalogue")
        return document

    def _api(self, document: Json, fetcher: Fetcher) -> tuple[Json, str, Wanted] | None:
        """The landing page that searches, where it is, and what is asked of it; None: the catalogue is static."""
        if is_api(document):
            return document, self.url, self.wanted
        links = document.get("links")
        links = (
            [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
        )
        relations = {str(link.get("rel")): str(link.get("href")) for link in links}
        if document.get("type") != "Collection" or not {"items", "root"} <= relations.keys():
            return None
        # A collection of an API: its items are found by a search.
        url = urljoin(self.url, relations["root"])
        try:
            landing = parse(fetcher.read(url))
        except (IngestRefused, BadParameter):
            return None
        if not isinstance(landing, dict) or not is_api(landing):
            return None
        wanted = Wanted(
            bbox=self.wanted.bbox,
            datetime=self.wanted.datetime,
            collections=(str(document.get("id")),),
            limit=self.wanted.limit,
            query=self.wanted.query,
            filter=self.wanted.filter,
        )
        return landing, url, wanted

    def _of_folder(self, journal: Journal, stored: Stored) -> Iterator[Record]:
        path = Path(self.url)
        if not path.is_file():
            raise BadParameter(
                f"{self.url} is neither an address nor a file: name its catalog.json"
            )
        yield from self._static(Folder(path.parent), str(path.absolute()), journal, stored)

    def _static(
        self,
        reader: Fetcher | Folder,
        root: str,
        journal: Journal,
        stored: Stored,
        *,
        known: Mapping[str, Json] | None = None,
    ) -> Iterator[Record]:
        done = {digest_of(mark.key) for mark in journal.marks(stored)}
        yield from crawl_records(
            root,
            Sieve.of(self.wanted),
            reader,
            into=self.into,
            concurrency=self.concurrency,
            stored=done,
            known=known,
        )
