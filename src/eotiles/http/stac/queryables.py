"""What can be filtered and sorted by: pgSTAC's queryables."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from stac_fastapi.extensions.sort import AsyncBaseSortablesClient
from stac_fastapi.pgstac.extensions import FiltersClient
from stac_fastapi.types.errors import NotFoundError

from eotiles.core.errors import BadParameter, UnknownCollection

Json = dict[str, Any]

_COLLECTION_FIELDS = {
    "id": {"title": "Id", "type": "string"},
    "title": {"title": "Title", "type": "string"},
    "datetime": {"title": "Start", "type": "string", "format": "date-time"},
}


_OWN: Json = {"id": {"type": "string"}, "geometry": {"format": "geometry-any"}}
"""pgSTAC refers to schemas on other hosts for these: a page that may load from its own host only cannot follow."""


class Queryables(FiltersClient):  # type: ignore[misc]
    """Queryables of all collections, or of one."""

    async def get_queryables(
        self, request: Request, collection_id: str | None = None, **kwargs: Any
    ) -> Json:
        try:
            found: Json = await super().get_queryables(request, collection_id)
        except (NotFoundError, BadParameter) as error:
            raise UnknownCollection(f"there is no collection {collection_id!r}") from error
        properties = found["properties"]
        for name, own in _OWN.items():
            if "$ref" in properties.get(name, {}):
                told = {key: text for key, text in properties[name].items() if key != "$ref"}
                properties[name] = told | own
        return found


class Sortables(AsyncBaseSortablesClient):
    """Sortables are the queryables that have an order, which a geometry has not."""

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
            name: kind for name, kind in queryables["properties"].items() if name != "geometry"
        },
        "additionalProperties": True,
    }
