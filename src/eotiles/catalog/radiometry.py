"""What a digital number means: scale, offset and nodata of a band, and the one place where it becomes physical.

A band says it for itself (STAC 1.1 `bands`, or `raster:bands` before), else its asset says it for all its bands, else
the item's properties for all its assets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = Mapping[str, Any]

OFFSET_APPLIED = "earthsearch:boa_offset_applied"
"""Earth Search sets it on Sentinel-2 items whose pixels have the offset of baseline 04.00 already taken off, and still
lists that offset (https://github.com/Element84/earth-search/issues/9)."""


BASELINE = "s2:processing_baseline"
BASELINE_OF_OFFSET = 4.0
SENTINEL_2 = (0.0001, -0.1)
"""Scale and offset since processing baseline 04.00: a digital number is 10000 × reflectance + 1000 (RADIO_ADD_OFFSET in
ESA's product specification)."""


@dataclass(frozen=True)
class Radiometry:
    """A digital number `dn` stands for `dn * scale + offset`, unless it is `nodata`."""

    scale: float = 1.0
    """Physical units per digital number. Never 0."""

    offset: float = 0.0
    """Physical value of digital number 0."""

    nodata: float | None = None
    """Digital number that means 'no data'. Not a number needs no mention: it is never valid."""


def radiometry(
    band: Json, *, raster_band: Json, asset: Json, properties: Json, is_reflectance: bool
) -> Radiometry | None:
    """What the item says about a band; None where it says something impossible, a scale of 0.

    `band` is its entry in `bands` or `eo:bands`, `raster_band` its entry in `raster:bands`; either may be empty. Of a
    band of reflectance that declares neither scale nor offset, Sentinel-2's processing baseline tells.
    """
    levels = (band, asset, properties)

    def declared(name: str) -> float | None:
        """Best first: the band, the band as STAC 1.0 wrote it, the asset, the item. STAC spells infinities as text."""
        own, *inherited = (level.get(name) for level in levels)
        return first_number(own, raster_band.get(name.removeprefix("raster:")), *inherited)

    scale, offset = declared("raster:scale"), declared("raster:offset")
    if scale == 0:
        return None
    if properties.get(OFFSET_APPLIED) is True:
        offset = 0.0
    elif scale is None and offset is None and is_reflectance and _has_sentinel_offset(properties):
        scale, offset = SENTINEL_2
    return Radiometry(1.0 if scale is None else scale, offset or 0.0, declared("nodata"))


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


def _has_sentinel_offset(properties: Json) -> bool:
    try:
        return float(properties.get(BASELINE, 0)) >= BASELINE_OF_OFFSET
    except (TypeError, ValueError):
        return False


def first_number(*values: Any) -> float | None:
    """The first that is a finite number; strangers' metadata may hold anything."""
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None
