"""Small builders of things that tests need: GeoTIFFs with known pixels, items, collections. No fixtures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from eotiles.read.library import Library
from eotiles.read.stores import open_stores

UTM_19S = "EPSG:32719"
CORNER = (600_000.0, 4_700_020.0)
"""North-west corner of synthetic rasters, metres in UTM zone 19 south."""

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
"""Real imagery and schemas beside a developer's checkout; tests that need them skip where they are missing."""


@lru_cache(maxsize=1)
def library() -> Library:
    """What reads files of this machine, for the whole run. Who reads from a server makes one, and closes it."""
    return Library(open_stores(), blocks_bytes=2**26)


def north_up(resolution_m: float = 10.0, *, corner: tuple[float, float] = CORNER) -> Affine:
    """A north-up transform in metres."""
    return Affine(resolution_m, 0.0, corner[0], 0.0, -resolution_m, corner[1])


def ramp(height: int, width: int, *, bands: int = 1, start: int = 1) -> NDArray[np.uint16]:
    """(band, y, x) uint16: no two neighbours are equal, none is 0."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(start + 1000 * band + 7 * y + 3 * x) % 60_000 + 1 for band in range(bands)]
    return np.stack(planes).astype(np.uint16)


def geotiff(
    path: Path,
    data: NDArray[Any],
    *,
    crs: str | None = UTM_19S,
    transform: Affine | None = None,
    nodata: float | None = 0,
    descriptions: tuple[str, ...] = (),
    tags: dict[str, str] | None = None,
    options: dict[str, Any] | None = None,
) -> Path:
    """Write (band, y, x) or (y, x) data as a plain GeoTIFF (strips, no overviews) and return its path."""
    planes = data if data.ndim == 3 else data[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=planes.shape[0],
        height=planes.shape[1],
        width=planes.shape[2],
        dtype=planes.dtype,
        crs=crs,
        transform=north_up() if transform is None else transform,
        nodata=nodata,
        **(options or {}),
    ) as dataset:
        dataset.write(planes)
        for number, description in enumerate(descriptions, start=1):
            dataset.set_band_description(number, description)
        if tags:
            dataset.update_tags(**tags)
    return path


def item(
    identifier: str = "scene",
    *,
    collection: str = "imagery",
    assets: dict[str, Any] | None = None,
    datetime: str = "2019-09-18T10:50:31Z",
) -> dict[str, Any]:
    """A small valid STAC Item of a square degree."""
    ring = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": identifier,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [0.0, 0.0, 1.0, 1.0],
        "properties": {"datetime": datetime},
        "assets": {} if assets is None else assets,
        "links": [],
    }


def collection(identifier: str = "imagery") -> dict[str, Any]:
    """A small valid STAC Collection."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": identifier,
        "description": "Imagery for tests.",
        "license": "other",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[0.0, 0.0, 1.0, 1.0]]},
            "temporal": {"interval": [["2019-09-18T10:50:31Z", "2019-09-18T10:50:31Z"]]},
        },
    }
