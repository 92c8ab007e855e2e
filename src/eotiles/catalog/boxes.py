"""Bounding boxes of a search, as pgSTAC can take them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eotiles.core.errors import BadParameter

Json = dict[str, Any]


def flat_bbox(bbox: Any, *, name: str) -> list[float]:
    """West, south, east, north of a bbox of four or six numbers: the catalogue has no heights.

    Raises:
        BadParameter: it is something else.
    """
    numbers = (
        list(bbox)
        if isinstance(bbox, Iterable) and not isinstance(bbox, str | bytes | Mapping)
        else []
    )
    finite = all(
        isinstance(part, int | float) and abs(part) < float("inf") for part in numbers
    )  # NaN is not less
    if len(numbers) not in (4, 6) or not finite:
        raise BadParameter(f"{name}: a bbox is four or six numbers")
    return numbers if len(numbers) == 4 else [numbers[0], numbers[1], numbers[3], numbers[4]]


def across_antimeridian(box: Sequence[float]) -> Json | None:
    """The two parts, as GeoJSON, of a box whose west lies east of its east; None of any other.

    Such a box crosses 180 degrees (RFC 7946, 5.2). PostGIS would sort the two, which gives the rest of the world.
    """
    west, south, east, north = box
    if west <= east:
        return None
    return {
        "type": "MultiPolygon",
        "coordinates": [
            [[[left, south], [right, south], [right, north], [left, north], [left, south]]]
            for left, right in ((west, 180.0), (-180.0, east))
        ],
    }
