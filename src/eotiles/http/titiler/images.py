"""rio-tiler's word for a raster: its ImageData, full or empty."""

from __future__ import annotations

import numpy as np
from rio_tiler.models import ImageData

from eotiles.core.raster import Raster
from eotiles.plan import AssetChoice, Layer, split_formulas
from eotiles.read.grid import Grid


def to_image(raster: Raster, grid: Grid) -> ImageData:
    """A raster on its grid."""
    return ImageData(
        np.ma.MaskedArray(
            raster.data, mask=np.broadcast_to(~raster.valid, raster.data.shape).copy()
        ),
        bounds=grid.bounds,
        crs=grid.crs,
        band_names=[f"b{number + 1}" for number in range(len(raster.names))],
        band_descriptions=list(raster.names),
    )


def blank(grid: Grid, layer: Layer) -> ImageData:
    """A layer where it has no pixel: all masked."""
    if layer.index is not None:
        names: tuple[str, ...] = (layer.index,)
    elif layer.expression:
        names = split_formulas(layer.expression)
    else:
        names = tuple(choice.asset for choice in layer.assets for _ in range(_width(choice)))
    kind = np.float32 if layer.index or layer.expression else np.uint8
    shape = (len(names), grid.height_px, grid.width_px)
    return to_image(Raster(np.zeros(shape, kind), np.zeros(shape[1:], np.bool_), names), grid)


def _width(choice: AssetChoice) -> int:
    return (
        len(choice.numbers) or len(choice.names) or max(len(split_formulas(choice.expression)), 1)
    )
