"""Which tiles are asked for, and in which order. Seeded: every run and every rival gets the same."""

from __future__ import annotations

import random
from collections.abc import Sequence

import morecantile
import scenes

Tile = tuple[int, int, int]
"""z, x, y."""

COLUMNS, ROWS = 6, 4
PANS = ("east", "east", "south", "south", "west", "west", "west", "north", "north", "east")

_TMS = morecantile.tms.get("WebMercatorQuad")


def panning(lon: float, lat: float) -> list[list[Tile]]:
    """A map of 6 × 4 tiles: zooms 12, 13 and 14, then ten moves by one tile. One list of tiles a view."""
    views: list[list[Tile]] = []
    left, top = 0, 0
    for zoom in (12, 13, 14):
        middle = _TMS.tile(lon, lat, zoom)
        left, top = middle.x - COLUMNS // 2, middle.y - ROWS // 2
        views.append(_view(zoom, left, top))
    for pan in PANS:
        left += {"east": 1, "west": -1}.get(pan, 0)
        top += {"south": 1, "north": -1}.get(pan, 0)
        seen = {tile for view in views for tile in view}
        # A browser keeps what it has: a move asks for the tiles that come into sight.
        if new := [tile for tile in _view(14, left, top) if tile not in seen]:
            views.append(new)
    return views


def _view(zoom: int, left: int, top: int) -> list[Tile]:
    return [(zoom, left + column, top + row) for row in range(ROWS) for column in range(COLUMNS)]


def scattered(zoom: int, seed: int) -> Tile:
    """A tile whose middle lies on the data of the first scene.

    At z13 in its western half, at z14 in its eastern, so that both read full resolution but share no block.
    """
    generator = random.Random(f"{zoom}-{seed}")
    left, right = {13: (0.1, 0.42), 14: (0.58, 0.94)}.get(zoom, (0.1, 0.9))
    ring = scenes.footprint(*scenes.PLACES[0])
    lon, lat = zip(*ring, strict=True)
    west, south, east, north = min(lon), min(lat), max(lon), max(lat)
    x = west + (east - west) * generator.uniform(left, right)
    y = south + (north - south) * generator.uniform(0.1, 0.8)
    tile = _TMS.tile(x, y, zoom)
    return tile.z, tile.x, tile.y


def far_away() -> Tile:
    """A tile of z9 on the first scene: it warms look-ups and headers, and reads an overview that z10 to z14 do not."""
    tile = _TMS.tile(*scenes.centre([0]), 9)
    return tile.z, tile.x, tile.y


def anywhere(places: Sequence[int], seed: int) -> Tile:
    """A tile of z10 to z15 anywhere on some scenes."""
    generator = random.Random(seed)
    lon, lat = scenes.centre([generator.choice(places)])
    zoom = generator.choice((10, 11, 12, 13, 14, 15))
    tile = _TMS.tile(lon + generator.uniform(-0.3, 0.3), lat + generator.uniform(-0.22, 0.22), zoom)
    return tile.z, tile.x, tile.y
