"""Bounds of the parameters that TiTiler's endpoints take by themselves, checked before anything is done."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from morecantile.errors import InvalidIdentifier
from starlette.requests import Request

from eotiles.core.errors import BadParameter
from eotiles.http.titiler.matrices import MATRICES

TILE_SIZES_PX = (256, 512, 1024)
COVER_SCALE_MAX = 20
"""Subdivisions of a pixel when a feature's coverage is counted; the work grows with its square."""

PathParams = Mapping[str, Any]

_CRS = re.compile(
    r"[A-Za-z]{2,10}:[A-Za-z0-9_]{1,20}"
    r"|urn:ogc:def:crs:[A-Za-z]{2,10}:[A-Za-z0-9.]{0,10}:[A-Za-z0-9_]{1,20}"
    r"|https?://www\.opengis\.net/def/crs/[A-Za-z]{2,10}/[A-Za-z0-9.]{1,10}/[A-Za-z0-9_]{1,20}"
)
"""A CRS by authority and code. PROJ strings could name files of this machine."""

_ZOOMS = re.compile(r"[^:]+::(\d{1,2}),(\d{1,2})")


async def within_limits(request: Request) -> None:
    """Refuse what is out of bounds; for every route of the raster API.

    Raises:
        BadParameter: a value is out of bounds; the message says what is allowed.
    """
    check_limits(request.query_params.multi_items(), path_params=request.path_params)


def check_limits(query: Iterable[tuple[str, str]], *, path_params: PathParams) -> None:
    """Refuse parameters, as names with values, that are out of bounds.

    Raises:
        BadParameter: a value is out of bounds; the message says what is allowed.
    """
    for name, value in query:
        check = _CHECKS.get(name)
        if check is not None and (allowed := check(value, path_params)) is not None:
            raise BadParameter(f"{name} takes {allowed}, got {value[:60]!a}")


def _tile_size(value: str, path_params: PathParams) -> str | None:
    sizes = [str(size) for size in TILE_SIZES_PX]
    return None if value in sizes else " or ".join(sizes)


def _zoom(value: str, path_params: PathParams) -> str | None:
    try:
        tms = MATRICES.get(path_params.get("tileMatrixSetId", "WebMercatorQuad"))
    except InvalidIdentifier:
        return None  # the route says so itself
    low, high = tms.minzoom, tms.maxzoom
    return None if _whole(value, low, high) else f"whole numbers from {low} to {high}"


def _zooms(value: str, path_params: PathParams) -> str | None:
    found = _ZOOMS.fullmatch(value)
    fine = found is not None and int(found[1]) <= int(found[2]) <= 24
    return None if fine else "TileMatrixSet::minzoom,maxzoom with zooms from 0 to 24"


def _cover_scale(value: str, path_params: PathParams) -> str | None:
    return (
        None if _whole(value, 1, COVER_SCALE_MAX) else f"whole numbers from 1 to {COVER_SCALE_MAX}"
    )


def _side(value: str, path_params: PathParams) -> str | None:
    # Of a colormap's picture; previews and parts have their own, larger bound.
    if "colorMapId" not in path_params:
        return None
    return None if _whole(value, 1, 4096) else "whole numbers from 1 to 4096"


def _crs(value: str, path_params: PathParams) -> str | None:
    return (
        None
        if _CRS.fullmatch(value.strip("[]"))
        else "a CRS by authority and code, such as EPSG:3857"
    )


def _short(value: str, path_params: PathParams) -> str | None:
    return None if len(value) <= 1024 else "at most 1024 characters"


def _whole(value: str, low: int, high: int) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 9 and low <= int(value) <= high


_CHECKS: Mapping[str, Callable[[str, PathParams], str | None]] = {
    "tilesize": _tile_size,
    "minzoom": _zoom,
    "maxzoom": _zoom,
    "zooms": _zooms,
    "cover_scale": _cover_scale,
    "width": _side,
    "height": _side,
    "crs": _crs,
    "coord_crs": _crs,
    "dst_crs": _crs,
    "color_formula": _short,
    "algorithm_params": _short,
    "filter": _short,
    "query": _short,
    "sortby": _short,
    "ids": _short,
}
