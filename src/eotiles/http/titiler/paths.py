"""What a path names: an item, the mosaic of a collection, a registered search; as the process knows them."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from stac_pydantic.shared import validate_datetime
from starlette.requests import Request
from titiler.pgstac.validation import parse_and_validate_bbox

from eotiles.catalog.filters import filter_from_json, filter_from_text
from eotiles.catalog.items import Item
from eotiles.catalog.known import Known
from eotiles.catalog.mosaic import Mosaic
from eotiles.core.errors import BadParameter

IDS_MAX = 100

CollectionId = Annotated[str, Path(description="STAC Collection Identifier")]


async def item_path(
    request: Request,
    collection_id: CollectionId,
    item_id: Annotated[str, Path(description="STAC Item Identifier")],
) -> Item:
    """The item that the path names."""
    return (await _known(request).item(collection_id, item_id)).item


async def search_path(
    request: Request,
    search_id: Annotated[str, Path(description="PgSTAC Search Identifier (Hash)")],
) -> Mosaic:
    """The registered search that the path names."""
    return await _known(request).search_mosaic(search_id)


@dataclass
class SearchParams:
    """Which of a collection's items are drawn: titiler-pgstac's parameters."""

    ids: Annotated[str | None, Query(description="Item ids, parted by commas.")] = None
    bbox: Annotated[str | None, Query(description="minx,miny,maxx,maxy in degrees.")] = None
    datetime: Annotated[
        str | None, Query(description="A date-time or an interval such as 2024-01-01T00:00:00Z/..")
    ] = None
    query: Annotated[
        str | None, Query(description='JSON, such as {"eo:cloud_cover": {"lt": 20}}.')
    ] = None
    sortby: Annotated[
        str | None,
        Query(description="Property names, parted by commas; - before one sorts downwards."),
    ] = None
    filter_expr: Annotated[str | None, Query(alias="filter", description="A CQL2 expression.")] = (
        None
    )
    filter_lang: Annotated[Literal["cql2-text", "cql2-json"], Query(alias="filter-lang")] = (
        "cql2-text"
    )

    def search(self) -> dict[str, Any]:
        """The search as pgSTAC takes it.

        Raises:
            BadParameter: a parameter cannot be read; the message names it.
        """
        if self.query and self.filter_expr:
            raise BadParameter("give either query or filter, not both")
        found: dict[str, Any] = {}
        if self.ids:
            found["ids"] = self.ids.split(",")
            if len(found["ids"]) > IDS_MAX:
                raise BadParameter(f"ids: at most {IDS_MAX} at once")
        if self.bbox:
            found["bbox"] = _bbox(self.bbox)
        if self.datetime:
            found["datetime"] = checked_datetime(self.datetime)
        if self.query:
            found["query"] = _json_object("query", self.query)
        if self.sortby:
            found["sortby"] = [_sort(part) for part in self.sortby.split(",")]
        if self.filter_expr:
            is_text = self.filter_lang == "cql2-text"
            found["filter"] = (filter_from_text if is_text else filter_from_json)(self.filter_expr)
            found["filter-lang"] = "cql2-json"
        return found


async def collection_path(
    request: Request, collection_id: CollectionId, params: Annotated[SearchParams, Depends()]
) -> Mosaic:
    """The mosaic of the collection that the path names, less what the parameters leave out."""
    search = params.search()
    return await _known(request).collection_mosaic(collection_id, search=search)


def _known(request: Request) -> Known:
    known: Known = request.app.state.known
    return known


def checked_datetime(text: str) -> str:
    """A date-time or an interval; PostgreSQL itself would take `yesterday`.

    Raises:
        BadParameter: it is neither.
    """
    try:
        validate_datetime(text)
    except ValueError as error:
        raise BadParameter(
            "datetime takes an RFC 3339 date-time or an interval such as 2024-01-01T00:00:00Z/.."
        ) from error
    return text


def _bbox(text: str) -> list[float]:
    try:
        parse_and_validate_bbox(text)
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadParameter(f"bbox: {error}") from error
    if not all(abs(number) < 1e9 for number in numbers):
        raise BadParameter("bbox takes finite numbers")
    return numbers


def _sort(text: str) -> dict[str, str]:
    found = re.fullmatch(r"([+-]?)\s*([^\s+-].*)", text.strip())
    if found is None:
        raise BadParameter(f"sortby takes property names parted by commas, got {text[:60]!a}")
    return {"field": found[2], "direction": "desc" if found[1] == "-" else "asc"}


def _json_object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"{name} takes a JSON object") from error
    if not isinstance(found, dict):
        raise BadParameter(f"{name} takes a JSON object")
    return found
