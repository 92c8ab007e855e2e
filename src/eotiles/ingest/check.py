"""What an item or a collection must be before it is stored, beyond its schema; whichever way it comes in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import orjson
import shapely
from pydantic import BaseModel, ValidationError
from shapely.geometry.base import BaseGeometry
from stac_pydantic import Item

from eotiles.catalog.bands import is_raster
from eotiles.core.errors import BadParameter, HrefRefused
from eotiles.core.invalid import explain
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

MOST_POINTS = 10_000
"""Points of one footprint."""

MOST_ID = 200
"""Characters of an id."""

_POINT_BYTES = 128
"""More than a position takes as JSON: what is longer than all of them together is not even parsed."""

_MANY = f"the geometry of {{}} has more than {MOST_POINTS} points"
_GEOMETRIES = {
    *("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
    "GeometryCollection",
}
REACH = 180.0
"""Degrees of longitude that a footprint may reach, as GeoJSON has it."""

REACH_ELSEWHERE = 360.0
"""Footprints across the antimeridian go on beyond 180 degrees in some catalogues."""

_LINK_SCHEMES = {"", "http", "https", "s3", "gs", "ftp", "mailto", "urn", "doi"}
_ELSEWHERE = ("https://", "http://", "s3://", "gs://", "az://", "abfs://", "abfss://", "ftp://")
"""Where things may lie that are never opened here."""

_UNUSABLE = re.compile(r"[\x00-\x20\x7f:/?#\[\]@!$&'()*+,;=%\\\ud800-\udfff]")
"""Characters that mean something in an address or hide in a log, and halves of characters."""

_TIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")

Model = TypeVar("Model", bound=BaseModel)


def check_id(kind: str, name: Any) -> str:
    """An id that can stand in an address and in a path.

    Raises:
        BadParameter: it cannot.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MOST_ID:
        shown = f"{name[:40]}…" if isinstance(name, str) else name
        raise BadParameter(
            f"the id {str(shown)[:48]!r} of {kind} is not a text of 1 to {MOST_ID} characters"
        )
    if _UNUSABLE.search(name) or name.startswith(".") or name == "-":
        raise BadParameter(
            f"the id {name!r} of {kind} holds a character that cannot stand in an address, or begins with a dot"
        )
    return name


def check_model(model: type[Model], document: Json, *, name: str) -> Model:
    """A document that follows the STAC specification, as its model.

    Raises:
        BadParameter: it does not; says where.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise BadParameter(f"{name} is not valid STAC: {explain(error)}") from error
    except RecursionError as error:
        raise BadParameter(f"{name} is nested too deeply") from error
    except OverflowError as error:
        raise BadParameter(f"{name} has a time outside of the years 1 to 9999 in UTC") from error


def check_footprint(item: Json, *, reach: float = REACH) -> BaseGeometry:
    """The geometry, if pgSTAC can index it and mosaics can reckon with it.

    Raises:
        BadParameter: there is none; it has too many points, some that lie nowhere on the Earth, or crosses itself.
    """
    (shape,) = footprints([item], reach=reach)
    if isinstance(shape, BadParameter):
        raise shape
    return shape


def footprints(items: Sequence[Json], *, reach: float = REACH) -> list[BaseGeometry | BadParameter]:
    """The geometries of items, each as `check_footprint` gives it, or what that raises; sooner than one by one."""
    texts: list[bytes | None] = []
    wrong: dict[int, str] = {}
    for position, item in enumerate(items):
        geometry = item.get("geometry")
        texts.append(None)
        if not isinstance(geometry, dict):
            wrong[position] = "{} has no geometry, by which it would be found"
            continue
        if geometry.get("type") not in _GEOMETRIES:
            continue  # GEOS would take a whole Feature
        try:
            text = orjson.dumps(geometry)
        except orjson.JSONEncodeError:
            continue
        if len(text) > MOST_POINTS * _POINT_BYTES:
            wrong[position] = _MANY
        else:
            texts[position] = text
    # NaN, which orjson writes as null, is among what GEOS takes for no GeoJSON.
    shapes = shapely.from_geojson(np.array(texts, dtype=object), on_invalid="ignore")
    bounds = shapely.bounds(shapes)
    inside = (np.abs(bounds[:, ::2]) <= reach).all(axis=1) & (np.abs(bounds[:, 1::2]) <= 90.0).all(
        axis=1
    )
    many = shapely.get_num_coordinates(shapes) > MOST_POINTS
    none, empty, valid = (
        shapely.is_missing(shapes),
        shapely.is_empty(shapes),
        shapely.is_valid(shapes),
    )
    found: list[BaseGeometry | BadParameter] = list(shapes)
    for position in np.nonzero(none | empty | many | ~inside | ~valid)[0].tolist():
        if position in wrong:
            reason = wrong[position]
        elif none[position]:
            reason = "the geometry of {} is no GeoJSON geometry"
        elif empty[position]:
            reason = "the geometry of {} is empty"
        elif many[position]:
            reason = _MANY
        elif not inside[position]:
            reason = "the geometry of {} lies beyond the Earth: longitudes are -180 to 180 degrees, latitudes -90 to 90"
        else:
            said = shapely.is_valid_reason(shapes[position])
            reason = f"the geometry of {{}} is not valid: {said}"
        found[position] = BadParameter(reason.format(f"item {items[position].get('id')!r}"))
    return found


def check_times(item: Json, model: Item) -> None:
    """Pass times as RFC 3339 writes them, in their order. The model takes numbers, of seconds; PostgreSQL does not.

    Raises:
        BadParameter: one is written otherwise, or the interval ends before it begins.
    """
    name = f"item {item.get('id')!r}"
    for key in _TIMES:
        text = item["properties"].get(key)
        if text is not None and not (isinstance(text, str) and _DATE.match(text)):
            raise BadParameter(f"{key} of {name} is no time as RFC 3339 writes it")
    start, end = model.properties.start_datetime, model.properties.end_datetime
    if start is not None and end is not None and start > end:
        raise BadParameter(
            f"{name} ends ({end.isoformat()}) before it begins ({start.isoformat()})"
        )


def check_bbox(item: Json, *, reach: float = REACH) -> None:
    """Pass a bounding box of four or six numbers on the globe; its west may be east of its east (antimeridian).

    Longitudes are `reach` degrees at most, as those of the footprint.

    Raises:
        BadParameter: it is none.
    """
    box = item.get("bbox")
    if box is None:
        return
    if not all(_is_number(value) for value in box) or len(box) not in (4, 6):
        raise BadParameter(f"the bbox of item {item.get('id')!r} is not four or six numbers")
    south, north = (box[1], box[3]) if len(box) == 4 else (box[1], box[4])
    flat = (box[0], south, box[len(box) // 2], north)
    if not (abs(flat[0]) <= reach and abs(flat[2]) <= reach and -90 <= south <= north <= 90):
        raise BadParameter(
            f"the bbox of item {item.get('id')!r} is not west, south, east, north in degrees"
        )


def check_hrefs(thing: Json, allowed: AllowList, *, name: str) -> None:
    """Pass assets that the raster service may open, and links that a browser may follow.

    What is no GeoTIFF is never opened here: it may lie anywhere outside this machine.

    Raises:
        HrefRefused: an asset lies elsewhere, or a link is no address.
        BadParameter: an asset has no href.
    """
    is_sure = allowed.is_sure
    for key, asset in (thing.get("assets") or {}).items():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        if isinstance(asset, Mapping) and "alternate" in asset:
            _check_alternates(asset, asset_of=f"asset {key!r} of {name}")
        if isinstance(href, str) and is_sure(href):
            continue
        if not isinstance(href, str) or not href.strip():
            raise BadParameter(f"asset {key!r} of {name} has no href")
        if is_raster(asset) or not href.lower().startswith(_ELSEWHERE):
            allowed.locate(href, asset=key, item=name)
    for key, described in _described(thing, name):
        # pgSTAC puts what is described here into every item that does not say otherwise.
        href = described.get("href")
        if isinstance(href, str) and not href.lower().startswith(_ELSEWHERE):
            allowed.locate(href, asset=key, item=name)
        _check_alternates(described, asset_of=f"asset {key!r} that {name} describes")
    for link in thing.get("links") or ():
        href = str(link.get("href"))
        if not href.startswith(("https://", "http://")):
            _check_followed(href, what=f"a link {link.get('rel')!r} of {name}")
    for part in (thing, thing.get("properties") or {}):
        for provider in part.get("providers") or ():
            if isinstance(provider, Mapping) and "url" in provider:
                _check_followed(str(provider["url"]), what=f"a provider of {name}")


def _described(thing: Json, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a collection says of its items' assets.

    Raises:
        BadParameter: it is said in another form than pgSTAC and clients expect.
    """
    said = thing.get("item_assets") or {}
    if not isinstance(said, Mapping) or not all(
        isinstance(each, Mapping) for each in said.values()
    ):
        raise BadParameter(f"item_assets of {name} is no object of objects, by the keys of assets")
    yield from said.items()


def _check_alternates(asset: Mapping[str, Any], *, asset_of: str) -> None:
    """Pass other places of an asset (STAC alternate-assets extension): not opened here, but people follow them."""
    alternates = asset.get("alternate")
    for key, alternate in alternates.items() if isinstance(alternates, Mapping) else ():
        href = alternate.get("href") if isinstance(alternate, Mapping) else None
        if href is not None and not str(href).lower().startswith(_ELSEWHERE):
            raise HrefRefused(f"the alternate {key!r} of {asset_of} lies at no address")


def _check_followed(href: str, *, what: str) -> None:
    """Pass an address that a browser may follow: `javascript:` would run there, `file:` tell where things lie here."""
    scheme = _scheme(href)
    if scheme not in _LINK_SCHEMES:
        raise HrefRefused(f"{what} leads to {scheme!r}: not an address to follow")


def _is_number(value: Any) -> bool:
    """Whether JSON has a number there. The model takes texts and booleans for numbers too, PostgreSQL does not."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -math.inf < value < math.inf
    )


def _scheme(href: str) -> str:
    try:
        return urlsplit(href).scheme.lower()
    except ValueError:  # a bracket that is no IPv6 address
        return "?"
