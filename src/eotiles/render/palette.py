"""Palettes of a PNG: finding an index for what is not to be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def greys() -> NDArray[np.uint8]:
    """(256, 4) uint8. Each index its own grey, opaque."""
    return opaque(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1))


def opaque(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same colours, none of them transparent."""
    palette = palette.copy()
    palette[:, 3] = 255
    return palette


def with_hidden(
    indices: NDArray[np.uint8], seen: NDArray[np.bool_], palette: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Indices and palette in which what is not to be seen has an index of opacity 0; None where each of 256 different
    colours is used by a pixel that is seen."""
    clear = np.flatnonzero(palette[:, 3] == 0)
    if clear.size:
        return np.where(seen, indices, np.uint8(clear[0])), palette
    # Mostly there is one above the largest; counting all takes as long as deflating.
    free = int(indices.max()) + 1
    if free > 255:
        unused = np.flatnonzero(np.bincount(indices[seen], minlength=256) == 0)
        if unused.size:
            free = int(unused[0])
        else:
            # Half of rio-tiler's colormaps, rdylgn and viridis among them, have a colour twice.
            _, first, same = np.unique(palette, axis=0, return_index=True, return_inverse=True)
            twice = np.flatnonzero(first[same.ravel()] != np.arange(256))
            if not twice.size:
                return None
            free = int(twice[0])
            indices = np.where(indices == free, np.uint8(first[same.ravel()[free]]), indices)
    longer = np.zeros((max(len(palette), free + 1), 4), np.uint8)
    longer[: len(palette)] = palette
    longer[free] = 0
    return np.where(seen, indices, np.uint8(free)), longer
