"""A spectral Index: what is computed from which bands, and how it is drawn by default. Plain data.

Formulas use the band and constant symbols of the Awesome Spectral Indices catalogue
(https://github.com/awesome-spectral-indices/awesome-spectral-indices): N near infrared, R red, G green, S1 and S2 the
two shortwave infrared windows. `BAND_SYMBOLS` binds each symbol to the STAC common names that can supply it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType

BAND_SYMBOLS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "B": ("blue",),
        "G": ("green",),
        "R": ("red",),
        "N": ("nir", "nir08"),
        "S1": ("swir16",),
        "S2": ("swir22",),
    }
)
"""Symbol in a formula → STAC eo:common_name values that can supply it, in order of preference."""


@dataclass(frozen=True)
class Index:
    """A spectral index: data, never code."""

    name: str
    """What `?index=` takes, lower case."""

    title: str
    """Name for people."""

    formula: str
    """In band symbols, parsed by eotiles.bandmath.grammar."""

    bands: tuple[str, ...]
    """Symbols that the formula uses; each is a key of BAND_SYMBOLS."""

    value_range: tuple[float, float]
    """Smallest and largest value the index can take on reflectances ≥ 0 (dimensionless)."""

    rescale: tuple[float, float]
    """Values drawn with the first and the last colour of the colormap unless `rescale=` says otherwise."""

    colormap: str
    """Name of the default colormap (rio-tiler)."""

    reference: str
    """Where the formula was published."""

    def __post_init__(self) -> None:
        if self.name != self.name.lower():
            raise ValueError(f"index names are lower case, got {self.name!r}")
        if unknown := [symbol for symbol in self.bands if symbol not in BAND_SYMBOLS]:
            raise ValueError(f"index {self.name!r} uses unknown band symbols {unknown}")
        for field, (low, high) in (("rescale", self.rescale), ("value_range", self.value_range)):
            if not -math.inf < low < high < math.inf:
                raise ValueError(f"{field} of index {self.name!r} is no interval: {low}, {high}")


def _normalised_difference(
    name: str,
    title: str,
    bands: tuple[str, str],
    *,
    rescale: tuple[float, float],
    colormap: str,
    reference: str,
) -> Index:
    a, b = bands
    return Index(
        name=name,
        title=title,
        formula=f"({a} - {b}) / ({a} + {b})",
        bands=bands,
        value_range=(-1.0, 1.0),
        rescale=rescale,
        colormap=colormap,
        reference=reference,
    )


INDICES: MappingProxyType[str, Index] = MappingProxyType(
    {
        index.name: index
        for index in (
            _normalised_difference(
                "ndvi",
                "Normalized Difference Vegetation Index",
                ("N", "R"),
                # Water lies below 0, bare ground at 0 to 0.2, dense vegetation at 0.8 to 0.9; on -1..1
                # half of the colours would never be seen.
                rescale=(-0.2, 0.9),
                colormap="rdylgn",
                reference="Rouse et al. (1974), https://ntrs.nasa.gov/citations/19740022614",
            ),
            _normalised_difference(
                "ndwi",
                "Normalized Difference Water Index (McFeeters)",
                ("G", "N"),
                # Green land, blue water. Symmetric: the colour changes at 0, the published threshold of water.
                rescale=(-0.8, 0.8),
                colormap="delta_r",
                reference="McFeeters (1996), https://doi.org/10.1080/01431169608948714",
            ),
            _normalised_difference(
                "ndmi",
                "Normalized Difference Moisture Index (Gao's NDWI)",
                ("N", "S1"),
                # Red is dry, blue is moist. Symmetric about 0; canopies reach about 0.6.
                rescale=(-0.6, 0.6),
                colormap="rdylbu",
                reference="Gao (1996), https://doi.org/10.1016/S0034-4257(96)00067-3",
            ),
            _normalised_difference(
                "mndwi",
                "Modified Normalized Difference Water Index",
                ("G", "S1"),
                # As NDWI: the colour changes at 0, the published threshold of water.
                rescale=(-0.8, 0.8),
                colormap="delta_r",
                reference="Xu (2006), https://doi.org/10.1080/01431160600589179",
            ),
        )
    }
)
"""Every index that `?index=` knows, by name."""


def suppliers(index: Index, common_names: Collection[str | None]) -> dict[str, str | None]:
    """For each band symbol of an index the common name that stands for it, best first; None where none is there."""
    return {
        symbol: next((name for name in BAND_SYMBOLS[symbol] if name in common_names), None)
        for symbol in index.bands
    }


def fits(index: Index, common_names: Collection[str | None]) -> bool:
    """Whether bands of these common names are all that an index needs."""
    return None not in suppliers(index, common_names).values()
