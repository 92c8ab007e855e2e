"""`/indices`: which spectral indices there are, and which of them can be drawn of an item or a mosaic."""

from collections.abc import Sequence
from typing import Annotated, Any

from attrs import define
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.bands import sources
from eotiles.catalog.items import Item
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.index import INDICES, Index
from eotiles.core.source import Source
from eotiles.core.symbols import BAND_SYMBOLS, choose, wanted
from eotiles.plan import plan_index, unset_constants

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
