"""How numbers of a kind are shown where nobody said it: range, colours, unit, by the word of `eotiles:domain`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Range = tuple[float, float]

REFLECTANCE_RANGE: Range = (0.0, 0.3)
"""Reflectance drawn black and white in true colour: land is rarely brighter than 0.3, clouds and snow may saturate."""


@dataclass(frozen=True)
class Appearance:
    """Of one band, in physical values."""

    unit: str = ""
    """For legends; empty: none, or not known."""

    usual: Range | None = None
    """Dark to bright where no statistics tell."""

    colormap: str | None = None
    """rio-tiler's name; None: grey."""


_UNKNOWN = Appearance()

_APPEARANCES: Mapping[str, Appearance] = MappingProxyType(
    {
        "reflectance": Appearance(usual=REFLECTANCE_RANGE),
        "toa_reflectance": Appearance(usual=REFLECTANCE_RANGE),
        # Land scatters about -15 to -5 dB in VV, calm water below -20.
        "db": Appearance(unit="dB", usual=(-25.0, 0.0)),
        # Those are linear: -12 dB is a power of 0.06, an amplitude of 0.25.
        "power": Appearance(usual=(0.0, 0.4)),
        "amplitude": Appearance(),
        "kelvin": Appearance(unit="K", usual=(270.0, 320.0), colormap="inferno"),
        "metres": Appearance(unit="m", usual=(0.0, 3000.0), colormap="terrain"),
        "display": Appearance(usual=(0.0, 255.0)),
    }
)


def appearance(domain: str | None) -> Appearance:
    """The appearance of a domain; of an unknown one nothing is known."""
    return _UNKNOWN if domain is None else _APPEARANCES.get(domain, _UNKNOWN)
