"""From what was sent to what is stored: checked, and less what serving adds. One thing, or many with a reason each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stac_pydantic import Collection, Item

from eotiles.catalog.override import OVERRIDE, check_override
from eotiles.catalog.restore import restore_collection, restore_item
from eotiles.catalog.site import Site
from eotiles.core.errors import BadParameter, EotilesError, ItemsRefused
from eotiles.ingest.check import (
    MOST_ID,
    check_bbox,
    check_footprint,
    check_hrefs,
    check_id,
    check_model,
    check_times,
)
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

PGSTAC_OWN = "pgstac:base_item"
"""pgSTAC's own member of a served item."""


@dataclass(frozen=True)
class Writing:
    """Where a write takes place."""

    site: Site
    allowed: AllowList
    collection: str


def checked_item(
    writing: Writing, given: Any, *, item_id: str | None = None, stored: Json | None = None
) -> Json:
    """The item to store; `item_id` is that of the address, `stored` what it replaces.

    Raises:
        BadParameter: it cannot be stored.
        HrefRefused: one of its files may not be opened.
    """
    if not isinstance(given, dict) or given.get("type") != "Feature":
        raise BadParameter("an item is a JSON object of the type 'Feature'")
    name = check_id("an item", given.get("id"))
    if item_id is not None and name != item_id:
        raise BadParameter(f"the body is item {name!r}, the address is that of item {item_id!r}")
    if given.get("collection") not in (None, writing.collection):
        raise BadParameter(
            f"item {name!r} says that it belongs to collection {str(given['collection'])[:MOST_ID]!r}"
        )
    model = check_model(Item, given, name=f"item {name!r}")
    if (said := (given.get("properties") or {}).get(OVERRIDE)) is not None:
        check_override(said, name=f"item {name!r}")
    check_footprint(given)
    check_bbox(given)
    check_times(given, model)
    whole = {key: value for key, value in given.items() if key != PGSTAC_OWN}
    made = restore_item(writing.site, {**whole, "collection": writing.collection}, stored=stored)
    check_hrefs(made, writing.allowed, name=f"{writing.collection}/{name}")
    return made


def checked_items(
    writing: Writing, given: Sequence[Any], *, names: Sequence[str] | None = None
) -> list[Json]:
    """The items to store, by id; `names` are those under which they were sent.

    Raises:
        ItemsRefused: some cannot be stored; says of each why.
        BadParameter: there are none.
    """
    if not given:
        raise BadParameter("there are no items in the body")
    refusals: list[tuple[str, EotilesError]] = []
    made: list[Json] = []
    for position, part in enumerate(given):
        try:
            made.append(
                checked_item(writing, part, item_id=None if names is None else names[position])
            )
        except EotilesError as error:
            found = part.get("id") if isinstance(part, dict) else None
            refusals.append((found if isinstance(found, str) else f"#{position}", error))
    for name, times in Counter(item["id"] for item in made).items():
        if times > 1:
            refusals.append((name, BadParameter(f"item {name!r} is there {times} times")))
    if refusals:
        raise ItemsRefused(refusals, total=len(given))
    # In one order everywhere: two who write the same items do not wait for each other in a ring.
    return sorted(made, key=lambda item: str(item["id"]))


def checked_collection(
    site: Site,
    allowed: AllowList,
    given: Json,
    *,
    collection_id: str | None = None,
    stored: Json | None = None,
) -> Json:
    """The collection to store; `collection_id` is that of the address, `stored` what it replaces.

    Raises:
        BadParameter: it cannot be stored.
        HrefRefused: one of its files may not be opened.
    """
    name = check_id("a collection", given.get("id"))
    if collection_id is not None and name != collection_id:
        raise BadParameter(
            f"the body is collection {name!r}, the address is that of collection {collection_id!r}"
        )
    check_model(Collection, given, name=f"collection {name!r}")
    if (said := given.get(OVERRIDE)) is not None:
        check_override(said, name=f"collection {name!r}")
    made = restore_collection(site, given, stored=stored)
    check_hrefs(made, allowed, name=name)
    return made
