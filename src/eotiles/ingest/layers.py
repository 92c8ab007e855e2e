"""What a scene's thumbnail shows: true colour, or one band. What maps show is guessed in catalog/guess.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eotiles.core.domain import Domain
from eotiles.ingest.bands import MASKS
from eotiles.ingest.statistics import BandStatistics


@dataclass(frozen=True)
class NamedBand:
    """A band of a scene, with what is needed to draw it."""

    asset: str
    index: int
    """Band of the file, from 1."""

    name: str
    common_name: str | None
    scale: float
    offset: float
    domain: Domain
    statistics: BandStatistics
    unit: str | None = None
    """Of the values (UCUM)."""

    labels: bool = False
    """Whether values are labels or bit fields: never averaged."""


def colour_bands(bands: Sequence[NamedBand]) -> tuple[NamedBand, ...]:
    """Red, green and blue if the scene has them, else its first band that is not of labels."""
    by_name = _by_common_name(bands)
    if all(name in by_name for name in ("red", "green", "blue")):
        return by_name["red"], by_name["green"], by_name["blue"]
    drawable = [band for band in bands if not band.labels and band.name not in (*MASKS, "alpha")]
    return (drawable[0] if drawable else bands[0],)


def stretch(bands: Sequence[NamedBand]) -> list[tuple[float, float]]:
    """The range of physical values of each band that is drawn from dark to bright: its 2nd to 98th percentile.

    Surface reflectance has one range for all bands, so that colours are those of the ground. What was measured above
    the atmosphere has one each: haze brightens blue most, and on one range a landscape looks purple. Display values are
    made to be looked at: they keep their full range.
    """
    domains = {band.domain for band in bands}
    if domains == {"display"}:
        return [(0.0, 255.0)] * len(bands)
    values = [band.statistics.sample * band.scale + band.offset for band in bands]
    if domains == {"reflectance"}:
        return [_percentiles(np.concatenate(values))] * len(bands)
    return [_percentiles(each) for each in values]


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    # Four digits: what people type, and the same for two scenes that hardly differ.
    low, high = float(f"{low:.4g}"), float(f"{high:.4g}")
    return (low, high) if low < high else (low, low + max(abs(low) * 1e-3, 1e-6))


def _by_common_name(bands: Sequence[NamedBand]) -> Mapping[str, NamedBand]:
    named: dict[str, NamedBand] = {}
    for band in bands:
        if band.common_name is not None:
            named.setdefault(band.common_name, band)
    return named
