"""What must come, by hand: NumPy and pyproj on the source arrays, at the centre of each pixel."""

from __future__ import annotations

import io
from typing import Any

import morecantile
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rio_tiler.colormap import cmap

from eotiles.core.index import INDICES
from tests.integration.raster_scenes import Scene, mercator_to_utm, to_degrees

TMS = morecantile.tms.get("WebMercatorQuad")
SYMBOLS = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir"), "ndmi": ("nir", "swir16")}

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def tile_at(x_m: float, y_m: float, zoom: int) -> morecantile.Tile:
    """The web mercator tile that holds a UTM point."""
    return TMS.tile(*to_degrees.transform(x_m, y_m), zoom)


def path_of(tile: morecantile.Tile) -> str:
    return f"tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}"


def centres(tile: morecantile.Tile, size: int = 256) -> tuple[Floats, Floats]:
    """UTM coordinates of the centres of a tile's pixels."""
    left, _bottom, right, top = TMS.xy_bounds(tile)
    step = (right - left) / size
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    x, y = mercator_to_utm.transform(left + (columns + 0.5) * step, top - (rows + 0.5) * step)
    return x, y


def index_values(scene: Scene, name: str, x: Floats, y: Floats) -> tuple[Floats, Mask, Mask]:
    """Values, validity, and where the pixel is clear of every band's pixel borders."""
    first, second = (scene.bands[band] for band in SYMBOLS[name])
    a, a_valid = first.at(x, y)
    b, b_valid = second.at(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (a - b) / (a + b)
    valid = a_valid & b_valid & np.isfinite(values)
    return values, valid, first.clear(x, y) & second.clear(x, y)


def pixels(content: bytes) -> NDArray[np.uint8]:
    """(y, x, 4) uint8 of a picture."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def numbers(content: bytes) -> tuple[NDArray[Any], Mask]:
    """Values (band, y, x) and validity of an npy answer, whose last band is the mask."""
    planes = np.load(io.BytesIO(content))
    return planes[:-1], planes[-1] == planes[-1].dtype.type(_most(planes.dtype))


def _most(kind: np.dtype[Any]) -> float:
    return float(np.finfo(kind).max) if kind.kind == "f" else float(np.iinfo(kind).max)


def colours(name: str, values: NDArray[Any]) -> NDArray[np.uint8]:
    """(y, x, 3) uint8 of an index's values in its own style."""
    low, high = INDICES[name].rescale
    levels = ((np.clip(values, low, high) - low) / (high - low) * 255).astype(np.uint8)
    palette = cmap.get(INDICES[name].colormap)
    table = np.array([palette[level][:3] for level in range(256)], np.uint8)
    return table[levels]
