"""From values to colours: bytes by rescale, and Pictures by colormap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import apply_cmap

from eotiles.render.colour import Colormap, ramp
from eotiles.render.picture import Opacity, Picture


def rescaled(
    values: NDArray[Any], valid: NDArray[np.bool_], ranges: Sequence[tuple[float, float]]
) -> NDArray[np.uint8]:
    """(band, y, x) uint8. 0 to 255 over each band's range, cut off beyond it, 0 where a band is invalid or no number.

    The same as rio-tiler's, whose results pass through the type of the values on their way from float64.

    Args:
        values: (band, y, x) of any real type.
        valid: (band, y, x) bool. True = usable.
        ranges: low and high of each band; if they are not as many, the first one for all.
    """
    if len(ranges) != len(values):
        ranges = [ranges[0]] * len(values)
    levels = np.empty(values.shape, np.uint8)
    for level, band, usable, (low, high) in zip(levels, values, valid, ranges, strict=True):
        shares = np.clip(band, low, high, dtype=np.float64)
        shares -= low
        shares /= high - low
        shares *= 255.0
        if band.dtype.kind == "f":
            shares[np.isnan(shares)] = 0.0
            shares = shares.astype(band.dtype, copy=False)
        np.copyto(level, shares, casting="unsafe")
        level *= usable
    return levels


def painted(values: NDArray[Any], opacity: Opacity | None, colormap: Colormap) -> Picture:
    """A band in the colours of a colormap: with a palette, or in full colours where these are too many for one.

    Args:
        values: (y, x) of any real type; uint8 for a ramp.
        opacity: (y, x). As Picture has it; a colormap shows half-opaque pixels in full.
        colormap: a ramp, or colours of values or intervals: the last one that fits counts, and without one nothing is
            to be seen.
    """
    colours = ramp(colormap)
    seen = None if opacity is None else opacity.astype(np.bool_, copy=False)
    if colours is not None:
        return Picture(values[None], seen, colours)
    if len(colormap) > 255:
        bands, alpha = apply_cmap(values[None], colormap)  # type: ignore[arg-type]
        return Picture(bands, None if seen is None else alpha * seen)
    palette = np.zeros((1 + len(colormap), 4), np.uint8)
    indices = np.zeros(values.shape, np.uint8)
    pairs = colormap.items() if isinstance(colormap, Mapping) else colormap
    for index, (key, colour) in enumerate(pairs, start=1):
        fits = (values >= key[0]) & (values < key[1]) if isinstance(key, tuple) else values == key
        indices[fits] = index
        palette[index] = colour
    return Picture(indices[None], seen, palette)
