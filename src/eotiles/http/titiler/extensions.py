"""Routes that TiTiler does not have: `/indices` and `/legend`; and the attribution in its TileJSON."""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any, Literal

from attrs import define
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.attribution import attribution
from eotiles.catalog.bands import sources
from eotiles.catalog.items import Item
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES, Index
from eotiles.core.source import Source
from eotiles.core.symbols import BAND_SYMBOLS, choose, wanted
from eotiles.http.titiler.finder import collection_of, sample
from eotiles.http.titiler.layers import parse_index
from eotiles.http.titiler.parameters import RenderParams
from eotiles.http.titiler.styling import colormap_params
from eotiles.plan import plan_index, unset_constants
from eotiles.render.colour import Colormap
from eotiles.render.legend import Legend, index_legend, legend, legend_image, legend_json

SAMPLE = 20
"""Items of a mosaic that are asked which indices they support."""

Json = dict[str, Any]


Domain = Annotated[
    str | None,
    Query(max_length=40, description="vegetation, water, burn, urban, soil, radar, snow, …"),
]
Words = Annotated[
    str | None, Query(max_length=100, description="Only indices whose name or title has it.")
]


def describe(index: Index) -> Json:
    """An index for a client that wants to offer it."""
    return {
        "name": index.name,
        "label": index.label,
        "title": index.title,
        "domain": index.domain,
        "formula": index.formula,
        "bands": {symbol: _supply(symbol) for symbol in index.bands},
        "constants": dict(index.constants),
        "value_range": None if index.value_range is None else list(index.value_range),
        "rescale": list(index.rescale),
        "rescale_is_estimated": index.is_estimated,
        "colormap_name": index.colormap,
        "reference": index.reference,
    }


def _supply(symbol: str) -> list[str]:
    return list(BAND_SYMBOLS[symbol]) or [wanted(symbol)]


def support(index: Index, item: Item, available: Sequence[Source]) -> Json:
    """Whether an item has the bands of an index, and what is missing or where they are."""
    if missing := [symbol for symbol in index.bands if choose(symbol, available) is None]:
        return {"supported": False, "missing": [wanted(symbol) for symbol in missing]}
    # Of a constant that a request has to give, any number shows the plan.
    constants = [(name, 1.0) for name in unset_constants(index, {})]
    return {
        "supported": True,
        "plan": plan_index(item.stac, index, constants=constants).explain(),
    }


def matching(domain: str | None, q: str | None) -> list[Index]:
    """The indices of a domain whose name or title has all the words."""
    words = (q or "").lower().split()
    return [
        index
        for index in INDICES.values()
        if (domain is None or index.domain == domain.lower())
        and all(word in f"{index.label} {index.title}".lower() for word in words)
    ]


def add_indices(router: APIRouter) -> None:
    """`/indices` of the service: every index that `index=` takes."""

    @router.get(
        "/indices", summary="Spectral indices that index= takes.", operation_id="getIndices"
    )
    def indices(domain: Domain = None, q: Words = None) -> Json:
        return {"indices": [describe(index) for index in matching(domain, q)]}


@define
class IndicesExtension(FactoryExtension):
    """`/indices` of an item or a mosaic: which of them its bands allow."""

    def register(self, factory: BaseFactory) -> None:
        path_dependency = factory.path_dependency  # type: ignore[attr-defined]

        @factory.router.get(
            "/indices",
            summary="Spectral indices, and which of them can be drawn here.",
            operation_id=f"{factory.operation_prefix}getIndices",
        )
        async def indices(
            request: Request,
            place: Annotated[Item | Mosaic, Depends(path_dependency)],
            domain: Domain = None,
            q: Words = None,
            supported: Annotated[
                bool | None, Query(description="Only those that can be drawn here, or cannot.")
            ] = None,
        ) -> Json:
            if isinstance(place, Item):
                items: tuple[Item, ...] = (place,)
            else:
                known = request.app.state.known
                found = await known.mosaic_items(place, box=None, limit=SAMPLE)
                items = tuple(each.item for each in found)
            places = [(item, sources(item.stac)) for item in items]
            told = [_best(index, places) for index in matching(domain, q)]
            return {"indices": [each for each in told if supported in (None, each["supported"])]}


def _best(index: Index, places: Sequence[tuple[Item, Sequence[Source]]]) -> Json:
    """What the first item that supports the index says, else the first that does not."""
    first: Json | None = None
    for item, available in places:
        answer = support(index, item, available)
        if answer["supported"]:
            return describe(index) | answer
        first = first or answer
    return describe(index) | (first or {"supported": False, "missing": [], "empty": True})


def _legend_response(
    request: Request, shown: Legend, f: str | None, width: int, scale: int
) -> Response:
    wants_json = f == "json" or (
        f is None and "application/json" in request.headers.get("accept", "")
    )
    if wants_json:
        return JSONResponse(legend_json(shown), headers={"Vary": "Accept"})
    content = legend_image(shown, width_px=width, scale=scale)
    return Response(content, media_type="image/png", headers={"Vary": "Accept"})


def add_legend(
    router: APIRouter, *, path_dependency: Callable[..., Any] | None = None, prefix: str = ""
) -> None:
    """`/legend`: PNG, or JSON by `f=json` or the Accept header."""

    async def anywhere() -> None:
        return None

    @router.get(
        "/legend",
        response_class=Response,
        responses={200: {"content": {"image/png": {}, "application/json": {}}}},
        summary="What the colours of a layer mean.",
        operation_id=f"{prefix}getLegend",
    )
    async def legend_of(
        request: Request,
        place: Annotated[Any, Depends(path_dependency or anywhere)],
        style: Annotated[RenderParams, Depends()],
        colormap: Annotated[Colormap | None, Depends(colormap_params)],
        colormap_name: Annotated[str | None, Query(include_in_schema=False)] = None,
        title: Annotated[
            str | None, Query(max_length=120, description="Instead of its own.")
        ] = None,
        f: Annotated[Literal["png", "json"] | None, Query(description="png or json")] = None,
        legend_width: Annotated[int, Query(description="Width of the picture.")] = 320,
        scale: Annotated[int, Query(description="Pixels for one, for dense screens.")] = 1,
    ) -> Response:
        ranges: Any = style.rescale
        rescale = tuple(ranges[0]) if ranges else None
        chosen = colormap_name or colormap
        if style.index is not None:
            index = INDICES[parse_index(style.index)]
            if isinstance(place, Item):
                constants = [(name, 1.0) for name in unset_constants(index, {})]
                plan_index(place.stac, index, constants=constants)  # else it would mislead
            shown = index_legend(index, colormap=chosen, rescale=rescale)
        elif chosen is not None:
            shown = legend(title or "", colormap=chosen, rescale=rescale or (0.0, 255.0))
        else:
            raise BadParameter("a legend needs index=NAME, or colormap_name or colormap")
        return _legend_response(request, shown, f, legend_width, scale)


@define
class LegendExtension(FactoryExtension):
    """`/legend` of an item or a mosaic."""

    def register(self, factory: BaseFactory) -> None:
        add_legend(
            factory.router,
            path_dependency=factory.path_dependency,  # type: ignore[attr-defined]
            prefix=factory.operation_prefix,
        )


@define
class AttributionExtension(FactoryExtension):
    """Whose imagery it is and what is shown, in TileJSON.

    TiTiler takes the attribution from one environment variable for all. Its own telemetry replaces a route's endpoint
    by a wrapped one (BaseFactory.add_telemetry); so does this, and the route stays TiTiler's.
    """

    def register(self, factory: BaseFactory) -> None:
        for route in factory.router.routes:
            if getattr(route, "name", None) == "tilejson":
                route.endpoint = _attributed(route.endpoint)  # type: ignore[attr-defined]


def _attributed(endpoint: Callable[..., Json]) -> Callable[..., Json]:
    @wraps(endpoint)
    def tilejson(**values: Any) -> Json:
        body = endpoint(**values)
        place, request = values["src_path"], values["request"]
        layer = values["layer_params"].as_dict()["layer"]
        body["attribution"] = _attribution(place, request)
        body["name"] = f"{layer.index or 'bands'} of {place}"
        return body

    assert {"src_path", "request", "layer_params"} <= set(inspect.signature(endpoint).parameters)
    return tilejson


def _attribution(place: Item | Mosaic, request: Request) -> str | None:
    known = request.app.state.known
    if isinstance(place, Mosaic):
        if (found := attribution(None, place.collection)) is not None:
            return found
        each = [attribution(item.stac, None) for item in sample(known, place, SAMPLE)]
        return "; ".join(dict.fromkeys(text for text in each if text)) or None
    return attribution(place.stac, collection_of(known, place))
