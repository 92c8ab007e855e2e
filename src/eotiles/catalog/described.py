"""A band in the words of its item: whether it is labels or a picture, its domain and unit as they are stated. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eotiles.catalog.documented import OPTICAL
from eotiles.core.domain import LABEL_NAMES, LABELS_BEFORE, Domain, read_domain

Json = Mapping[str, Any]

_FOR_EYES = frozenset({"visual", "overview", "thumbnail"})
"""Roles of pictures."""

_PICTURES = frozenset({"visual", "tci", "preview", "rendered_preview", "overview", "thumbnail"})
"""Keys of pictures, of which some catalogues say that they were data."""

_REFLECTANCE_SCALES = (1e-6, 1e-2)
"""A band of sunlight that is scaled by so much is reflectance."""

_UNIT_DOMAINS: Mapping[str, Domain] = {
    "k": "kelvin",
    "kelvin": "kelvin",
    "db": "db",
    "decibel": "db",
    "decibels": "db",
    "m": "metres",
    "metre": "metres",
    "metres": "metres",
    "meter": "metres",
    "meters": "metres",
}
_DECIBELS = re.compile(r"\bdB\b|\bdecibels?\b")
LONGEST = 200
"""Characters of a name that are looked at."""

_SUFFIX = re.compile(r"_\d0m$|-jp2$", re.IGNORECASE)


@dataclass(frozen=True)
class Described:
    """What is not there is an empty object."""

    asset: str
    """Key of the asset."""

    number: int
    """Of the band in the file, counted from 1."""

    band: Json
    """Entry in `bands` or `eo:bands`."""

    raster_band: Json
    """Entry in `raster:bands`."""

    of_asset: Json
    properties: Json

    name: str | None = None
    common_name: str | None = None
    is_radar: bool = False

    @property
    def levels(self) -> tuple[Json, Json, Json]:
        """What is said of it, or of its asset, best first."""
        return self.band, self.raster_band, self.of_asset

    @property
    def is_labels(self) -> bool:
        """Whether numbers are labels or bit fields."""
        for level in self.levels:
            if level.get("eotiles:labels") is True or level.get("eotiles:domain") == LABELS_BEFORE:
                return True
            if level.get("classification:classes") or level.get("classification:bitfields"):
                return True
        return any(
            name is not None and _names_labels(name[:LONGEST]) for name in (self.asset, self.name)
        )

    @property
    def is_picture(self) -> bool:
        return is_picture_asset(self.asset, self.of_asset)

    @property
    def is_float(self) -> bool:
        """Whether it is said to hold floating point numbers: not what products are documented to hold."""
        for level in self.levels:
            kind = level.get("data_type")
            if isinstance(kind, str) and kind.startswith("float"):
                return True
        return False

    @property
    def unit(self) -> str | None:
        """As it is stated."""
        for level in self.levels:
            unit = level.get("unit")
            if isinstance(unit, str) and unit:
                return unit
        return None

    def domain(self, *, unit: str | None) -> Domain | None:
        """As it is stated, by its name or by its unit; None where it is not. Of no labels, and no picture."""
        for level in (*self.levels, self.properties):
            named = level.get("eotiles:domain")
            if named is not None and (stated := read_domain(named)) is not None:
                return stated
        if unit is not None and (by_unit := _UNIT_DOMAINS.get(unit.lower())) is not None:
            return by_unit
        if self.is_radar:
            words = (f"{level.get('description')} {level.get('title')}" for level in self.levels)
            if any(_DECIBELS.search(each) for each in words):
                return "db"
        return None

    def guess(self, *, scale: float, is_level_1: bool) -> Domain:
        """The domain of a band of sunlight whose scale makes it reflectance; of any other `dn`."""
        low, high = _REFLECTANCE_SCALES
        if self.common_name not in OPTICAL or not low <= scale <= high:
            return "dn"
        level = self.properties.get("processing:level")
        is_level_1 = is_level_1 or (isinstance(level, str) and level.startswith("L1"))
        return "toa_reflectance" if is_level_1 else "reflectance"


@lru_cache(maxsize=4096)
def _names_labels(name: str) -> bool:
    return _SUFFIX.sub("", name).upper() in LABEL_NAMES


def is_picture_asset(key: str, asset: Json) -> bool:
    """Whether an asset is made for eyes, and its numbers mean nothing."""
    if key.lower() in _PICTURES:
        return True
    roles = asset.get("roles")
    if not isinstance(roles, list) or "data" in roles:
        return False
    return any(role in _FOR_EYES for role in roles if isinstance(role, str))
