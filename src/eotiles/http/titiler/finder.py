"""The catalogue as code in TiTiler's worker threads sees it: each look-up runs in the event loop of the process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from anyio.from_thread import run as run_in_loop
from morecantile import TileMatrixSet
from starlette.requests import Request
from titiler.core.dependencies import DefaultDependency

from eotiles.catalog.alike import collection_layers
from eotiles.catalog.database import Database
from eotiles.catalog.items import Item
from eotiles.catalog.known import Known
from eotiles.catalog.layers import (
    OfferedLayer,
    declared_layers,
    offered_layers,
)
from eotiles.catalog.mosaic import Mosaic, search_entry
from eotiles.catalog.radiometry import Json
from eotiles.core.errors import UnknownCollection

SAMPLE = 5
"""Items that zooms are taken from."""


class Finder:
    """Look-ups of one request."""

    def __init__(self, database: Database, known: Known) -> None:
        self._database = database
        self._known = known
        self._samples: dict[int, tuple[Item, ...]] = {}

    def items(
        self, mosaic: Mosaic, geometry: dict[str, Any] | None, limit: int
    ) -> tuple[Item, ...]:
        """Items that touch a geometry (WGS 84), the one on top first."""

        async def look_up() -> tuple[Item, ...]:
            found = await self._known.items_in(mosaic, geometry, limit=limit)
            return tuple(each.item for each in found)

        return run_in_loop(look_up)

    def tile_items(
        self, mosaic: Mosaic, tms: TileMatrixSet, x: int, y: int, z: int, limit: int
    ) -> tuple[Item, ...]:
        """Items on a tile, the one on top first; tiles beside each other share a look-up."""

        async def look_up() -> tuple[Item, ...]:
            found = await self._known.tile_items(mosaic, tms, x, y, z, limit=limit)
            return tuple(each.item for each in found)

        return run_in_loop(look_up)

    def sample(self, mosaic: Mosaic) -> tuple[Item, ...]:
        """A few items that stand for all; asked once a request, however many tile matrix sets are described."""
        if id(mosaic) not in self._samples:
            self._samples[id(mosaic)] = sample(self._known, mosaic, SAMPLE)
        return self._samples[id(mosaic)]

    def entry(self, mosaic: Mosaic) -> dict[str, Any]:
        """What pgSTAC knows of the search."""
        return run_in_loop(search_entry, self._database, mosaic)


class FinderParams(DefaultDependency):
    """Hands each backend the finder of its request."""

    def __init__(self, request: Request) -> None:
        self.finder = Finder(request.app.state.database, request.app.state.known)


def sample(known: Known, mosaic: Mosaic, limit: int) -> tuple[Item, ...]:
    """The first items of a mosaic."""

    async def look_up() -> tuple[Item, ...]:
        return tuple(each.item for each in await known.mosaic_items(mosaic, box=None, limit=limit))

    return run_in_loop(look_up)


def collection_of(known: Known, item: Item) -> Json | None:
    """The collection of an item; None where it was deleted between two look-ups."""
    with suppress(UnknownCollection):
        return run_in_loop(known.collection, item.collection)
    return None


def offered(known: Known, place: Item | Mosaic) -> tuple[OfferedLayer, ...]:
    """The layers of an item or a collection that the STAC API links to, or those registered with a search."""
    return layers_at(place, collection_of(known, place) if isinstance(place, Item) else None)


def layers_at(place: Item | Mosaic, collection: Json | None) -> tuple[OfferedLayer, ...]:
    """The same with the item's collection at hand."""
    renders = renders_at(place, collection)
    if isinstance(place, Item):
        return offered_layers(place.assets, renders=renders, properties=place.properties)
    return (
        declared_layers(renders)
        if place.collection is None
        else collection_layers(place.collection)
    )


def renders_at(place: Item | Mosaic, collection: Json | None) -> Json:
    """Renders by name, those that the item itself declares before those of its collection."""
    if isinstance(place, Item):
        own = _object(place.properties.get("renders"))
        return {**_object((collection or {}).get("renders")), **own}
    if place.collection is not None:
        return _object(place.collection.get("renders"))
    return _object(place.metadata.get("defaults"))


def _object(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def public_item(item: Item) -> dict[str, Any]:
    """An item without the paths of this machine."""
    assets = {
        key: {
            name: value
            for name, value in asset.items()
            if name != "href" or not str(value).startswith(("/", "file:"))
        }
        for key, asset in item.assets.items()
        if isinstance(asset, dict)
    }
    return {"id": item.id, "collection": item.collection, "bbox": item.bbox, "assets": assets}
