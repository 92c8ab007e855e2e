"""Whether a scene's numbers can be right: figures of its bands' values against what their domain allows. Pure.

What is found is a doubt, not an error: snow, cloud and desert are bright, deep water is dark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from eotiles.core.domain import REFLECTANCES, Domain

SHARE = 0.05
"""Of a band's valid pixels: fewer may lie where they should not."""

DARK, BRIGHT = -0.01, 1.6
"""Reflectance below and above which hardly any pixel lies: of clear water and shadow, of sunlit cloud and snow."""

WHITE = 2.0
"""Reflectance that nothing has in most places."""

LEFT_IN = 0.095
"""Where the darkest hundredth of a Sentinel-2 scene is brighter in every band, 1000 may still be in its numbers."""

TINY = 0.001
"""Where hardly a pixel of a scene is further from 0 in any band, its numbers may be scaled twice."""

LIMITS: MappingProxyType[Domain, tuple[float, float]] = MappingProxyType(
    {
        "toa_reflectance": (DARK, BRIGHT),
        "reflectance": (DARK, BRIGHT),
        "amplitude": (0.0, np.inf),
        "power": (0.0, np.inf),
        "kelvin": (180.0, 350.0),
        "metres": (-11_100.0, 9_000.0),
        "index": (-100.0, 100.0),
        "display": (0.0, 255.0),
    }
)
"""Between which values of a domain lie."""


@dataclass(frozen=True)
class Sample:
    """Some of a band's valid pixels, and what their numbers are said to mean."""

    name: str
    """For people."""

    domain: Domain
    scale: float
    offset: float
    data_type: str
    common_name: str | None
    numbers: NDArray[np.float64]
    """(n,) digital numbers."""

    @property
    def values(self) -> NDArray[np.float64]:
        """(n,) physical values."""
        return self.numbers * self.scale + self.offset


@dataclass(frozen=True)
class Figures:
    """Of a band's physical values."""

    count: int
    minimum: float
    p1: float
    median: float
    p99: float
    maximum: float

    below_0: float
    """Share of the pixels below 0."""

    too_low: float
    too_high: float
    """Shares of the pixels outside of what the domain allows."""


Seen = tuple[Sample, Figures]


def figures(sample: Sample) -> Figures | None:
    """None where there is no valid pixel."""
    values = sample.values
    if not values.size:
        return None
    low, high = LIMITS.get(sample.domain, (-np.inf, np.inf))
    p1, median, p99 = (float(value) for value in np.percentile(values, (1, 50, 99)))
    return Figures(
        count=int(values.size),
        minimum=float(values.min()),
        p1=p1,
        median=median,
        p99=p99,
        maximum=float(values.max()),
        below_0=float((values < 0).mean()),
        too_low=float((values < low).mean()),
        too_high=float((values > high).mean()),
    )


def implausible(samples: Sequence[Sample], *, is_sentinel_2: bool = False) -> tuple[str, ...]:
    """A sentence for each thing about a scene's numbers that cannot be right. Equal mistakes, equal sentences."""
    seen = [(sample, found) for sample in samples if (found := figures(sample)) is not None]
    sentences = []
    for is_so, sentence in _OF_A_BAND:
        if such := [sample for sample, found in seen if is_so(sample, found)]:
            sentences.append(f"{_bands(such)} {sentence}")
    # Cirrus sees nothing of the ground, and is dark everywhere.
    ground = [
        (sample, found)
        for sample, found in seen
        if sample.domain in REFLECTANCES and sample.common_name != "cirrus"
    ]
    for is_so_of_all, sentence in ((_is_tiny, _TINY), (_is_left_in, _LEFT_IN)):
        if is_so_of_all(ground) and (is_sentinel_2 or sentence is not _LEFT_IN):
            sentences.append(f"{_bands([sample for sample, _ in ground])} {sentence}")
    return tuple(sentences)


def _is_tiny(ground: Sequence[Seen]) -> bool:
    return bool(ground) and all(max(-found.p1, found.p99) < TINY for _, found in ground)


def _is_left_in(ground: Sequence[Seen]) -> bool:
    # Of one band nothing follows: a desert is bright in red, a forest in the near infrared.
    return len(ground) > 1 and all(
        sample.offset == 0 and LEFT_IN < found.p1 < WHITE for sample, found in ground
    )


_TINY = f"a reflectance below {TINY:g} nearly everywhere: is the scale taken twice?"
_LEFT_IN = (
    f"no pixel darker than {LEFT_IN:g}: is the offset of processing baseline 04.00 still in the numbers, so that the "
    "offset is -0.1?"
)


def _is_white(sample: Sample, found: Figures) -> bool:
    return sample.domain in REFLECTANCES and found.median > WHITE


def _is_bright(sample: Sample, found: Figures) -> bool:
    is_bright = sample.domain in REFLECTANCES and found.too_high > SHARE
    return is_bright and not _is_white(sample, found)


def _is_dark(sample: Sample, found: Figures) -> bool:
    return sample.domain in REFLECTANCES and found.too_low > SHARE


def _is_of_bytes(sample: Sample, found: Figures) -> bool:
    return sample.domain in REFLECTANCES and sample.data_type == "uint8" and sample.scale == 1


def _is_no_decibel(sample: Sample, found: Figures) -> bool:
    return sample.domain == "db" and found.minimum > 0


def _is_decibel(sample: Sample, found: Figures) -> bool:
    return sample.domain in ("amplitude", "power") and found.too_low > SHARE


def _is_outside(domain: Domain) -> Callable[[Sample, Figures], bool]:
    def is_so(sample: Sample, found: Figures) -> bool:
        return sample.domain == domain and found.too_low + found.too_high > SHARE

    return is_so


_MANY = f"in more than {SHARE:.0%} of the pixels"
_OF_A_BAND: tuple[tuple[Callable[[Sample, Figures], bool], str], ...] = (
    (
        _is_white,
        f"a reflectance above {WHITE:g} in most places, where 1 is white: is the scale right?",
    ),
    (_is_bright, f"a reflectance above {BRIGHT:g} {_MANY}: is the scale right?"),
    (_is_dark, f"a reflectance below {DARK:g} {_MANY}: is an offset taken off twice?"),
    (_is_of_bytes, "bytes for reflectance: are they made to be looked at (domain display)?"),
    (_is_no_decibel, "decibels that are all above 0: are they amplitude or power?"),
    (_is_decibel, f"values below 0 {_MANY}, where radar has none: are they decibels?"),
    (_is_outside("kelvin"), f"temperatures outside of 180 to 350 K {_MANY}: is the scale right?"),
    (_is_outside("metres"), f"heights {_MANY} that the Earth does not have: is the scale right?"),
    (_is_outside("index"), f"an index beyond 100 {_MANY}: is the scale right?"),
    (_is_outside("display"), f"values outside of 0 to 255 {_MANY}: are they made to be looked at?"),
)
"""What is seen of a band alone, and what is said of it."""


def _bands(samples: Sequence[Sample]) -> str:
    """Band red has; bands red, nir and 3 more have."""
    names = [sample.name for sample in samples]
    if len(names) == 1:
        return f"band {names[0]} has"
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"bands {', '.join(names[:4])}{more} have"
