"""From values to brightness: the range of each band that is drawn from dark to bright. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from eotiles.catalog.appearance import REFLECTANCE_RANGE, Range
from eotiles.catalog.drawable import Drawable

BRIGHT = (0.1, 0.5)
"""Where the brightest 2 % of a landscape's reflectance begin, if the usual range fits it: below are forests and water
alone, above snow, salt or clouds."""

FAINT = 100.0
"""Bytes that differ by less are digital numbers of a sensor, and no picture yet."""

NARROWEST = 1e-30
"""Ranges of less are drawn like one of a single value."""

_SURFACE = ("reflectance", None)
"""Domains whose scaled bands have one range for all, so that colours are those of the ground."""

_ABOVE = ("toa_reflectance", "dn")
"""What was measured above the atmosphere has a range each: haze brightens blue most, and on one range a landscape looks
purple."""


def colour_ranges(bands: Sequence[Drawable]) -> tuple[Range, ...] | None:
    """The physical range of each band of a picture of red, green and blue; None: bytes as they are, or nobody knows."""
    known = [each for band in bands if (each := band.physical_range) is not None]
    is_scaled = any(band.is_scaled for band in bands)
    if all(band.domain == "display" for band in bands):
        return None
    if all(band.data_type == "uint8" for band in bands) and not is_scaled:
        faint = len(known) == len(bands) and _span(known) < FAINT
        return _each(known, bands) if faint else None
    if all(band.domain in _SURFACE for band in bands) and (
        is_scaled or bands[0].domain == "reflectance"
    ):
        ranges = surface_range(known) if len(known) == len(bands) else REFLECTANCE_RANGE
        return (ranges,) * len(bands)
    if len(known) == len(bands):
        return _each(known, bands)
    usual = [each for band in bands if (each := band.appearance.usual) is not None]
    return tuple(usual) if len(usual) == len(bands) else None


def _each(known: Sequence[Range], bands: Sequence[Drawable]) -> tuple[Range, ...]:
    if all(band.domain in _ABOVE for band in bands):
        return tuple(_rounded(*each) for each in known)
    # Numbers of who knows what: one range, so that colours keep their balance.
    low, high = min(low for low, _ in known), max(high for _, high in known)
    return (_rounded(low, high),) * len(bands)


def _span(ranges: Sequence[Range]) -> float:
    return max(high for _, high in ranges) - min(low for low, _ in ranges)


def surface_range(ranges: Sequence[Range]) -> Range:
    """One range for bands of surface reflectance: the usual one where it fits, else what the statistics say."""
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if BRIGHT[0] <= high <= BRIGHT[1] and low >= -0.1:
        return REFLECTANCE_RANGE
    return _rounded(low, high)


def single_range(band: Drawable) -> Range | None:
    """The physical range of a band that is drawn alone; None: bytes as they are, or nobody knows."""
    if band.data_type == "uint8" and not band.is_scaled:
        return None
    if band.physical_range is not None:
        return _rounded(*band.physical_range)
    return band.appearance.usual


def _rounded(low: float, high: float) -> Range:
    """Outwards to two digits of the span: what people type, and the same for scenes that hardly differ."""
    span = high - low
    if not span > NARROWEST:
        return low, low + max(abs(low) * 1e-3, 1e-6)
    step = 10.0 ** (math.floor(math.log10(span)) - 1)
    return _short(math.floor(low / step + 1e-9) * step), _short(
        math.ceil(high / step - 1e-9) * step
    )


def _short(value: float) -> float:
    return float(f"{value:.6g}") + 0.0
