"""Items and collections as pgSTAC stores them, looked up by id. `known.py` keeps them until they change."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eotiles.catalog.database import Database
from eotiles.catalog.radiometry import Json, first_number
from eotiles.core.errors import UnknownCollection, UnknownItem

BBox = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS 84). West is larger than east where the antimeridian lies between them."""


@dataclass(frozen=True)
class Item:
    """A STAC Item as pgSTAC stores it."""

    stac: Json

    plans: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was planned for it, by layer."""

    places: dict[str, tuple[float, Any]] = field(default_factory=dict, compare=False, repr=False)
    """Where the files of its assets were found to lie, by key, and when (time.monotonic)."""

    @property
    def id(self) -> str:
        return str(self.stac.get("id"))

    @property
    def collection(self) -> str:
        return str(self.stac.get("collection"))

    @property
    def assets(self) -> Json:
        assets = self.stac.get("assets")
        return assets if isinstance(assets, Mapping) else {}

    @property
    def properties(self) -> Json:
        properties = self.stac.get("properties")
        return properties if isinstance(properties, Mapping) else {}

    @property
    def bbox(self) -> BBox | None:
        """Around the footprint, without heights."""
        return flat_bbox(self.stac.get("bbox"))

    def __str__(self) -> str:
        return f"{self.collection}/{self.id}"


def flat_bbox(value: Any) -> BBox | None:
    """Four numbers of a STAC bbox, which may have heights; None for anything else."""
    if not isinstance(value, list | tuple) or len(value) not in (4, 6):
        return None
    flat = value if len(value) == 4 else (value[0], value[1], value[3], value[4])
    west, south, east, north = (first_number(number) for number in flat)
    if west is None or south is None or east is None or north is None:
        return None
    return west, south, east, north


async def get_item(database: Database, collection: str, item: str) -> Item:
    """An item of a collection.

    Raises:
        UnknownCollection: there is no such collection.
        UnknownItem: the collection has no such item.
        Unavailable: the database is down or busy.
    """
    query = "SELECT pgstac.get_item(%s, %s), EXISTS (SELECT FROM pgstac.collections WHERE id = %s)"
    async with database.connection() as connection:
        row = await (await connection.execute(query, (item, collection, collection))).fetchone()
    assert row is not None
    if row[0] is not None:
        return Item(row[0])
    if not row[1]:
        raise UnknownCollection(f"there is no collection {collection!r}")
    raise UnknownItem(f"collection {collection!r} has no item {item!r}")


async def get_collection(database: Database, collection: str) -> dict[str, Any]:
    """A collection.

    Raises:
        UnknownCollection: there is no such collection.
        Unavailable: the database is down or busy.
    """
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT pgstac.get_collection(%s)", (collection,))
        row = await cursor.fetchone()
    if row is None or row[0] is None:
        raise UnknownCollection(f"there is no collection {collection!r}")
    found: dict[str, Any] = row[0]
    return found
