"""WMTS without a layer in the request: the layers that the STAC API links to, or a sentence that says how to name one.

TiTiler's WMTS knows the renders that the item or the search itself declares, and refuses everything else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from attrs import define
from fastapi import HTTPException
from starlette.responses import Response
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.items import Item
from eotiles.catalog.layers import OfferedLayer, Query
from eotiles.catalog.links import MOST_LAYERS
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter
from eotiles.http.titiler.finder import offered

_LISTS = ("assets", "rescale")
"""Parameters that may come several times."""


@define
class WmtsLayersExtension(FactoryExtension):
    """Layers for TiTiler's WMTS where nothing else names one; comes after its extension, whose route it wraps."""

    def register(self, factory: BaseFactory) -> None:
        for route in factory.router.routes:
            if getattr(route, "name", None) == "wmts":
                route.endpoint = _with_layers(route.endpoint)  # type: ignore[attr-defined]


def _with_layers(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    @wraps(endpoint)
    def wmts(**values: Any) -> Response:
        place, request = values["src_path"], values["request"]
        is_named = any(name in request.query_params for name in ("index", "assets"))
        if not is_named and not _declared(place):
            layers = offered(request.app.state.known, place)
            values["src_path"] = _declare(place, layers[:MOST_LAYERS])
        try:
            return endpoint(**values)
        except HTTPException as error:
            if is_named:
                what = (
                    "no layer can be made of these parameters; a tile asked for with them says why"
                )
            else:
                what = f"{place} has no layer of its own: give index=NAME or assets=KEY, such as ?index=ndvi"
            raise BadParameter(what) from error

    assert {"src_path", "request"} <= set(inspect.signature(endpoint).parameters)
    return wmts


def _declared(place: Item | Mosaic) -> Any:
    return (
        place.properties.get("renders")
        if isinstance(place, Item)
        else place.metadata.get("defaults")
    )


def _declare(place: Item | Mosaic, layers: Sequence[OfferedLayer]) -> Item | Mosaic:
    """The place as if these layers were its own renders."""
    renders = {layer.name: _render(layer.query) for layer in layers}
    if isinstance(place, Item):
        return Item({**place.stac, "properties": {**place.properties, "renders": renders}})
    return replace(place, metadata={**place.metadata, "defaults": renders})


def _render(query: Query) -> dict[str, Any]:
    """Parameters of the raster API as the render extension has them."""
    single = {name: value for name, value in query if name not in _LISTS}
    lists = {name: [value for key, value in query if key == name] for name in _LISTS}
    return single | {name: values for name, values in lists.items() if values}
