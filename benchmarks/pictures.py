"""Whether two servers drew the same picture: a benchmark of different work is worth nothing."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLOSE = 16
"""Most difference of a channel, of 255, between pixels that are alike."""


def alike(one: bytes, other: bytes, *, close: int = CLOSE) -> float:
    """Share of the pixels that look alike, 0..1. Both transparent is alike, whatever the colour."""
    a, b = _rgba(one), _rgba(other)
    if a.shape != b.shape:
        return 0.0
    near = (np.abs(a[..., :3] - b[..., :3]) <= close).all(axis=-1)
    clear = (a[..., 3] == 0) & (b[..., 3] == 0)
    return float((clear | (near & (a[..., 3] == b[..., 3]))).mean())


def _rgba(data: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA")).astype(np.int16)
