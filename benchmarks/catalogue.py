"""A database of the benchmark's own with items that nobody has asked for yet."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import scenes
from psycopg.types.json import Jsonb
from scenes import Twin

from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster

COLLECTION = "bench"


class Catalogue:
    """pgSTAC in an embedded cluster, and the folder that twins of the scenes lie in."""

    def __init__(self, data: Path, *, folder: Path, cluster: Cluster) -> None:
        self.data = data
        """The data folder of eotiles."""
        self.folder = folder
        """Where the twins' files are."""
        self.files = scenes.make(folder.parent / "scenes")
        self.conninfo = cluster.conninfo("ingest")
        self._count = 0
        self._load_collection(COLLECTION)

    def fresh(self, codec: str, *, count: int = 1, origin: str = "") -> list[str]:
        """Paths of new items of the first scene."""
        twins = [self._twin(codec, COLLECTION, 0, origin) for _ in range(count)]
        self._load(twins)
        return [f"/collections/{COLLECTION}/items/{twin.identifier}" for twin in twins]

    def fresh_search(self, codec: str) -> str:
        """Path of a registered search of four new, overlapping items."""
        self._count += 1
        collection = f"mosaic-{self._count}"
        self._load_collection(collection)
        self._load([self._twin(codec, collection, place, "") for place in range(4)])
        search = {"collections": [collection]}
        with psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public -c pgstac.readonly=false"
        ) as connection:
            row = connection.execute(
                "SELECT hash FROM search_query(%s, _metadata => %s)",
                [Jsonb(search), Jsonb({"type": "mosaic", "name": collection})],
            ).fetchone()
        if row is None:
            raise RuntimeError(f"search {json.dumps(search)} was not registered")
        return f"/searches/{row[0]}"

    def _twin(self, codec: str, collection: str, place: int, origin: str) -> Twin:
        self._count += 1
        return scenes.twin(
            self.files[codec][place],
            identifier=f"{codec}-{self._count}",
            collection=collection,
            place=place,
            folder=self.folder,
            origin=origin,
        )

    def _load(self, twins: list[Twin]) -> None:
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            for twin in twins:
                connection.execute("SELECT upsert_item(%s)", [Jsonb(twin.stac)])

    def _load_collection(self, identifier: str) -> None:
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            connection.execute(
                "SELECT upsert_collection(%s)", [Jsonb(scenes.collection(identifier))]
            )


@contextmanager
def catalogue(cache: Path) -> Iterator[Catalogue]:
    """A new database; scenes are kept in `cache`, twins and database go at the end."""
    # The account of PostgreSQL has to be able to enter it, whoever owns the checkout.
    data = Path(tempfile.mkdtemp(prefix="eotiles-bench-", dir="/tmp"))
    data.chmod(0o711)
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="twins-", dir=cache.resolve()))
    cluster = Cluster(data)
    try:
        cluster.start()
        migrate(cluster.conninfo("admin"))
        yield Catalogue(data, folder=folder, cluster=cluster)
    finally:
        cluster.stop()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
