"""What NumPy says should come: values and colours of the demo scene, straight from its source arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import floor

import morecantile
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rio_tiler.colormap import cmap

from eotiles.core.index import INDICES
from eotiles.ingest.demo import EPSG, demo_sources, grid_of_centres

SCALE = 0.0001
"""Reflectance per digital number, as the demo declares it."""

COMMON_NAMES = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}


@dataclass(frozen=True)
class DemoBand:
    """One band of the scene, as the wheel ships it."""

    numbers: NDArray[np.float64]
    """(y, x) digital numbers."""

    to_pixel: Affine
    """From easting and northing in metres to column and row."""

    def number(self, x_m: float, y_m: float) -> float:
        """Digital number of the pixel that holds a point."""
        column, row = self.to_pixel * (x_m, y_m)
        return float(self.numbers[floor(row), floor(column)])

    def value(self, x_m: float, y_m: float) -> float:
        """Reflectance of the pixel that holds a point."""
        return self.number(x_m, y_m) * SCALE


def read_bands() -> dict[str, DemoBand]:
    """The four 10 m bands by common name."""
    return {
        COMMON_NAMES[name]: DemoBand(numbers, ~grid_of_centres(x, y))
        for name, (numbers, x, y) in demo_sources().items()
        if name in COMMON_NAMES
    }


Colour = tuple[int, ...]
"""Red, green, blue; 0 to 255."""

Expected = Callable[[dict[str, list[str]], float, float], set[Colour]]
"""(query of the tile's URL, easting, northing in metres) → colours that may stand there."""


def to_lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    """Longitude and latitude in degrees of a point of the scene (EPSG:32719)."""
    lon, lat = Transformer.from_crs(EPSG, 4326, always_xy=True).transform(x_m, y_m)
    return lon, lat


def index_value(name: str, bands: dict[str, DemoBand], x_m: float, y_m: float) -> float:
    """A normalised difference by hand, in float64, at the source pixels that hold a point."""
    first, second = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir")}[name]
    a, b = bands[first].value(x_m, y_m), bands[second].value(x_m, y_m)
    return (a - b) / (a + b)


def true_colour(bands: dict[str, DemoBand]) -> Expected:
    """Red, green and blue, stretched as the tile's URL says."""

    def expected(query: dict[str, list[str]], x_m: float, y_m: float) -> set[Colour]:
        ranges = [tuple(map(float, text.split(","))) for text in query["rescale"]]
        ranges = ranges * 3 if len(ranges) == 1 else ranges
        physical = query.get("unscale", ["false"])[0] == "true"
        levels = []
        for name, (low, high) in zip(("red", "green", "blue"), ranges, strict=True):
            value = bands[name].value(x_m, y_m) if physical else bands[name].number(x_m, y_m)
            levels.append(floor(min(255.0, max(0.0, (value - low) / (high - low) * 255))))
        # A level is cut off or rounded, and float32 may fall on either side of a whole number.
        return {
            tuple(min(255, max(0, level + step)) for level, step in zip(levels, steps, strict=True))
            for steps in ((i - 1, j - 1, k - 1) for i, j, k in np.ndindex(3, 3, 3))
        }

    return expected


def index_colour(name: str, bands: dict[str, DemoBand]) -> Expected:
    """An index in its default colormap and range."""
    low, high = INDICES[name].rescale
    palette = cmap.get(INDICES[name].colormap)

    def expected(query: dict[str, list[str]], x_m: float, y_m: float) -> set[Colour]:
        level = floor((index_value(name, bands, x_m, y_m) - low) / (high - low) * 255)
        steps = {min(255, max(0, level + step)) for step in (-1, 0, 1)}
        return {tuple(map(int, np.ravel(palette[step])[:3])) for step in steps}

    return expected


def clear_pixels(
    tms: morecantile.TileMatrixSet, tile: morecantile.Tile
) -> Iterator[tuple[int, int, float, float]]:
    """Tile pixels whose centre lies well inside one 10 m source pixel: (row, column, x_m, y_m).

    Near the border of two source pixels either may be drawn (GDAL warps within 0.125 pixel), so those say nothing.
    """
    left, bottom, right, top = tms.xy_bounds(tile)
    rows, columns = np.mgrid[0:256:3, 0:256:3]
    mercator_x = left + (columns + 0.5) * (right - left) / 256
    mercator_y = top - (rows + 0.5) * (top - bottom) / 256
    x, y = Transformer.from_crs(3857, EPSG, always_xy=True).transform(mercator_x, mercator_y)
    u, v = (x - 600000.0) / 10, (4700020.0 - y) / 10
    clear = (abs(u - np.floor(u) - 0.5) < 0.3) & (abs(v - np.floor(v) - 0.5) < 0.3)
    clear &= (u > 1) & (u < 299) & (v > 1) & (v < 199)
    for row, column, x_m, y_m in zip(rows[clear], columns[clear], x[clear], y[clear], strict=True):
        yield int(row), int(column), float(x_m), float(y_m)
