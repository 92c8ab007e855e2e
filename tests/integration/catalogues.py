"""Other catalogues for tests of ingest: trees of documents, and the run that brings them in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from eotiles.ingest.records.catalogue import Catalogue
from eotiles.ingest.records.fetch import Patience
from eotiles.ingest.records.journal import Mark
from eotiles.ingest.records.record import Record
from eotiles.ingest.records.walk import RecordOptions, Report, ingest_records
from eotiles.ingest.session import stored_items
from eotiles.read.hrefs import allow_list
from tests import builders

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
ROOT = "https://data.example.org/cogs/"
"""Where assets of these catalogues lie; nothing of it is ever opened."""

HASTY = Patience(
    connect_s=1.0, read_s=0.5, answer_s=1.0, total_s=8.0, first_wait_s=0.01, most_wait_s=3.0
)


def item(
    identifier: str, *, collection: str = "foreign", day: int = 1, href: str | None = None
) -> dict[str, Any]:
    """An item of somebody else, with links and stamps of its own."""
    made = builders.item(
        identifier,
        collection=collection,
        datetime=f"2021-03-{day:02}T10:00:00Z",
        assets={
            "red": {"href": href or f"{ROOT}{identifier}/red.tif", "type": COG, "roles": ["data"]}
        },
    )
    made["properties"] |= {
        "created": "2021-04-01T00:00:00Z",
        "updated": "2021-05-01T00:00:00Z",
        "eo:cloud_cover": float(day),
    }
    made["links"] = [
        {"rel": "root", "href": "../../catalog.json"},
        {"rel": "parent", "href": "../collection.json"},
        {"rel": "collection", "href": "../collection.json"},
        {"rel": "derived_from", "href": "../raw/raw.json"},
        {"rel": "license", "href": "https://example.org/licence"},
    ]
    return made


def link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href}


def tree(
    names: Iterable[str], *, collection: str = "foreign", hrefs: Callable[[str], str] | None = None
) -> dict[str, bytes]:
    """A static catalogue by path: root, collection, items. Hrefs of assets are relative, or `hrefs` of the item."""
    names = list(names)
    documents: dict[str, Any] = {
        "/catalog.json": {
            "type": "Catalog",
            "id": "root",
            "stac_version": "1.0.0",
            "description": "A catalogue of somebody else.",
            "links": [
                link("self", "/catalog.json"),
                link("child", f"./{collection}/collection.json"),
            ],
        },
        f"/{collection}/collection.json": {
            **builders.collection(collection),
            "title": "Somebody's scenes",
            "links": [
                link("root", "../catalog.json"),
                link("license", "licence.html"),
                *(link("item", f"./{name}/{name}.json") for name in names),
            ],
        },
    }
    for day, name in enumerate(names):
        href = "./red.tif" if hrefs is None else hrefs(name)
        documents[f"/{collection}/{name}/{name}.json"] = item(
            name, collection=collection, day=day % 28 + 1, href=href
        )
    return {path: json.dumps(document).encode() for path, document in documents.items()}


@dataclass
class Here:
    """The catalogue that things are brought into."""

    conninfo: str
    data: Path
    roots: tuple[str, ...] = (ROOT,)
    patience: Patience = field(default_factory=lambda: HASTY)

    def take(self, records: Iterable[Record], **options: Any) -> Report:
        return ingest_records(
            records,
            RecordOptions(**options),
            conninfo=self.conninfo,
            allowed=allow_list(self.roots),
        )

    def crawl(self, url: str, **catalogue: Any) -> Report:
        """As `eotiles ingest stac` does it."""
        source = Catalogue(url, patience=self.patience, **catalogue)
        journal = source.journal(self.data)
        finished = False
        marks: list[Mark] = []

        def acknowledge(some: Iterable[Mark]) -> None:
            some = list(some)
            marks.extend(some)
            journal.write(some)

        try:
            report = ingest_records(
                source.records(journal, lambda names: stored_items(self.conninfo, names)),
                RecordOptions(collection=source.into),
                conninfo=self.conninfo,
                allowed=allow_list(self.roots),
                acknowledge=acknowledge,
            )
            finished = report.gaps == 0
        finally:
            journal.close(finished=finished)
        return report

    def one(self, query: str, *values: object) -> Any:
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            row = connection.execute(query, values).fetchone()  # type: ignore[arg-type]
        return None if row is None else row[0]

    def item(self, name: str, collection: str = "foreign") -> Any:
        return self.one("SELECT get_item(%s, %s)", name, collection)

    def collection(self, name: str = "foreign") -> Any:
        return self.one("SELECT get_collection(%s)", name)

    def items(self, collection: str = "foreign") -> list[str]:
        found = self.one(
            "SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM items WHERE collection = %s",
            collection,
        )
        return list(found)

    def forget(self, *collections: str) -> None:
        with psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public", autocommit=True
        ) as connection:
            for name in collections:
                connection.execute(
                    "SELECT delete_collection(id) FROM collections WHERE id = %s", [name]
                )
