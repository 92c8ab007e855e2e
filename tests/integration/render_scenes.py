"""Collections of every kind of imagery for the tests of what is drawn unasked: small files with known pixels, as their
owners would describe them. All lie beside each other near 10° E 50° N, in UTM zone 32 north."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

from tests import builders

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
LEFT, TOP = 600_000.0, 5_540_000.0
SIDE_PX, PIXEL_M = 256, 10.0

CLASSES = [
    {"value": 0, "name": "no_data", "nodata": True},
    {"value": 10, "title": "Tree cover", "color_hint": "006400"},
    {"value": 20, "title": "Shrubland", "color_hint": "FFBB22"},
    {"value": 80, "title": "Water & ice <wet>", "color_hint": "0064C8"},
]


def gradient(low: float, high: float, dtype: str) -> NDArray[Any]:
    """(y, x), from low in the west to high in the east."""
    return np.broadcast_to(np.linspace(low, high, SIDE_PX), (SIDE_PX, SIDE_PX)).astype(dtype)


def write(
    path: Path, planes: NDArray[Any], *, east_m: float = 0.0, nodata: float | None = None
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32632", tiled=True, blockxsize=128, blockysize=128, compress="deflate",
        transform=Affine(PIXEL_M, 0, LEFT + east_m, 0, -PIXEL_M, TOP), count=len(planes), height=SIDE_PX, width=SIDE_PX,
        dtype=planes.dtype, nodata=nodata,
    ) as dataset:  # fmt: skip
        dataset.write(planes)
    return path


def box(east_m: float = 0.0) -> tuple[float, float, float, float]:
    left, side = LEFT + east_m, SIDE_PX * PIXEL_M
    found: tuple[float, float, float, float] = transform_bounds(
        "EPSG:32632", "EPSG:4326", left, TOP - side, left + side, TOP
    )
    return found


def item(
    identifier: str,
    collection: str,
    assets: dict[str, Any],
    *,
    east_m: float = 0.0,
    day: int = 1,
    **properties: Any,
) -> dict[str, Any]:
    """A scene; with its place in the projection extension, as GDAL's STACIT driver wants it."""
    made = builders.item(identifier, collection=collection, datetime=f"2024-06-{day:02}T10:00:00Z")
    west, south, east, north = box(east_m)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    made |= {"bbox": [west, south, east, north], "assets": assets}
    made["geometry"]["coordinates"] = [ring]
    made["properties"] |= {
        "proj:code": "EPSG:32632",
        "proj:epsg": 32632,
        "proj:shape": [SIDE_PX, SIDE_PX],
        "proj:transform": [PIXEL_M, 0.0, LEFT + east_m, 0.0, -PIXEL_M, TOP],
        **properties,
    }
    made["stac_extensions"] = ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"]
    return made


def asset(path: Path, *bands: dict[str, Any], **more: Any) -> dict[str, Any]:
    described = {"bands": list(bands)} if bands else {}
    return {"href": str(path), "type": COG, "roles": ["data"], **described, **more}


def collection(identifier: str, **more: Any) -> dict[str, Any]:
    made = builders.collection(identifier)
    west, south, _, north = box()
    made["extent"]["spatial"]["bbox"] = [[west, south, box(2 * SIDE_PX * PIXEL_M)[2], north]]
    return made | {"title": f"The {identifier}", **more}


def optical(folder: Path, name: str, *, east_m: float, day: int) -> dict[str, Any]:
    """Surface reflectance: red, green, blue, nir of one file each; a west to east ramp, darker on later days."""
    assets = {}
    for position, band in enumerate(("red", "green", "blue", "nir")):
        low = 1000 + 100 * position
        data = gradient(low, 4000 - 200 * day, "uint16")[None].copy()
        data[0, :20, :20] = 0
        path = write(folder / "optical" / name / f"{band}.tif", data, east_m=east_m, nodata=0)
        described = {
            "name": band,
            "eo:common_name": band,
            "data_type": "uint16",
            "raster:scale": 0.0001,
            "raster:offset": -0.1,
            "nodata": 0,
        }
        assets[band] = asset(path, described)
    return item(name, "optical", assets, east_m=east_m, day=day)


def single(
    folder: Path, name: str, data: NDArray[Any], *, described: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A collection's only item, of one band."""
    path = write(folder / name / "one" / "data.tif", data[None])
    return item("one", name, {"data": asset(path, *([described] if described else []))})


def everything(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Collections and items."""
    side = SIDE_PX * PIXEL_M
    labels = np.choose(np.arange(SIDE_PX) // 64, (0, 10, 20, 80)).astype(np.uint8)
    statistics = {"minimum": 100.0, "maximum": 2100.0}
    items = [
        optical(folder, "west", east_m=0, day=1),
        optical(folder, "east", east_m=side, day=2),
        single(folder, "radar", gradient(-24, -2, "float32"), described={"name": "VV", "eotiles:domain": "db"}),
        single(
            folder,
            "elevation",
            gradient(100, 2100, "float32"),
            described={"name": "height", "unit": "m", "data_type": "float32", "statistics": statistics},
        ),
        single(
            folder,
            "labels",
            np.broadcast_to(labels, (SIDE_PX, SIDE_PX)).copy(),
            described={"name": "class", "data_type": "uint8", "classification:classes": CLASSES},
        ),
        single(folder, "bare", gradient(0.5, 7.5, "float32")),
        single(folder, "photo", gradient(0, 255, "uint8")),
        item("one", "text", {"notes": {"href": "https://example.org/n.txt", "type": "text/plain"}}),
    ]  # fmt: skip
    renders = {
        "true-colour": {
            "title": "True colour",
            "assets": ["red", "green", "blue"],
            "rescale": [[0.0, 0.3]] * 3,
            "unscale": True,
        },
        "ndvi": {"title": "Vegetation", "assets": ["nir", "red"], "index": "ndvi", "minmax_zoom": [9, 14]},
        "red": {"title": "Red", "assets": ["red"], "rescale": [[0, 0.3]], "unscale": True},
    }  # fmt: skip
    names = ("radar", "elevation", "labels", "bare", "photo", "text", "empty")
    made = [collection("optical", renders=renders), *(collection(name) for name in names)]
    keys = {each["collection"]: each["assets"] for each in items}
    for each in made:
        assets = keys.get(each["id"], {})
        each["item_assets"] = {
            key: {name: value for name, value in found.items() if name != "href"}
            for key, found in assets.items()
        }
    return made, items
