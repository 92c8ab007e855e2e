"""`/preview` of a mosaic, which TiTiler does not have; and ETags for it and for TiTiler's previews of items."""

# FastAPI reads these annotations: they stay objects, so no `from __future__ import annotations` here.
import asyncio
import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from attrs import define
from fastapi import Depends, Path, Query
from starlette._utils import get_route_path
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Router
from starlette.types import Message, Receive, Scope, Send
from titiler.core.factory import BaseFactory, FactoryExtension
from titiler.core.resources.enums import ImageType

from eotiles.catalog.known import KnownItem
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import AssetUnreadable, BadParameter, HrefRefused, Unavailable
from eotiles.core.grid import Grid
from eotiles.core.watch import Watch
from eotiles.http.tiles.coverage import HEADER as COVERAGE
from eotiles.http.tiles.flights import Token
from eotiles.http.tiles.framing import NEWEST, framed, picture_grid
from eotiles.http.tiles.headers import CACHE_CONTROL, etag, is_known, tile_headers
from eotiles.http.tiles.painter import Painted, Painter
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.backend import ITEMS_DEFAULT
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.merging import LACKING

LONGEST_PX = 1024
"""Longest side of a picture of a mosaic, each of whose items may have to be read for it."""

PART = ("X-Preview", "part")
"""Header of a picture that shows a part of the mosaic."""

NUMBERS = (ImageType.npy, ImageType.tif, ImageType.tiff)

PASSED_OVER = (*LACKING, AssetUnreadable, HrefRefused)

_NO_BOX = (-1.0, -1.0, 1.0, 1.0)
"""Where the picture of a mosaic of nothing lies."""

_ITEM = re.compile(r"/collections/([^/]+)/items/([^/]+)/preview(/\d+x\d+)?(\.\w+)?")
_STAMPED = "eotiles.preview"

MaxSize = Annotated[
    int, Query(ge=LONGEST_PX // 64, le=LONGEST_PX, description="Longer side of the picture.")
]
Format = Annotated[ImageType, Path(description="Of the picture.")]


@define
class PreviewExtension(FactoryExtension):
    """`/preview` of a mosaic: its items on one picture, or where they are too many and too small, around the newest."""

    access: Access

    def register(self, factory: BaseFactory) -> None:
        parts: Any = factory

        async def asked(
            mosaic: Annotated[Any, Depends(parts.path_dependency)],
            layer: Annotated[Any, Depends(parts.layer_dependency)],
            reading: Annotated[Any, Depends(parts.dataset_dependency)],
            selection: Annotated[Any, Depends(parts.pixel_selection_dependency)],
            colormap: Annotated[Any, Depends(parts.colormap_dependency)],
            style: Annotated[Any, Depends(parts.render_dependency)],
        ) -> tuple[Mosaic, Ask]:
            ask = Ask(
                layer=layer.as_dict()["layer"],
                reading=reading.as_dict()["reading"],
                render=style.as_dict(),
                colormap=colormap,
                selection=selection,
            )
            return mosaic, ask

        @factory.router.get(
            "/preview",
            response_class=Response,
            summary="A picture of the mosaic, or of a part of it.",
            operation_id=f"{factory.operation_prefix}getPreview",
        )
        async def preview(
            request: Request,
            what: Annotated[tuple[Mosaic, Ask], Depends(asked)],
            max_size: MaxSize = 512,
        ) -> Response:
            return await _answer(request, *what, None, longest_px=max_size, access=self.access)

        @factory.router.get(
            "/preview.{format}",
            response_class=Response,
            summary="The same, in a format.",
            operation_id=f"{factory.operation_prefix}getPreviewWithFormat",
        )
        async def preview_as(
            request: Request,
            what: Annotated[tuple[Mosaic, Ask], Depends(asked)],
            format: Format,
            max_size: MaxSize = 512,
        ) -> Response:
            if format in NUMBERS:
                raise BadParameter("a preview of a mosaic is a picture: ask /bbox for numbers")
            return await _answer(request, *what, format, longest_px=max_size, access=self.access)


async def _answer(
    request: Request,
    mosaic: Mosaic,
    ask: Ask,
    format: ImageType | None,
    *,
    longest_px: int,
    access: Access,
) -> Response:
    known, flights = request.app.state.known, request.app.state.flights
    items: Sequence[KnownItem] = await known.mosaic_items(mosaic, box=None, limit=NEWEST)
    frame = framed([each.item for each in items], extent=mosaic.bounds)
    box, is_part = frame or (_NO_BOX, False)
    if len(items) == NEWEST:
        items = await known.mosaic_items(mosaic, box=box, limit=ITEMS_DEFAULT)
    grid = picture_grid(box, longest_px=longest_px)
    place = [request.url.path, str(sorted(request.query_params.multi_items())), repr(box)]
    tag = etag(*place, versions=[each.version for each in items])
    if is_known(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": CACHE_CONTROL})
    work = partial(_paint, ask, grid, items, format, access)
    with flights.join(tag, work) as future:
        done, _ = await asyncio.wait((future,), timeout=flights.seconds)
        if not done:
            raise Unavailable("the preview took too long; try again in a moment")
        painted: Painted = future.result()
    headers = tile_headers(grid, tag=tag, seconds=painted.seconds)
    if is_part:
        headers[PART[0]] = PART[1]
    if painted.is_coverage:
        headers[COVERAGE[0]] = COVERAGE[1]
    return Response(painted.content, media_type=painted.media_type, headers=headers)


def _paint(
    ask: Ask,
    grid: Grid,
    items: Sequence[KnownItem],
    format: ImageType | None,
    access: Access,
    token: Token,
) -> Painted:
    token.check()
    painter = Painter(ask, grid, access, Watch(token.check), passed_over=PASSED_OVER)
    return painter.paint([each.item for each in items], format=format)


class ItemPreviewRoute(BaseRoute):
    """Stands before TiTiler's previews of items: answers 304 before a pixel is read, and stamps what they draw."""

    path = "/collections/{collection_id}/items/{item_id}/preview"
    """For metrics, until the route that answers is found."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] != "GET" or _STAMPED in scope:
            return Match.NONE, {}
        found = _ITEM.fullmatch(get_route_path(scope))
        return (Match.NONE, {}) if found is None else (Match.FULL, {"route": self})

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _ITEM.fullmatch(get_route_path(scope))
        assert found is not None  # it matched
        request = Request(scope)
        item = await request.app.state.known.item(unquote(found[1]), unquote(found[2]))
        place = [found[0], str(sorted(request.query_params.multi_items()))]
        tag = etag(*place, versions=[item.version])
        if is_known(tag, request.headers.get("if-none-match", "")):
            kept = {"ETag": tag, "Cache-Control": CACHE_CONTROL}
            await Response(status_code=304, headers=kept)(scope, receive, send)
            return
        scope[_STAMPED] = True

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message)["ETag"] = tag
            await send(message)

        await self._router(scope, receive, stamped)
