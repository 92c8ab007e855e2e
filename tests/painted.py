"""Scenes of four colours that every client has to show where they are: a picture, without a guess between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from eotiles.embedded.cluster import Cluster
from eotiles.ingest.files import Summary, ingest_files
from eotiles.ingest.options import IngestOptions
from eotiles.settings import Settings

COLLECTION = "painted"
NEWEST = "painted_20240803"
ITEMS = ("painted_20240601", "painted_20240702", NEWEST)
"""All show the same place, as the dates of an archive do."""

EPSG = 32632
CORNER = (495_000.0, 5_545_000.0)
PIXEL_M = 10.0
SIZE_PX = 1024

QUARTERS = {
    "north-west": (220, 40, 30),
    "north-east": (40, 160, 60),
    "south-west": (40, 70, 200),
    "south-east": (240, 200, 40),
}
"""Colour of each quarter, RGB."""

_to_degrees = Transformer.from_crs(EPSG, 4326, always_xy=True)


def place(quarter: str) -> tuple[float, float]:
    """Longitude and latitude of the middle of a quarter."""
    half = SIZE_PX * PIXEL_M / 2
    x = CORNER[0] + half * (1.5 if quarter.endswith("east") else 0.5)
    y = CORNER[1] - half * (1.5 if quarter.startswith("south") else 0.5)
    lon, lat = _to_degrees.transform(x, y)
    return float(lon), float(lat)


def bounds() -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of a box around the scenes."""
    length = SIZE_PX * PIXEL_M
    west, south, east, north = _to_degrees.transform_bounds(
        CORNER[0], CORNER[1] - length, CORNER[0] + length, CORNER[1]
    )
    return west, south, east, north


def picture() -> NDArray[np.uint8]:
    """(band, y, x) uint8: red, green and blue of a scene."""
    half = SIZE_PX // 2
    image = np.zeros((3, SIZE_PX, SIZE_PX), np.uint8)
    for name, colour in QUARTERS.items():
        rows = slice(half, None) if name.startswith("south") else slice(half)
        columns = slice(half, None) if name.endswith("east") else slice(half)
        image[:, rows, columns] = np.array(colour, np.uint8)[:, None, None]
    return image


def ingest_painted(cluster: Cluster, settings: Settings, folder: Path) -> Summary:
    """Put the scenes into the catalogue of the tests, as `eotiles ingest files` does."""
    transform = Affine(PIXEL_M, 0, CORNER[0], 0, -PIXEL_M, CORNER[1])
    for name in ITEMS:
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="GTiff",
            count=3,
            width=SIZE_PX,
            height=SIZE_PX,
            dtype="uint8",
            crs=f"EPSG:{EPSG}",
            transform=transform,
            photometric="RGB",
        ) as dataset:
            dataset.write(picture())
    summary = ingest_files(
        [folder],
        IngestOptions(
            collection=COLLECTION,
            title="Painted fields",
            description="Four colours, three dates.",
            attribution="Painted for tests",
            domain="display",
        ),
        conninfo=cluster.conninfo("ingest"),
        assets=settings.assets,
        roots=settings.roots,
    )
    assert not summary.refused, summary.refused
    return summary
