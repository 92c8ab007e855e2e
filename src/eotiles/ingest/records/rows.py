"""A Row: an item as pgSTAC keeps it in its table, with what its collection has to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import shapely
from pypgstac.hydration import dehydrate
from stac_pydantic import Item

from eotiles.catalog.override import OVERRIDE, check_override
from eotiles.core.errors import BadParameter, HrefRefused
from eotiles.ingest.check import (
    REACH_ELSEWHERE,
    check_bbox,
    check_hrefs,
    check_id,
    check_model,
    check_times,
    footprints,
)
from eotiles.ingest.records.plain import is_plain
from eotiles.ingest.records.record import MOST_DOCUMENT_BYTES, check_text
from eotiles.read.hrefs import AllowList

Json = dict[str, Any]

EPSG_4326 = 4326
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "?"}
_UNKNOWN = BadParameter()
_BESIDE_CONTENT = ("id", "collection", "geometry")
"""Members with a column of their own."""


@dataclass(frozen=True, slots=True)
class Template:
    """What pgSTAC knows of a collection, as far as its items are stored by it."""

    collection: str

    trunc: str | None
    """`year` or `month`: each is a table of its own."""

    base_item: Json
    """What all items share, left out of each."""

    base_item_id: int | None
    """Which version of it an item was stored by; None before the first edit."""


@dataclass(frozen=True, slots=True)
class Row:
    """An item that is fit to be stored."""

    id: str
    collection: str
    start: datetime
    """UTC; of an item with one time both are that."""

    end: datetime
    bounds: tuple[float, float, float, float]
    """West, south, east, north in degrees."""

    geometry: str
    """EWKB, hexadecimal."""

    content: str
    """JSON of the item without what its columns and its collection's base item say."""

    place: str
    """Where it was found."""

    @property
    def line(self) -> str:
        """As COPY reads its columns. Only the content may hold a backslash (ingest/check.py)."""
        content = self.content.replace("\\", "\\\\")
        return (
            f"{self.id}\t{self.collection}\t{self.start}\t{self.end}\t{self.geometry}\t{content}\n"
        )

    @property
    def seen_line(self) -> str:
        """Collection, id and place, as COPY reads them."""
        place = (
            "".join(_ESCAPED.get(letter, letter) for letter in self.place)
            if "\\" in repr(self.place)
            else self.place
        )
        return f"{self.collection}\t{self.id}\t{place}\n"

    @property
    def values(self) -> tuple[str, str, datetime, datetime, str, str]:
        """As its columns are: id, collection, datetime, end_datetime, geometry, content."""
        return (self.id, self.collection, self.start, self.end, self.geometry, self.content)


def make_rows(
    items: Sequence[Json], template: Template, allowed: AllowList, *, places: Sequence[str]
) -> list[Row | BadParameter | HrefRefused]:
    """The rows of items of one collection; in place of an item that cannot be stored, why."""
    rows: list[Row | BadParameter | HrefRefused] = []
    contents: list[tuple[Json, datetime, datetime, str] | None] = []
    for item in items:
        try:
            start, end, content = _checked(item, template, allowed)
        except (BadParameter, HrefRefused) as error:
            rows.append(error)
            contents.append(None)
        else:
            rows.append(_UNKNOWN)
            contents.append((item, start, end, content))
    fit = [position for position, content in enumerate(contents) if content is not None]
    shapes = footprints([items[position] for position in fit], reach=REACH_ELSEWHERE)
    whole = [
        position for position, shape in enumerate(shapes) if not isinstance(shape, BadParameter)
    ]
    if not whole:
        for position, shape in zip(fit, shapes, strict=True):
            rows[position] = shape
        return rows
    good = np.array([shapes[position] for position in whole], dtype=object)
    geometries = shapely.to_wkb(shapely.set_srid(good, EPSG_4326), hex=True, include_srid=True)
    bounds = shapely.bounds(good).tolist()
    made = iter(zip(geometries.tolist(), bounds, strict=True))
    for position, shape in zip(fit, shapes, strict=True):
        if isinstance(shape, BadParameter):
            rows[position] = shape
            continue
        geometry, box = next(made)
        known = contents[position]
        assert known is not None
        item, start, end, content = known
        rows[position] = Row(
            id=item["id"],
            collection=template.collection,
            start=start,
            end=end,
            bounds=tuple(box),
            geometry=geometry,
            content=content,
            place=places[position],
        )
    return rows


def _checked(item: Json, template: Template, allowed: AllowList) -> tuple[datetime, datetime, str]:
    """When an item was taken, and its content; but for its footprint it may be stored.

    Raises:
        BadParameter: it is no valid item.
        HrefRefused: one of its files may not be opened.
    """
    name = check_id("an item", item.get("id"))
    if not is_plain(item):
        model = check_model(Item, item, name=f"item {name!r}")
        check_bbox(item, reach=REACH_ELSEWHERE)
        check_times(item, model)
    if (said := item["properties"].get(OVERRIDE)) is not None:
        check_override(said, name=f"item {name!r}")
    check_hrefs(item, allowed, name=f"{template.collection}/{name}")
    start, end = _times(item["properties"])
    content = dehydrate(template.base_item, item)
    for member in _BESIDE_CONTENT:
        content.pop(member, None)
    if template.base_item_id is not None:
        content["pgstac:base_item"] = template.base_item_id
    return start, end, encode(content).decode()


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON that PostgreSQL can store.

    Raises:
        BadParameter: it is nested too deeply, too large, or holds a text that is none.
    """
    try:
        encoded = orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise BadParameter(f"cannot be written as JSON: {error}") from error
    if len(encoded) > MOST_DOCUMENT_BYTES:
        raise BadParameter(f"is larger than {MOST_DOCUMENT_BYTES >> 20} MiB")
    check_text(encoded)
    return encoded


def _times(properties: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """From when to when, by the same rule as pgSTAC's `stac_daterange`."""
    first, last = properties.get("start_datetime"), properties.get("end_datetime")
    if first is None or last is None:
        first = last = properties.get("datetime")
    try:
        start, end = _utc(first), _utc(last)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadParameter(f"has no usable time: {first!r} to {last!r}"[:200]) from error
    if start > end:
        raise BadParameter("ends before it starts")
    return start, end


def _utc(text: Any) -> datetime:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
