"""stac-fastapi-pgstac's client with our links in every item and collection, and with sentences for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, cast
from urllib.parse import quote_plus

from fastapi import Request
from stac_fastapi.pgstac.core import CoreCrudClient, join_free_text_query
from stac_fastapi.pgstac.models.links import PagingLinks, SearchLinks
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.pgstac.utils import filter_fields
from stac_fastapi.types.errors import NotFoundError
from stac_fastapi.types.requests import get_base_url
from starlette.responses import Response

from eotiles.catalog.boxes import across_antimeridian, flat_bbox
from eotiles.catalog.links import Additions, link_collection, link_item
from eotiles.catalog.override import OVERRIDE
from eotiles.core.errors import NotFound, UnknownCollection, UnknownItem
from eotiles.http.stac import parameters
from eotiles.http.stac.addresses import site_of
from eotiles.http.stac.collection_page import read_collections
from eotiles.http.stac.landing import aggregation_links, landing_links, sortables_link
from eotiles.http.stac.numbers import to_json
from eotiles.http.stac.page import read_page
from eotiles.http.stac.recent import Recent
from eotiles.http.stac.relations import item_links

Json = dict[str, Any]

GEOJSON = "application/geo+json"

_CLEANED = ("intersects", "datetime", "fields", "sortby", "filter_expr", "filter_lang", "q")
"""Parameters of a collection search that pgSTAC takes in another form."""


class Declared(TypedDict):
    """What a collection says of its items, as `link_item` takes it."""

    renders: Json
    override: Any


_NOTHING = Declared(renders={}, override=None)


class CatalogueClient(CoreCrudClient):  # type: ignore[misc]
    """Every route ends in `_search_base`, `get_collection` or `all_collections`: there the links come in."""

    async def landing_page(self, **kwargs: Any) -> Any:
        page = await super().landing_page(**kwargs)
        request: Request = kwargs["request"]
        page["links"] += landing_links(site_of(request))
        return page

    async def get_collection(self, collection_id: str, request: Request, **kwargs: Any) -> Any:
        try:
            collection = await super().get_collection(collection_id, request)
        except NotFoundError as error:
            raise UnknownCollection(f"there is no collection {collection_id!r}") from error
        _renders(request).put(collection_id, _declared(collection))
        return self._linked(collection, request, Additions())

    async def all_collections(
        self,
        request: Request,
        *,
        bbox: Any = None,
        limit: int | None = None,
        query: str | None = None,
        fields: list[str] | None = None,
        filter_expr: str | None = None,
        filter_lang: str | None = None,
        **kwargs: Any,
    ) -> Any:
        names = parameters.field_names(fields)
        query_tree = parameters.query_filter(query, filter_expr)
        box = None if bbox is None else flat_bbox(bbox, name="bbox")
        parts = None if box is None else across_antimeridian(box)
        found = await self._found_collections(
            request,
            bbox=None if parts else box,
            intersects=quote_plus(json.dumps(parts)) if parts else None,
            limit=min(limit or 10, parameters.MOST_ITEMS),
            fields=_with_identity(names),
            filter_expr=query_tree or filter_expr,
            filter_lang="cql2-json" if query_tree else filter_lang,
            **kwargs,
        )
        include = {name.lstrip("+ ") for name in names or () if not name.startswith("-")}
        exclude = {name[1:] for name in names or () if name.startswith("-")}
        additions = _additions(include, exclude)
        found["collections"] = [
            self._linked(collection, request, additions) for collection in found["collections"]
        ]
        return Response(to_json(found), media_type="application/json")

    async def _found_collections(self, request: Request, **asked: Any) -> Json:
        """Collections with upstream's links; `asked` are the parameters of upstream's `all_collections`."""
        search = {name: value for name, value in asked.items() if name not in _CLEANED}
        clean = self._clean_search_args(
            search,
            filter_query=asked["filter_expr"],
            **{name: asked.get(name) for name in _CLEANED if name != "filter_expr"},
        )
        join_free_text_query(clean)
        found = await read_collections(request, clean)
        if found is None:
            answer = await super().all_collections(request, **asked)
            # With `fields` upstream has rendered its answer already.
            found = json.loads(bytes(answer.body)) if isinstance(answer, Response) else answer
        return found

    async def _search_base(self, search_request: PgstacSearch, request: Request) -> Any:
        parameters.bounded(search_request)
        text = search_request.model_dump_json(exclude_none=True, by_alias=True)
        async with request.app.state.get_connection(request, "r") as connection:
            page = await read_page(
                connection,
                text,
                limit=search_request.limit or 10,
                token=getattr(search_request, "token", None),
            )
        served = await self._served(page.items, request, getattr(search_request, "fields", None))
        paging = PagingLinks(request=request, next=page.next, prev=page.prev)
        matched = page.matched
        if matched is None and page.next is None and page.prev is None:
            # All of it is on this page. Otherwise it would have to be counted, which costs more than the search.
            matched = len(served)
        return {
            "type": "FeatureCollection",
            "links": await paging.get_links(),
            "features": served,
            **({} if matched is None else {"numberMatched": matched}),
            "numberReturned": len(served),
        }

    async def _served(self, items: Sequence[Json], request: Request, fields: Any) -> list[Json]:
        """Items of a page as they are served: the members asked for, with their links and layers."""
        include = sorted(fields.include or ()) if fields else []
        exclude = sorted(fields.exclude or ()) if fields else []
        additions = _additions(set(include), set(exclude))
        declared = await self._declared_by(items, request)
        site, base = site_of(request), get_base_url(request)
        served = []
        for whole in items:
            item = filter_fields(whole, include, exclude)
            if "links" not in exclude:
                item["links"] = item_links(
                    base,
                    collection=whole["collection"],
                    item=whole["id"],
                    stored=item.get("links") or (),
                )
            known = declared.get(item.get("collection", ""), _NOTHING)
            served.append(link_item(site, item, **known, additions=additions))
        return served

    async def get_item(
        self, item_id: str, collection_id: str, request: Request, **kwargs: Any
    ) -> Any:
        search = self.pgstac_search_model(ids=[item_id], collections=[collection_id], limit=1)
        found = await self._search_base(search, request)
        if not found["features"]:
            await self.get_collection(collection_id, request)
            raise UnknownItem(f"there is no item {item_id!r} in collection {collection_id!r}")
        return _geojson(found["features"][0])

    async def item_collection(
        self,
        collection_id: str,
        request: Request,
        *,
        query: str | None = None,
        fields: Any = None,
        **kwargs: Any,
    ) -> Any:
        query = parameters.object_parameter("query", query)
        names = parameters.field_names(fields)
        with parameters.one_sentence():
            answer = await super().item_collection(
                collection_id, request, query=query, fields=names, **kwargs
            )
        return _geojson(answer)

    async def get_search(
        self,
        request: Request,
        *,
        query: str | None = None,
        intersects: str | None = None,
        fields: Any = None,
        **kwargs: Any,
    ) -> Any:
        query = parameters.object_parameter("query", query)
        intersects = parameters.object_parameter("intersects", intersects)
        names = parameters.field_names(fields)
        with parameters.one_sentence():
            answer = await super().get_search(
                request, query=query, intersects=intersects, fields=names, **kwargs
            )
        return _geojson(answer)

    async def post_search(
        self, search_request: PgstacSearch, request: Request, **kwargs: Any
    ) -> Any:
        found = await self._search_base(search_request, request)
        fields = getattr(search_request, "fields", None)
        if not (fields and (fields.include or fields.exclude)):
            found["links"] = await SearchLinks(request=request).get_links(found["links"])
        return _geojson(found)

    def _clean_search_args(
        self,
        base_args: Json,
        *,
        filter_query: str | None = None,
        filter_lang: str | None = None,
        **kwargs: Any,
    ) -> Json:
        """As upstream, but for the filter: upstream's parser can be made to end the process."""
        tree = parameters.filter_tree(filter_query, filter_lang)
        clean: Json = super()._clean_search_args(base_args, **kwargs)
        return clean if tree is None else {**clean, "filter": tree, "filter_lang": "cql2-json"}

    def _linked(self, collection: Json, request: Request, additions: Additions) -> Json:
        site = site_of(request)
        linked = link_collection(site, collection, additions=additions)
        if additions.links and "id" in linked:
            linked["links"].append(sortables_link(f"{site.stac}/collections/{linked['id']}"))
            linked["links"] += aggregation_links(site, collection=linked["id"])
        return linked

    async def _declared_by(self, items: Iterable[Json], request: Request) -> Mapping[str, Declared]:
        """What collections say of the items that belong to them; a collection is asked for once in a while."""
        known = _renders(request)
        found = {}
        for name in {str(item["collection"]) for item in items if item.get("collection")}:
            declared = known.get(name)
            if declared is None:
                try:
                    declared = _declared(await self.get_collection(name, request))
                except NotFound:
                    declared = known.put(name, _NOTHING)  # deleted meanwhile
            found[name] = declared
        return found


def _renders(request: Request) -> Recent[str, Declared]:
    """Collection → what it says of its items: a search gives items, and those lack it."""
    return cast("Recent[str, Declared]", request.app.state.renders)


def _declared(collection: Json) -> Declared:
    renders = collection.get("renders")
    return Declared(
        renders=renders if isinstance(renders, dict) else {}, override=collection.get(OVERRIDE)
    )


def _additions(include: set[str], exclude: set[str]) -> Additions:
    """What a search that asks for some members only lets us add to."""

    def wanted(*names: str) -> bool:
        return not exclude.intersection(names) and (
            not include or bool(include.intersection(names))
        )

    return Additions(
        links=wanted("links"),
        assets=wanted("assets", "assets.thumbnail"),
        extensions=wanted("stac_extensions"),
        datetime=wanted("properties", "properties.datetime"),
    )


def _with_identity(names: list[str] | None) -> list[str] | None:
    """Fields with the id, without which nothing can be said about a collection."""
    if not names:
        return None
    kept = [name for name in names if name != "-id"]
    return [*kept, "id"] if any(not name.startswith("-") for name in kept) else kept or None


def _geojson(answer: Any) -> Response:
    """The answer as it is sent. Left to FastAPI, every value of every item would be looked at once more."""
    if isinstance(answer, Response):
        answer.headers["content-type"] = GEOJSON
        return answer
    return Response(to_json(answer), media_type=GEOJSON)
