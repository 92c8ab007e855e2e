"""Scenes for benchmarks: 5490² COGs of 10 m with the texture of farmland, made once and kept in a cache folder.

Fractal hills and moisture, parcels with sharp borders, noise of the sensor: deflate leaves two thirds of the bytes, as
of real Sentinel-2 bands. One place is drawn; the other three of a mosaic are copies with another corner.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.shutil import copy

SIZE_PX = 5490
PIXEL_M = 10.0
UTM = "EPSG:32632"
BANDS = ("red", "green", "blue", "nir")
CODECS = ("deflate", "zstd")

LEFT_M, TOP_M = 500_000.0, 5_000_000.0
STEP_M = 44_000.0
"""Between the corners of a mosaic's scenes: they overlap by a fifth, as the granules of Sentinel-2 do."""

PLACES = tuple(
    (LEFT_M + STEP_M * column, TOP_M - STEP_M * row) for row in (0, 1) for column in (0, 1)
)
"""Corners of the four scenes; the first is the one that single scenes are at."""

WEDGE_PX = 900
"""Pixels of the two sides of the north-west corner that has no data."""

VERSION = "1"
"""Of what is written; another one makes the cache anew."""

_to_degrees = Transformer.from_crs(UTM, 4326, always_xy=True)


def make(folder: Path) -> dict[str, list[dict[str, Path]]]:
    """Files by codec, place and band; written if they are missing.

    The places of a mosaic but the first have red and nir only. Takes half a minute and 1.1 GB.
    """
    finished = folder / VERSION
    if not finished.exists():
        print("# making scenes (once)", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished = folder / "unfinished"
        _draw(_paths(unfinished))
        unfinished.rename(finished)
    return _paths(finished)


def _paths(folder: Path) -> dict[str, list[dict[str, Path]]]:
    return {
        codec: [
            {
                band: folder / codec / str(place) / f"{band}.tif"
                for band in (BANDS if place == 0 else ("red", "nir"))
            }
            for place in range(len(PLACES))
        ]
        for codec in CODECS
    }


def _draw(paths: dict[str, list[dict[str, Path]]]) -> None:
    for band, data in texture().items():
        for codec, (first, *others) in paths.items():
            _write(first[band], data, codec)
            for files, corner in zip(others, PLACES[1:], strict=True):
                if band in files:
                    _copy_to(corner, source=first[band], target=files[band])


def texture() -> dict[str, NDArray[np.uint16]]:
    """Digital numbers of the bands, 0 where there is no data; reflectance is a ten-thousandth of them."""
    random = np.random.default_rng(7)
    hills, moisture = _fractal(random, 2.0), _fractal(random, 1.6)
    green = np.clip(0.45 + 0.25 * _parcels(random) + 0.12 * moisture, 0, 1)
    """How much of a pixel is covered by plants, 0..1."""
    light = 1 + 0.12 * hills
    rows, columns = np.ogrid[0:SIZE_PX, 0:SIZE_PX]
    outside = rows + columns < WEDGE_PX
    bands = {}
    # bare soil, full cover, noise: all reflectances
    for name, (soil, plants, grain) in {
        "red": (0.16, 0.03, 0.003),
        "green": (0.12, 0.06, 0.0025),
        "blue": (0.09, 0.03, 0.0025),
        "nir": (0.22, 0.42, 0.005),
    }.items():
        reflectance = (soil + (plants - soil) * green) * light
        reflectance += grain * random.standard_normal((SIZE_PX, SIZE_PX), dtype=np.float32)
        data = np.clip(reflectance * 10_000, 1, 10_000).astype(np.uint16)
        data[outside] = 0
        bands[name] = data
    return bands


def _fractal(random: np.random.Generator, exponent: float) -> NDArray[np.float32]:
    """Noise whose amplitude falls with frequency to the power of `exponent`; mean 0, deviation 1."""
    spectrum = np.fft.rfft2(random.standard_normal((SIZE_PX, SIZE_PX), dtype=np.float32))
    frequency = np.hypot(np.fft.fftfreq(SIZE_PX)[:, None], np.fft.rfftfreq(SIZE_PX)[None])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum / frequency**exponent, s=(SIZE_PX, SIZE_PX)).astype(np.float32)
    scaled: NDArray[np.float32] = (noise - noise.mean()) / noise.std()
    return scaled


def _parcels(random: np.random.Generator) -> NDArray[np.float32]:
    """Rectangles of 150 to 600 m, one value each, -1..1."""
    widths = random.integers(15, 60, (2, SIZE_PX // 15))
    rows, columns = (np.repeat(np.arange(len(side)), side)[:SIZE_PX] for side in widths)
    values = random.uniform(-1, 1, (rows[-1] + 1, columns[-1] + 1)).astype(np.float32)
    return values[rows[:, None], columns[None]]


def _write(path: Path, data: NDArray[np.uint16], codec: str) -> None:
    """A COG: header first, 512² blocks, predictor 2, overviews 2 to 16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=SIZE_PX, height=SIZE_PX, count=1, dtype="uint16", nodata=0, crs=UTM,
            transform=Affine(PIXEL_M, 0, LEFT_M, 0, -PIXEL_M, TOP_M),
        ) as plain:  # fmt: skip
            plain.write(data, 1)
        with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"), memory.open() as plain:
            copy(
                plain, path, driver="COG", compress=codec.upper(), predictor="YES", blocksize=512,
                overview_resampling="average", level=6 if codec == "deflate" else 9,
            )  # fmt: skip


def _copy_to(corner: tuple[float, float], *, source: Path, target: Path) -> None:
    """The same pixels elsewhere. GDAL would move the header to the end, where no COG has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    with target.open("r+b") as file:
        header = file.read(64 * 1024)
        old = struct.pack("<6d", 0, 0, 0, LEFT_M, TOP_M, 0)
        if header.count(old) != 1:
            raise RuntimeError(f"{source} does not say once where it lies")
        file.seek(header.index(old))
        file.write(struct.pack("<6d", 0, 0, 0, *corner, 0))


@dataclass(frozen=True)
class Twin:
    """An item that was never asked for: the files of a scene under names of its own, so that no cache knows them."""

    identifier: str
    collection: str
    place: int
    hrefs: dict[str, str]

    @property
    def stac(self) -> dict[str, Any]:
        """The STAC Item."""
        left, top = PLACES[self.place]
        ring = footprint(left, top)
        lon, lat = zip(*ring, strict=True)
        assets = {
            band: {
                "href": href,
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "gsd": PIXEL_M,
                "proj:code": UTM,
                "proj:shape": [SIZE_PX, SIZE_PX],
                "proj:transform": [PIXEL_M, 0, left, 0, -PIXEL_M, top],
                "bands": [
                    {
                        "name": band,
                        "eo:common_name": band,
                        "data_type": "uint16",
                        "nodata": 0,
                        "raster:scale": 0.0001,
                    }
                ],
            }
            for band, href in self.hrefs.items()
        }
        return {
            "type": "Feature",
            "stac_version": "1.1.0",
            "stac_extensions": [],
            "id": self.identifier,
            "collection": self.collection,
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": [min(lon), min(lat), max(lon), max(lat)],
            "properties": {"datetime": f"2024-06-0{self.place + 1}T10:00:00Z"},
            "links": [],
            "assets": assets,
        }


def collection(identifier: str) -> dict[str, Any]:
    """A collection for twins."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": identifier,
        "description": "Scenes of the benchmark.",
        "license": "other",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[8.9, 44.0, 10.5, 45.3]]},
            "temporal": {"interval": [["2024-06-01T00:00:00Z", None]]},
        },
    }


def twin(
    files: dict[str, Path],
    *,
    identifier: str,
    collection: str,
    place: int,
    folder: Path,
    origin: str = "",
) -> Twin:
    """Hard links of a scene's files below `folder`; hrefs are paths, or addresses below `origin`."""
    hrefs = {}
    for band, source in files.items():
        path = folder / collection / identifier / f"{band}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, path)
        hrefs[band] = f"{origin}/{path.relative_to(folder)}" if origin else str(path)
    return Twin(identifier, collection, place, hrefs)


def footprint(left: float, top: float) -> list[list[float]]:
    """Ring in degrees around the pixels with data, three pixels inside: a mosaic of footprints has no slivers."""
    far, cut, edge = SIZE_PX - 3, WEDGE_PX + 5, 3
    corners = [(edge, cut), (edge, far), (far, far), (far, edge), (cut, edge), (edge, cut)]
    ring: list[list[float]] = []
    for start, end in pairwise(corners):
        # An edge that is straight in UTM is not so in degrees.
        for part in np.linspace(0, 1, 16, endpoint=False):
            x, y = (a + (b - a) * part for a, b in zip(start, end, strict=True))
            ring.append(list(_to_degrees.transform(left + x * PIXEL_M, top - y * PIXEL_M)))
    return [*ring, ring[0]]


def centre(places: Sequence[int]) -> tuple[float, float]:
    """Longitude and latitude of the middle of some scenes."""
    half = SIZE_PX * PIXEL_M / 2
    x = sum(PLACES[place][0] for place in places) / len(places) + half
    y = sum(PLACES[place][1] for place in places) / len(places) - half
    lon, lat = _to_degrees.transform(x, y)
    return float(lon), float(lat)
