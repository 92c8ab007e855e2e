"""The aggregation extension: upstream's routes, pgSTAC's condition of a search, one statement of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attr
from asyncpg import Connection, Record
from fastapi import FastAPI, Request
from pydantic import BaseModel, ValidationError
from stac_fastapi.api.models import (
    CollectionUri,
    EmptyRequest,
    create_get_request_model,
    create_post_request_model,
)
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions.aggregation import AggregationExtension
from stac_fastapi.extensions.aggregation.client import AsyncBaseAggregationClient
from stac_fastapi.types.extension import ApiExtension

from eotiles.catalog.aggregations import MOST_BUCKETS, Asked, counted, described
from eotiles.core.errors import BadParameter, UnknownCollection
from eotiles.core.invalid import explain
from eotiles.core.sql import read_sql
from eotiles.http.stac import parameters
from eotiles.http.stac.addresses import site_of
from eotiles.http.stac.aggregation_request import AggregateGetRequest, AggregatePostRequest
from eotiles.http.stac.landing import aggregation_links

Json = dict[str, Any]

CLASS = "https://api.stacspec.org/v0.3.0/aggregation"
_NO_CONDITION = {*AggregatePostRequest.__annotations__, "limit"}
"""Members of a body that do not narrow the search."""


@attr.s
class CountExtension(AggregationExtension):
    """Upstream's, less POST to `/aggregations`: OpenAPI has no room for it under the same name as GET."""

    def register(self, app: FastAPI) -> None:
        client = self.client
        for prefix, uri in (("", EmptyRequest), ("/collections/{collection_id}", CollectionUri)):
            title = "Collection " if prefix else ""
            for path, method, name, endpoint, model in (
                ("/aggregations", "GET", "Aggregations", client.get_aggregations, uri),
                ("/aggregate", "GET", "Aggregate", client.aggregate, self.GET),
                ("/aggregate", "POST", "Aggregate", client.aggregate, self.POST),
            ):
                self.router.add_api_route(
                    prefix + path,
                    create_async_endpoint(endpoint, model),
                    methods=[method],
                    name=title + name,
                )
        app.include_router(self.router, tags=["Aggregation Extension"])


def aggregation_extension(narrowing: Sequence[ApiExtension]) -> AggregationExtension:
    """The extension; `narrowing` are extensions whose parameters narrow its items as they narrow a search."""
    body = create_post_request_model(list(narrowing), base_model=AggregatePostRequest)
    extension = CountExtension(
        client=Aggregations(body=body),
        conformance_classes=[CLASS, f"{CLASS}#filter", f"{CLASS}#query"],
    )
    extension.GET = create_get_request_model(list(narrowing), base_model=AggregateGetRequest)
    extension.POST = body
    return extension


@attr.s
class Aggregations(AsyncBaseAggregationClient):
    """Counts of the items that a search would find."""

    body: type[BaseModel] = attr.ib(kw_only=True)

    async def get_aggregations(  # type: ignore[override]
        self, request: Request, collection_id: str | None = None, **kwargs: Any
    ) -> Json:
        """What can be asked for: the same of every collection."""
        async with request.app.state.get_connection(request, "r") as connection:
            await _check_collection(connection, request)
        return _answer(request, described())

    async def aggregate(  # type: ignore[override]
        self, body: Any = None, *, request: Request, **given: Any
    ) -> Json:
        """Count. By POST there is a body, by GET its members are parameters."""
        search: Any = self._from_parameters(given) if body is None else body
        asked = Asked(
            names=tuple(search.aggregations or ()),
            interval=search.datetime_frequency_interval,
            geohash_precision=search.centroid_geohash_grid_frequency_precision,
            geotile_zoom=search.centroid_geotile_grid_frequency_precision,
        )
        parameters.bounded(search)
        if (name := request.path_params.get("collection_id")) is not None:
            search.collections = [name]
        condition_of = search.model_dump_json(
            by_alias=True, exclude_none=True, exclude=_NO_CONDITION
        )
        async with request.app.state.get_connection(request, "r") as connection:
            await _check_collection(connection, request)
            rows = await _count(connection, condition_of, asked) if asked.names else []
        return _answer(request, counted(asked, rows))

    def _from_parameters(self, given: Json) -> BaseModel:
        """A body that says the same as query parameters.

        Raises:
            BadParameter: one of them cannot be used.
        """
        query, filter_expr = given.pop("query", None), given.pop("filter_expr", None)
        tree = parameters.query_filter(query, filter_expr)
        language = "cql2-json" if tree else given.pop("filter_lang", None)
        intersects = parameters.json_object("intersects", given.pop("intersects", None))
        members = {
            **given,
            "intersects": intersects,
            "filter": parameters.filter_tree(tree or filter_expr, language),
            "filter_lang": None,
        }
        try:
            return self.body(
                **{name: value for name, value in members.items() if value is not None}
            )
        except ValidationError as error:
            raise BadParameter(explain(error)) from error


async def _count(connection: Connection, search: str, asked: Asked) -> list[Record]:
    # pgSTAC writes the condition, with everything of the search as literals, as it does to run it itself.
    condition = await connection.fetchval(
        "SELECT pgstac.stac_search_to_where($1::text::jsonb)", search
    )
    statement = (
        read_sql("aggregate")
        .decode()
        .format(
            keys=", ".join(asked.keys),
            sets=", ".join(f"({key})" for key in asked.keys),
            condition=condition,
        )
    )
    counts: list[Record] = await connection.fetch(
        statement, MOST_BUCKETS, asked.geohash_precision, asked.geotile_zoom
    )
    return counts


async def _check_collection(connection: Connection, request: Request) -> None:
    name = request.path_params.get("collection_id")
    exists = "SELECT EXISTS (SELECT FROM pgstac.collections WHERE id = $1)"
    if name is not None and not await connection.fetchval(exists, name):
        raise UnknownCollection(f"there is no collection {name!r}")


def _answer(request: Request, aggregations: list[Json]) -> Json:
    here, site = str(request.url), site_of(request)
    return {
        "type": "AggregationCollection",
        "aggregations": aggregations,
        "links": [
            {"rel": "self", "type": "application/json", "href": here},
            {"rel": "root", "type": "application/json", "href": f"{site.stac}/"},
            *aggregation_links(site, collection=request.path_params.get("collection_id")),
        ],
    }
