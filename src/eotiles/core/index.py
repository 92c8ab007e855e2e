"""A spectral Index: what is computed from which bands, and how it is drawn by default. Plain data.

Formulas use the band and constant symbols of the Awesome Spectral Indices catalogue
(https://github.com/awesome-spectral-indices/awesome-spectral-indices): N near infrared, R red, G green, S1 and S2 the
two shortwave infrared windows (`core/symbols.py`). Four presets are written here; all others come from indices.json,
which `scripts/indices.py` makes of that catalogue, and which is read when one of them is first asked for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from eotiles.core.symbols import BAND_SYMBOLS, SYMBOLS

CONSTANT_MAX = 1e6
"""Largest magnitude of a constant that a request may set."""


@dataclass(frozen=True)
class Index:
    """A spectral index: data, never code."""

    name: str
    """What `?index=` takes: lower case, but where two differ by case alone (BAI is bai, BaI is BaI)."""

    label: str
    """Name as publications write it: NDVI, kNDVI."""

    title: str
    """Name for people."""

    formula: str
    """In band symbols and constants, parsed by eotiles.bandmath.grammar once the constants are numbers."""

    bands: tuple[str, ...]
    """Symbols that the formula uses; each is a key of SYMBOLS."""

    value_range: tuple[float, float] | None
    """Smallest and largest value the index can take on reflectances ≥ 0 (dimensionless); None: not known."""

    rescale: tuple[float, float]
    """Values drawn with the first and the last colour of the colormap unless `rescale=` says otherwise."""

    colormap: str
    """Name of the default colormap (rio-tiler)."""

    reference: str
    """Where the formula was published."""

    domain: str
    """What it is for: vegetation, water, burn, urban, soil, radar, snow, clouds or kernel."""

    constants: Mapping[str, float | None]
    """Constants of the formula with their defaults; None: a request has to say. `lambdaN` and its like are the centre
    wavelengths of the bands in nanometres."""

    is_estimated: bool
    """Whether `rescale` is what a sample of spectra shows (scripts/indices.py), not what somebody chose."""

    def __post_init__(self) -> None:
        if self.name not in (self.label, self.label.lower()):
            raise ValueError(f"the index {self.label!r} cannot be called {self.name!r}")
        if unknown := [symbol for symbol in self.bands if symbol not in SYMBOLS]:
            raise ValueError(f"index {self.name!r} uses unknown band symbols {unknown}")
        for field, pair in (("rescale", self.rescale), ("value_range", self.value_range)):
            if pair is not None and not -math.inf < pair[0] < pair[1] < math.inf:
                raise ValueError(f"{field} of index {self.name!r} is no interval: {pair}")

    def bound(self, constants: Mapping[str, float]) -> str:
        """The formula with numbers in the place of its constants.

        Raises:
            KeyError: one of them is not given and has no default.
        """
        values = {
            name: constants[name] if default is None else constants.get(name, default)
            for name, default in self.constants.items()
        }
        return _NAME.sub(lambda match: _number(values.get(match[0], match[0])), self.formula)


_NAME = re.compile(r"(?<![\w.])[A-Za-z]\w*")
"""A name, and no exponent such as the e5 of 1e5."""


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"({value!r})" if value < 0 else repr(value)


def _normalised_difference(
    label: str,
    title: str,
    bands: tuple[str, str],
    *,
    domain: str,
    rescale: tuple[float, float],
    colormap: str,
    reference: str,
) -> Index:
    a, b = bands
    return Index(
        name=label.lower(),
        label=label,
        title=title,
        formula=f"({a} - {b}) / ({a} + {b})",
        bands=bands,
        value_range=(-1.0, 1.0),
        rescale=rescale,
        colormap=colormap,
        reference=reference,
        domain=domain,
        constants=MappingProxyType({}),
        is_estimated=False,
    )


PRESETS: MappingProxyType[str, Index] = MappingProxyType(
    {
        index.name: index
        for index in (
            _normalised_difference(
                "NDVI",
                "Normalized Difference Vegetation Index",
                ("N", "R"),
                domain="vegetation",
                # Water lies below 0, bare ground at 0 to 0.2, dense vegetation at 0.8 to 0.9; on -1..1
                # half of the colours would never be seen.
                rescale=(-0.2, 0.9),
                colormap="rdylgn",
                reference="Rouse et al. (1974), https://ntrs.nasa.gov/citations/19740022614",
            ),
            _normalised_difference(
                "NDWI",
                "Normalized Difference Water Index (McFeeters)",
                ("G", "N"),
                domain="water",
                # Green land, blue water. Symmetric: the colour changes at 0, the published threshold of water.
                rescale=(-0.8, 0.8),
                colormap="delta_r",
                reference="McFeeters (1996), https://doi.org/10.1080/01431169608948714",
            ),
            _normalised_difference(
                "NDMI",
                "Normalized Difference Moisture Index (Gao's NDWI)",
                ("N", "S1"),
                domain="vegetation",
                # Red is dry, blue is moist. Symmetric about 0; canopies reach about 0.6.
                rescale=(-0.6, 0.6),
                colormap="rdylbu",
                reference="Gao (1996), https://doi.org/10.1016/S0034-4257(96)00067-3",
            ),
            _normalised_difference(
                "MNDWI",
                "Modified Normalized Difference Water Index",
                ("G", "S1"),
                domain="water",
                # As NDWI: the colour changes at 0, the published threshold of water.
                rescale=(-0.8, 0.8),
                colormap="delta_r",
                reference="Xu (2006), https://doi.org/10.1080/01431160600589179",
            ),
        )
    }
)
"""Indices whose range and colours were chosen with care: what items offer, and what is compiled at start."""


class _Catalogue(Mapping[str, Index]):
    """All indices by name, the presets first; indices.json is read when more than a preset is asked for."""

    def __getitem__(self, name: str) -> Index:
        preset = PRESETS.get(name)
        return self._all[name] if preset is None else preset

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> dict[str, Index]:
        content = json.loads((files("eotiles.core") / "indices.json").read_bytes())
        others = (_read(name, each) for name, each in content["indices"].items())
        return {**PRESETS, **{index.name: index for index in others if index.name not in PRESETS}}


INDICES: Mapping[str, Index] = _Catalogue()
"""Every index that `?index=` knows, by name."""


def _read(name: str, fields: Mapping[str, Any]) -> Index:
    return Index(
        name=name,
        label=fields["label"],
        title=fields["title"],
        formula=fields["formula"],
        bands=tuple(fields["bands"]),
        value_range=None if fields["range"] is None else tuple(fields["range"]),
        rescale=tuple(fields["rescale"]),
        colormap=_COLORMAPS[fields["domain"]],
        reference=fields["reference"],
        domain=fields["domain"],
        constants=MappingProxyType(fields["constants"]),
        is_estimated=fields["range"] is None,
    )


_COLORMAPS = {
    "vegetation": "rdylgn",
    "kernel": "rdylgn",
    "water": "ylgnbu",
    "snow": "ice",
    "burn": "inferno",
    "soil": "ylorbr",
    "urban": "magma",
    "clouds": "gray",
    "radar": "viridis",
}
"""Colours of the indices that are no presets, by what they are for."""


def suppliers(index: Index, common_names: Collection[str | None]) -> dict[str, str | None]:
    """For each band symbol of an index the common name that stands for it, best first; None where none is there."""
    return {
        symbol: next((name for name in BAND_SYMBOLS[symbol] if name in common_names), None)
        for symbol in index.bands
    }


def fits(index: Index, common_names: Collection[str | None]) -> bool:
    """Whether bands of these common names are all that an index needs."""
    return None not in suppliers(index, common_names).values()
