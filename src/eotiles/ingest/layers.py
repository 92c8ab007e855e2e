"""What a scene, or a collection, is first shown as: true colour, the indices that its bands allow, or one band."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.core.domain import Domain
from eotiles.core.index import PRESETS, fits, suppliers
from eotiles.ingest.bands import MASKS
from eotiles.ingest.statistics import BandStatistics

TRUE_COLOUR = "true-colour"
GREY = "grey"


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


def renders(bands: Sequence[NamedBand], *, title: str | None = None) -> dict[str, Any]:
    """Default layers as the STAC render extension writes them.

    Two fields are parameters of our raster API: `index` names a spectral index, and with `unscale` the range is one of
    physical values. Bands of one file are written as the raster API takes them: data|bidx=4,3,2.
    `title` is the collection's: the only band of a scene, which no name tells anything about, is called so.
    """
    layers: dict[str, Any] = {}
    fitting = _indices(bands)
    chosen = colour_bands(bands)
    if len(chosen) == 3:
        layers[TRUE_COLOUR] = _plain("True colour", chosen, bands)
    elif not fitting:
        unnamed = len(bands) == 1 and re.fullmatch(r"b\d+", bands[0].name)
        layers[GREY] = _plain((unnamed and title) or chosen[0].name, chosen, bands)
    for name, used in fitting.items():
        index = PRESETS[name]
        layers[name] = {
            "title": index.title,
            "assets": list(dict.fromkeys(band.asset for band in used)),
            "index": name,
            "rescale": [list(index.rescale)],
            "colormap_name": index.colormap,
        }
    return layers


def _plain(title: str, chosen: Sequence[NamedBand], bands: Sequence[NamedBand]) -> dict[str, Any]:
    """Bands drawn as they are, each on its range."""
    layer: dict[str, Any] = {
        "title": title,
        "assets": _selected(chosen, bands),
        "rescale": [list(pair) for pair in stretch(chosen)],
    }
    if any((band.scale, band.offset) != (1.0, 0.0) for band in chosen):
        layer["unscale"] = True
    return layer


def _selected(chosen: Sequence[NamedBand], bands: Sequence[NamedBand]) -> list[str]:
    """Assets as the raster API takes them, one entry where one file holds all the bands."""
    assets = {band.asset for band in chosen}
    if len(assets) == 1:
        asset = assets.pop()
        alone = sum(band.asset == asset for band in bands) == 1
        numbers = ",".join(str(band.index) for band in chosen)
        return [asset if alone else f"{asset}|bidx={numbers}"]
    return [
        band.asset
        if sum(other.asset == band.asset for other in bands) == 1
        else f"{band.asset}|bidx={band.index}"
        for band in chosen
    ]


def _indices(bands: Sequence[NamedBand]) -> dict[str, list[NamedBand]]:
    """The indices whose bands are all there, with those bands."""
    by_name = _by_common_name(bands)
    return {
        name: [by_name[common] for common in suppliers(index, by_name).values() if common]
        for name, index in PRESETS.items()
        if fits(index, by_name)
    }


def _by_common_name(bands: Sequence[NamedBand]) -> Mapping[str, NamedBand]:
    named: dict[str, NamedBand] = {}
    for band in bands:
        if band.common_name is not None:
            named.setdefault(band.common_name, band)
    return named
