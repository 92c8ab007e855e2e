"""Which bands of an item's files can be drawn, and on which range of numbers. Pure; opens nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eotiles.catalog.appearance import Appearance, appearance
from eotiles.catalog.bands import asset_sources, is_raster
from eotiles.catalog.classes import Class, classes_of, numbered
from eotiles.catalog.radiometry import Json, first_number
from eotiles.core.domain import Domain
from eotiles.core.source import Source

PERCENTILES = "eotiles:percentiles"
"""Of a band's digital numbers, as ingest counts them: {"2": …, "98": …}."""

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
    """Digital numbers worth showing, if the item says: 2nd to 98th percentile, else mean ± 2 standard deviations within
    minimum and maximum."""

    domain: Domain | None = None
    """What a physical value is: reflectance, db, kelvin, …; None where nobody said or can tell."""

    unit: str = ""
    """Of physical values, for people."""

    classes: tuple[Class, ...] = ()
    """Of a band of labels."""

    @property
    def is_scaled(self) -> bool:
        """Whether a digital number stands for something else."""
        return self.source.scale != 1.0 or self.source.offset != 0.0

    @property
    def physical_range(self) -> tuple[float, float] | None:
        """`value_range` in physical values, the smaller one first; None too where it goes beyond all numbers."""
        if self.value_range is None:
            return None
        low, high = (value * self.source.scale + self.source.offset for value in self.value_range)
        return (min(low, high), max(low, high)) if math.isfinite(high - low) else None

    @property
    def appearance(self) -> Appearance:
        """How its physical values are shown."""
        return appearance(self.domain)


def drawables(assets: Json, *, properties: Json) -> tuple[Drawable, ...]:
    """Bands of the raster assets, in their order."""
    return tuple(
        drawable
        for key, asset in assets.items()
        if is_raster(asset)
        and not any(role in _list(asset.get("roles")) for role in _BESIDE_IMAGERY)
        for drawable in _bands(key, asset, properties)
    )


def bands_listed(asset: Json) -> int:
    """How many bands the asset says that its file has; 0 where it says nothing."""
    return max(len(_list(asset.get(name))) for name in ("bands", "eo:bands", "raster:bands"))


def _bands(key: str, asset: Json, properties: Json) -> Iterator[Drawable]:
    found = list(asset_sources(key, asset, properties=properties))
    listed, raster = _list(asset.get("bands")), _list(asset.get("raster:bands"))
    count = bands_listed(asset) or 1
    for source in found:
        levels = [_at(listed, source.band), _at(raster, source.band), asset]
        unit = source.unit
        is_told = source.domain != "dn" or _first_text("eotiles:domain", [*levels, properties])
        yield Drawable(
            source=source,
            title=str(asset.get("title") or key),
            siblings=count,
            visual="visual" in _list(asset.get("roles")),
            data_type=_first_text("data_type", levels),
            value_range=next((span for level in levels if (span := _value_range(level))), None),
            domain=source.domain if is_told else None,
            unit="" if unit == "1" else unit or "",
            classes=classes_of(*levels) or _labels(levels),
        )


def _labels(levels: list[Json]) -> tuple[Class, ...]:
    """Classes of a band that is marked as one of labels, by its statistics."""
    if not any(level.get("eotiles:labels") is True for level in levels):
        return ()
    found = next((each for level in levels if (each := level.get("statistics"))), None)
    statistics = found if isinstance(found, Mapping) else {}
    ends = (first_number(statistics.get(name)) for name in ("minimum", "maximum"))
    return numbered(*ends)


def _first_text(name: str, levels: list[Json]) -> str | None:
    return next((level[name] for level in levels if isinstance(level.get(name), str)), None) or None


def _value_range(level: Json) -> tuple[float, float] | None:
    percentiles = level.get(PERCENTILES)
    if isinstance(percentiles, Mapping):
        below, above = first_number(percentiles.get("2")), first_number(percentiles.get("98"))
        if below is not None and above is not None and below < above:
            return below, above
    statistics = level.get("statistics")
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
