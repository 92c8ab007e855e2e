"""stac-fastapi-pgstac's client with our links in every item and collection, and with sentences for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote_plus

from fastapi import Request
from stac_fastapi.pgstac.core import CoreCrudClient
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.errors import NotFoundError
from starlette.responses import Response

from eotiles.catalog.boxes import across_antimeridian, flat_bbox
from eotiles.catalog.links import Additions, link_collection, link_item
from eotiles.core.errors import NotFound, UnknownCollection, UnknownItem
from eotiles.http.stac import parameters
from eotiles.http.stac.addresses import site_of
from eotiles.http.stac.landing import aggregation_links, landing_links, sortables_link
from eotiles.http.stac.recent import Recent

Json = dict[str, Any]

GEOJSON = "application/geo+json"


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
        answer = await super().all_collections(
            request,
            bbox=None if parts else box,
            intersects=quote_plus(json.dumps(parts)) if parts else None,
            limit=min(limit or 10, parameters.MOST_ITEMS),
            fields=_with_identity(names),
            filter_expr=query_tree or filter_expr,
            filter_lang="cql2-json" if query_tree else filter_lang,
            **kwargs,
        )
        # With `fields` upstream has rendered its answer already.
        found = json.loads(bytes(answer.body)) if isinstance(answer, Response) else answer
        include = {name.lstrip("+ ") for name in names or () if not name.startswith("-")}
        exclude = {name[1:] for name in names or () if name.startswith("-")}
        additions = _additions(include, exclude)
        found["collections"] = [
            self._linked(collection, request, additions) for collection in found["collections"]
        ]
        return found

    async def _search_base(self, search_request: PgstacSearch, request: Request) -> Any:
        parameters.bounded(search_request)
        found = cast(Json, await super()._search_base(search_request, request))
        if not any(link["rel"] in ("next", "previous", "prev") for link in found["links"]):
            # All of it is on this page. Otherwise pgSTAC would have to count, which costs more than the search.
            found["numberMatched"] = len(found["features"])
        fields = getattr(search_request, "fields", None)
        additions = (
            _additions(fields.include or set(), fields.exclude or set()) if fields else Additions()
        )
        renders = await self._renders_of(found["features"], request)
        site = site_of(request)
        found["features"] = [
            link_item(
                site, item, renders=renders.get(item.get("collection", ""), {}), additions=additions
            )
            for item in found["features"]
        ]
        return found

    async def get_item(
        self, item_id: str, collection_id: str, request: Request, **kwargs: Any
    ) -> Any:
        try:
            return await super().get_item(item_id, collection_id, request)
        except NotFoundError as error:
            raise UnknownItem(
                f"there is no item {item_id!r} in collection {collection_id!r}"
            ) from error

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
        return _geojson(await super().post_search(search_request, request))

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

    async def _renders_of(
        self, items: Iterable[Json], request: Request
    ) -> Mapping[str, Mapping[str, Any]]:
        """Renders of the collections that items belong to; a collection is asked for once in a while."""
        known = _renders(request)
        found = {}
        for name in {str(item["collection"]) for item in items if item.get("collection")}:
            renders = known.get(name)
            if renders is None:
                try:
                    renders = _declared(await self.get_collection(name, request))
                except NotFound:
                    renders = known.put(name, {})  # deleted meanwhile
            found[name] = renders
        return found


def _renders(request: Request) -> Recent[str, Json]:
    """Collection → its renders: a search gives items, and those lack them."""
    return cast("Recent[str, Json]", request.app.state.renders)


def _declared(collection: Json) -> Json:
    renders = collection.get("renders")
    return renders if isinstance(renders, dict) else {}


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


def _geojson(answer: Any) -> Any:
    if isinstance(answer, Response):
        answer.headers["content-type"] = GEOJSON
    return answer
