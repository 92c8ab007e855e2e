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

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.catalog.described import LONGEST, Described
from eotiles.catalog.documented import (
    BASELINE_OF_OFFSET,
    SENTINEL_2_OFFSET,
    Documented,
    documented,
)
from eotiles.catalog.override import OVERRIDE, Said, overrides
from eotiles.catalog.product import Product
from eotiles.core.domain import REFLECTANCES, UNITS, Domain, read_domain

Json = Mapping[str, Any]

AS_FILE = "the item does not say it: as the file says"
"""The rule where nothing else decides."""

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


def radiometry(described: Described, product: Product | None) -> Radiometry | None:
    """What the numbers of a band mean; None where its metadata say something impossible, a scale of 0."""
    asset, name, common_name = described.asset, described.name, described.common_name
    is_labels = described.is_labels
    is_picture = not is_labels and described.is_picture
    over: tuple[Said, ...] = ()
    if OVERRIDE in described.properties:
        over = overrides(described.properties, asset, (name, common_name, str(described.number)))
    if is_labels or is_picture:
        over = tuple(said for said in over if not said.is_general)
        known = None
    else:
        known = documented(
            product,
            asset=asset[:LONGEST],
            name=None if name is None else name[:LONGEST],
            common_name=None if common_name is None else common_name[:LONGEST],
        )
    scale, scale_by = _declared(described, "raster:scale", "scale")
    offset, offset_by = _declared(described, "raster:offset", "offset")
    nodata, _ = _declared(described, "nodata", "nodata")
    rule = scale_by or offset_by or ""
    if is_labels or is_picture:
        scale, offset = 1.0, 0.0
        rule = f"{'labels' if is_labels else 'a picture'}: never scaled"
    elif scale is None and offset is None:
        rule = AS_FILE
        if known is not None and not described.is_float:
            scale, offset = known.scale, known.offset
            rule = known.rule if scale is not None else f"{known.rule}; {AS_FILE}"
    elif product is not None and known is not None and known.domain in REFLECTANCES:
        offset, rule = _sentinel_2_offset(product, offset, rule)
    if nodata is None and known is not None and not described.is_float:
        nodata = known.nodata
    if over:
        said = _say(over)
        scale, offset = said.get("scale", scale), said.get("offset", offset)
        nodata = said.get("nodata", nodata)
        rule = _overridden(over, said, rule)
    if scale == 0:
        return None
    unit = described.unit
    domain = read_domain(_text(over, "domain"))
    if domain is None and is_labels:
        domain = "dn"
    elif domain is None:
        domain = described.domain(unit=unit) or ("display" if is_picture else None)
    if domain is None:
        domain = _by_product(described, known, product, scale=scale or 1.0)
    return Radiometry(
        scale=1.0 if scale is None else scale,
        offset=offset or 0.0,
        nodata=nodata,
        domain=domain,
        unit=_text(over, "unit")
        or unit
        or (known.unit if known is not None else None)
        or UNITS.get(domain),
        is_stated=scale is not None or offset is not None,
        is_labels=is_labels,
        rule=rule,
    )


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


def _declared(described: Described, name: str, short: str) -> tuple[float | None, str | None]:
    """A number of STAC and where it stands; `short` is its name in `raster:bands`."""
    values = (
        described.band.get(name),
        described.raster_band.get(short),
        described.of_asset.get(name),
        described.properties.get(name),
    )
    for where, value in zip(_STAC, values, strict=True):
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


def _by_product(
    described: Described, known: Documented | None, product: Product | None, *, scale: float
) -> Domain:
    """The domain where nothing states it."""
    if known is not None and known.domain != "dn":
        return known.domain
    is_level_1 = product is not None and (product.level or "").startswith("L1")
    return described.guess(scale=scale, is_level_1=is_level_1)


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
