"""Items that are plainly valid STAC, told in a glance: most of an archive are. Pure.

stac-pydantic's model has the last word on every other; it takes five times as long, and would be a third of a load.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from stac_pydantic import Item

Json = dict[str, Any]

_TIME = re.compile(
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|\+00:00)",
    re.ASCII,
)
_TIMES = ("datetime", "created", "updated", "start_datetime", "end_datetime")
_TEXTS = ("title", "description", "license", "platform", "constellation", "mission")
_OF_ASSET = ("type", "title", "description")
_OF_LINK = ("type", "title")
_LONGEST = 4000
"""Of an href that is looked at here."""


def is_plain(item: Json) -> bool:
    """Whether an item surely passes stac-pydantic's model, but for its geometry. False says nothing."""
    try:
        return (
            item["type"] == "Feature"
            and _is_text(item["id"])
            and _is_text(item["collection"])
            and _are_numbers(item["bbox"])
            and _passes(item["stac_version"], tuple(item["stac_extensions"]))
            and _are_properties(item["properties"])
            and all(map(_is_link, item["links"]))
            and all(map(_is_asset, item["assets"].values()))
            and type(item["links"]) is list
        )
    except (KeyError, TypeError, AttributeError):
        return False


@lru_cache(maxsize=1024)
def _passes(version: str, extensions: tuple[str, ...]) -> bool:
    """Whether the model takes these: an archive has few of them."""
    try:
        Item.model_validate(
            {
                "type": "Feature",
                "id": "any",
                "stac_version": version,
                "stac_extensions": list(extensions),
                "geometry": None,
                "properties": {"datetime": "2020-01-01T00:00:00Z"},
                "links": [],
                "assets": {},
            }
        )
    except ValidationError:
        return False
    return True


def _is_text(value: Any) -> bool:
    return type(value) is str and value != ""


def _are_numbers(box: Any) -> bool:
    return (
        type(box) is list and len(box) in (4, 6) and all(type(each) in (float, int) for each in box)
    )


def _are_properties(properties: Json) -> bool:
    for name in _TIMES:
        if name in properties and _TIME.fullmatch(properties[name]) is None:
            return False
    for name in _TEXTS:
        if name in properties and type(properties[name]) is not str:
            return False
    instruments = properties.get("instruments")
    gsd = properties.get("gsd")
    return (
        "datetime" in properties
        and ("start_datetime" in properties) is ("end_datetime" in properties)
        and "providers" not in properties
        and (instruments is None or _are_texts(instruments))
        and (gsd is None or (type(gsd) in (float, int) and gsd > 0))
    )


def _are_texts(values: Any) -> bool:
    return type(values) is list and all(type(each) is str for each in values)


def _is_link(link: Any) -> bool:
    if not (_is_text(link["href"]) and _is_text(link["rel"]) and len(link) <= 4):
        return False
    for name in link:
        if name not in ("href", "rel") and not (name in _OF_LINK and _is_text(link[name])):
            return False
    return len(link["href"]) <= _LONGEST


def _is_asset(asset: Any) -> bool:
    for name in _OF_ASSET:
        if name in asset and type(asset[name]) is not str:
            return False
    return (
        type(asset) is dict
        and _is_text(asset["href"])
        and ("roles" not in asset or _are_texts(asset["roles"]))
    )
