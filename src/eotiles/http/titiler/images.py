"""rio-tiler's word for a raster: its ImageData, full or empty, with an end to what counting on it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize
from rasterio.warp import transform_geom
from rio_tiler.constants import WGS84_CRS
from rio_tiler.models import BandStatistics, ImageData

from eotiles.core.errors import BadParameter
from eotiles.core.grid import Grid
from eotiles.core.raster import Raster
from eotiles.plan import AssetChoice, Layer, split_formulas

COVER_MAX = 2**29
"""Parts of pixels that are counted for the coverage of a feature: about three seconds."""

_STRIP_PX = 16


class Image(ImageData):
    """An ImageData whose statistics are bounded, and say what is wrong."""

    @classmethod
    def of(cls, image: ImageData) -> Image:
        """The same image as one of these."""
        return cls(
            image.array,
            assets=image.assets,
            bounds=image.bounds,
            crs=image.crs,
            band_names=image.band_names,
            band_descriptions=image.band_descriptions,
            metadata=image.metadata,
        )

    def get_coverage_array(
        self, shape: dict[str, Any], shape_crs: CRS = WGS84_CRS, cover_scale: int = 10
    ) -> NDArray[np.floating[Any]]:
        """(y, x) float32. How much of each pixel lies in a shape, 0 to 1: as rio-tiler counts it, but a few rows at a
        time. In one piece 16 million pixels would take 7 GB.

        Raises:
            BadParameter: it would take too long.
        """
        if self.height * self.width * cover_scale**2 > COVER_MAX:
            raise BadParameter(
                f"{self.width} × {self.height} pixels are too many to count in {cover_scale**2} parts each; "
                "ask for a smaller cover_scale, width, height or max_size"
            )
        geometry = shape.get("geometry", shape)
        if self.crs != shape_crs:
            geometry = transform_geom(shape_crs, self.crs, geometry)
        cover = np.empty((self.height, self.width), np.float32)
        for top in range(0, self.height, _STRIP_PX):
            rows = min(_STRIP_PX, self.height - top)
            parts = rasterize(
                [(geometry, 1)],
                out_shape=(rows * cover_scale, self.width * cover_scale),
                transform=self.transform
                * Affine.translation(0, top)
                * Affine.scale(1 / cover_scale),
                all_touched=True,
                fill=0,
                dtype="uint8",
            ).reshape((rows, cover_scale, self.width, cover_scale))
            cover[top : top + rows] = parts.sum(axis=(1, 3), dtype="float32") / cover_scale**2
        return cover

    def statistics(self, *choices: Any, **options: Any) -> dict[str, BandStatistics]:
        """rio-tiler's statistics.

        Raises:
            BadParameter: the values are too large to be counted.
        """
        try:
            return super().statistics(*choices, **options)
        except (ValueError, ArithmeticError) as error:
            raise BadParameter(
                "statistics: the values are too large, or too close together for so many bins"
            ) from error


def to_image(raster: Raster, grid: Grid) -> Image:
    """A raster on its grid."""
    return Image(
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
