"""The way of products into a catalogue, for tests: ingests them and reads what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from eotiles.ingest.files import Summary
from eotiles.ingest.products.kinds import product_kind
from eotiles.ingest.products.walk import ProductOptions, Workplace, ingest_products

PREFIX = "products-"


@dataclass
class Way:
    """Ingests products into one data folder and reads what came of it."""

    conninfo: str
    archive: Path
    assets: Path

    def __call__(self, kind: str, *paths: Path, **options: Any) -> Summary:
        collection = options.pop("collection", f"{PREFIX}{kind}")
        roots = options.pop("roots", (str(self.assets), str(self.archive)))
        state = options.pop("state", None)
        return ingest_products(
            paths or (self.archive,),
            product_kind(kind, state=state),
            ProductOptions(collection=collection, **options),
            to=Workplace(self.conninfo, self.assets, roots),
        )

    def item(self, kind: str, identifier: str) -> dict[str, Any]:
        with self.connection() as connection:
            row = connection.execute(
                "SELECT get_item(%s, %s)", [identifier, f"{PREFIX}{kind}"]
            ).fetchone()
        assert row is not None
        assert isinstance(row[0], dict), f"no item {identifier}"
        return row[0]

    def items(self, kind: str) -> list[str]:
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT id FROM items WHERE collection = %s ORDER BY id", [f"{PREFIX}{kind}"]
            ).fetchall()
        return [str(row[0]) for row in rows]

    def connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public", autocommit=True
        )
