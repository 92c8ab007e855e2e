"""NDVI tiles of a large scene: our reader and encoder against rio-tiler's STACReader and TiTiler's encoder.

    python benchmarks/raster_tiles.py [--json PATH]        STRICT=1: exit 1 where a bar is missed

No database, no HTTP; rio-tiler with one thread.
"""

from __future__ import annotations

import datetime
import tempfile
import warnings
from pathlib import Path

import morecantile
import numpy as np
import pystac
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from report import Line, compare, finish, options
from rio_tiler.colormap import cmap
from rio_tiler.io import STACReader
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from eotiles.catalog.items import Item
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.encoding import encode
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.reader import ItemReader
from eotiles.plan import Layer
from eotiles.read.hrefs import allow_list
from eotiles.read.library import Library
from eotiles.read.stores import open_stores

SIZE = 5490
ROUNDS = 15
BAR = 1.0
"""No slower than the peer; the tile engine to come is held to more."""

BBOX = [9.0, 44.4, 9.8, 45.2]


def scene(folder: Path) -> dict[str, Path]:
    """Red and near infrared, 10 m, with overviews."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    files = {}
    for number, name in enumerate(("red", "nir")):
        random = np.random.default_rng(number)
        hills = 2000 + 1500 * np.sin(x / 300) * np.cos(y / 200)
        data = (hills + random.integers(0, 60, (SIZE, SIZE))).astype(np.uint16)
        files[name] = folder / f"{name}.tif"
        with rasterio.open(
            files[name], "w", driver="GTiff", width=SIZE, height=SIZE, count=1, dtype="uint16", nodata=0,
            crs="EPSG:32632", transform=Affine(10, 0, 500_000, 0, -10, 5_000_000), tiled=True, blockxsize=512,
            blockysize=512, compress="deflate", predictor=2,
        ) as dataset:  # fmt: skip
            dataset.write(data, 1)
            dataset.build_overviews([2, 4, 8, 16], Resampling.average)
    return files


def main() -> int:
    path = options("NDVI tiles against rio-tiler and TiTiler.")
    lines: list[Line] = []
    warnings.simplefilter("ignore")
    tms = morecantile.tms.get("WebMercatorQuad")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = scene(folder)
        assets = {
            key: {
                "href": str(path),
                "type": "image/tiff",
                "roles": ["data"],
                "bands": [{"eo:common_name": key}],
            }
            for key, path in files.items()
        }
        item = Item(
            {"id": "scene", "collection": "bench", "bbox": BBOX, "properties": {}, "assets": assets}
        )
        access = Access(
            roots=allow_list((str(folder),)),
            library=Library(open_stores(), blocks_bytes=0),
            max_pixels=4096**2,
        )
        stac = pystac.Item("scene", None, BBOX, datetime.datetime(2024, 6, 1), {})
        for key, path in files.items():
            stac.add_asset(
                key, pystac.Asset(str(path), media_type="image/tiff; application=geotiff")
            )
        palette = cmap.get("rdylgn")
        for zoom in range(10, 16):
            tile = tms.tile(9.35, 44.8, zoom)

            def ours(tile: morecantile.Tile = tile) -> object:
                reader = ItemReader(item, tms=tms, access=access)
                image = reader.tile(*tile, layer=Layer(index="ndvi"), reading=Reading())
                return encode(image, output_format=ImageType.png, index="ndvi")

            def theirs(tile: morecantile.Tile = tile) -> object:
                with STACReader(None, item=stac, tms=tms) as reader:
                    image = reader.tile(
                        *tile, assets=["nir", "red"], expression="(b1-b2)/(b1+b2)", threads=1
                    )
                return render_image(
                    image, colormap=palette, rescale=[(-0.2, 0.9)], output_format=ImageType.png
                )

            name_of_case = f"NDVI tile, z{zoom}, PNG, rio-tiler and TiTiler"
            lines.append(compare(name_of_case, ours, theirs, bar=BAR, rounds=ROUNDS))
    return finish(lines, path)


if __name__ == "__main__":
    raise SystemExit(main())
