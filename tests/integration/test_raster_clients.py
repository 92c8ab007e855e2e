"""Clients that are not ours: GDAL opens the WMTS and the tiles of a TileJSON."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from tests.integration.conftest import Raster
from tests.integration.raster_expected import colours, index_values
from tests.integration.raster_scenes import mercator_to_utm

pytestmark = pytest.mark.integration

WEB_MERCATOR = CRS.from_epsg(3857)


def compare(raster: Raster, drawn: Any, transform: Any) -> None:
    """A picture of NDVI against NumPy, at pixels that are clear of borders."""
    rows, columns = np.mgrid[0 : drawn.shape[1], 0 : drawn.shape[2]]
    x, y = mercator_to_utm.transform(*(transform * (columns + 0.5, rows + 0.5)))
    expected, valid, clear = index_values(raster.scenes["mixed"], "ndvi", x, y)
    seen = clear & valid
    assert seen.sum() > 5000
    np.testing.assert_array_equal(drawn[3][clear] > 0, valid[clear])
    wanted = colours("ndvi", np.where(seen, expected, 0)).transpose(2, 0, 1)
    # A value within float32 of a step of the ramp may be drawn in the colour beside it.
    assert (abs(drawn[:3].astype(int) - wanted)[:, seen].max(axis=0) > 8).mean() < 0.001


def test_gdal_opens_the_wmts(raster: Raster) -> None:
    capabilities = (
        f"{raster.http.base_url}{raster.item('mixed').lstrip('/')}/WMTSCapabilities.xml?index=ndvi"
    )
    chosen = "layer=ndvi,tilematrixset=WebMercatorQuad,zoom_level=13"
    with rasterio.open(f"WMTS:{capabilities},{chosen}") as dataset:
        assert dataset.crs == WEB_MERCATOR
        assert dataset.count == 4
        bounds = dataset.bounds
        assert bounds.left < 1_002_000 < 1_004_000 < bounds.right
        window = dataset.window(1_002_100, 5_642_300, 1_004_500, 5_644_700)
        drawn = dataset.read(window=window.round_offsets().round_lengths())
        compare(raster, drawn, dataset.window_transform(window.round_offsets().round_lengths()))


@pytest.mark.parametrize(("place", "first"), [("item", "true-colour"), ("collection", "green")])
def test_gdal_opens_a_wmts_that_was_asked_for_no_layer(
    raster: Raster, place: str, first: str
) -> None:
    path = raster.item("mixed") if place == "item" else raster.collection
    url = f"{raster.http.base_url}{path.lstrip('/')}/WMTSCapabilities.xml"
    with rasterio.open(f"WMTS:{url}") as dataset:
        layers = [each.split("layer=")[1] for each in dataset.subdatasets]
        assert layers[0] == f"{first},tilematrixset=WebMercatorQuad", "before any other matrix set"
        assert "green,tilematrixset=WorldCRS84Quad" in layers, "the collection's render"
    chosen = "layer=green,tilematrixset=WebMercatorQuad,zoom_level=13"
    with rasterio.open(f"WMTS:{url},{chosen}") as dataset:
        assert dataset.crs == WEB_MERCATOR
        window = dataset.window(1_002_100, 5_642_300, 1_004_500, 5_644_700)
        window = window.round_offsets().round_lengths()
        drawn = dataset.read(window=window)
        if place == "item":  # in the collection another scene fills what this one lacks
            compare(raster, drawn, dataset.window_transform(window))
        else:
            assert drawn[3].all()


def test_a_wmts_without_layers_says_how_to_name_one(raster: Raster) -> None:
    body = {"collections": ["raster-scenes"], "ids": ["mixed"]}
    made = raster.http.post("/searches/register", json=body).json()
    place = f"/searches/{made['id']}/WMTSCapabilities.xml"
    for path in (
        place,
        f"{raster.item('mixed')}/WMTSCapabilities.xml?index=ndvi&rescale=1",
    ):
        got = raster.http.get(path)
        assert got.status_code == 422, got.text
        assert ("index=NAME" in got.json()["detail"]) == (path == place)
    assert raster.http.get(place, params={"index": "ndvi"}).status_code == 200


def test_the_wmts_describes_items_and_mosaics(raster: Raster) -> None:
    for place in (raster.item("mixed"), raster.collection):
        got = raster.http.get(f"{place}/WMTSCapabilities.xml", params={"index": "ndvi"})
        assert got.status_code == 200
        assert got.headers["content-type"] == "application/xml"
        names = {"wmts": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1"}
        root = ET.fromstring(got.text)
        titles = [title.text or "" for title in root.findall(".//wmts:Layer/ows:Title", names)]
        assert titles == ["ndvi"]
        template = root.find(".//wmts:ResourceURL", names)
        assert template is not None
        assert "index=ndvi" in template.attrib["template"]


def test_gdal_reads_the_tiles_of_a_tilejson(raster: Raster) -> None:
    found = raster.http.get(
        f"{raster.item('mixed')}/WebMercatorQuad/tilejson.json",
        params={"index": "ndvi", "tile_format": "png", "tilesize": 256, "maxzoom": 14},
    ).json()
    url = found["tiles"][0].replace("{z}", "${z}").replace("{x}", "${x}").replace("{y}", "${y}")
    half = math.pi * 6378137
    description = f"""<GDAL_WMS>
      <Service name="TMS"><ServerUrl>{url.replace("&", "&amp;")}</ServerUrl></Service>
      <DataWindow><UpperLeftX>{-half}</UpperLeftX><UpperLeftY>{half}</UpperLeftY><LowerRightX>{half}</LowerRightX>
        <LowerRightY>{-half}</LowerRightY><TileLevel>{found["maxzoom"]}</TileLevel><TileCountX>1</TileCountX>
        <TileCountY>1</TileCountY><YOrigin>top</YOrigin></DataWindow>
      <Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>
    </GDAL_WMS>"""
    with rasterio.open(description) as dataset:
        window = dataset.window(1_002_100, 5_642_300, 1_004_500, 5_644_700)
        window = window.round_offsets().round_lengths()
        compare(raster, dataset.read(window=window), dataset.window_transform(window))
        with WarpedVRT(dataset, crs="EPSG:32632", resampling=Resampling.nearest) as vrt:
            assert vrt.crs.to_epsg() == 32632


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tiles/WebMercatorQuad/15/17205/11769.png?index=ndvi", "public, max-age=3600"),
        ("/tiles/WebMercatorQuad/15/17205/11769?index=ndvi", "public, max-age=3600"),
        ("/preview.png?index=ndvi", "public, max-age=3600"),
        ("/bbox/9.01,45.135,9.02,45.14.png?index=ndvi", "public, max-age=3600"),
        ("/legend?index=ndvi", "public, max-age=3600"),
        ("/WebMercatorQuad/tilejson.json?index=ndvi", "public, max-age=60"),
        ("/indices", "public, max-age=60"),
        ("/point/9.02,45.14?index=ndvi", "public, max-age=60"),
        ("/info?assets=red", None),
    ],
)
def test_how_long_caches_may_keep_an_answer(
    raster: Raster, path: str, expected: str | None
) -> None:
    got = raster.http.get(raster.item("mixed") + path)
    assert got.status_code == 200, got.text
    assert got.headers.get("cache-control") == expected
