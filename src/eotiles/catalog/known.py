"""What a process knows of the catalogue: items, collections, mosaics, what lies on a tile. Kept until they change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

from morecantile import TileMatrixSet

from eotiles.catalog.cache import Cache, Loaded
from eotiles.catalog.database import Database
from eotiles.catalog.epochs import Epochs
from eotiles.catalog.items import BBox, Item, get_collection, get_item
from eotiles.catalog.mosaic import ITEMS_MAX, Mosaic, list_items, mosaic_of, search_mosaic
from eotiles.catalog.override import with_override
from eotiles.catalog.viewport import (
    BLOCK_SHIFT,
    COARSER,
    Block,
    block_box,
    polygon,
    tile_box,
)
from eotiles.catalog.viewport import ITEMS_MAX as BLOCK_ITEMS_MAX
from eotiles.core.errors import AssetUnreadable, UnknownItem
from eotiles.core.sql import read_sql

ITEMS, ITEMS_BYTES = 20_000, 64 * 2**20
LISTS, LISTS_BYTES = 10_000, 16 * 2**20
PLACES, PLACES_BYTES = 1_000, 16 * 2**20
BOXES = 10_000

PREFETCH = 32
"""A block of so few items gets all of them at once, whichever tile asks first."""

_BYTES_OF_JSON = 6
"""Bytes that Python takes for one byte of an item's JSON."""

Name = tuple[str, str]
"""Collection and id."""


@dataclass(frozen=True, eq=False)
class KnownItem:
    """An item and a name for what is in it. Shared by all who ask: nothing of it may be changed."""

    item: Item
    """With what its collection says of digital numbers."""

    version: str
    """32 hexadecimal digits; equal versions of an id mean equal items."""


class Known:
    """Look-ups that are answered from memory as long as the answer holds (catalog/epochs.py)."""

    def __init__(
        self,
        database: Database,
        epochs: Epochs,
        *,
        items_bytes: int = ITEMS_BYTES,
        lists_bytes: int = LISTS_BYTES,
    ) -> None:
        self._database = database
        self.epochs = epochs
        self._items: Cache[Name, KnownItem] = Cache(epochs, most=ITEMS, most_bytes=items_bytes)
        self._collections: Cache[str, dict[str, Any]] = Cache(
            epochs, most=PLACES, most_bytes=PLACES_BYTES
        )
        self._searches: Cache[str, Mosaic] = Cache(epochs, most=PLACES, most_bytes=PLACES_BYTES)
        self._blocks: Cache[tuple[bytes, BBox], Block] = Cache(
            epochs, most=LISTS, most_bytes=lists_bytes
        )
        self._lists: Cache[tuple[bytes, BBox | None, int], tuple[Name, ...]] = Cache(
            epochs, most=LISTS, most_bytes=lists_bytes
        )
        self._boxes: dict[tuple[str, int, int, int], BBox] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for cache in self.caches.values():
            cache.close()

    @property
    def caches(self) -> Mapping[str, Cache[Any, Any]]:
        """By name, for counters."""
        return {
            "items": self._items,
            "collections": self._collections,
            "searches": self._searches,
            "blocks": self._blocks,
            "lists": self._lists,
        }

    async def item(self, collection: str, item: str) -> KnownItem:
        """An item of a collection.

        Raises:
            UnknownCollection: there is no such collection.
            UnknownItem: the collection has no such item.
            Unavailable: the database is down or busy.
        """
        name = (collection, item)
        kept = self._items.peek(name)
        if kept is not None:
            return kept
        for _ in range(2):
            if found := await self.items([name]):
                return found[0]
            # Says which of the two is missing; or it was made this very moment.
            await get_item(self._database, collection, item)
        raise UnknownItem(f"collection {collection!r} has no item {item!r}")

    async def items(self, names: Sequence[Name]) -> tuple[KnownItem, ...]:
        """Items by collection and id, in that order; those that do not exist (any more) are left out.

        Raises:
            Unavailable: the database is down or busy.
        """
        collections = frozenset(collection for collection, _ in names)
        found = await self._items.get_many(names, self._load_items, collections=collections)
        return tuple(found[name] for name in names if name in found)

    async def collection(self, collection: str) -> dict[str, Any]:
        """A collection; nothing of it may be changed.

        Raises:
            UnknownCollection: there is no such collection.
            Unavailable: the database is down or busy.
        """
        of = frozenset({collection})

        async def load() -> Loaded[dict[str, Any]]:
            found = await get_collection(self._database, collection)
            return Loaded(found, _size(found), of)

        return await self._collections.get(collection, load, collections=of)

    async def collection_mosaic(self, collection: str, *, search: Mapping[str, Any]) -> Mosaic:
        """The mosaic of a collection's items that a search (without `collections`) leaves.

        Raises:
            UnknownCollection: there is no such collection.
            Unavailable: the database is down or busy.
        """
        return mosaic_of(await self.collection(collection), collection, search=search)

    async def search_mosaic(self, search_id: str) -> Mosaic:
        """The mosaic of a registered search.

        Raises:
            UnknownSearch: none was registered under that id.
            Unavailable: the database is down or busy.
        """

        async def load() -> Loaded[Mosaic]:
            found = await search_mosaic(self._database, search_id)
            # A search is never changed; its bounds may be those of its collections.
            of = found.collections or frozenset()
            return Loaded(found, _size(found.search) + _size(found.metadata), of)

        return await self._searches.get(search_id, load, collections=None)

    async def mosaic_items(
        self, mosaic: Mosaic, *, box: BBox | None, limit: int
    ) -> tuple[KnownItem, ...]:
        """Items of a mosaic, at most `limit`, that touch a box; None: any. The one to be on top comes first.

        Raises:
            BadParameter: pgSTAC cannot use the search.
            Unavailable: the database is down or busy.
        """
        limit = min(limit, ITEMS_MAX)

        async def load() -> Loaded[tuple[Name, ...]]:
            geometry = None if box is None else polygon(box)
            listed = await list_items(self._database, mosaic, geometry=geometry, limit=limit)
            names = tuple((each.collection, each.id) for each in listed)
            size = 500 + sum(len(collection) + len(name) + 200 for collection, name in names)
            return Loaded(names, size, mosaic.collections)

        key = (mosaic.key, box, limit)
        return await self.items(await self._lists.get(key, load, collections=mosaic.collections))

    async def items_in(
        self, mosaic: Mosaic, geometry: Mapping[str, Any] | None, *, limit: int
    ) -> tuple[KnownItem, ...]:
        """Items of a mosaic, at most `limit`, that touch a GeoJSON geometry (WGS 84); the one to be on top comes first.

        Raises:
            BadParameter: pgSTAC cannot use the search.
            Unavailable: the database is down or busy.
        """
        listed = await list_items(self._database, mosaic, geometry=geometry, limit=limit)
        return await self.items([(each.collection, each.id) for each in listed])

    async def tile_items(
        self, mosaic: Mosaic, tms: TileMatrixSet, x: int, y: int, z: int, *, limit: int
    ) -> tuple[KnownItem, ...]:
        """Items of a mosaic on a tile of the matrix, at most `limit`; the one to be on top comes first.

        What list_items finds for the tile's box in degrees; tiles beside each other share one query.

        Raises:
            BadParameter: pgSTAC cannot use the search.
            Unavailable: the database is down or busy.
        """
        box = tile_box(tms, x, y, z)
        block = self._known_block(mosaic, tms, x, y, z, box)
        if block is None:
            around = self._block_box(tms, x, y, z)
            block = await self._blocks.get(
                (mosaic.key, around),
                partial(self._load_block, mosaic, around),
                collections=mosaic.collections,
            )
        if not (block.is_complete and block.contains(box)):
            return await self.mosaic_items(mosaic, box=box, limit=limit)
        names = block.touching(box, limit=min(limit, ITEMS_MAX))
        if len(block.names) <= PREFETCH and any(self._items.peek(name) is None for name in names):
            await self.items(block.names)
        return await self.items(names)

    def _known_block(
        self, mosaic: Mosaic, tms: TileMatrixSet, x: int, y: int, z: int, box: BBox
    ) -> Block | None:
        """A list that is complete around the tile: of its own block, or of one further out."""
        for out in range(COARSER + 1):
            if z - out < tms.minzoom:
                break
            if not _has_tile(tms, x >> out, y >> out, z - out):
                break
            around = self._block_box(tms, x >> out, y >> out, z - out)
            block = self._blocks.peek((mosaic.key, around))
            if block is not None and block.is_complete and block.contains(box):
                return block
        return None

    def _block_box(self, tms: TileMatrixSet, x: int, y: int, z: int) -> BBox:
        key = (str(tms.id), x >> BLOCK_SHIFT, y >> BLOCK_SHIFT, z)
        if key not in self._boxes:
            if len(self._boxes) >= BOXES:
                self._boxes.clear()
            self._boxes[key] = block_box(tms, x, y, z)
        return self._boxes[key]

    async def _load_block(self, mosaic: Mosaic, around: BBox) -> Loaded[Block]:
        listed = await list_items(
            self._database, mosaic, geometry=polygon(around), limit=BLOCK_ITEMS_MAX + 1
        )
        block = Block.of(around, listed)
        return Loaded(block, block.size_bytes, mosaic.collections)

    async def _load_items(self, names: Sequence[Name]) -> Mapping[Name, Loaded[KnownItem]]:
        values = {
            "collections": [collection for collection, _ in names],
            "ids": [item for _, item in names],
        }
        async with self._database.connection() as connection:
            cursor = await connection.execute(read_sql("items_by_name"), values)
            rows = await cursor.fetchall()
        return {
            (collection, item): _loaded(collection, item, text, said)
            for collection, item, text, said in rows
        }


def _has_tile(tms: TileMatrixSet, x: int, y: int, z: int) -> bool:
    matrix = tms.matrix(z)
    return bool(x < matrix.matrixWidth and y < matrix.matrixHeight)


def mosaic_version(items: Sequence[KnownItem]) -> str:
    """A name for items in their order, 32 hexadecimal digits."""
    parts = [[known.item.collection, known.item.id, known.version] for known in items]
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _loaded(collection: str, item: str, text: str, said: str | None) -> Loaded[KnownItem]:
    """`said` is what the collection says of digital numbers: it is part of what is in the item."""
    content = text.encode()
    try:
        stac = json.loads(content)
        if said is not None:
            properties = stac.get("properties")
            stac["properties"] = with_override(
                properties if isinstance(properties, Mapping) else {}, json.loads(said)
            )
            content += said.encode()
    except RecursionError as error:
        raise AssetUnreadable(
            f"item {item!r} of collection {collection!r} is nested too deep"
        ) from error
    version = blake2b(content, digest_size=16).hexdigest()
    size = 1_000 + _BYTES_OF_JSON * len(content)
    return Loaded(KnownItem(Item(stac), version), size, frozenset({collection}))


def _size(found: Mapping[str, Any]) -> int:
    return 1_000 + _BYTES_OF_JSON * len(json.dumps(found))
