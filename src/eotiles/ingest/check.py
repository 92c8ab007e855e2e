"""What an item or a collection must be before it is stored, beyond its schema; whichever way it comes in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import shapely
from pydantic import BaseModel, ValidationError
from shapely.geometry.base import BaseGeometry

from eotiles.catalog.bands import is_geotiff
from eotiles.core.errors import BadParameter, HrefRefused
from eotiles.core.invalid import explain
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

MOST_POINTS = 10_000
"""Points of one footprint."""

_POINT_BYTES = 128
"""More than a position takes as JSON: what is longer than all of them together is not even parsed."""

_MANY = f"the geometry of {{}} has more than {MOST_POINTS} points"
_GEOMETRIES = {
    *("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
    "GeometryCollection",
}
_WEST_EAST = 360.0
"""Footprints across the antimeridian go on beyond 180 degrees in some catalogues."""

_LINK_SCHEMES = {"", "http", "https", "s3", "gs", "ftp", "mailto", "urn", "doi"}
_ELSEWHERE = ("https://", "http://", "s3://", "gs://", "az://", "abfs://", "abfss://", "ftp://")
"""Where things may lie that are never opened here."""

_UNUSABLE = re.compile(r"[\x00-\x20\x7f:/?#\[\]@!$&'()*+,;=%\\]")
"""Characters that mean something in an address or hide in a log."""


def check_id(kind: str, name: Any) -> str:
    """An id that can stand in an address and in a path.

    Raises:
        BadParameter: it cannot.
    """
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise BadParameter(f"the id of {kind} is a text of 1 to 200 characters")
    if _UNUSABLE.search(name) or name.startswith(".") or name == "-":
        raise BadParameter(
            f"the id {name!r} of {kind} holds a character that cannot stand in an address, or begins with a dot"
        )
    return name


def check_model(model: type[BaseModel], document: Json, *, name: str) -> None:
    """Pass a document that follows the STAC specification.

    Raises:
        BadParameter: it does not; says where.
    """
    try:
        model.model_validate(document)
    except ValidationError as error:
        raise BadParameter(f"{name} is not valid STAC: {explain(error)}") from error
    except RecursionError as error:
        raise BadParameter(f"{name} is nested too deeply") from error


def check_footprint(item: Json) -> BaseGeometry:
    """The geometry, if pgSTAC can index it and mosaics can reckon with it.

    Raises:
        BadParameter: there is none; it has too many points, some that lie nowhere on the Earth, or crosses itself.
    """
    (shape,) = footprints([item])
    if isinstance(shape, BadParameter):
        raise shape
    return shape


def footprints(items: Sequence[Json]) -> list[BaseGeometry | BadParameter]:
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
    inside = (np.abs(bounds[:, ::2]) <= _WEST_EAST).all(axis=1) & (
        np.abs(bounds[:, 1::2]) <= 90.0
    ).all(axis=1)
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
            reason = "the geometry of {} lies beyond the Earth: its numbers are degrees of longitude and latitude"
        else:
            said = shapely.is_valid_reason(shapes[position])
            reason = f"the geometry of {{}} is not valid: {said}"
        found[position] = BadParameter(reason.format(f"item {items[position].get('id')!r}"))
    return found


def check_hrefs(thing: Json, allowed: AllowList, *, name: str) -> None:
    """Pass assets that the raster service may open, and links that a browser may follow.

    What is no GeoTIFF is never opened here: it may lie anywhere outside this machine.

    Raises:
        HrefRefused: an asset lies elsewhere, or a link is no address.
        BadParameter: an asset has no href.
    """
    for key, asset in (thing.get("assets") or {}).items():
        href = asset.get("href") if isinstance(asset, dict) else None
        if not isinstance(href, str) or not href.strip():
            raise BadParameter(f"asset {key!r} of {name} has no href")
        if allowed.is_sure(href):
            continue
        if is_geotiff(asset) or not href.lower().startswith(_ELSEWHERE):
            allowed.locate(href, asset=key, item=name)
    for link in thing.get("links") or ():
        # `javascript:` would run in the browser of whoever follows it, `file:` would tell where things lie here.
        href = str(link.get("href"))
        if href.startswith(("https://", "http://")):
            continue
        scheme = urlsplit(href).scheme.lower()
        if scheme not in _LINK_SCHEMES:
            raise HrefRefused(
                f"a link {link.get('rel')!r} of {name} leads to {scheme!r}: not an address to follow"
            )
