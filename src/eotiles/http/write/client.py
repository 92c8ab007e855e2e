"""The operations of the Transactions and bulk extensions: what was sent, checked, is stored in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import quote

import jsonpatch
from fastapi import Request
from stac_fastapi.extensions.bulk_transactions import BulkTransaction, Items
from stac_fastapi.pgstac.models.links import CollectionLinks, ItemLinks
from stac_fastapi.pgstac.transactions import BulkTransactionsClient, TransactionsClient
from starlette.responses import JSONResponse, Response

from eotiles.catalog.links import link_collection, link_item
from eotiles.core.errors import BadParameter, ItemsRefused
from eotiles.http.stac.addresses import site_of
from eotiles.http.write import store
from eotiles.http.write.gate import check_scope
from eotiles.http.write.items import Writing, checked_collection, checked_item, checked_items

Json = dict[str, Any]
Result = TypeVar("Result")

GEOJSON = "application/geo+json"
MOST_COPIES = 4
"""Copies in one JSON Patch: thirty of them would make a gigabyte of a document."""


class WritingClient(TransactionsClient):  # type: ignore[misc]
    """Upstream's operations on the JSON as it was sent: its models would rewrite times and numbers on the way."""

    async def create_item(
        self, collection_id: str, item: Any, request: Request, **kwargs: Any
    ) -> Response:
        body: Json = await request.json()
        writing = _writing(request, collection_id)
        if body.get("type") == "FeatureCollection":
            features = body.get("features")
            if not isinstance(features, list):
                raise BadParameter("features of a FeatureCollection is a list of items")
            many = await _checking(request, lambda: checked_items(writing, features))
            await store.write_items(request, collection_id, many, method="insert", repeatable=False)
            return Response(status_code=201)
        made = await _checking(request, lambda: checked_item(writing, body))
        try:
            await store.write_items(
                request, collection_id, [made], method="insert", repeatable=False
            )
        except ItemsRefused as error:
            raise error.refusals[0][1] from error
        return await _answer_item(request, made, created=True)

    async def update_item(
        self, collection_id: str, item_id: str, item: Any, request: Request, **kwargs: Any
    ) -> Response:
        body: Json = await request.json()
        return await self._replace_item(request, collection_id, item_id, lambda stored: body)

    async def patch_item(
        self, collection_id: str, item_id: str, patch: Any, request: Request, **kwargs: Any
    ) -> Response:
        body = await request.json()
        return await self._replace_item(
            request, collection_id, item_id, lambda stored: _patched(stored, body)
        )

    async def _replace_item(
        self, request: Request, collection: str, item: str, become: Callable[[Json], Json]
    ) -> Response:
        writing = _writing(request, collection)

        async def change(stored: Json) -> Json:
            return await _checking(
                request,
                lambda: checked_item(writing, become(stored), item_id=item, stored=stored),
            )

        made = await store.replace_item(request, collection, item, change=change)
        return await _answer_item(request, made)

    async def delete_item(
        self, item_id: str, collection_id: str, request: Request, **kwargs: Any
    ) -> Response:
        await store.delete_item(request, collection_id, item_id)
        return JSONResponse({"deleted item": item_id})

    async def create_collection(self, collection: Any, request: Request, **kwargs: Any) -> Response:
        body: Json = await request.json()
        # Before anything is said about what is there already.
        check_scope(request, str(body.get("id")))
        made = checked_collection(site_of(request), request.app.state.allowed, body)
        await store.create_collection(request, made)
        return await _answer_collection(request, made, created=True)

    async def update_collection(
        self, collection_id: str, collection: Any, request: Request, **kwargs: Any
    ) -> Response:
        body: Json = await request.json()
        return await self._replace_collection(request, collection_id, lambda stored: body)

    async def patch_collection(
        self, collection_id: str, patch: Any, request: Request, **kwargs: Any
    ) -> Response:
        body = await request.json()
        return await self._replace_collection(
            request, collection_id, lambda stored: _patched(stored, body)
        )

    async def _replace_collection(
        self, request: Request, collection: str, become: Callable[[Json], Json]
    ) -> Response:
        async def change(stored: Json) -> Json:
            return checked_collection(
                site_of(request),
                request.app.state.allowed,
                become(stored),
                collection_id=collection,
                stored=stored,
            )

        made = await store.replace_collection(request, collection, change=change)
        return await _answer_collection(request, made)

    async def delete_collection(
        self, collection_id: str, request: Request, **kwargs: Any
    ) -> Response:
        await store.delete_collection(request, collection_id)
        return JSONResponse({"deleted collection": collection_id})


class BulkClient(BulkTransactionsClient):  # type: ignore[misc]
    """Many items under their ids. Upstream checks next to nothing and stores the rest of a broken request."""

    async def bulk_item_insert(self, items: Items, **kwargs: Any) -> BulkTransaction:
        request: Request = kwargs["request"]
        collection = str(request.path_params["collection_id"])
        writing = _writing(request, collection)
        names, given = list(items.items), list(items.items.values())
        many = await _checking(request, lambda: checked_items(writing, given, names=names))
        written = await store.write_items(
            request, collection, many, method=items.method.value, repeatable=True
        )
        return BulkTransaction(
            received=len(given), success=written.stored, skipped=written.same, errors=[]
        )


def _writing(request: Request, collection: str) -> Writing:
    return Writing(site_of(request), request.app.state.allowed, collection)


async def _checking(request: Request, check: Callable[[], Result]) -> Result:
    """What `check` gives, in a thread of its own: a thousand items take a second, in which others are answered."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(request.app.state.checking, check)


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
