"""Band symbols of formulas, and which bands of an item can stand for them: by name, else by wavelength."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from eotiles.core.source import Source


@dataclass(frozen=True)
class Symbol:
    """A window of the spectrum, or a polarisation of radar, as formulas name it."""

    common_names: tuple[str, ...] = ()
    """STAC eo:common_name values that can supply it, in order of preference."""

    window_nm: tuple[float, float] | None = None
    """Centre wavelengths that are taken for it, in nanometres; None for radar."""

    typical_nm: float = 0.0
    """Centre wavelength of the sensors that have it: of several bands in the window the nearest is taken."""


def _optical(low: float, high: float, typical: float, *common_names: str) -> Symbol:
    return Symbol(common_names, (low, high), typical)


SYMBOLS: MappingProxyType[str, Symbol] = MappingProxyType(
    {
        "A": _optical(400, 455, 442, "coastal"),
        "B": _optical(450, 530, 490, "blue"),
        "G1": _optical(510, 550, 531, "green05"),
        "G": _optical(510, 600, 560, "green"),
        "Y": _optical(585, 625, 605, "yellow"),
        "R": _optical(620, 690, 660, "red"),
        "RE1": _optical(695, 715, 705, "rededge071"),
        "RE2": _optical(730, 750, 740, "rededge075"),
        "RE3": _optical(765, 795, 782, "rededge078"),
        "N": _optical(760, 900, 833, "nir", "nir08"),
        "N2": _optical(850, 880, 865, "nir08"),
        "WV": _optical(930, 960, 945, "nir09"),
        "S1": _optical(1550, 1750, 1612, "swir16"),
        "S2": _optical(2080, 2350, 2200, "swir22"),
        "T": _optical(10400, 12500, 11450, "lwir", "lwir11", "lwir12"),
        "T1": _optical(10600, 11190, 10900, "lwir11"),
        "T2": _optical(11500, 12510, 12000, "lwir12"),
        "VV": Symbol(),
        "VH": Symbol(),
        "HH": Symbol(),
        "HV": Symbol(),
    }
)
"""Symbols and windows are those of Awesome Spectral Indices (spyndex, bands.json); radar has no common names."""

BAND_SYMBOLS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {name: symbol.common_names for name, symbol in SYMBOLS.items()}
)
"""Symbol in a formula → STAC eo:common_name values that can supply it, in order of preference."""

POLARISATIONS = frozenset(name for name, symbol in SYMBOLS.items() if symbol.window_nm is None)

_WIDE_NAMES = frozenset({None, "rededge", "nir", "lwir"})
"""Common names that say too little: a band that has one of them, or none, is told by its wavelength."""

_WIDTH_MAX = 1.5
"""Times the window that a band may be wide: a panchromatic band has its centre in somebody else's."""


def wanted(name: str) -> str:
    """What a symbol stands for, for people: nir or nir08."""
    return " or ".join(SYMBOLS[name].common_names) or f"polarization {name}"


def choose(name: str, available: Iterable[Source]) -> Source | None:
    """The band that stands for a symbol: by common name, else by wavelength, of equals the finest, then the first.

    Radar is told by polarisation.
    """
    symbol = SYMBOLS[name]
    sources = tuple(available)
    for common_name in symbol.common_names:
        if found := finest(source for source in sources if source.common_name == common_name):
            return found
    if symbol.window_nm is None:
        return finest(source for source in sources if source.polarization == name)
    near = [
        (abs(source.center_um * 1000 - symbol.typical_nm), source.gsd_m or float("inf"), position)
        for position, source in enumerate(sources)
        if source.center_um is not None and _lies_in(source, symbol.window_nm)
    ]
    return sources[min(near)[-1]] if near else None


def finest(sources: Iterable[Source]) -> Source | None:
    """The band of the smallest pixels, of equals the first; None of none."""
    return min(sources, key=lambda source: source.gsd_m or float("inf"), default=None)


def _lies_in(source: Source, window_nm: tuple[float, float]) -> bool:
    low, high = window_nm
    return (
        source.common_name in _WIDE_NAMES
        and source.center_um is not None
        and low <= source.center_um * 1000 <= high
        and (source.width_um is None or source.width_um * 1000 <= _WIDTH_MAX * (high - low))
    )
