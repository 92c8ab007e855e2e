"""The Transactions extension's operations: stores what was sent, less what serving adds, once it is checked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import quote

import jsonpatch
from fastapi import Request
from stac_fastapi.pgstac.db import dbfunc
from stac_fastapi.pgstac.models.links import CollectionLinks, ItemLinks
from stac_fastapi.pgstac.transactions import TransactionsClient
from stac_fastapi.types.errors import ConflictError, ForeignKeyError, NotFoundError
from stac_pydantic import Collection, Item
from starlette.responses import JSONResponse, Response

from eotiles.catalog.links import link_collection, link_item
from eotiles.catalog.restore import restore_collection, restore_item
from eotiles.core.errors import BadParameter, Conflict, NotFound, UnknownCollection, UnknownItem
from eotiles.http.stac.addresses import site_of
from eotiles.ingest.check import check_footprint, check_hrefs, check_id, check_model
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

GEOJSON = "application/geo+json"
MOST_COPIES = 4
"""Copies in one JSON Patch: thirty of them would make a gigabyte of a document."""


class WritingClient(TransactionsClient):  # type: ignore[misc]
    """Upstream's operations on the JSON as it was sent: its models would rewrite times and numbers on the way."""

    async def create_item(
        self, collection_id: str, item: Any, request: Request, **kwargs: Any
    ) -> Response:
        body: Json = await request.json()
        await self._stored_collection(request, collection_id)
        if body.get("type") == "FeatureCollection":
            items = [
                _checked_item(request, part, collection_id) for part in body.get("features", ())
            ]
            async with _naming(
                f"an item of these {len(items)} in collection {collection_id!r}", collection_id
            ):
                await self._call(request, "create_items", items)
            return Response(status_code=201)
        made = _checked_item(request, body, collection_id)
        async with _naming(f"item {made['id']!r} in collection {collection_id!r}", collection_id):
            await self._call(request, "create_item", made)
        return await _answer_item(request, made, created=True)

    async def update_item(
        self, collection_id: str, item_id: str, item: Any, request: Request, **kwargs: Any
    ) -> Response:
        stored = await self._stored_item(request, collection_id, item_id)
        made = _checked_item(
            request, await request.json(), collection_id, item_id=item_id, stored=stored
        )
        async with _naming(f"item {item_id!r} in collection {collection_id!r}", collection_id):
            await self._call(request, "update_item", made)
        return await _answer_item(request, made)

    async def patch_item(
        self, collection_id: str, item_id: str, patch: Any, request: Request, **kwargs: Any
    ) -> Response:
        stored = await self._stored_item(request, collection_id, item_id)
        patched = _patched(stored, await request.json())
        made = _checked_item(request, patched, collection_id, item_id=item_id, stored=stored)
        async with _naming(f"item {item_id!r} in collection {collection_id!r}", collection_id):
            await self._call(request, "update_item", made)
        return await _answer_item(request, made)

    async def delete_item(
        self, item_id: str, collection_id: str, request: Request, **kwargs: Any
    ) -> Response:
        try:
            return cast(Response, await super().delete_item(item_id, collection_id, request))
        except (NotFound, NotFoundError) as error:
            raise UnknownItem(
                f"there is no item {item_id!r} in collection {collection_id!r}"
            ) from error

    async def create_collection(self, collection: Any, request: Request, **kwargs: Any) -> Response:
        made = _checked_collection(request, await request.json())
        async with _naming(f"collection {made['id']!r}", made["id"]):
            await self._call(request, "create_collection", made)
        return await _answer_collection(request, made, created=True)

    async def update_collection(
        self, collection_id: str, collection: Any, request: Request, **kwargs: Any
    ) -> Response:
        stored = await self._stored_collection(request, collection_id)
        made = _checked_collection(
            request, await request.json(), collection_id=collection_id, stored=stored
        )
        async with _naming(f"collection {collection_id!r}", collection_id):
            await self._call(request, "update_collection", made)
        return await _answer_collection(request, made)

    async def patch_collection(
        self, collection_id: str, patch: Any, request: Request, **kwargs: Any
    ) -> Response:
        stored = await self._stored_collection(request, collection_id)
        patched = _patched(stored, await request.json())
        made = _checked_collection(request, patched, collection_id=collection_id, stored=stored)
        async with _naming(f"collection {collection_id!r}", collection_id):
            await self._call(request, "update_collection", made)
        return await _answer_collection(request, made)

    async def delete_collection(
        self, collection_id: str, request: Request, **kwargs: Any
    ) -> Response:
        async with _naming(f"collection {collection_id!r}", collection_id):
            return cast(Response, await super().delete_collection(collection_id, request))

    async def _call(self, request: Request, function: str, document: Any) -> Any:
        async with request.app.state.get_connection(request, "w") as connection:
            return await dbfunc(connection, function, document)

    async def _stored_item(self, request: Request, collection: str, item: str) -> Json:
        async with request.app.state.get_connection(request, "r") as connection:
            stored = await connection.fetchval("SELECT pgstac.get_item($1, $2)", item, collection)
        if stored is None:
            raise UnknownItem(f"there is no item {item!r} in collection {collection!r}")
        return cast(Json, stored)

    async def _stored_collection(self, request: Request, collection: str) -> Json:
        stored = await self._call(request, "get_collection", collection)
        if stored is None:
            raise UnknownCollection(f"there is no collection {collection!r}")
        return cast(Json, stored)


def _checked_item(
    request: Request,
    given: Json,
    collection: str,
    *,
    item_id: str | None = None,
    stored: Json | None = None,
) -> Json:
    """The item to store.

    Raises:
        BadParameter: it cannot be stored.
        HrefRefused: one of its files may not be opened.
    """
    name = check_id("an item", given.get("id"))
    if item_id is not None and name != item_id:
        raise BadParameter(f"the body is item {name!r}, the address is that of item {item_id!r}")
    if given.get("collection") not in (None, collection):
        raise BadParameter(
            f"item {name!r} says that it belongs to collection {given['collection']!r}"
        )
    check_model(Item, given, name=f"item {name!r}")
    check_footprint(given)
    whole = {key: value for key, value in given.items() if key != "pgstac:base_item"}
    made = restore_item(site_of(request), {**whole, "collection": collection}, stored=stored)
    check_hrefs(made, _allowed(request), name=f"{collection}/{name}")
    return made


def _checked_collection(
    request: Request, given: Json, *, collection_id: str | None = None, stored: Json | None = None
) -> Json:
    name = check_id("a collection", given.get("id"))
    if collection_id is not None and name != collection_id:
        raise BadParameter(
            f"the body is collection {name!r}, the address is that of collection {collection_id!r}"
        )
    check_model(Collection, given, name=f"collection {name!r}")
    made = restore_collection(site_of(request), given, stored=stored)
    check_hrefs(made, _allowed(request), name=name)
    return made


def _patched(stored: Json, patch: Any) -> Json:
    """A document after a JSON Patch (a list) or a JSON Merge Patch (an object)."""
    copies = sum(isinstance(step, dict) and step.get("op") == "copy" for step in patch)
    if copies > MOST_COPIES:
        raise BadParameter(
            f"the patch copies more than {MOST_COPIES} times, each of which may double the document"
        )
    try:
        changed = (
            jsonpatch.apply_patch(stored, patch)
            if isinstance(patch, list)
            else _merged(stored, patch)
        )
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise BadParameter(f"the patch does not apply: {error}"[:300]) from error
    return cast(Json, changed)


def _merged(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396): null takes a member out."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


@asynccontextmanager
async def _naming(what: str, collection: str) -> AsyncIterator[None]:
    """Upstream's errors with the name of what they are about."""
    try:
        yield
    except (ConflictError, Conflict) as error:
        detail = getattr(error.__cause__, "detail", None)
        raise Conflict(f"{what} exists already{f' ({detail})' if detail else ''}") from error
    except (ForeignKeyError, NotFoundError, NotFound) as error:
        raise UnknownCollection(f"there is no collection {collection!r}") from error


def _allowed(request: Request) -> AllowList:
    return cast(AllowList, request.app.state.allowed)


async def _answer_item(request: Request, item: Json, *, created: bool = False) -> Response:
    """The item as people see it; its collection's renders aside."""
    site = site_of(request)
    links = ItemLinks(collection_id=item["collection"], item_id=item["id"], request=request)
    served = {**item, "links": await links.get_links(extra_links=item.get("links"))}
    return JSONResponse(
        link_item(site, served, renders={}),
        status_code=201 if created else 200,
        headers={
            "Location": f"{site.stac}/collections/{quote(item['collection'])}/items/{quote(item['id'])}"
        }
        if created
        else None,
        media_type=GEOJSON,
    )


async def _answer_collection(
    request: Request, collection: Json, *, created: bool = False
) -> Response:
    site = site_of(request)
    links = CollectionLinks(collection_id=collection["id"], request=request)
    served = {**collection, "links": await links.get_links(extra_links=collection.get("links"))}
    return JSONResponse(
        link_collection(site, served),
        status_code=201 if created else 200,
        headers={"Location": f"{site.stac}/collections/{quote(collection['id'])}"}
        if created
        else None,
    )
