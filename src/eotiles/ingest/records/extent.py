"""The extent of a collection, which holds all its items. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eotiles.ingest.period import iso
from eotiles.ingest.records.rows import Json, Row


@dataclass(frozen=True)
class Extent:
    """A box and an interval."""

    bounds: tuple[float, float, float, float]
    """West, south, east, north in degrees."""

    start: datetime | None
    """None: open."""

    end: datetime | None

    def holds(self, other: Extent) -> bool:
        """Whether the other lies within."""
        west, south, east, north = self.bounds
        inside = other.bounds[0] >= west and other.bounds[1] >= south
        inside = inside and other.bounds[2] <= east and other.bounds[3] <= north
        begun = self.start is None or (other.start is not None and other.start >= self.start)
        return (
            inside
            and begun
            and (self.end is None or (other.end is not None and other.end <= self.end))
        )


def extent_of(rows: Sequence[Row]) -> Extent:
    """The extent of rows, of which there is one at least. One across the antimeridian is all around the Earth."""
    west, east = min(row.bounds[0] for row in rows), max(row.bounds[2] for row in rows)
    if west < -180.0 or east > 180.0:
        west, east = -180.0, 180.0
    return Extent(
        (west, min(row.bounds[1] for row in rows), east, max(row.bounds[3] for row in rows)),
        min(row.start for row in rows),
        max(row.end for row in rows),
    )


def widened(document: Mapping[str, Any], extent: Extent) -> tuple[Json, Extent]:
    """A collection whose extent holds this one too, and what it is now. Nothing else of it changes.

    An extent may list boxes and intervals of parts after the first, which is of everything: those stay. What cannot be
    read is replaced.
    """
    known = extent_read(document)
    if known is not None and known.holds(extent):
        return dict(document), known
    made = extent if known is None else _union(known, extent)
    spatial, temporal = _members(document)
    boxes = [list(made.bounds), *spatial[1:]]
    intervals = [[_text(made.start), _text(made.end)], *temporal[1:]]
    written = {"spatial": {"bbox": boxes}, "temporal": {"interval": intervals}}
    given = document.get("extent")
    return {**document, "extent": {**(given if isinstance(given, dict) else {}), **written}}, made


def _members(document: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    try:
        extent = document["extent"]
        return list(extent["spatial"]["bbox"]), list(extent["temporal"]["interval"])
    except (KeyError, TypeError):
        return [], []


def extent_read(document: Mapping[str, Any]) -> Extent | None:
    """The extent of a collection; None where it has none that can be read."""
    boxes, intervals = _members(document)
    try:
        box, (start, end) = [float(number) for number in boxes[0]], intervals[0]
        west, south, east, north = box if len(box) == 4 else (*box[:2], *box[3:5])
        return Extent((west, south, east, north), _time(start), _time(end))
    except (IndexError, TypeError, ValueError):
        return None


def _union(one: Extent, other: Extent) -> Extent:
    starts = None if one.start is None or other.start is None else min(one.start, other.start)
    ends = None if one.end is None or other.end is None else max(one.end, other.end)
    return Extent(
        (
            min(one.bounds[0], other.bounds[0]),
            min(one.bounds[1], other.bounds[1]),
            max(one.bounds[2], other.bounds[2]),
            max(one.bounds[3], other.bounds[3]),
        ),
        starts,
        ends,
    )


def _time(text: Any) -> datetime | None:
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _text(time: datetime | None) -> str | None:
    return None if time is None else iso(time)
