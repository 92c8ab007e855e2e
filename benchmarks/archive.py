"""A generated archive of satellite imagery: collections of different size, ten years, twelve assets an item.

Everything follows from an item's collection and number, so that any item can be made again: no file is written.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

Json = dict[str, Any]

BEGIN = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
YEARS = 10
SPAN_S = YEARS * 365.25 * 86_400

PLACES = 4_000
"""Squares of about a degree that are looked at again and again, as the tiles of a grid are."""

_HOST = "https://data.example.com"
_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
]
_BANDS = (
    "coastal", "blue", "green", "red", "rededge071", "rededge075", "nir", "nir08", "swir16", "swir22",
)  # fmt: skip

ITEM_ASSETS: Json = {
    **{
        name: {
            "type": _COG,
            "roles": ["data"],
            "raster:scale": 0.0001,
            "bands": [{"eo:common_name": name}],
        }
        for name in _BANDS
    },
    "scl": {"type": _COG, "roles": ["data-mask"]},
    "thumbnail": {"type": "image/jpeg", "roles": ["thumbnail"]},
}
"""Ten bands, a mask and a picture: what all items say of them."""


@dataclass(frozen=True)
class Kind:
    """A collection of the archive."""

    id: str
    share: float
    """Of all items."""
    platforms: tuple[str, ...]
    level: str


KINDS = (
    Kind("sentinel-2-l2a", 0.44, ("sentinel-2a", "sentinel-2b"), "L2A"),
    Kind("sentinel-2-l1c", 0.24, ("sentinel-2a", "sentinel-2b"), "L1C"),
    Kind("landsat-c2-l2", 0.18, ("landsat-7", "landsat-8", "landsat-9"), "L2SP"),
    Kind("hls-s30", 0.09, ("sentinel-2a", "sentinel-2b"), "S30"),
    Kind("hls-l30", 0.04, ("landsat-8", "landsat-9"), "L30"),
    Kind("aerial", 0.01, ("aircraft-1",), "ORTHO"),
)
"""Largest first."""


def counts(items: int) -> dict[str, int]:
    """Items of each collection; together exactly `items`."""
    found = {kind.id: int(items * kind.share) for kind in KINDS}
    found[KINDS[0].id] += items - sum(found.values())
    return found


def collection(kind: Kind) -> Json:
    """The collection, with what its assets have in common (`item_assets`) and how they are drawn (`renders`)."""
    return {
        "type": "Collection",
        "id": kind.id,
        "stac_version": "1.1.0",
        "stac_extensions": ["https://stac-extensions.github.io/render/v2.0.0/schema.json"],
        "title": f"Archive {kind.id}",
        "description": f"Generated items of {', '.join(kind.platforms)}, level {kind.level}.",
        "license": "CC-BY-4.0",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[-180.0, -60.0, 180.0, 75.0]]},
            "temporal": {"interval": [[text(BEGIN), None]]},
        },
        "item_assets": ITEM_ASSETS,
        "renders": {
            "true-colour": {
                "title": "True colour",
                "assets": ["red", "green", "blue"],
                "rescale": [[0.0, 0.3]] * 3,
            },
            "ndvi": {
                "title": "Vegetation",
                "assets": ["nir", "red"],
                "index": "ndvi",
                "rescale": [[-0.2, 0.9]],
            },
        },
    }


def item(kind: Kind, number: int, *, of: int) -> Json:
    """Item `number` of the `of` items of a collection, in the order in which they were taken."""
    chance = random.Random(f"{kind.id}/{number}")
    taken = BEGIN + dt.timedelta(seconds=SPAN_S * (number + chance.random()) / of)
    square = chance.randrange(PLACES)
    longitude, latitude = place(square)
    ring = _ring(longitude, latitude, chance)
    platform = chance.choice(kind.platforms)
    code = f"{square:04d}"
    identifier = f"{kind.level}_{taken:%Y%m%dT%H%M%S}_{code}_{number:06d}"
    folder = f"{_HOST}/{code}/{taken:%Y/%m}/{identifier}"
    zone = int((longitude + 180) // 6) + 1
    clouds = round(100 * chance.betavariate(0.6, 0.8), 2)
    columns, rows = [point[0] for point in ring], [point[1] for point in ring]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": _EXTENSIONS,
        "id": identifier,
        "collection": kind.id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(columns), min(rows), max(columns), max(rows)],
        "properties": {
            "datetime": text(taken),
            "created": text(taken + dt.timedelta(hours=7)),
            "updated": text(taken + dt.timedelta(hours=9)),
            "platform": platform,
            "constellation": platform.rsplit("-", 1)[0],
            "instruments": ["msi"],
            "gsd": 10,
            "eo:cloud_cover": clouds,
            "eo:snow_cover": round(100 * chance.random() ** 6, 2),
            "grid:code": f"MGRS-{zone:02d}{code}",
            "proj:code": f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}",
            "view:sun_azimuth": round(chance.uniform(90, 200), 3),
            "view:sun_elevation": round(chance.uniform(10, 75), 3),
            "view:off_nadir": 0,
            "processing:level": kind.level,
            "s2:processing_baseline": "05.10",
            "s2:nodata_pixel_percentage": round(chance.random() * 40, 3),
        },
        "links": [
            {"rel": "license", "href": f"{_HOST}/licence.html", "type": "text/html"},
            {"rel": "canonical", "href": f"{folder}/item.json", "type": "application/json"},
        ],
        "assets": {
            key: {
                "href": f"{folder}/{key}.tif" if key != "thumbnail" else f"{folder}/{key}.jpg",
                **asset,
            }
            for key, asset in ITEM_ASSETS.items()
        },
    }


def items(kind: Kind, *, of: int) -> Iterator[Json]:
    """All of a collection, oldest first."""
    return (item(kind, number, of=of) for number in range(of))


@cache
def place(square: int) -> tuple[float, float]:
    """South-west corner of a square, longitude and latitude; some regions have more of them than others."""
    chance = random.Random(f"square/{square}")
    region = random.Random(f"region/{square % 40}")
    longitude = region.uniform(-150, 150) + chance.gauss(0, 9)
    latitude = region.uniform(-40, 55) + chance.gauss(0, 5)
    return (
        round(min(170.0, max(-170.0, longitude)), 4),
        round(min(65.0, max(-50.0, latitude)), 4),
    )


def _ring(longitude: float, latitude: float, chance: random.Random) -> list[list[float]]:
    """A square of about a degree, turned by an orbit's inclination, with a corner cut off as a swath's edge does."""
    turn, cut = math.radians(chance.uniform(8, 14)), chance.uniform(0.05, 0.5)
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0 - cut), (1.0 - cut, 1.0), (0.0, 1.0), (0.0, 0.0)]
    return [
        [
            round(longitude + x * math.cos(turn) - y * math.sin(turn), 6),
            round(latitude + x * math.sin(turn) + y * math.cos(turn), 6),
        ]
        for x, y in corners
    ]


def text(moment: dt.datetime) -> str:
    """As STAC writes a moment, in milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
