"""Tiles of real imagery against two twins: rio-tiler's own reader, and NumPy with pyproj. Files as archives have them:
strips, no overviews, degrees, nodata by number, by NaN or not at all.
"""

from __future__ import annotations

from typing import Any

import morecantile
import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rio_tiler.io import Reader

from eotiles.catalog.items import Item
from eotiles.core.index import PRESETS
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.reader import ItemReader
from eotiles.plan import AssetChoice, Layer
from eotiles.read.hrefs import allow_list
from tests.builders import SHARED, library

IMAGERY = SHARED / "imagery"
TMS = morecantile.tms.get("WebMercatorQuad")
S2 = "flood-spain-s1-s2/s2-l1c-13bands-20190918.tif"
FILES = {
    S2: (2, 3, 8),
    "flood-spain-s1-s2/s1-vv-vh-db-20190917.tif": (1, 2),
    "landsat7-olinda/L7_ETMs.tif": (1, 4, 6),
    "landsat8-india-ms-pan/LC08_L2SP_143054_20230213_20230218_02_T1_SR.tif": (3, 4),
    "naip-prairie-rgbn/m_4709963_se_14_1_20150926.tif": (1, 4),
}

pytestmark = pytest.mark.skipif(
    not IMAGERY.is_dir(), reason="the shared imagery is not beside this checkout"
)


def reader(*files: str, bands: dict[str, list[dict[str, Any]]] | None = None) -> ItemReader:
    """A reader of an item whose assets are files of the shared imagery."""
    boxes = []
    for file in files:
        with rasterio.open(IMAGERY / file) as dataset:
            boxes.append(rasterio.warp.transform_bounds(dataset.crs, 4326, *dataset.bounds))
    box = [
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    ]
    assets = {
        file: {
            "href": str(IMAGERY / file),
            "type": "image/tiff",
            "roles": ["data"],
            "bands": (bands or {}).get(file, []),
        }
        for file in files
    }
    item = Item(
        {"id": "real", "collection": "real", "bbox": box, "properties": {}, "assets": assets}
    )
    access = Access(roots=allow_list((str(IMAGERY),)), library=library(), max_pixels=4096**2)
    return ItemReader(item, access=access)


def tiles(file: str, zoom_in: int) -> list[morecantile.Tile]:
    """Four tiles around the middle of a file, `zoom_in` levels below its own pixels."""
    with Reader(IMAGERY / file) as source:
        west, south, east, north = source.get_geographic_bounds(TMS.rasterio_geographic_crs)
        zoom = source.maxzoom + zoom_in
    middle = TMS.tile((west + east) / 2, (south + north) / 2, zoom)
    return [morecantile.Tile(middle.x + x, middle.y + y, zoom) for x in (-1, 0) for y in (-1, 0)]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("zoom_in", [1, 2])
def test_the_same_pixels_as_rio_tiler(file: str, zoom_in: int) -> None:
    """Where pixels are magnified. There rio-tiler may be off by 0.125 source pixel; where they become coarser it picks
    the nearest of the nearest, and this the nearest."""
    bands = FILES[file]
    layer = Layer(assets=(AssetChoice(file, numbers=bands),))
    same, seen = 0, 0
    for tile in tiles(file, zoom_in):
        ours = reader(file).tile(tile.x, tile.y, tile.z, layer=layer, reading=Reading())
        with Reader(IMAGERY / file) as source:
            theirs = source.tile(tile.x, tile.y, tile.z, indexes=bands)
        assert ours.array.dtype == theirs.array.dtype
        assert ours.bounds == pytest.approx(theirs.bounds)
        hidden = theirs.array.mask.any(axis=0)
        assert (ours.array.mask[0] != hidden).mean() < 0.01
        both = ~hidden & ~ours.array.mask[0]
        seen += both.sum()
        same += (ours.array.data == theirs.array.data).all(axis=0)[both].sum()
    assert seen > 20_000
    assert same / seen > 0.95


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_smooth_resampling_agrees_with_rio_tiler(method: str) -> None:
    file = S2
    tile = tiles(file, 2)[0]
    reading = Reading(resampling=method)
    layer = Layer(assets=(AssetChoice(file, numbers=(8,)),))
    ours = reader(file).tile(tile.x, tile.y, tile.z, layer=layer, reading=reading)
    with Reader(IMAGERY / file) as source:
        theirs = source.tile(tile.x, tile.y, tile.z, indexes=(8,), reproject_method=method)
    both = ~theirs.array.mask & ~ours.array.mask
    difference = abs(ours.array.data.astype(float) - theirs.array.data)[both]
    assert np.median(difference) <= 2
    assert difference.mean() < 0.01 * theirs.array.data[both].mean()


@pytest.mark.parametrize(
    ("name", "numbers"), [("ndvi", (8, 4)), ("ndwi", (3, 8)), ("ndmi", (8, 12)), ("mndwi", (3, 12))]
)
def test_indices_of_real_bands_equal_numpy(name: str, numbers: tuple[int, int]) -> None:
    names = [
        "coastal",
        "blue",
        "green",
        "red",
        "re1",
        "re2",
        "re3",
        "nir",
        "nir08",
        "nir09",
        "cirrus",
        "swir16",
        "swir22",
    ]
    bands = [{"eo:common_name": each, "raster:scale": 0.0001} for each in names]
    with rasterio.open(IMAGERY / S2) as dataset:
        planes, inverse = dataset.read(numbers), ~dataset.transform
    to_degrees = Transformer.from_crs(3857, 4326, always_xy=True)
    compared = 0
    for tile in tiles(S2, 1):
        got = reader(S2, bands={S2: bands}).tile(
            tile.x, tile.y, tile.z, layer=Layer(index=name), reading=Reading()
        )
        left, _bottom, right, top = TMS.xy_bounds(tile)
        rows, columns = np.mgrid[0:256, 0:256]
        step = (right - left) / 256
        lon, lat = to_degrees.transform(left + (columns + 0.5) * step, top - (rows + 0.5) * step)
        u, v = inverse.a * lon + inverse.c, inverse.e * lat + inverse.f
        clear = (abs(u - np.round(u)) > 0.02) & (abs(v - np.round(v)) > 0.02)
        inside = (u > 0) & (u < 512) & (v > 0) & (v < 512)
        column, row = np.clip(u, 0, 511).astype(int), np.clip(v, 0, 511).astype(int)
        a, b = (plane[row, column].astype(float) * 0.0001 for plane in planes)
        valid = inside & (a != 0) & (b != 0)
        np.testing.assert_array_equal(~got.array.mask[0][clear], valid[clear])
        seen = clear & valid
        with np.errstate(invalid="ignore"):
            expected = (a - b) / (a + b)
        np.testing.assert_allclose(got.array.data[0][seen], expected[seen], rtol=0, atol=1e-6)
        compared += seen.sum()
    assert compared > 100_000


def test_pan_and_multispectral_pixels_lie_where_they_belong() -> None:
    """The 15 m pan grid begins one of its pixels east and south of the 30 m grid."""
    pan = "landsat8-india-ms-pan/LC08_L1TP_143054_20230213_20230218_02_T1.tif"
    colour = "landsat8-india-ms-pan/LC08_L2SP_143054_20230213_20230218_02_T1_SR.tif"
    layer = Layer(assets=(AssetChoice(pan), AssetChoice(colour, numbers=(3,))))
    got = reader(pan, colour).preview(layer=layer, reading=Reading())
    with rasterio.open(IMAGERY / pan) as fine, rasterio.open(IMAGERY / colour) as coarse:
        assert got.bounds == tuple(fine.bounds), "the smaller of the two"
        np.testing.assert_array_equal(got.array.data[0], fine.read(1))
        rows, columns = np.mgrid[0 : fine.height, 0 : fine.width]
        x, y = fine.transform @ (columns + 0.5, rows + 0.5)
        u, v = ~coarse.transform @ (x, y)
        np.testing.assert_array_equal(
            got.array.data[1], coarse.read(3)[v.astype(int), u.astype(int)]
        )


def test_all_indices_are_covered() -> None:
    assert set(PRESETS) == {"ndvi", "ndwi", "ndmi", "mndwi"}
