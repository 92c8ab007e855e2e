"""Coverage tiles: when footprints are drawn, and where."""

from __future__ import annotations

import io
import time

import morecantile
import numpy as np
import pytest
from PIL import Image
from titiler.core.resources.enums import ImageType

from eotiles.catalog.items import Item
from eotiles.core.grid import Grid
from eotiles.http.tiles.coverage import ITEMS_MAX, coverage_tile, shows_coverage
from eotiles.read.grid import tile_grid

TMS = morecantile.tms.get("WebMercatorQuad")


def grid(z: int) -> Grid:
    tile = TMS.tile(10.5, 45.5, z)
    return tile_grid(TMS, tile.x, tile.y, z, size_px=None, buffer_px=0)


def items(count: int, *, size: float = 0.1) -> list[Item]:
    made = []
    for number in range(count):
        west, south = 10 + 0.2 * (number % 10), 45 + 0.2 * (number // 10)
        ring = [
            [west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south],
        ]  # fmt: skip
        made.append(
            Item(
                {
                    "id": str(number),
                    "collection": "c",
                    "bbox": [west, south, west + size, south + size],
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
        )
    return made


@pytest.mark.parametrize(
    ("count", "zoom", "shown"),
    [
        (ITEMS_MAX, 5, False),
        (ITEMS_MAX + 1, 5, True),
        (ITEMS_MAX + 1, 9, True),
        (ITEMS_MAX + 1, 10, False),
        (100, 0, True),
    ],
)
def test_many_small_items_are_shown_as_footprints(count: int, zoom: int, shown: bool) -> None:
    """At zoom 9 a tile is 0.7 degrees wide, an item of 0.1 a seventh of it in height; at zoom 10 twice that."""
    size = 0.05 if zoom == 9 else 0.1
    assert shows_coverage(items(count, size=size), grid(zoom), ImageType.png) is shown


def test_many_items_of_one_place_are_drawn() -> None:
    """A series of dates: the first ones fill the tile."""
    scenes = [items(1, size=1.0)[0] for _ in range(200)]
    assert not shows_coverage(scenes, grid(8), ImageType.png)


@pytest.mark.parametrize("format", [ImageType.npy, ImageType.tif, ImageType.jpeg, ImageType.jpg])
def test_numbers_and_jpeg_are_never_footprints(format: ImageType) -> None:
    assert not shows_coverage(items(100), grid(5), format)


def test_footprints_lie_where_the_items_are() -> None:
    at = grid(8)
    drawn = np.asarray(Image.open(io.BytesIO(coverage_tile(items(40), at))).convert("RGBA"))
    assert drawn.shape == (256, 256, 4)
    west, south, east, north = TMS.bounds(TMS.tile(10.5, 45.5, 8))

    def alpha(longitude: float, latitude: float) -> int:
        column = int((longitude - west) / (east - west) * 256)
        row = int((north - latitude) / (north - south) * 256)  # near enough over one tile
        return int(drawn[row, column, 3])

    assert alpha(10.05, 45.25) > 0
    assert alpha(10.25, 45.45) > 0
    assert alpha(10.15, 45.25) == 0, "between two items"
    assert {0, 110, 190} == set(np.unique(drawn[..., 3]).tolist())


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {},
        {"type": "Point"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[1]]]},
    ],
)
def test_odd_footprints_are_left_out(geometry: object) -> None:
    odd = Item({"id": "odd", "collection": "c", "geometry": geometry})
    drawn = np.asarray(Image.open(io.BytesIO(coverage_tile([odd], grid(8)))).convert("RGBA"))
    assert (drawn[..., 3] == 0).all()


@pytest.mark.parametrize("tms", ["WebMercatorQuad", "UPSAntarcticWGS84Quad", "UPSArcticWGS84Quad"])
def test_footprints_of_the_whole_earth_and_beyond_cost_nothing(tms: str) -> None:
    """The far pole is at infinity in a polar CRS: rasterize once walked there pixel by pixel."""
    matrices = morecantile.tms.get(tms)
    at = tile_grid(matrices, 0, 0, matrices.minzoom, size_px=256, buffer_px=0)
    world = [[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]
    beyond = [[0, 80], [10, 80], [10, 95], [0, 95], [0, 80]]
    for ring in (world, beyond):
        geometry = {"type": "Polygon", "coordinates": [ring]}
        started = time.process_time()
        coverage_tile([Item({"id": "x", "collection": "c", "geometry": geometry})], at)
        assert time.process_time() - started < 1
