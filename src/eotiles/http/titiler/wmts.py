"""WMTS capabilities: a layer for each render, in the matrix sets that maps use, with the tiles that can show something.

In TiTiler's place, whose document repeats every layer for each of 13 matrix sets.
"""

# FastAPI reads these annotations: they stay objects, so no `from __future__ import annotations` here.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from attrs import define
from fastapi import Depends, Query
from morecantile import TileMatrixSet
from rio_tiler.constants import WGS84_CRS
from starlette.datastructures import QueryParams
from starlette.requests import Request
from titiler.core.factory import BaseFactory, FactoryExtension
from titiler.core.resources.enums import ImageType
from titiler.core.resources.responses import XMLResponse
from titiler.core.utils import check_query_params, dependencies_to_openapi_params

from eotiles.catalog.items import Item
from eotiles.catalog.layers import AUTO, OfferedLayer
from eotiles.catalog.links import MOST_LAYERS
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter
from eotiles.core.grid import Bounds
from eotiles.http.titiler.asked import VERSION, asked_layer, asked_query, version_of
from eotiles.http.titiler.capabilities import (
    Capabilities,
    WmtsLayer,
    capabilities_xml,
    matrix_limits,
)
from eotiles.http.titiler.finder import offered
from eotiles.http.titiler.matrices import FIRST, MATRICES

SETS = (FIRST, "WorldCRS84Quad")
"""What web maps use, and degrees for everything else; the first is what clients take unasked."""

MOST_SETS = 4
WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)

_OWN = {
    *("tile_format", "use_epsg", "tilesize", "tilematrixsets", "zooms"),
    *("service", "request", "version", "acceptversions", "sections", "updatesequence"),
    "acceptformats",
}
"""Parameters of the document, or of WMTS requests in general: no tile takes them."""


@dataclass(frozen=True)
class _Shown:
    """A layer of the document."""

    name: str
    title: str
    query: tuple[tuple[str, str], ...]
    """Of its tiles and its legend."""

    has_legend: bool
    zooms: tuple[int, int] | None = None
    """Of web map tiles, where a render says so."""


@define
class WmtsExtension(FactoryExtension):
    """`/WMTSCapabilities.xml` of an item or a mosaic."""

    def register(self, factory: BaseFactory) -> None:
        parts: Any = factory
        is_mosaic = hasattr(parts, "backend")
        tile_dependencies: list[Callable[..., Any]] = [
            *(parts.reader_dependency, parts.tile_dependency, parts.layer_dependency),
            *(parts.dataset_dependency, parts.process_dependency, parts.colormap_dependency),
            parts.render_dependency,
        ]

        def nothing() -> None:
            return None

        def extent(place: Any, tms: TileMatrixSet, scope: Any, backend: Any) -> Any:
            if is_mosaic:
                return parts.backend(
                    place,
                    tms=tms,
                    reader=parts.dataset_reader,
                    reader_options=scope.as_dict(),
                    **backend.as_dict(),
                )
            return parts.reader(place, tms=tms, **scope.as_dict())

        @factory.router.get(
            "/WMTSCapabilities.xml",
            name="wmts",
            response_class=XMLResponse,
            responses={200: {"content": {"application/xml": {}}}},
            summary="WMTS: a layer for each render, or the one that is asked for.",
            operation_id=f"{factory.operation_prefix}getWMTS",
            openapi_extra={"parameters": dependencies_to_openapi_params(tile_dependencies)},
        )
        def wmts(
            request: Request,
            place: Annotated[Any, Depends(parts.path_dependency)],
            scope: Annotated[Any, Depends(parts.reader_dependency)],
            backend: Annotated[Any, Depends(parts.backend_dependency if is_mosaic else nothing)],
            tile_format: Annotated[
                ImageType, Query(description="Format of the tiles.")
            ] = ImageType.png,
            tilematrixsets: Annotated[
                str | None,
                Query(
                    max_length=200,
                    description=f"Identifiers, parted by commas (see /tileMatrixSets). Default: {', '.join(SETS)}.",
                ),
            ] = None,
            use_epsg: Annotated[
                bool, Query(description="EPSG:3857 instead of a URN, for ArcMap.")
            ] = False,
        ) -> XMLResponse:
            matrices = _matrices(tilematrixsets)
            layers = _layers(request, place, tile_dependencies)
            bounds: Bounds = WORLD
            zooms: dict[str, tuple[int, int]] = {}
            for tms in matrices:
                with extent(place, tms, scope, backend) as opened:
                    bounds = opened.get_geographic_bounds(WGS84_CRS)
                    zooms[str(tms.id)] = opened.minzoom, opened.maxzoom
            base = parts.url_for(request, "wmts").removesuffix("/WMTSCapabilities.xml")
            document = Capabilities(
                title=str(place),
                address=str(request.url),
                bounds=bounds,
                matrices=matrices,
                layers=[
                    _described(layer, base, tile_format, bounds=bounds, zooms=zooms, sets=matrices)
                    for layer in layers
                ],
                use_epsg=use_epsg,
            )
            return XMLResponse(capabilities_xml(document), media_type="application/xml")


def _matrices(names: str | None) -> list[TileMatrixSet]:
    chosen = list(dict.fromkeys(name.strip() for name in names.split(","))) if names else list(SETS)
    unknown = [name for name in chosen if name not in MATRICES.tilematrixsets]
    if unknown or len(chosen) > MOST_SETS:
        raise BadParameter(
            f"tilematrixsets takes up to {MOST_SETS} of the identifiers that /tileMatrixSets lists"
        )
    return [MATRICES.get(name) for name in chosen]


def _layers(
    request: Request, place: Item | Mosaic, dependencies: list[Callable[..., Any]]
) -> Sequence[_Shown]:
    """The layer that the request names, else those that the STAC API links to and that can be drawn.

    Raises:
        BadParameter: there is none.
    """
    named = asked_layer(request)
    if named is not None:
        query = [pair for pair in asked_query(request) if pair[0].lower() not in _OWN]
        return (_shown(named, query),)
    asked = [pair for pair in request.query_params.multi_items() if pair[0].lower() not in _OWN]
    if any(name in ("index", "assets", "expression") for name, _ in asked):
        if not check_query_params(dependencies, QueryParams(asked)):
            raise BadParameter(
                "no layer can be made of these parameters; a tile asked for with them says why"
            )
        name = request.query_params.get("index") or "default"
        return (_shown(OfferedLayer(name, name, tuple(asked)), asked),)
    layers = [
        layer
        for layer in offered(request.app.state.known, place)[:MOST_LAYERS]
        if check_query_params(dependencies, QueryParams(_without_auto(layer.query)))
    ]
    if not layers:
        raise BadParameter(
            f"{place} has no layer of its own: give index=NAME or assets=KEY, such as ?index=ndvi"
        )
    # What else is asked for goes for every layer, such as datetime= of a mosaic.
    return [_shown(layer, [*_addressed(layer), *asked]) for layer in layers]


def _addressed(layer: OfferedLayer) -> list[tuple[str, str]]:
    if layer.address == layer.query:
        return list(layer.query)
    return [*layer.address, (VERSION, version_of(layer.query))]


def _shown(layer: OfferedLayer, query: Sequence[tuple[str, str]]) -> _Shown:
    return _Shown(layer.name, layer.title, tuple(query), layer.has_legend, layer.zooms)


def _without_auto(query: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in query if pair != ("rescale", AUTO)]


def _described(
    layer: _Shown,
    base: str,
    tile_format: ImageType,
    *,
    bounds: Bounds,
    zooms: dict[str, tuple[int, int]],
    sets: Sequence[TileMatrixSet],
) -> WmtsLayer:
    query = urlencode(layer.query)
    tile = f"{{TileMatrixSet}}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.{tile_format.value}"
    asked = {FIRST: layer.zooms} if layer.zooms is not None else {}
    return WmtsLayer(
        identifier=layer.name,
        title=layer.title,
        template=f"{base}/tiles/{tile}?{query}",
        media_type=tile_format.mediatype,
        legend=f"{base}/legend?{query}" if layer.has_legend else None,
        limits={
            str(tms.id): matrix_limits(tms, bounds, zooms={**zooms, **asked}[str(tms.id)])
            for tms in sets
        },
    )
