"""Bands as they are to bytes: digital numbers, made physical or not, on a range each. No formula, one loop for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from eotiles.bandmath.loops import OPTIONS, RUN_PX

STRETCHED = ("uint8", "uint16", "int16", "float32")
"""Types of numbers that can be stretched."""


def stretch(
    data: NDArray[Any],
    ranges: Sequence[tuple[float, float]],
    *,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Bytes of bands, as rio-tiler's rescale makes them: a whole number of a range is its level, cut off.

    Args:
        data: (band, y, x), uint8, uint16, int16 or float32. Digital numbers; physical values if of float32.
        ranges: values of level 0 and of level 255, the smaller one first; one a band, or one for all.
        scales: one a band: rescaled is float32(number * scale + offset). None: the numbers themselves.
        offsets: one a band.
        valid: (y, x) bool. True = usable; where it is False the level is 0. None: every pixel counts.

    Returns:
        (band, y, x) uint8.

    Raises:
        ValueError: another type of number, or as many ranges, scales or offsets as fit no band.
    """
    if data.dtype.name not in STRETCHED:
        raise ValueError(f"stretch takes {', '.join(STRETCHED)}, got {data.dtype}")
    bands = len(data)
    scaled = scales is not None and offsets is not None
    pairs = list(ranges) * bands if len(ranges) == 1 else list(ranges)
    meaning = (
        zip(scales, offsets, strict=True) if scales is not None and offsets is not None else ()
    )
    factors = list(meaning) or [(1.0, -0.0)] * bands
    if len(pairs) != bands or len(factors) != bands:
        raise ValueError(f"{len(ranges)} ranges and {len(factors)} scales for {bands} bands")
    levels = np.empty(data.shape, np.uint8)
    flat = np.ascontiguousarray(data).reshape(bands, levels[0].size if bands else 0)
    mask = np.ones(0, np.bool_) if valid is None else np.ascontiguousarray(valid).reshape(-1)
    loop = _loop(data.dtype.name)
    for plane, out, (low, high), (scale, offset) in zip(
        flat, levels.reshape(flat.shape), pairs, factors, strict=True
    ):
        loop(plane, scale, offset, scaled or data.dtype.kind == "f", low, high, mask, out)
    return levels


@cache
def _loop(kind: str) -> Callable[..., None]:
    def loop(
        numbers: Any, scale: Any, offset: Any, rounds: Any, low: Any, high: Any, valid: Any, levels: Any
    ) -> None:  # fmt: skip
        span = high - low
        shares = np.empty(RUN_PX)
        for start in range(0, numbers.size, RUN_PX):
            run = numbers[start : start + RUN_PX]
            for i in range(run.size):
                value = np.float64(np.float32(np.float64(run[i]) * scale + offset))
                value = value if value > low else low  # and where it is not a number
                value = value if value < high else high
                shares[i] = (value - low) / span * 255.0
            if (
                rounds
            ):  # an image of float32 keeps what it is rescaled to, one of whole numbers cuts it off
                for i in range(run.size):
                    shares[i] = np.float32(shares[i])
            out = levels[start : start + RUN_PX]
            for i in range(run.size):
                out[i] = np.uint8(np.int32(shares[i]))
            if valid.size:
                mask = valid[start : start + RUN_PX]
                for i in range(run.size):
                    out[i] = out[i] if mask[i] else np.uint8(0)

    number = types.float64
    signature = types.void(
        types.Array(getattr(types, kind), 1, "C", readonly=True),
        number,
        number,
        types.boolean,
        number,
        number,
        types.Array(types.boolean, 1, "C", readonly=True),
        types.Array(types.uint8, 1, "C"),
    )
    compiled: Callable[..., None] = njit(signature, **OPTIONS)(loop)
    return compiled


def warm_stretch() -> None:
    """Compiles the loop for every type of number, 0.3 s: to be called when a process starts."""
    for kind in STRETCHED:
        _loop(kind)
