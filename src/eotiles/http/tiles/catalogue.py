"""What a tile shows: the item of its path, or the items of a mosaic that touch it, with their versions."""

from __future__ import annotations

from dataclasses import dataclass

from morecantile import TileMatrixSet

from eotiles.catalog.items import Item
from eotiles.catalog.known import Known, KnownItem
from eotiles.core.grid import Grid
from eotiles.http.tiles.address import TileAddress
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.backend import checked_limit
from eotiles.http.titiler.shapes import area_box


@dataclass(frozen=True)
class Shown:
    """Items in the order in which they are drawn."""

    items: tuple[Item, ...]
    versions: tuple[str, ...]
    """One an item: other content, other version."""


async def find_shown(
    known: Known, address: TileAddress, ask: Ask, *, tms: TileMatrixSet, grid: Grid
) -> Shown:
    """The items of a tile.

    Raises:
        NotFound: there is no such item, collection or search.
        Unavailable: the database is down or busy.
    """
    place = address.place
    if place.kind == "item":
        return _shown((await known.item(place.collection, place.item),))
    limit = checked_limit(ask.items_limit)
    mosaic = (
        await known.collection_mosaic(place.collection, search=ask.search)
        if place.kind == "collection"
        else await known.search_mosaic(place.search)
    )
    if ask.buffer_px:  # it reaches into its neighbours
        box = area_box(grid.bounds, grid.crs)
        return _shown(await known.mosaic_items(mosaic, box=box, limit=limit))
    found = await known.tile_items(mosaic, tms, address.x, address.y, address.z, limit=limit)
    return _shown(found)


def _shown(found: tuple[KnownItem, ...]) -> Shown:
    return Shown(tuple(each.item for each in found), tuple(each.version for each in found))
