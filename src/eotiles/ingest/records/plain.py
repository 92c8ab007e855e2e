"""Items that are plainly valid STAC, told in a glance: most of an archive are. Pure.

stac-pydantic's model has the last word on every other; it takes five times as long, and would be a third of a load.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf
from typing import Any

from pydantic import ValidationError
from stac_pydantic import Item

Json = dict[str, Any]

_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
"""Of any year: what is left to the model is 29 February."""

_TIME = re.compile(
    rf"(?:19|20)\d\d-(?:{_DAY})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{{1,6}})?(?:Z|\+00:00)",
    re.ASCII,
)
_TIMES = ("datetime", "created", "updated", "start_datetime", "end_datetime")
_TEXTS = ("title", "description", "license", "platform", "constellation", "mission")
_OF_ASSET = ("type", "title", "description")
_OF_LINK = ("type", "title")
_WHERE = ("href", "rel")
_ONLY_TEXT = frozenset({str})
_LONGEST = 4000
"""Of an href that is looked at here."""


def is_plain(item: Json) -> bool:
    """Whether an item surely passes stac-pydantic's model, `check_times` but for the order, and `check_bbox`.

    Its geometry is not looked at. False says nothing.
    """
    try:
        return (
            item["type"] == "Feature"
            and _is_text(item["id"])
            and _is_text(item["collection"])
            and _is_box(item["bbox"])
            and type(item["stac_extensions"]) is list
            and _passes(item["stac_version"], tuple(item["stac_extensions"]))
            and _are_properties(item["properties"])
            and _are_links(item["links"])
            and _are_assets(item["assets"])
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


def _is_box(box: Any) -> bool:
    if type(box) is not list or len(box) not in (4, 6):
        return False
    for number in box:  # an int may be too large for a float
        if (type(number) is not float and type(number) is not int) or not -inf < number < inf:
            return False
    half = len(box) // 2
    on_globe = -180 <= box[0] <= 180 and -180 <= box[half] <= 180
    return bool(on_globe and -90 <= box[1] <= box[half + 1] <= 90)


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
    return type(values) is list and _ONLY_TEXT.issuperset(map(type, values))


def _are_links(links: Any) -> bool:
    if type(links) is not list:
        return False
    for link in links:
        href = link["href"]
        if not (_is_text(href) and _is_text(link["rel"]) and len(link) <= 4):
            return False
        if len(href) > _LONGEST:
            return False
        for name in link:
            if name not in _WHERE and not (name in _OF_LINK and _is_text(link[name])):
                return False
    return True


def _are_assets(assets: Any) -> bool:
    if type(assets) is not dict:
        return False
    for asset in assets.values():
        if type(asset) is not dict:
            return False
        href = asset["href"]
        if type(href) is not str or not href:
            return False
        for name in _OF_ASSET:
            if name in asset and type(asset[name]) is not str:
                return False
        if "roles" in asset and not _are_texts(asset["roles"]):
            return False
    return True
