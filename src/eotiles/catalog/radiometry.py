"""What a digital number means: the one rule set for scale, offset, nodata, domain and unit of a band, and the one place
where numbers become physical.

The first that says something counts, field by field:

1. `eotiles:radiometry` of the item, then of its collection (catalog/override.py).
2. STAC: the band (`bands` of 1.1, else `raster:bands`), else its asset, else the item's properties.
3. What the product's maker documents (catalog/documented.py).
4. Scale and offset of the file itself, which are never applied on top of those above.

Two exceptions. An offset that STAC lists is 0 where a Sentinel-2 item says that it is taken off already, and labels and
pictures are never scaled unless an override names them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.catalog.documented import (
    BASELINE_OF_OFFSET,
    OPTICAL,
    SENTINEL_2_OFFSET,
    Documented,
    documented,
)
from eotiles.catalog.override import Said, overrides
from eotiles.catalog.product import Product
from eotiles.core.domain import (
    LABEL_NAMES,
    LABELS_BEFORE,
    REFLECTANCES,
    UNITS,
    Domain,
    read_domain,
)

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
_SUFFIX = re.compile(r"_\d0m$|-jp2$", re.IGNORECASE)
AS_FILE = "the item does not say it: as the file says"
_MOST = sys.float_info.max
_STAC = ("STAC bands", "STAC raster:bands", "STAC asset", "STAC properties")


@dataclass(frozen=True)
class Radiometry:
    """A digital number `dn` stands for `dn * scale + offset`, unless it is `nodata`."""

    scale: float = 1.0
    """Physical units per digital number. Never 0."""

    offset: float = 0.0
    """Physical value of digital number 0."""

    nodata: float | None = None
    """Digital number that means 'no data'. Not a number needs no mention: it is never valid."""

    domain: Domain = "dn"
    unit: str | None = None
    """Of physical values (UCUM)."""

    is_stated: bool = False
    """Whether scale and offset are known without the file; else the file's own count, if it has any."""

    is_labels: bool = False
    """Whether digital numbers are labels or bit fields."""

    rule: str = ""
    """What decided, for people."""


@dataclass(frozen=True)
class Described:
    """A band in the words of its item; what is not there is an empty object."""

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
    def levels(self) -> tuple[Json, Json, Json, Json]:
        """Best first."""
        return self.band, self.raster_band, self.of_asset, self.properties


def radiometry(described: Described, product: Product | None) -> Radiometry | None:
    """What the numbers of a band mean; None where its metadata say something impossible, a scale of 0."""
    asset, name, common_name = described.asset, described.name, described.common_name
    over = overrides(described.properties, asset, (name, common_name, str(described.number)))
    is_labels, is_picture = _is_labels(described), is_picture_asset(asset, described.of_asset)
    if is_labels or is_picture:
        over = tuple(said for said in over if not said.is_general)
    known = None
    if product is not None and not (is_labels or is_picture):
        known = documented(product, asset=asset, name=name, common_name=common_name)
    scale, scale_by = _declared(described, "raster:scale")
    offset, offset_by = _declared(described, "raster:offset")
    rule = scale_by or offset_by or ""
    if is_labels:
        scale, offset, rule = 1.0, 0.0, "labels: never scaled"
    elif is_picture:
        scale, offset, rule = 1.0, 0.0, "a picture: never scaled"
    elif scale is None and offset is None:
        rule = AS_FILE
        if known is not None and not _is_float(described):
            scale, offset = known.scale, known.offset
            rule = known.rule if scale is not None else f"{known.rule}; {AS_FILE}"
    elif product is not None and known is not None and known.domain in REFLECTANCES:
        offset, rule = _sentinel_2_offset(product, offset, rule)
    nodata = _declared(described, "nodata")[0]
    if nodata is None and known is not None and not _is_float(described):
        nodata = known.nodata
    if over:
        said = _say(over)
        scale, offset = said.get("scale", scale), said.get("offset", offset)
        nodata = said.get("nodata", nodata)
        rule = _overridden(over, said, rule)
    if scale == 0:
        return None
    is_stated = scale is not None or offset is not None
    scale, offset = 1.0 if scale is None else scale, offset or 0.0
    domain = _domain(described, over, known, product, scale=scale, is_picture=is_picture)
    return Radiometry(
        scale=scale,
        offset=offset,
        nodata=nodata,
        domain=domain,
        unit=_unit(described, over, known, domain),
        is_stated=is_stated,
        is_labels=is_labels,
        rule=rule,
    )


def is_picture_asset(key: str, asset: Json) -> bool:
    """Whether an asset is made for eyes, and its numbers mean nothing."""
    if key.lower() in _PICTURES:
        return True
    roles = asset.get("roles")
    named = {role for role in roles if isinstance(role, str)} if isinstance(roles, list) else set()
    return "data" not in named and not _FOR_EYES.isdisjoint(named)


def _sentinel_2_offset(
    product: Product, offset: float | None, rule: str
) -> tuple[float | None, str]:
    """The offset that counts of a band of reflectance whose scale STAC states."""
    if product.applied and offset:
        return 0.0, f"{rule}, but the item says that the offset is taken off already"
    if product.applied is False and offset is None:
        since = product.baseline is not None and product.baseline >= BASELINE_OF_OFFSET
        if since:
            return SENTINEL_2_OFFSET, f"{rule}; the item says that the offset is not taken off"
    return offset, rule


def _declared(described: Described, name: str) -> tuple[float | None, str | None]:
    """A number of STAC and where it stands."""
    for where, level in zip(_STAC, described.levels, strict=True):
        key = name.removeprefix("raster:") if level is described.raster_band else name
        value = level.get(key)
        if value is not None and (found := first_number(value)) is not None:
            return found, where
    return None, None


def _say(over: Sequence[Said]) -> dict[str, float]:
    """The numbers of overrides, the first that is one; a scale of 0 is none."""
    found: dict[str, float] = {}
    for field in ("scale", "offset", "nodata"):
        for said in over:
            value = first_number(said.fields.get(field))
            if value is not None and not (field == "scale" and value == 0):
                found[field] = value
                break
    return found


def _overridden(over: Sequence[Said], said: Mapping[str, float], rule: str) -> str:
    fields = [*said, *(field for field in ("domain", "unit") if _text(over, field) is not None)]
    if not fields:
        return rule
    whose = next(each.whose for each in over if any(field in each.fields for field in fields))
    rest = f"; else {rule}" if rule and not {"scale", "offset"} <= set(said) else ""
    return f"{whose} ({', '.join(fields)}){rest}"


def _text(over: Sequence[Said], field: str) -> str | None:
    for said in over:
        value = said.fields.get(field)
        if isinstance(value, str) and (field != "domain" or read_domain(value) is not None):
            return value
    return None


def _domain(
    described: Described,
    over: Sequence[Said],
    known: Documented | None,
    product: Product | None,
    *,
    scale: float,
    is_picture: bool,
) -> Domain:
    if (said := read_domain(_text(over, "domain"))) is not None:
        return said
    if _is_labels(described):
        return "dn"
    for level in described.levels:
        if (stated := read_domain(level.get("eotiles:domain"))) is not None:
            return stated
    if is_picture:
        return "display"
    if (by_unit := _domain_of_unit(described)) is not None:
        return by_unit
    if known is not None and known.domain != "dn":
        return known.domain
    low, high = _REFLECTANCE_SCALES
    if described.common_name in OPTICAL and low <= scale <= high:
        processed = str(described.properties.get("processing:level"))
        is_above = processed.startswith("L1") or (product is not None and product.level == "L1C")
        return "toa_reflectance" if is_above else "reflectance"
    return "dn"


def _domain_of_unit(described: Described) -> Domain | None:
    for level in described.levels[:3]:
        unit = level.get("unit")
        if isinstance(unit, str) and (found := _UNIT_DOMAINS.get(unit.lower())) is not None:
            return found
    if described.is_radar:
        for level in described.levels[:3]:
            words = f"{level.get('description')} {level.get('title')}"
            if _DECIBELS.search(words):
                return "db"
    return None


def _unit(
    described: Described, over: Sequence[Said], known: Documented | None, domain: Domain
) -> str | None:
    if (said := _text(over, "unit")) is not None:
        return said
    for level in described.levels[:3]:
        unit = level.get("unit")
        if isinstance(unit, str) and unit:
            return unit
    return (known.unit if known is not None else None) or UNITS.get(domain)


def _is_labels(described: Described) -> bool:
    for level in described.levels[:3]:
        if level.get("eotiles:labels") is True or level.get("eotiles:domain") == LABELS_BEFORE:
            return True
        if level.get("classification:classes") or level.get("classification:bitfields"):
            return True
    names = (described.name, described.asset)
    return any(_SUFFIX.sub("", name).upper() in LABEL_NAMES for name in names if name)


def _is_float(described: Described) -> bool:
    return any(
        isinstance(kind := level.get("data_type"), str) and kind.startswith("float")
        for level in described.levels[:3]
    )


def physical(
    dn: NDArray[Any], *, scales: Sequence[float], offsets: Sequence[float]
) -> NDArray[np.float32]:
    """Physical values of digital numbers.

    Args:
        dn: (band, y, x), any type of number.
        scales: one a band.
        offsets: one a band.

    Returns:
        (band, y, x) float32.
    """
    values = np.empty(dn.shape, np.float32)
    for plane, value, scale, offset in zip(dn, values, scales, offsets, strict=True):
        # In float64 and rounded once: in float32, 1000 * 0.0001 - 0.1 is not 0, and 0/0 would become a valid 0.
        value[...] = plane * np.float64(scale) + np.float64(offset)
    return values


def first_number(*values: Any) -> float | None:
    """The first that is a finite number; strangers' metadata may hold anything."""
    for value in values:
        # Compared, not converted: an integer of JSON may be larger than any float.
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST:
            return float(value)
    return None
