"""What can be filtered and sorted by: pgSTAC's queryables, and what is told from the items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from stac_fastapi.extensions.sort import AsyncBaseSortablesClient
from stac_fastapi.pgstac.extensions import FiltersClient
from stac_fastapi.types.errors import NotFoundError

from eotiles.catalog.queryables import (
    MOST_COLLECTIONS,
    MOST_ITEMS,
    MOST_VALUES,
    Property,
    with_properties,
)
from eotiles.core.errors import BadParameter, UnknownCollection
from eotiles.core.sql import read_sql
from eotiles.http.stac.recent import Recent

Json = dict[str, Any]

_COLLECTION_FIELDS = {
    "id": {"title": "Id", "type": "string"},
    "title": {"title": "Title", "type": "string"},
    "datetime": {"title": "Start", "type": "string", "format": "date-time"},
}


KEPT_S = 300.0
"""How old may be what is told of the items."""


@dataclass(frozen=True)
class Facts:
    """What the items of a collection, or of all, are like."""

    properties: tuple[Property, ...]
    collections: tuple[str, ...]
    """Which there are, up to one more than are listed."""


_OWN: Json = {"id": {"type": "string"}, "geometry": {"format": "geometry-any"}}
"""pgSTAC refers to schemas on other hosts for these: a page that may load from its own host only cannot follow."""


class Queryables(FiltersClient):  # type: ignore[misc]
    """Queryables of all collections, or of one: pgSTAC's, and what the items have."""

    async def get_queryables(
        self, request: Request, collection_id: str | None = None, **kwargs: Any
    ) -> Json:
        try:
            found: Json = await super().get_queryables(request, collection_id)
        except (NotFoundError, BadParameter) as error:
            raise UnknownCollection(f"there is no collection {collection_id!r}") from error
        known: Recent[str | None, Facts] = request.app.state.facts
        facts = known.get(collection_id)
        if facts is None:
            facts = known.put(collection_id, await _facts(request, collection_id))
        properties = with_properties(
            _without_references(found["properties"]),
            facts.properties,
            collections=facts.collections,
        )
        return {**found, "properties": properties}


async def _facts(request: Request, collection: str | None) -> Facts:
    condition = "$2::text IS NULL" if collection is None else "collection = $2::text"
    statement = read_sql("properties").decode().format(condition=condition)
    names = "SELECT id FROM pgstac.collections ORDER BY id LIMIT $1"
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(statement, MOST_ITEMS, collection, MOST_VALUES + 1)
        all_of_them = [] if collection else await connection.fetch(names, MOST_COLLECTIONS + 1)
    return Facts(
        properties=tuple(
            Property(
                name=row["name"],
                types=tuple(row["types"]),
                is_complete=row["is_complete"],
                summary=row["summary"],
                low=row["low"],
                high=row["high"],
                values=tuple(row["some"] or ()),
            )
            for row in rows
        ),
        collections=(collection,) if collection else tuple(row["id"] for row in all_of_them),
    )


def _without_references(properties: Json) -> Json:
    """The properties with pgSTAC's own described here."""
    return {
        name: {**{key: text for key, text in schema.items() if key != "$ref"}, **_OWN[name]}
        if name in _OWN and "$ref" in schema
        else schema
        for name, schema in properties.items()
    }


class Sortables(AsyncBaseSortablesClient):
    """Sortables are the queryables that have an order, which geometries and lists have not."""

    async def get_sortables(  # type: ignore[override]
        self, request: Request, **kwargs: Any
    ) -> Json:
        return _sortables(await Queryables().get_queryables(request), request)

    async def get_collection_sortables(  # type: ignore[override]
        self, collection_id: str, request: Request, **kwargs: Any
    ) -> Json:
        return _sortables(await Queryables().get_queryables(request, collection_id), request)

    async def get_collections_sortables(  # type: ignore[override]
        self, request: Request, **kwargs: Any
    ) -> Json:
        return _sortables({"properties": _COLLECTION_FIELDS}, request)


def _sortables(queryables: Json, request: Request) -> Json:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": str(request.url),
        "type": "object",
        "title": "Sortables",
        "properties": {
            name: schema
            for name, schema in queryables["properties"].items()
            if name != "geometry" and "array" not in schema.get("type", ())
        },
        "additionalProperties": True,
    }
