"""The route of tiles: one that stands before TiTiler's and takes what it can answer; the rest is theirs.

An address or a query that is wrong does not match here, so it is TiTiler's route that says what is wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from anyio.to_thread import run_sync
from starlette._utils import get_route_path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from eotiles.catalog.items import Item
from eotiles.core.errors import Unavailable
from eotiles.core.grid import Grid
from eotiles.core.watch import Watch
from eotiles.http.tiles.address import TileAddress, parse_address
from eotiles.http.tiles.catalogue import Shown, find_shown
from eotiles.http.tiles.coverage import HEADER as COVERAGE
from eotiles.http.tiles.explain import explain
from eotiles.http.tiles.flights import Token
from eotiles.http.tiles.headers import CACHE_CONTROL, etag, is_known, tile_headers
from eotiles.http.tiles.painter import Painted, Painter
from eotiles.http.tiles.query import Ask, parse_query
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.matrices import MATRICES
from eotiles.read.grid import check_tile, tile_grid

GRIDS_KEPT = 4096

GRACE_S = 0.5
"""Work that looks at its own time says itself what took so long."""


class TileRoute(BaseRoute):
    """`/…/tiles/{tileMatrixSetId}/{z}/{x}/{y}`, with a format or `/explain` behind it."""

    path = "/{place}/tiles/{tileMatrixSetId}/{z}/{x}/{y}"
    """For metrics."""

    def __init__(self, *, access: Access) -> None:
        self._access = access

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] != "GET":
            return Match.NONE, {}
        address = parse_address(get_route_path(scope))
        if address is None:
            return Match.NONE, {}
        ask = parse_query(address.place.kind, scope["query_string"].decode("latin-1"))
        if ask is None:
            return Match.NONE, {}
        return Match.FULL, {"route": self, "tile": (address, ask)}

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        raise NoMatchFound(name, path_params)  # links are TiTiler's to make

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, ask = scope["tile"]
        answer = await self._answer(Request(scope, receive), address, ask)
        if answer is not None:
            await answer(scope, receive, send)

    async def _answer(self, request: Request, address: TileAddress, ask: Ask) -> Response | None:
        """The answer; None where the client has left."""
        tile = address.x, address.y, address.z
        grid = _grid(address.tms, *tile, ask.size_px, ask.buffer_px)
        state = request.app.state
        shown = await find_shown(
            state.known, address, ask, tms=MATRICES.get(address.tms), grid=grid
        )
        if address.explain:
            told = partial(
                explain, ask, grid, shown.items, format=address.format, access=self._access
            )
            found = await run_sync(told)
            return JSONResponse(found, headers={"Cache-Control": "no-store"})
        tag = _tag(address, ask, shown)
        if is_known(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": CACHE_CONTROL})
        work = partial(_paint, ask, grid, shown.items, address=address, access=self._access)
        with state.flights.join(tag, work) as future:
            if not await _done_before_gone(request, future, seconds=state.flights.seconds):
                return None
            painted: Painted = future.result()
        headers = tile_headers(grid, tag=tag, seconds=painted.seconds, bounds=painted.bounds)
        if painted.is_coverage:
            headers[COVERAGE[0]] = COVERAGE[1]
        return Response(painted.content, media_type=painted.media_type, headers=headers)


@lru_cache(maxsize=GRIDS_KEPT)
def _grid(tms: str, x: int, y: int, z: int, size_px: int | None, buffer_px: float) -> Grid:
    """The grid of a tile.

    Raises:
        TileOutsideMatrix: the matrix has no such tile.
    """
    matrices = MATRICES.get(tms)
    check_tile(matrices, x, y, z)
    return tile_grid(matrices, x, y, z, size_px=size_px, buffer_px=buffer_px)


def _paint(
    ask: Ask,
    grid: Grid,
    items: Sequence[Item],
    token: Token,
    *,
    address: TileAddress,
    access: Access,
) -> Painted:
    token.check()
    painter = Painter(ask, grid, access, Watch(token.check))
    return painter.paint(items, format=address.format)


def _tag(address: TileAddress, ask: Ask, shown: Shown) -> str:
    tile = f"{address.tms}/{address.z}/{address.x}/{address.y}"
    kind = "" if address.format is None else address.format.value
    return etag(ask.key, tile, kind, versions=shown.versions)


async def _done_before_gone(
    request: Request, future: asyncio.Future[Any], *, seconds: float
) -> bool:
    """Whether a future is done before the client leaves.

    Raises:
        Unavailable: neither is after `seconds`: an asset's server is slow, or all threads are busy with such.
    """
    gone = asyncio.ensure_future(_gone(request))
    try:
        done, _ = await asyncio.wait(
            (future, gone), timeout=seconds + GRACE_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise Unavailable(
                f"the tile took longer than {seconds:g} s; try again in a moment, or ask for less"
            )
        return future.done()
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
