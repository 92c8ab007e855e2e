"""`map.html`: from where TiTiler has a viewer that loads scripts of other sites, to the map page that does not."""

from typing import Annotated, Any, Literal

from attrs import define
from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse
from titiler.core.factory import BaseFactory, FactoryExtension

from eotiles.catalog.items import Item
from eotiles.catalog.layers import OfferedLayer
from eotiles.catalog.links import map_href
from eotiles.catalog.mosaic import Mosaic
from eotiles.http.titiler.finder import offered
from eotiles.http.titiler.layers import parse_index
from eotiles.http.titiler.matrices import MATRICES
from eotiles.http.titiler.parameters import Assets, Index


@define
class MapPageExtension(FactoryExtension):
    """`map.html` of an item or a collection leads to the map page, which lies beside `raster_path`.

    The route has the name of TiTiler's, whose descriptions link to it.
    """

    raster_path: str

    def register(self, factory: BaseFactory) -> None:
        path_dependency = factory.path_dependency  # type: ignore[attr-defined]

        @factory.router.get(
            "/{tileMatrixSetId}/map.html",
            name="map_viewer",
            response_class=RedirectResponse,
            status_code=307,
            summary="To the map page.",
            operation_id=f"{factory.operation_prefix}getMapViewer",
        )
        def map_page(
            request: Request,
            tileMatrixSetId: Annotated[
                Literal[tuple(MATRICES.list())],  # type: ignore[valid-type]
                Path(description="Any; the map page shows Web Mercator."),
            ],
            place: Annotated[Any, Depends(path_dependency)],
            index: Index = None,
            assets: Assets = None,
        ) -> RedirectResponse:
            root = str(request.base_url).rstrip("/").removesuffix(self.raster_path)
            is_item = isinstance(place, Item)
            layers = offered(request.app.state.known, place)
            href = map_href(
                root,
                collection=place.collection if is_item else _collection(place),
                item=place.id if is_item else None,
                layer=_layer(layers, index, assets),
            )
            return RedirectResponse(href, status_code=307)


def _collection(mosaic: Mosaic) -> str:
    assert mosaic.collection is not None  # registered searches have no map.html
    return str(mosaic.collection["id"])


def _layer(
    layers: tuple[OfferedLayer, ...], index: str | None, assets: list[str] | None
) -> str | None:
    """What the map page calls the layer that is asked for; None where it offers no such layer."""
    wanted = [("assets", asset) for asset in assets or ()]
    if index is not None:
        wanted = [("index", parse_index(index))]
    for layer in layers:
        if wanted and wanted == [pair for pair in layer.query if pair[0] in ("index", "assets")]:
            return layer.name
    return None
