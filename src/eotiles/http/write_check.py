"""What an item or a collection must be before it is stored, beyond its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from eotiles.catalog.bands import is_raster
from eotiles.core.errors import BadParameter, HrefRefused
from eotiles.http.stac.parameters import explain
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

MOST_POINTS = 10_000
"""Points of one footprint."""

_LINK_SCHEMES = {"", "http", "https", "s3", "gs", "ftp", "mailto", "urn", "doi"}

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


def check_footprint(item: Json) -> None:
    """Pass a geometry that pgSTAC can index.

    Raises:
        BadParameter: there is none, or it has too many points.
    """
    geometry = item.get("geometry")
    if not isinstance(geometry, Mapping):
        raise BadParameter(f"item {item.get('id')!r} has no geometry, by which it would be found")
    if (
        sum(1 for _ in _points(geometry.get("coordinates", geometry.get("geometries"))))
        > MOST_POINTS
    ):
        raise BadParameter(
            f"the geometry of item {item.get('id')!r} has more than {MOST_POINTS} points"
        )


def check_hrefs(thing: Json, allowed: AllowList, *, name: str) -> None:
    """Pass assets that the raster service may open, and links that a browser may follow.

    What is no GeoTIFF is never opened here: it may lie anywhere on the web.

    Raises:
        HrefRefused: an asset lies elsewhere, or a link is no address.
        BadParameter: an asset has no href.
    """
    for key, asset in (thing.get("assets") or {}).items():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        if not isinstance(href, str) or not href.strip():
            raise BadParameter(f"asset {key!r} of {name} has no href")
        if is_raster(asset) or not href.lower().startswith(("https://", "http://")):
            allowed.locate(href, asset=key, item=name)
    for link in thing.get("links") or ():
        # `javascript:` would run in the browser of whoever follows it, `file:` would tell where things lie here.
        scheme = urlsplit(str(link.get("href"))).scheme.lower()
        if scheme not in _LINK_SCHEMES:
            raise HrefRefused(
                f"a link {link.get('rel')!r} of {name} leads to {scheme!r}: not an address to follow"
            )


def _points(value: Any) -> Iterator[Any]:
    """Positions of GeoJSON coordinates, or of the geometries of a collection."""
    if isinstance(value, Mapping):
        yield from _points(value.get("coordinates", value.get("geometries")))
    elif isinstance(value, list | tuple):
        if value and isinstance(value[0], int | float):
            yield value
        else:
            for part in value:
                yield from _points(part)
