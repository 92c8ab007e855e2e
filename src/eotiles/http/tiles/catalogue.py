"""What a tile shows: the item of its path, or the items of a mosaic that touch it, with their versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b

from eotiles.catalog.database import Database
from eotiles.catalog.items import Item, get_item
from eotiles.catalog.mosaic import collection_mosaic, find_items, search_mosaic
from eotiles.core.grid import Grid
from eotiles.http.tiles.address import Place
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.backend import checked_limit
from eotiles.http.titiler.shapes import area


@dataclass(frozen=True)
class Shown:
    """Items in the order in which they are drawn."""

    items: tuple[Item, ...]
    versions: tuple[str, ...]
    """One an item: other content, other version."""


async def find_shown(database: Database, place: Place, ask: Ask, grid: Grid) -> Shown:
    """The items of a tile.

    Raises:
        NotFound: there is no such item, collection or search.
        Unavailable: the database is down or busy.
    """
    if place.kind == "item":
        items: tuple[Item, ...] = (await get_item(database, place.collection, place.item),)
    else:
        limit = checked_limit(ask.items_limit)
        if place.kind == "collection":
            mosaic = await collection_mosaic(database, place.collection, search=ask.search)
        else:
            mosaic = await search_mosaic(database, place.search)
        items = await find_items(
            database, mosaic, geometry=area(grid.bounds, grid.crs), limit=limit
        )
    return Shown(items, tuple(_version(item) for item in items))


def _version(item: Item) -> str:
    text = json.dumps(item.stac, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
