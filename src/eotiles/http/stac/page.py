"""A page of a search, asked of pgSTAC by db/page.sql and put together here: whole items, and how to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson
from asyncpg import Connection
from hydraters import hydrate

from eotiles.core.errors import BadParameter
from eotiles.core.sql import read_sql
from eotiles.http.stac.numbers import from_json

Json = dict[str, Any]

_BASE = "pgstac:base_item"
_FIRST_ITEM, _COUNT, _GONE = 1, -1, -2
"""Values of `place` in db/page.sql."""

_TOKEN = re.compile(r"(next|prev):((?:[0-9a-f]{2})+):((?:[0-9a-f]{2})+)")


@dataclass(frozen=True)
class Page:
    """Part of what a search finds."""

    items: tuple[Json, ...]
    """In the order of the search; whole, as they were written. They share what their collection says of all of them."""

    next: str | None
    """Token of the page that follows, without its direction; None: this is the last."""

    prev: str | None
    """Token of the page before, without its direction; None: this is the first."""

    matched: int | None
    """Items on all pages; None unless the database is set to count them (pgSTAC's setting `context`)."""


async def read_page(
    connection: Connection, search: str, *, limit: int, token: str | None = None
) -> Page:
    """Ask for a page of at most `limit` items. `search` is JSON in pgSTAC's words.

    Raises:
        BadParameter: `token` is none, or the item that it names is gone.
    """
    anchor = _anchor(token)
    rows = await connection.fetch(_query(), search, limit + 1, *anchor)
    if rows and rows[0]["place"] == _GONE:
        raise BadParameter(f"Could not find item using token: {token}")
    counted = rows and rows[0]["place"] == _COUNT
    found = [row for row in rows if row["place"] >= _FIRST_ITEM]
    has_more = len(found) > limit
    found = found[:limit]
    if anchor.is_prev:
        found.reverse()
    has_next = anchor.is_prev or has_more
    has_prev = has_more if anchor.is_prev else anchor.item is not None
    keys = [(row["collection"], row["name"]) for row in found]
    prev = _token(*keys[0]) if has_prev and keys else None
    bases = _bases(rows)
    return Page(
        items=tuple(_whole(row, bases) for row in found),
        next=_token(*keys[-1]) if has_next and keys else None,
        # The token that led here would lead here again.
        prev=None if prev is not None and f"prev:{prev}" == str(token).lower() else prev,
        matched=int(rows[0]["content"]) if counted else None,
    )


class _Anchor(NamedTuple):
    """The item that a token names: the last one of the page before, or the first one of the page after."""

    collection: str | None = None
    item: str | None = None
    is_prev: bool | None = None


def _anchor(token: str | None) -> _Anchor:
    """What a token says: a direction, and collection and id in hexadecimal digits of their UTF-8."""
    if token is None:
        return _Anchor()
    found = _TOKEN.fullmatch(token.lower())
    try:
        if found is not None:
            collection, item = (bytes.fromhex(part).decode() for part in found.group(2, 3))
            if "\0" not in collection + item:
                return _Anchor(collection, item, found[1] == "prev")
    except UnicodeDecodeError:
        pass
    raise BadParameter(f"Invalid paging token: {token}")


@cache
def _query() -> str:
    return read_sql("page").decode()


def _bases(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str | None], Json]:
    """Base items by collection and by how an item names its one; a null in one says nothing."""
    return {
        (row["collection"], row["name"]): {
            key: value for key, value in from_json(row["content"]).items() if value is not None
        }
        for row in rows
        if row["place"] == 0
    }


def _whole(row: Mapping[str, Any], bases: Mapping[tuple[str, str | None], Json]) -> Json:
    """The item of a row: its columns, its content and what its base item has besides."""
    content = from_json(row["content"])
    tag = content.pop(_BASE, None)
    if tag is not None and not isinstance(tag, str):
        tag = orjson.dumps(tag).decode()
    collection = row["collection"]
    members = {
        "id": row["name"],
        "geometry": from_json(row["geometry"]),
        "collection": collection,
        "type": "Feature",
        **content,
    }
    base, item = bases[collection, tag], dict(sorted(members.items(), key=_as_jsonb_sorts))
    try:
        whole: Json = hydrate(base, item, strip_unmatched_markers=True)
    except ValueError:
        whole = hydrate(_fitting(base, item), item, strip_unmatched_markers=True)
    return whole


def _fitting(base: Any, item: Any) -> Any:
    """As much of a base item as has the shape of the item: what a collection says may have changed since."""
    if isinstance(base, dict) and isinstance(item, dict):
        return {
            name: _fitting(value, item[name]) if name in item else value
            for name, value in base.items()
            if name not in item or _is_alike(value, item[name])
        }
    if isinstance(base, list) and isinstance(item, list) and len(base) == len(item):
        if not all(map(_is_alike, base, item)):
            return item
        return [_fitting(value, each) for value, each in zip(base, item, strict=True)]
    return base


def _is_alike(base: Any, item: Any) -> bool:
    """Whether the item's value can say how it differs from the base's."""
    return not isinstance(item, dict | list) or isinstance(base, type(item))


def _as_jsonb_sorts(member: tuple[str, object]) -> tuple[int, bytes]:
    """PostgreSQL keeps the members of an object by length, then by their bytes."""
    name = member[0].encode()
    return len(name), name


def _token(collection: str, item: str) -> str:
    """As pgstac.page_token writes it."""
    return f"{collection.encode().hex()}:{item.encode().hex()}"
