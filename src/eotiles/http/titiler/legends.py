"""`/legend`: what the colours of a layer mean, PNG or JSON. A picture of several bands has none."""

# FastAPI reads these annotations: they stay objects, so no `from __future__ import annotations` here.
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from attrs import define
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.drawable import Drawable, drawables
from eotiles.catalog.items import Item
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter, NotFound
from eotiles.core.index import INDICES
from eotiles.http.titiler.asked import asked_layer
from eotiles.http.titiler.layers import parse_choice, parse_index
from eotiles.http.titiler.parameters import Assets, Expression, RenderParams
from eotiles.http.titiler.styling import colormap_params
from eotiles.plan import AssetChoice, plan_index, split_formulas, unset_constants
from eotiles.render.colour import Colormap
from eotiles.render.legend import GREY, Legend, index_legend, legend, legend_image, legend_json

NONE = {"type": "none", "stops": []}
"""As JSON: nothing in this picture stands for a value."""


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
        assets: Assets = None,
        expression: Expression = None,
        title: Annotated[
            str | None, Query(max_length=120, description="Instead of its own.")
        ] = None,
        f: Annotated[Literal["png", "json"] | None, Query(description="png or json")] = None,
        legend_width: Annotated[int, Query(description="Width of the picture.")] = 320,
        scale: Annotated[int, Query(description="Pixels for one, for dense screens.")] = 1,
    ) -> Response:
        ranges: Any = style.rescale
        chosen = colormap_name or colormap
        layer = asked_layer(request)
        called = title or (layer.title if layer is not None else None)
        if style.index is not None:
            shown: Legend | None = _of_index(place, style.index, chosen, ranges)
        else:
            outputs = split_formulas(expression) if expression else ()
            bands = await _bands(request, place, [parse_choice(text) for text in assets or ()])
            if chosen is None and not (assets or expression):
                raise BadParameter(
                    "a legend needs render=NAME, assets=KEY, index=NAME, or colormap_name or colormap"
                )
            is_single = len(outputs) == 1 or (not outputs and len(bands) == 1) or not assets
            band = bands[0] if len(bands) == 1 and not outputs else None
            shown = _of_band(band, called, chosen, ranges, outputs) if is_single else None
        wants_json = f == "json" or (
            f is None and "application/json" in request.headers.get("accept", "")
        )
        if wants_json:
            answer = {"title": called or "", **NONE} if shown is None else legend_json(shown)
            return JSONResponse(answer, headers={"Vary": "Accept"})
        if shown is None:
            raise NotFound("there is no legend: no colour of this picture stands for a value")
        content = legend_image(shown, width_px=legend_width, scale=scale)
        return Response(content, media_type="image/png", headers={"Vary": "Accept"})


def _of_index(place: Any, name: str, chosen: str | Colormap | None, ranges: Any) -> Legend:
    index = INDICES[parse_index(name)]
    if isinstance(place, Item):
        constants = [(constant, 1.0) for constant in unset_constants(index, {})]
        plan_index(place.stac, index, constants=constants)  # else it would mislead
    return index_legend(index, colormap=chosen, rescale=tuple(ranges[0]) if ranges else None)


def _of_band(
    band: Drawable | None,
    called: str | None,
    chosen: str | Colormap | None,
    ranges: Any,
    outputs: Sequence[str],
) -> Legend | None:
    """The legend of one band, of a formula, or of colours alone; None where bytes are drawn as they are."""
    title = called if called is not None else band.title if band else "; ".join(outputs)
    if chosen is None and not ranges:
        return None
    labels = {each.value: each.name for each in band.classes} if band is not None else {}
    return legend(
        title,
        colormap=chosen or GREY,
        rescale=tuple(ranges[0]) if ranges else (0.0, 255.0),
        unit=band.unit if band is not None else "",
        labels=labels,
    )


async def _bands(request: Request, place: Any, choices: Sequence[AssetChoice]) -> list[Drawable]:
    """The bands that are chosen of an item, or of the first item of a mosaic, as its metadata describes them."""
    if isinstance(place, Mosaic) and choices:
        found = await request.app.state.known.mosaic_items(place, box=None, limit=1)
        place = found[0].item if found else None
    if not isinstance(place, Item):
        return []
    known = drawables(place.assets, properties=place.properties)
    chosen: list[Drawable] = []
    for choice in choices:
        of = [band for band in known if band.source.asset == choice.asset]
        numbers = [band for number in choice.numbers for band in of if band.source.band == number]
        names = [
            band
            for name in choice.names
            for band in of
            if name in (band.source.common_name, band.source.name)
        ]
        chosen += numbers or names or of
    return chosen


@define
class LegendExtension(FactoryExtension):
    """`/legend` of an item or a mosaic."""

    def register(self, factory: BaseFactory) -> None:
        add_legend(
            factory.router,
            path_dependency=factory.path_dependency,  # type: ignore[attr-defined]
            prefix=factory.operation_prefix,
        )
