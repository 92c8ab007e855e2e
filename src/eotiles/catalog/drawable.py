"""Which bands of an item's files can be drawn, and on which range of numbers. Pure; opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eotiles.catalog.bands import asset_sources, is_raster
from eotiles.catalog.radiometry import Json, first_number
from eotiles.core.source import Source

_BESIDE_IMAGERY = {"thumbnail", "overview", "metadata"}
"""Roles of assets that are not the imagery itself."""


@dataclass(frozen=True)
class Drawable:
    """A band with what choosing and stretching layers needs of it."""

    source: Source

    title: str
    """The asset's title, or its key."""

    siblings: int
    """Bands in the file, this one included."""

    visual: bool
    """Whether the file is ready-made colour (role `visual`), not measurements."""

    data_type: str | None
    """STAC data_type: uint8, uint16, float32, …"""

    value_range: tuple[float, float] | None
    """Digital numbers worth showing, if the statistics say: mean ± 2 standard deviations within minimum and maximum."""

    @property
    def is_scaled(self) -> bool:
        """Whether a digital number stands for something else: reflectance, as far as drawing is concerned."""
        return self.source.scale != 1.0 or self.source.offset != 0.0


def drawables(assets: Json, *, properties: Json) -> tuple[Drawable, ...]:
    """Bands of the raster assets, in their order."""
    return tuple(
        drawable
        for key, asset in assets.items()
        if is_raster(asset) and not _BESIDE_IMAGERY.intersection(_list(asset.get("roles")))
        for drawable in _bands(key, asset, properties)
    )


def _bands(key: str, asset: Json, properties: Json) -> Iterator[Drawable]:
    found = list(asset_sources(key, asset, properties=properties))
    listed, raster = _list(asset.get("bands")), _list(asset.get("raster:bands"))
    count = max(len(listed), len(_list(asset.get("eo:bands"))), len(raster), 1)
    for source in found:
        levels = [_at(listed, source.band), _at(raster, source.band), asset]
        yield Drawable(
            source=source,
            title=str(asset.get("title") or key),
            siblings=count,
            visual="visual" in _list(asset.get("roles")),
            data_type=next(
                (str(level["data_type"]) for level in levels if level.get("data_type")), None
            ),
            value_range=next(
                (span for level in levels if (span := _value_range(level.get("statistics")))), None
            ),
        )


def _value_range(statistics: Any) -> tuple[float, float] | None:
    if not isinstance(statistics, Mapping):
        return None
    low, high = first_number(statistics.get("minimum")), first_number(statistics.get("maximum"))
    if low is None or high is None:
        return None
    mean, spread = first_number(statistics.get("mean")), first_number(statistics.get("stddev"))
    if mean is not None and spread is not None:
        low, high = max(low, mean - 2 * spread), min(high, mean + 2 * spread)
    return low, high


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(bands: list[Any], number: int) -> Json:
    band = bands[number - 1] if number <= len(bands) else None
    return band if isinstance(band, Mapping) else {}
