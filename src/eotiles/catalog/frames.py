"""Frames: where the pixels of an asset lie, as its STAC projection metadata says. Pure; opens nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eotiles.catalog.radiometry import Json, first_number


@dataclass(frozen=True)
class Frame:
    """A north-up raster: its CRS, pixel size and shape. Units are those of the CRS."""

    crs: str
    """Authority code (EPSG:32719), WKT2 or PROJJSON."""

    left: float
    top: float

    pixel_width: float
    """Positive."""

    pixel_height: float
    """Positive, though rows run downwards."""

    width_px: int
    height_px: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top."""
        return (
            self.left,
            self.top - self.height_px * self.pixel_height,
            self.left + self.width_px * self.pixel_width,
            self.top,
        )


def frame(item: Json, asset: str) -> Frame | None:
    """The frame of an asset, from its own `proj:` fields or the item's; None where they do not say enough."""
    properties = item.get("properties")
    levels = [
        level
        for level in (item.get("assets", {}).get(asset), properties)
        if isinstance(level, Mapping)
    ]
    crs = next((code for level in levels if (code := _crs(level)) is not None), None)
    transform = next(
        (level["proj:transform"] for level in levels if level.get("proj:transform")), None
    )
    shape = next((level["proj:shape"] for level in levels if level.get("proj:shape")), None)
    if crs is None or not isinstance(transform, list) or not isinstance(shape, list):
        return None
    numbers = [first_number(value) for value in (*transform[:6], *shape[:2])]
    if len(numbers) != 8 or any(number is None for number in numbers):
        return None
    a, b, left, d, e, top, height, width = (number or 0.0 for number in numbers)
    if b != 0 or d != 0 or a <= 0 or e >= 0 or height < 1 or width < 1:
        return None
    return Frame(crs, left, top, a, -e, int(width), int(height))


def _crs(level: Mapping[str, Any]) -> str | None:
    if isinstance(code := level.get("proj:code"), str) and ":" in code:
        return code
    if isinstance(epsg := level.get("proj:epsg"), int):
        return f"EPSG:{epsg}"
    if isinstance(wkt := level.get("proj:wkt2"), str):
        return wkt
    if isinstance(projjson := level.get("proj:projjson"), Mapping):
        return json.dumps(projjson)
    return None
