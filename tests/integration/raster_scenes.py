"""Scenes of the raster tests: known arrays in real GeoTIFFs, and what NumPy says must come of them.

All lie in UTM zone 32 north, their corner at (500000, 5000000) m unless said otherwise. `mixed` and `stack` overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling

UTM = "EPSG:32632"
COLLECTION = "raster-scenes"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"

SCALE, OFFSET = 0.0001, -0.1
"""Of `mixed`, in STAC 1.1 bands."""

STACK_SCALE, STACK_OFFSET = 2.75e-5, -0.2
"""Of `stack`, in raster:bands."""

to_utm = Transformer.from_crs(4326, 32632, always_xy=True)
to_degrees = Transformer.from_crs(32632, 4326, always_xy=True)
mercator_to_utm = Transformer.from_crs(3857, 32632, always_xy=True)


@dataclass(frozen=True)
class Band:
    """One band: its digital numbers and where they lie."""

    dn: NDArray[np.uint16]
    left: float
    top: float
    pixel_m: float
    scale: float = 1.0
    offset: float = 0.0

    def at(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Physical values at UTM points in float64, and where they are valid: by hand, without GDAL."""
        column = np.floor((x - self.left) / self.pixel_m).astype(int)
        row = np.floor((self.top - y) / self.pixel_m).astype(int)
        height, width = self.dn.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        dn = self.dn[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        return dn.astype(float) * self.scale + self.offset, inside & (dn != 0)

    def clear(self, x: NDArray[Any], y: NDArray[Any], *, margin: float = 0.02) -> NDArray[np.bool_]:
        """Where a point is not within a hair of a pixel's border, at which GDAL may fall on either side."""
        u, v = (x - self.left) / self.pixel_m, (self.top - y) / self.pixel_m
        return (abs(u - np.round(u)) > margin) & (abs(v - np.round(v)) > margin)


@dataclass
class Scene:
    """An item and its bands by common name."""

    stac: dict[str, Any]
    bands: dict[str, Band] = field(default_factory=dict)


def noise(seed: int, height: int, width: int) -> NDArray[np.uint16]:
    """Digital numbers without two equal neighbours, none of them 0."""
    random = np.random.default_rng(seed)
    return random.integers(1200, 9000, (height, width)).astype(np.uint16)


def write(
    path: Path, planes: NDArray[Any], *, left: float, top: float, pixel_m: float, **profile: Any
) -> None:
    """A tiled GeoTIFF with overviews."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {
        "nodata": 0,
        "crs": UTM,
        "tiled": True,
        "blockxsize": 128,
        "blockysize": 128,
    }
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=planes.shape[0],
        height=planes.shape[1],
        width=planes.shape[2],
        dtype=planes.dtype,
        transform=Affine(pixel_m, 0, left, 0, -pixel_m, top),
        **(options | {"compress": "deflate"} | profile),
    ) as dataset:
        dataset.write(planes)
        if planes.shape[1] > 128:
            dataset.build_overviews([2, 4], Resampling.nearest)


def bbox(left: float, top: float, width_m: float, height_m: float) -> list[float]:
    """Around a UTM rectangle, in degrees."""
    x = np.linspace(left, left + width_m, 21)
    y = np.linspace(top - height_m, top, 21)
    lon, lat = to_degrees.transform(*np.meshgrid(x, y))
    return [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())]


def item(
    identifier: str, *, box: list[float], datetime: str, assets: dict[str, Any], **properties: Any
) -> dict[str, Any]:
    """A STAC Item whose footprint is its box."""
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": identifier,
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": box,
        "properties": {"datetime": datetime, "platform": "sentinel-2a", **properties},
        "links": [],
        "assets": assets,
    }


def collection() -> dict[str, Any]:
    """The collection that the scenes are in."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": COLLECTION,
        "description": "Scenes with known pixels.",
        "license": "other",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[8.9, 45.0, 9.2, 45.2]]},
            "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]},
        },
        "renders": {"green": {"title": "Vegetation", "assets": ["nir", "red"], "index": "ndvi"}},
    }


def mixed(folder: Path) -> Scene:
    """10 m red, green, blue, nir of 256 × 256 and a 20 m swir16 of 160 × 160 pixels that begins elsewhere.

    A wedge in the north-west has no data. One file a band, STAC 1.1 bands.
    """
    bands: dict[str, Band] = {}
    assets: dict[str, Any] = {}
    rows, columns = np.mgrid[0:256, 0:256]
    for seed, name in enumerate(("red", "green", "blue", "nir")):
        dn = noise(seed, 256, 256)
        dn[rows + columns < 120] = 0
        bands[name] = Band(dn, 500_000, 5_000_000, 10, SCALE, OFFSET)
    bands["swir16"] = Band(noise(9, 160, 160), 499_600, 5_000_400, 20, SCALE, OFFSET)
    for name, band in bands.items():
        path = folder / "mixed" / f"{name}.tif"
        write(path, band.dn[None], left=band.left, top=band.top, pixel_m=band.pixel_m)
        assets[name] = {
            "href": str(path),
            "type": COG,
            "roles": ["data"],
            "gsd": band.pixel_m,
            "proj:code": UTM,
            "proj:shape": list(band.dn.shape),
            "proj:transform": [band.pixel_m, 0, band.left, 0, -band.pixel_m, band.top],
            "bands": [
                {
                    "name": name,
                    "eo:common_name": name,
                    "raster:scale": SCALE,
                    "raster:offset": OFFSET,
                    "nodata": 0,
                }
            ],
        }
    box = bbox(499_600, 5_000_400, 3200, 3200)
    return Scene(item("mixed", box=box, datetime="2024-06-02T10:00:00Z", assets=assets), bands)


def stack(folder: Path) -> Scene:
    """One file of four 10 m bands, 300 × 300 pixels, older than `mixed` and reaching further. STAC 1.0 metadata."""
    names = ("blue", "green", "red", "nir")
    planes = np.stack([noise(20 + seed, 300, 300) for seed in range(4)])
    planes = (planes.astype(int) + 8000).astype(np.uint16)
    left, top = 499_000.0, 5_000_500.0
    path = folder / "stack" / "data.tif"
    write(path, planes, left=left, top=top, pixel_m=10)
    bands = {
        name: Band(plane, left, top, 10, STACK_SCALE, STACK_OFFSET)
        for name, plane in zip(names, planes, strict=True)
    }
    assets = {
        "data": {
            "href": f"file://{path}",
            "type": COG,
            "roles": ["data"],
            "eo:bands": [
                {"name": f"B{number}", "common_name": name} for number, name in enumerate(names, 1)
            ],
            "raster:bands": [{"scale": STACK_SCALE, "offset": STACK_OFFSET, "nodata": 0}] * 4,
        },
        "thumbnail": {
            "href": "https://example.org/thumb.png",
            "type": "image/png",
            "roles": ["thumbnail"],
        },
    }
    properties = {
        "proj:epsg": 32632,
        "proj:shape": [300, 300],
        "proj:transform": [10, 0, left, 0, -10, top],
    }
    box = bbox(left, top, 3000, 3000)
    return Scene(
        item("stack", box=box, datetime="2024-06-01T10:00:00Z", assets=assets, **properties), bands
    )


def broken(folder: Path) -> list[Scene]:
    """Items that cannot be drawn, each for its own reason; far from the others, so that no mosaic meets them."""
    left, top = 520_000.0, 5_000_000.0
    box = bbox(left, top, 640, 640)
    good = folder / "broken" / "good.tif"
    write(good, noise(50, 64, 64)[None], left=left, top=top, pixel_m=10)
    truncated = good.with_name("truncated.tif")
    truncated.write_bytes(good.read_bytes()[:3000])
    text = good.with_name("text.tif")
    text.write_text("this is no raster")
    nowhere = good.with_name("nowhere.tif")
    write(nowhere, noise(51, 64, 64)[None], left=left, top=top, pixel_m=10, crs=None)
    huge = good.with_name("huge.tif")
    with rasterio.open(
        huge, "w", driver="GTiff", count=1, height=20_000, width=20_000, dtype="uint8", crs=UTM, tiled=True,
        blockxsize=512, blockysize=512, transform=Affine(1, 0, left, 0, -1, top), sparse_ok=True,
    ):  # fmt: skip
        pass
    hrefs = {
        "truncated": str(truncated),
        "no-raster": str(text),
        "no-crs": str(nowhere),
        "no-overviews": str(huge),
        "missing": str(good.with_name("absent.tif")),
        "outside": "/etc/hostname",
        "vsi": "/vsicurl/http://127.0.0.1/x.tif",
        "remote": "https://example.org/x.tif",
    }
    scenes = []
    for name, href in hrefs.items():
        assets = {
            key: {
                "href": href,
                "type": COG,
                "roles": ["data"],
                "bands": [{"name": key, "eo:common_name": key}],
            }
            for key in ("red", "nir")
        }
        scenes.append(
            Scene(item(f"broken-{name}", box=box, datetime="2023-01-01T00:00:00Z", assets=assets))
        )
    only_red = {
        "red": {
            "href": str(good),
            "type": COG,
            "roles": ["data"],
            "eo:bands": [{"common_name": "red"}],
        }
    }
    scenes.append(
        Scene(item("only-red", box=box, datetime="2023-01-01T00:00:00Z", assets=only_red))
    )
    return scenes
