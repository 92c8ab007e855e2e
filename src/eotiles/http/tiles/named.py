"""`render=NAME`, `rescale=auto`, and a preview of nothing in particular: what is meant is put in its place, and the
route that answers is the one that would have answered the long address."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from urllib.parse import unquote, urlencode

from starlette._utils import get_route_path
from starlette.datastructures import MutableHeaders, QueryParams
from starlette.routing import BaseRoute, Match, NoMatchFound, Router
from starlette.types import Message, Receive, Scope, Send

from eotiles.catalog.items import Item
from eotiles.catalog.known import Known
from eotiles.catalog.layers import AUTO, OfferedLayer, declared_layer
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter, EotilesError, Unavailable, UnknownCollection
from eotiles.http.tiles.flights import Flights, Token
from eotiles.http.titiler.asked import ASKED, LAYER, VERSION, version_of
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.finder import layers_at, renders_at
from eotiles.http.titiler.layers import parse_layer
from eotiles.http.titiler.measure import measure
from eotiles.http.titiler.parameters import Reading
from eotiles.plan import Layer

RANGES_KEPT = 4096
SAMPLE = 3
"""Items of a mosaic whose pixels tell its range."""

FRESH = b"public, max-age=60"
"""How long caches keep a picture whose address does not change with its render."""

_PLACE = re.compile(
    r"/(?:collections/(?P<collection>[^/]+)(?:/items/(?P<item>[^/]+))?|searches/(?P<search>[^/]+))/.+"
)
_PREVIEW = re.compile(r"/preview(/\d+x\d+)?(\.\w+)?$")
_LAYER = ("index", "assets", "expression")
_COLOURS = ("colormap", "colormap_name")
_NAMED = re.compile(rb"(^|&)(render=|rescale=auto(&|$))")

Pairs = tuple[tuple[str, str], ...]
Ranges = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class _Place:
    """What the path names, and the collection that it belongs to."""

    place: Item | Mosaic
    collection: dict[str, Any] | None
    version: str


class NamedRoute(BaseRoute):
    """Before all others: replaces names in the query, and lets the router begin again."""

    path = "/{place}?render={name}"
    """For metrics, until the route that answers is found."""

    def __init__(self, router: Router, *, access: Access) -> None:
        self._router = router
        self._access = access
        self._ranges: OrderedDict[Any, Ranges | None] = OrderedDict()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or ASKED in scope:
            return Match.NONE, {}
        query = scope["query_string"]
        if _NAMED.search(query) is None and not _lacks_layer(scope, query):
            return Match.NONE, {}
        return (Match.NONE, {}) if _place(scope) is None else (Match.FULL, {"route": self})

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = QueryParams(scope["query_string"].decode("latin-1"))
        found = await _find(scope["app"].state.known, _place(scope) or {})
        pairs = [pair for pair in asked.multi_items() if pair[0] not in ("render", VERSION)]
        names = asked.getlist("render")
        layer = None
        if names or not _asks_layer(asked):
            layer = _layer(found, names) if names else _first(found)
            pairs = _merged(pairs, layer)
        version = version_of(pairs if layer is None else layer.query)
        if ("rescale", AUTO) in pairs:
            pairs = await self._measured(scope, found, pairs)
        scope[ASKED], scope[LAYER] = asked.multi_items(), layer
        scope["query_string"] = urlencode(pairs).encode()
        is_current = layer is None or asked.get(VERSION) == version
        await self._router(scope, receive, send if is_current else _fresh(send))

    async def _measured(
        self, scope: Scope, found: _Place, pairs: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """The query with numbers in the place of `rescale=auto`; without, where the pixels are bytes."""
        params = QueryParams(pairs)
        layer = parse_layer(
            index=params.get("index"),
            assets=params.getlist("assets"),
            expression=params.get("expression"),
        )
        reading = Reading(physical=params.get("unscale", "").lower() in ("true", "1"))
        items, versions = await self._sample(scope["app"].state.known, found)
        key = versions, layer, reading
        if key not in self._ranges:
            flights: Flights[Any] = scope["app"].state.flights
            work = partial(_measure, items, layer, reading, self._access)
            with flights.join(("range", key), work) as future:
                done, _ = await asyncio.wait((future,), timeout=flights.seconds)
                if not done:
                    raise Unavailable("the range of the pixels is not known yet; try again")
                self._ranges[key] = future.result()
            while len(self._ranges) > RANGES_KEPT:
                self._ranges.popitem(last=False)
        ranges = self._ranges[key] or ()
        rest = [pair for pair in pairs if pair[0] != "rescale"]
        return [*rest, *(("rescale", f"{low:.6g},{high:.6g}") for low, high in ranges)]

    async def _sample(
        self, known: Known, found: _Place
    ) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        if isinstance(found.place, Item):
            return (found.place,), (found.version,)
        items = await known.mosaic_items(found.place, box=None, limit=SAMPLE)
        return tuple(each.item for each in items), tuple(each.version for each in items)


def _place(scope: Scope) -> dict[str, str] | None:
    found = _PLACE.fullmatch(get_route_path(scope))
    if found is None:
        return None
    return {name: unquote(value) for name, value in found.groupdict().items() if value}


async def _find(known: Known, names: dict[str, str]) -> _Place:
    """What the path names.

    Raises:
        NotFound: there is no such thing.
    """
    if "search" in names:
        return _Place(await known.search_mosaic(names["search"]), None, "")
    name = names["collection"]
    if "item" not in names:
        mosaic = await known.collection_mosaic(name, search={})
        return _Place(mosaic, mosaic.collection, "")  # type: ignore[arg-type]
    item = await known.item(name, names["item"])
    try:
        collection = await known.collection(name)
    except UnknownCollection:
        collection = None  # deleted between two look-ups
    return _Place(item.item, collection, item.version)


def _layer(found: _Place, names: Sequence[str]) -> OfferedLayer:
    """The layer of that name.

    Raises:
        BadParameter: there is none.
    """
    if len(set(names)) > 1:
        raise BadParameter("render takes one name")
    renders = renders_at(found.place, found.collection)
    layer = declared_layer(names[0], renders.get(names[0]))
    if layer is not None:
        return layer
    layers = layers_at(found.place, found.collection)
    for layer in layers:
        if layer.name == names[0]:
            return layer
    having = ", ".join(each.name for each in layers[:20]) or "none"
    raise BadParameter(f"{found.place} has no render {names[0][:60]!a}; it has: {having}")


def _lacks_layer(scope: Scope, query: bytes) -> bool:
    """Whether a preview is asked for without a word about what it is to show."""
    if _PREVIEW.search(get_route_path(scope)) is None:
        return False
    return not _asks_layer(QueryParams(query.decode("latin-1")))


def _asks_layer(asked: QueryParams) -> bool:
    return any(name in asked for name in _LAYER)


def _first(found: _Place) -> OfferedLayer:
    """The layer that stands for what is there.

    Raises:
        BadParameter: nothing there can be drawn.
    """
    layers = layers_at(found.place, found.collection)
    if not layers:
        raise BadParameter(f"{found.place} has nothing that can be drawn unasked: give assets=KEY")
    return layers[0]


def _merged(pairs: list[tuple[str, str]], layer: OfferedLayer) -> list[tuple[str, str]]:
    """The layer's parameters, but for those that the request has an own word for."""
    given = {name for name, _ in pairs}
    if clash := given.intersection(_LAYER):
        raise BadParameter(f"give either render or {min(clash)}, not both")
    if given.intersection(_COLOURS):
        given.update(_COLOURS)
    return [*(pair for pair in layer.query if pair[0] not in given), *pairs]


def _measure(
    items: Sequence[Item], layer: Layer, reading: Reading, access: Access, token: Token
) -> Ranges | None:
    """The 2nd to 98th percentile of each band, the median of several items; None for bytes, or where nothing is seen.

    Raises:
        EotilesError: no item can be read.
    """
    found: list[Ranges] = []
    fault: EotilesError | None = None
    for item in items:
        token.check()
        try:
            told = measure(item, layer, reading, access)
        except EotilesError as error:
            fault = error
            continue
        if told.data_type == "uint8":
            return None
        if told.ranges:
            found.append(told.ranges)
    if not found:
        if fault is not None:
            raise fault
        return None
    found = [each for each in found if len(each) == len(found[0])]
    return tuple(
        (median(low for low, _ in band), median(high for _, high in band))
        for band in zip(*found, strict=True)
    )


def _fresh(send: Send) -> Send:
    """Says of pictures that they are to be asked for again soon."""

    async def stamped(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            MutableHeaders(scope=message)["Cache-Control"] = FRESH.decode()
        await send(message)

    return stamped
