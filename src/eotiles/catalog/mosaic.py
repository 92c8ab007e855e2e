"""Mosaics: the items that a collection or a registered search shows together. Reads only, registers nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from eotiles.catalog.database import Database
from eotiles.catalog.items import BBox, flat_bbox, get_collection
from eotiles.catalog.radiometry import Json
from eotiles.core.errors import BadParameter, UnknownSearch
from eotiles.core.sql import read_sql

UNUSABLE = (psycopg.DataError, psycopg.InternalError, psycopg.ProgrammingError)
"""What PostgreSQL and pgSTAC raise over a search that they cannot read: wrong types, unknown operators, …"""

_FAULTS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedTable,
)
"""Of these, what no search brings about."""

ITEMS_MAX = 1000
"""Items that one answer may look at."""


@dataclass(frozen=True)
class Mosaic:
    """A search whose items are drawn as one."""

    title: str
    search: Json
    """As pgSTAC takes it: collections, ids, bbox, intersects, datetime, query, filter, sortby."""

    bounds: BBox | None
    """Around everything that can be in it, as far as is known."""

    metadata: Json = field(default_factory=dict)
    """What was registered with the search: renders in `defaults`, minzoom, maxzoom."""

    collection: Json | None = None
    """The collection that it is of, if it is of one."""

    hash: str | None = None
    """Of a registered search."""

    @cached_property
    def key(self) -> bytes:
        """Of the search: mosaics with equal keys have the same items."""
        text = json.dumps(self.search, sort_keys=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=16).digest()

    @cached_property
    def collections(self) -> frozenset[str] | None:
        """Those that its items can be of; None: any."""
        named = self.search.get("collections")
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            return None
        return frozenset(named)

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True)
class Listed:
    """An item of a mosaic by name, and where it lies."""

    collection: str
    id: str

    footprint: bytes
    """WKB, WGS 84: the very numbers that PostgreSQL compares."""


async def collection_mosaic(
    database: Database, collection: str, *, search: Mapping[str, Any]
) -> Mosaic:
    """The mosaic of a collection's items that a search (without `collections`) leaves.

    Raises:
        UnknownCollection: there is no such collection.
        Unavailable: the database is down or busy.
    """
    found = await get_collection(database, collection)
    return mosaic_of(found, collection, search=search)


def mosaic_of(found: dict[str, Any], collection: str, *, search: Mapping[str, Any]) -> Mosaic:
    """The mosaic of a collection that was looked up."""
    extent = found.get("extent", {}).get("spatial", {}).get("bbox") or [None]
    metadata: dict[str, Any] = {
        "type": "mosaic",
        "name": f"Mosaic for '{collection}' Collection",
        "defaults": _object(found.get("renders")),
        "assets": list(_object(found.get("item_assets"))) or None,
    }
    return Mosaic(
        title=collection,
        search={"collections": [collection], **search},
        bounds=flat_bbox(search.get("bbox")) or flat_bbox(extent[0]),
        metadata={key: value for key, value in metadata.items() if value is not None},
        collection=found,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


async def search_mosaic(database: Database, search_id: str) -> Mosaic:
    """The mosaic of a registered search.

    Raises:
        UnknownSearch: none was registered under that id.
        Unavailable: the database is down or busy.
    """
    row = await _row(database, "SELECT * FROM pgstac.searches WHERE hash = %s", (search_id,))
    if row is None:
        raise UnknownSearch(f"there is no registered search {search_id!r}")
    search, metadata = row["search"], row["metadata"] or {}
    bounds = flat_bbox(metadata.get("bounds")) or flat_bbox(search.get("bbox"))
    if bounds is None and (named := search.get("collections")):
        bounds = await _extent(database, named)
    return Mosaic(
        title=str(metadata.get("name") or search_id),
        search=search,
        bounds=bounds,
        metadata=metadata,
        hash=search_id,
    )


async def search_entry(database: Database, mosaic: Mosaic) -> dict[str, Any]:
    """What pgSTAC keeps of a registered search, or would keep of a collection: hash, search, where, order, metadata."""
    if mosaic.hash is not None:
        query = "SELECT * FROM pgstac.searches WHERE hash = %s"
        row = await _row(database, query, (mosaic.hash,))
    else:
        # On a connection with pgstac.readonly this computes the row and stores nothing.
        query = "SELECT * FROM pgstac.search_query(%s, _metadata => %s)"
        row = await _row(database, query, (Jsonb(mosaic.search), Jsonb(mosaic.metadata)))
    if row is None:
        raise UnknownSearch(f"there is no registered search {mosaic.hash!r}")
    return row


async def list_items(
    database: Database, mosaic: Mosaic, *, geometry: Json | None, limit: int
) -> tuple[Listed, ...]:
    """Items of a mosaic, at most `limit`, that touch a GeoJSON geometry (WGS 84); the one to be on top comes first.

    Raises:
        BadParameter: pgSTAC cannot use the search.
        Unavailable: the database is down or busy.
    """
    values = {
        "search": Jsonb(dict(mosaic.search)),
        "geometry": None if geometry is None else Jsonb(dict(geometry)),
        "limit": min(limit, ITEMS_MAX),
    }
    try:
        async with database.connection() as connection:
            cursor = await connection.execute(read_sql("mosaic_names"), values)
            return tuple(Listed(*row) for row in await cursor.fetchall())
    except UNUSABLE as error:
        raise unusable_search(error) from error


def unusable_search(error: psycopg.Error) -> BadParameter:
    """What pgSTAC refused, in its first sentence: the rest of its text shows the inside of the database.

    Raises:
        psycopg.Error: the same again, where it is no fault of the search.
    """
    if isinstance(error, _FAULTS):
        raise error
    reason = error.diag.message_primary or type(error).__name__
    return BadParameter(f"the search cannot be used: {reason}")


async def _extent(database: Database, collections: list[str]) -> BBox | None:
    """Around several collections."""
    query = (
        "SELECT content->'extent'->'spatial'->'bbox'->0 FROM pgstac.collections WHERE id = ANY(%s)"
    )
    async with database.connection() as connection:
        rows = await (await connection.execute(query, (collections,))).fetchall()
    boxes = [box for row in rows if (box := flat_bbox(row[0])) is not None]
    if not boxes:
        return None
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return west, south, max(box[2] for box in boxes), max(box[3] for box in boxes)


async def _row(database: Database, query: Any, values: tuple[Any, ...]) -> dict[str, Any] | None:
    try:
        async with database.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            return await (await cursor.execute(query, values)).fetchone()
    except UNUSABLE as error:
        raise unusable_search(error) from error
