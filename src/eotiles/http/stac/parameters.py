"""Parameters of a search that stac-fastapi lets through and pgSTAC then trips over. All raise BadParameter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

from fastapi import HTTPException
from geojson_pydantic import MultiPolygon
from pydantic import ValidationError
from stac_fastapi.pgstac.types.search import PgstacSearch

from eotiles.catalog.boxes import across_antimeridian, flat_bbox
from eotiles.catalog.filters import (
    checked_filter,
    filter_from_json,
    filter_from_text,
    finite,
)
from eotiles.catalog.query import filter_from_query
from eotiles.core.errors import BadParameter
from eotiles.core.invalid import explain

MOST_ITEMS = 1000
"""Items or collections of one page; asking for more gives this many."""

MOST_NAMES = 10_000
"""Values of `ids`, `collections` and `q` together with a search."""


_EXCLUSIVE = "query and filter exclude each other; use filter"


def object_parameter(name: str, text: str | None) -> str | None:
    """A query parameter that holds a JSON object (`intersects`, `query`), unless that is empty and asks for nothing.

    It is quoted again, because upstream takes quotes off that are no longer there: a `+` would become a blank.
    """
    return quote_plus(text) if text and json_object(name, text) else None


def query_filter(text: str | None, filter_expr: str | None) -> str | None:
    """The `query` parameter as CQL2 JSON; None where it asks for nothing."""
    tree = filter_from_query(json_object("query", text) or {})
    if tree is not None and filter_expr:
        raise BadParameter(_EXCLUSIVE)
    return None if tree is None else json.dumps(tree)


def json_object(name: str, text: str | None) -> dict[str, Any] | None:
    """The JSON object in a query parameter; None where it is empty."""
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"{name}: not JSON") from error
    if not isinstance(value, dict):
        raise BadParameter(f"{name}: has to be a JSON object")
    return value or None


def field_names(fields: Sequence[str] | None) -> list[str] | None:
    """Names of the `fields` parameter without the empty ones (`fields=a,,b`)."""
    return [name for name in fields if name.strip("+- ")] if fields is not None else None


def filter_tree(filter_expr: str | None, filter_lang: str | None) -> dict[str, Any] | None:
    """The filter of a query parameter, as a tree."""
    if not filter_expr:
        return None
    if filter_lang == "cql2-json" or filter_expr.lstrip().startswith("{"):
        return filter_from_json(filter_expr)
    return filter_from_text(filter_expr)


@contextmanager
def one_sentence() -> Iterator[None]:
    """What upstream says about a search that its model refuses, without the model's internals."""
    try:
        yield
    except HTTPException as error:
        if isinstance(error.__cause__, ValidationError):
            raise BadParameter(explain(error.__cause__)) from error
        raise


def bounded(search: PgstacSearch) -> None:
    """Bring a search, whichever way it came, within what the service answers."""
    # `conf` would let a caller change pgSTAC's settings, `readonly` and `base_url` among them.
    search.conf = None
    query_tree = filter_from_query(getattr(search, "query", None) or {})
    search.query = None
    search.limit = min(search.limit or 10, MOST_ITEMS)
    if search.bbox is not None:
        box = flat_bbox(search.bbox, name="bbox")
        parts = across_antimeridian(box)
        search.bbox = None if parts else tuple(box)
        search.intersects = MultiPolygon(**parts) if parts else None
    for name in ("ids", "collections", "q"):
        values = getattr(search, name, None) or ()
        if len(values) > MOST_NAMES:
            raise BadParameter(f"{name}: more than {MOST_NAMES} values")
    tree = getattr(search, "filter_expr", None)
    if tree is not None and query_tree is not None:
        raise BadParameter(_EXCLUSIVE)
    tree = query_tree if tree is None else tree
    if tree is not None:
        search.filter_expr = (
            filter_from_text(tree) if isinstance(tree, str) else checked_filter(tree)
        )
        search.filter_lang = "cql2-json"
    fields = getattr(search, "fields", None)
    if fields is None and "fields" in search.model_fields_set:
        raise BadParameter("fields: has to be an object with include or exclude")
    if fields is not None and fields.include:
        # Without them an answer cannot be told from another, nor from other JSON.
        fields.include |= {"type", "id", "collection"} - (fields.exclude or set())
