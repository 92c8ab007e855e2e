"""Colours: what a colormap's name or definition means, and which rescale can be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import cmap

from eotiles.core.errors import BadParameter

Colour = tuple[int, int, int, int]
"""Red, green, blue, opacity, each 0 … 255."""

Colormap = (
    Mapping[int, Colour] | Mapping[float, Colour] | Sequence[tuple[tuple[float, float], Colour]]
)
"""As rio-tiler has it: 256 colours by index (a ramp), colours of single values, or colours of intervals [low, high)."""


def named(name: str) -> Colormap:
    """The colormap of that name.

    Raises:
        BadParameter: there is no such colormap.
    """
    if name not in cmap.data:
        raise BadParameter(f"unknown colormap {name[:60]!a}; /colorMaps lists those there are")
    found: Colormap = cmap.get(name)
    return found


def ramp(colormap: Colormap) -> NDArray[np.uint8] | None:
    """(256, 4) uint8, the colours from the first to the last value of the rescale; None for values and intervals."""
    if not isinstance(colormap, Mapping) or set(colormap) != set(range(256)):
        return None
    return np.array([colormap[index] for index in range(256)], np.uint8)


def hexadecimal(colour: Sequence[int]) -> str:
    """#rrggbb, with two more digits where the colour is not opaque."""
    red, green, blue, alpha = (int(part) for part in colour)
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha < 255 else "")


RESCALE_MAX = 1e12
"""Largest magnitude of a rescale's ends, as for the constants of an expression."""

RESCALE_SPAN_MIN = 1e-6
"""Least width of a rescale against the larger magnitude of its ends: float32 tells apart about 1e-7 of a value."""


def checked_rescale(low: float, high: float) -> tuple[float, float]:
    """The rescale as numbers, if something can be drawn with it.

    Raises:
        BadParameter: not finite, too large, too narrow, or the first value is not below the second.
    """
    if not (abs(low) <= RESCALE_MAX and abs(high) <= RESCALE_MAX and low < high):
        raise BadParameter(
            f"rescale takes two numbers within ±{RESCALE_MAX:g}, the smaller one first; got {low:g},{high:g}"
        )
    if high - low < max(RESCALE_SPAN_MIN * max(abs(low), abs(high)), 1 / RESCALE_MAX):
        raise BadParameter(f"the rescale {low:.17g},{high:.17g} is too narrow to be drawn")
    return float(low), float(high)
