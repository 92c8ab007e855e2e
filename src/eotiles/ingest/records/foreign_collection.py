"""A collection of another catalogue, and what becomes of one that is here already. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stac_pydantic import Collection

from eotiles.catalog.override import OVERRIDE, check_override
from eotiles.ingest.check import check_hrefs, check_id, check_model
from eotiles.ingest.records.extent import extent_of, extent_read, widened
from eotiles.ingest.records.foreign import adopt
from eotiles.ingest.records.rows import Json, Row, encode
from eotiles.read.hrefs import AllowList

UNKNOWN_LICENSE = "other"


def prepare(document: Json, *, base: str | None, allowed: AllowList) -> Json:
    """A collection that may be stored.

    Raises:
        BadParameter: it is no valid collection.
        HrefRefused: one of its files may not be opened.
    """
    name = check_id("a collection", document.get("id"))
    check_model(Collection, document, name=f"collection {name!r}")
    if (said := document.get(OVERRIDE)) is not None:
        check_override(said, name=f"collection {name!r}")
    made = adopt(document, base=base)
    check_hrefs(made, allowed, name=name)
    encode(made)
    return made


def merged(stored: Mapping[str, Any], given: Mapping[str, Any], *, replace: bool) -> Json:
    """What a collection is when one of the same id comes in.

    What people wrote here stays: the other's members are taken where there are none, and its extent is added. With
    `replace` the other's members count, and those that it has not stay.
    """
    replace = replace or _is_made_up(stored)
    made = {**stored, **given} if replace else {**given, **stored}
    extent = extent_read(given)
    if extent is None:
        return made
    return widened({**made, "extent": stored.get("extent")}, extent)[0]


def new_collection(name: str, row: Row) -> Json:
    """A collection for items whose own nobody has: its extent grows with them."""
    document = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": name,
        "title": name,
        "description": _description(name),
        "license": UNKNOWN_LICENSE,
        "links": [],
    }
    return widened(document, extent_of([row]))[0]


def _is_made_up(stored: Mapping[str, Any]) -> bool:
    """Whether nobody wrote into a collection since it was made for items that came without."""
    name = str(stored.get("id"))
    return stored.get("description") == _description(name) and stored.get("title") == name


def _description(name: str) -> str:
    return f"Items of the collection {name}."
