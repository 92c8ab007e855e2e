"""Clients that are not ours, as docs/clients.md uses them: pystac-client, GDAL's drivers, odc-stac, rasterio."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import odc.stac
import pystac_client
import pytest
import rasterio
from PIL import Image
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from eotiles.settings import Settings
from tests.integration.render_scenes import LEFT, PIXEL_M, SIDE_PX, TOP, box, everything
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

SIDE_M = SIDE_PX * PIXEL_M
ZOOM = 13
HALF = math.pi * 6378137


@pytest.fixture(scope="module")
def origin(settings: Settings, ingest_conninfo: str) -> Iterator[str]:
    collections, items = everything(settings.assets / "renders")
    load(ingest_conninfo, collections=collections, items=items)
    with serving(settings, ["stac", "raster"]) as address:
        yield address


@pytest.fixture(scope="module")
def catalogue(origin: str) -> pystac_client.Client:
    return pystac_client.Client.open(f"{origin}/stac/")


@pytest.fixture(autouse=True)
def _no_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL would look for sidecar files in the folder of each asset."""
    monkeypatch.setenv("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR")


def our_tile(template: str, x: int, y: int) -> Any:
    got = httpx.get(template.format(z=ZOOM, x=x, y=y), timeout=60)
    assert got.status_code == 200, got.text
    return np.asarray(Image.open(io.BytesIO(got.content)).convert("RGBA"))


def read_tile(dataset: rasterio.DatasetReader, x: int, y: int, *, tile_px: int) -> Any:
    """(y, x, 4): what a dataset in web mercator has where tile x, y of ZOOM lies; of a WMTS GDAL shows no more than the
    bounding box of the layer."""
    span = 2 * HALF / 2**ZOOM
    left, top = x * span - HALF, HALF - y * span
    column, row = (~dataset.transform) @ (left, top)
    window = Window(round(column), round(row), tile_px, tile_px)
    assert abs(dataset.transform.a - span / tile_px) < 1e-6, "the dataset is of that zoom"
    inside = window.intersection(Window(0, 0, dataset.width, dataset.height))
    found = np.zeros((tile_px, tile_px, dataset.count), np.uint8)
    rows = slice(inside.row_off - window.row_off, inside.row_off - window.row_off + inside.height)
    columns = slice(inside.col_off - window.col_off, inside.col_off - window.col_off + inside.width)
    found[rows, columns] = np.moveaxis(dataset.read(window=inside), 0, 2)
    return found


class TestPystacClient:
    def test_from_a_search_to_pixels(self, catalogue: pystac_client.Client) -> None:
        found = catalogue.search(collections=["optical"], bbox=box(), sortby="-datetime")
        item = next(each for each in found.items() if each.id == "west")
        link = next(each for each in item.links if each.rel == "tilejson")
        tilejson = httpx.get(link.href).json()
        drawn = our_tile(tilejson["tiles"][0], 4332, 2778)
        assert drawn.shape == (512, 512, 4)
        seen = drawn[drawn[..., 3] > 0]
        assert len(seen) > 90_000
        assert len(np.unique(seen[:, 0])) > 50

    def test_collections_and_their_pictures(self, catalogue: pystac_client.Client) -> None:
        collection = catalogue.get_collection("optical")
        thumbnail = collection.assets["thumbnail"]
        picture = Image.open(io.BytesIO(httpx.get(thumbnail.href).content))
        assert max(picture.size) == 512
        assert collection.extra_fields["renders"]["ndvi"]["index"] == "ndvi"


class TestGdal:
    @pytest.mark.parametrize("place", ["/collections/optical/items/west", "/collections/optical"])
    @pytest.mark.parametrize("layer", ["true-colour", "ndvi"])
    def test_wmts_gives_our_tile(self, origin: str, place: str, layer: str) -> None:
        url = f"{origin}/raster{place}/WMTSCapabilities.xml"
        chosen = f"layer={layer},tilematrixset=WebMercatorQuad,tilematrix={ZOOM}"
        with rasterio.open(f"WMTS:{url},{chosen}") as dataset:
            assert dataset.crs.to_epsg() == 3857
            drawn = read_tile(dataset, 4332, 2778, tile_px=256)
        template = f"{origin}/raster{place}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png"
        ours = our_tile(f"{template}?render={layer}", 4332, 2778)
        assert (ours[..., 3] > 0).sum() > 20_000
        seen = ours[..., 3] > 0
        np.testing.assert_array_equal(drawn[seen], ours[seen])
        np.testing.assert_array_equal(drawn[..., 3], ours[..., 3])

    def test_wmts_in_degrees(self, origin: str) -> None:
        url = f"{origin}/raster/collections/optical/items/west/WMTSCapabilities.xml"
        with rasterio.open(f"WMTS:{url},layer=ndvi,tilematrixset=WorldCRS84Quad") as dataset:
            assert dataset.crs.is_geographic
            west, south, east, north = box()
            window = dataset.window(west, south, east, north).round_offsets().round_lengths()
            assert (dataset.read(4, window=window) > 0).mean() > 0.9

    def test_tms_of_a_tilejson(self, origin: str) -> None:
        """The mini driver that WMS descriptions of tiles have."""
        place = f"{origin}/raster/collections/optical/items/west/WebMercatorQuad/tilejson.json"
        found = httpx.get(f"{place}?render=ndvi&tile_format=png&tilesize=256").json()
        url = found["tiles"][0]
        for name in "zxy":
            url = url.replace(f"{{{name}}}", f"${{{name}}}")
        description = f"""<GDAL_WMS>
          <Service name="TMS"><ServerUrl>{url.replace("&", "&amp;")}</ServerUrl></Service>
          <DataWindow><UpperLeftX>{-HALF}</UpperLeftX><UpperLeftY>{HALF}</UpperLeftY><LowerRightX>{HALF}</LowerRightX>
            <LowerRightY>{-HALF}</LowerRightY><TileLevel>{ZOOM}</TileLevel><TileCountX>1</TileCountX>
            <TileCountY>1</TileCountY><YOrigin>top</YOrigin></DataWindow>
          <Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY>
          <BandsCount>4</BandsCount><ZeroBlockHttpCodes>204,404</ZeroBlockHttpCodes><Cache/>
        </GDAL_WMS>""".replace("<Cache/>", "")
        with rasterio.open(description) as dataset:
            drawn = read_tile(dataset, 4332, 2778, tile_px=256)
        ours = our_tile(found["tiles"][0], 4332, 2778)
        seen = ours[..., 3] > 0
        assert seen.sum() > 20_000
        np.testing.assert_array_equal(drawn[seen], ours[seen])

    def test_stacit_opens_what_a_search_finds(self, origin: str) -> None:
        search = f"{origin}/stac/search?collections=optical&sortby=+datetime".replace("+", "%2B")
        with rasterio.open(f'STACIT:"{search}":asset=red', driver="STACIT") as dataset:
            assert dataset.crs.to_epsg() == 32632
            assert dataset.bounds == (LEFT, TOP - SIDE_M, LEFT + 2 * SIDE_M, TOP)
            drawn = dataset.read(1)
        assert drawn.shape == (SIDE_PX, 2 * SIDE_PX)
        west, east = drawn[:, :SIDE_PX], drawn[:, SIDE_PX:]
        np.testing.assert_array_equal(west, file_of(origin, "west"))
        np.testing.assert_array_equal(east, file_of(origin, "east"))

    @pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
    def test_stacit_of_an_item_lists_its_assets(self, origin: str) -> None:
        search = f"{origin}/stac/collections/optical/items?ids=west"
        with rasterio.open(f'STACIT:"{search}"', driver="STACIT") as dataset:
            names = {each.rsplit("asset=", 1)[1].split(",")[0] for each in dataset.subdatasets}
        assert {"red", "green", "blue", "nir"} <= names

    def test_an_asset_opens_by_its_address(self, origin: str) -> None:
        item = httpx.get(f"{origin}/stac/collections/optical/items/west").json()
        with rasterio.open(item["assets"]["red"]["href"]) as dataset:
            assert dataset.driver == "GTiff"
            assert dataset.shape == (SIDE_PX, SIDE_PX)

    @pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
    def test_a_preview_is_a_raster(self, origin: str) -> None:
        url = f"{origin}/raster/collections/optical/preview.png?render=red"
        with rasterio.open(f"/vsicurl?url={quote(url, safe='')}") as dataset:
            assert dataset.driver == "PNG"
            assert dataset.width > dataset.height


def file_of(origin: str, name: str) -> Any:
    """Digital numbers of an item's red band."""
    item = httpx.get(f"{origin}/stac/collections/optical/items/{name}").json()
    with rasterio.open(item["assets"]["red"]["href"]) as dataset:
        return dataset.read(1)


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
class TestOdcStac:
    def test_two_items_are_one_array(self, catalogue: pystac_client.Client, origin: str) -> None:
        items = list(catalogue.search(collections=["optical"]).items())
        assert sorted(item.id for item in items) == ["east", "west"]
        loaded = odc.stac.load(
            items, bands=["red", "nir"], crs="EPSG:32632", resolution=PIXEL_M, groupby="id", chunks=None
        )  # fmt: skip
        assert loaded.sizes["x"] == 2 * SIDE_PX
        merged = loaded["red"].max(dim="time").values
        expected = np.hstack([file_of(origin, "west"), file_of(origin, "east")])
        np.testing.assert_array_equal(merged, expected)

    def test_what_is_loaded_is_what_the_raster_api_computes(
        self, catalogue: pystac_client.Client, origin: str
    ) -> None:
        (item,) = catalogue.search(ids=["west"], collections=["optical"]).items()
        loaded = odc.stac.load([item], bands=["red", "nir"], crs="EPSG:32632", resolution=PIXEL_M)
        red, nir = (loaded[name].isel(time=0).values * 0.0001 - 0.1 for name in ("red", "nir"))
        row, column = 128, 200
        point = f"{origin}/raster/collections/optical/items/west/point"
        x, y = LEFT + (column + 0.5) * PIXEL_M, TOP - (row + 0.5) * PIXEL_M
        got = httpx.get(f"{point}/{x},{y}?coord_crs=EPSG:32632&index=ndvi").json()
        ndvi = (nir - red) / (nir + red)
        assert got["values"] == [pytest.approx(ndvi[row, column], abs=1e-6)]


def test_rasterio_warps_a_wmts_onto_any_grid(origin: str, tmp_path: Path) -> None:
    url = f"{origin}/raster/collections/optical/WMTSCapabilities.xml"
    with (
        rasterio.open(f"WMTS:{url},layer=true-colour,tilematrixset=WebMercatorQuad") as dataset,
        WarpedVRT(dataset, crs="EPSG:32632") as warped,
    ):
        window = warped.window(LEFT, TOP - SIDE_M, LEFT + SIDE_M, TOP)
        drawn = warped.read(window=window, out_shape=(4, 64, 64))
    assert (drawn[3] > 0).mean() > 0.9
    assert len(np.unique(drawn[0])) > 20
