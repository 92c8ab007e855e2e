"""Products on the map: tiles of what was ingested, through the real raster service. The products are generated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import morecantile
import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from eotiles.ingest.products.kinds import product_kind
from eotiles.ingest.products.walk import ProductOptions, Workplace, ingest_products
from eotiles.settings import Settings
from tests import products
from tests.integration.raster_expected import numbers
from tests.products import Landsat, Sentinel1, Sentinel2
from tests.stac_server import serving

pytestmark = pytest.mark.integration

TMS = morecantile.tms.get("WebMercatorQuad")
OLD = Sentinel2(baseline="02.09")
NEW = Sentinel2(baseline="04.00", sensing="20200705T101559")
SURFACE = Sentinel2(level="L2A", baseline="05.09")
LANDSAT = Landsat()
RADAR = Sentinel1()


@dataclass
class Drawn:
    """A client of services that draw the products."""

    http: httpx.Client

    def tile(
        self, collection: str, item: str, place: tuple[float, float], zoom: int, **query: Any
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """(band, y, x) values and (y, x) validity of the tile at a longitude and latitude."""
        tile = TMS.tile(*place, zoom)
        answer = self.http.get(
            f"/raster/collections/{collection}/items/{item}/tiles/WebMercatorQuad/{zoom}/{tile.x}/{tile.y}.npy",
            params=query,
        )
        assert answer.status_code == 200, answer.text
        return numbers(answer.content)


@pytest.fixture(scope="module")
def drawn(
    data_folder: Path, ingest_conninfo: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Drawn]:
    archive = tmp_path_factory.mktemp("archive")
    settings = Settings(_env_file=None, data=data_folder, asset_roots=str(archive))
    for each in (OLD, NEW, SURFACE, LANDSAT, RADAR):
        each.write(archive)
    image = products.naip(archive)
    to = Workplace(ingest_conninfo, settings.assets, settings.roots)
    for kind in ("sentinel2", "landsat", "naip", "sentinel1"):
        options = ProductOptions(collection=f"drawn-{kind}", copy=kind == "sentinel1")
        summary = ingest_products([archive], product_kind(kind), options, to=to)
        assert summary.refused == ()
    assert image.exists()
    with (
        serving(settings, ["stac", "raster"]) as origin,
        httpx.Client(base_url=origin, timeout=60) as http,
    ):
        yield Drawn(http)
    with psycopg.connect(
        ingest_conninfo, options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id LIKE 'drawn-%'")


def expected(
    place: tuple[float, float],
    zoom: int,
    *,
    epsg: int,
    corner: tuple[float, float],
    step: float,
    side: int,
    value: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values at the centres of a tile's pixels, and where these lie clear of the borders of a file's pixels."""
    left, _bottom, right, top = TMS.xy_bounds(TMS.tile(*place, zoom))
    columns, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    width = (right - left) / 256
    to_file = Transformer.from_crs(3857, epsg, always_xy=True)
    x, y = to_file.transform(left + columns * width, top - rows * width)
    column, row = (x - corner[0]) / step, (corner[1] - y) / step
    near = np.minimum.reduce([np.abs(each - np.round(each)) for each in (column, row)])
    inside = (column >= 0) & (column < side) & (row >= 0) & (row < side) & (near > 0.05)
    at = (
        np.clip(row, 0, side - 1).astype(int),
        np.clip(column, 0, side - 1).astype(int),
    )
    return value(*at), inside


S2_PLACE = Transformer.from_crs(products.S2_EPSG, 4326, always_xy=True).transform(
    products.S2_CORNER[0] + 1200, products.S2_CORNER[1] - 1200
)
LANDSAT_PLACE = Transformer.from_crs(32632, 4326, always_xy=True).transform(
    products.LANDSAT_CORNER[0] + 1500, products.LANDSAT_CORNER[1] - 1500
)


@pytest.mark.parametrize(
    "product", [OLD, NEW, SURFACE], ids=lambda each: each.level + each.baseline
)
@pytest.mark.parametrize(("key", "band"), [("red", "B04"), ("nir08", "B8A"), ("coastal", "B01")])
def test_jpeg_2000_where_it_lies(drawn: Drawn, product: Sentinel2, key: str, band: str) -> None:
    step = products.S2_BANDS[band]
    side = products.S2_SIDE_10M * 10 // step
    truth = products.s2_reflectance(band, side)
    values, valid = drawn.tile(
        "drawn-sentinel2", product.item, S2_PLACE, 15, assets=key, unscale="true"
    )
    wanted, clear = expected(
        S2_PLACE,
        15,
        epsg=products.S2_EPSG,
        corner=products.S2_CORNER,
        step=step,
        side=side,
        value=lambda row, column: np.where(
            (row < side // 8) & (column < side // 8), np.nan, truth[row, column]
        ),
    )
    assert clear.sum() > 20_000
    assert np.array_equal(valid[clear], np.isfinite(wanted[clear]))
    seen = clear & valid
    np.testing.assert_allclose(values[0][seen], wanted[seen], atol=1e-6)


def test_baselines_draw_the_same(drawn: Drawn) -> None:
    """The same reflectances, stored with 1000 added since baseline 04.00: the same index at every pixel."""
    before, after = (
        drawn.tile("drawn-sentinel2", product.item, S2_PLACE, 14, index="ndvi")
        for product in (OLD, NEW)
    )
    assert before[1].sum() > 10_000
    assert np.array_equal(before[1], after[1])
    np.testing.assert_allclose(before[0][:, before[1]], after[0][:, after[1]], atol=1e-6)


def test_labels_are_never_averaged(drawn: Drawn) -> None:
    for zoom in (9, 11, 15):
        values, valid = drawn.tile("drawn-sentinel2", SURFACE.item, S2_PLACE, zoom, assets="scl")
        assert set(np.unique(values[0][valid])) <= {4, 6}
        assert valid.any()


def test_landsat_where_it_lies(drawn: Drawn) -> None:
    for key, band, scale, offset in (("red", 4, 2.75e-5, -0.2), ("lwir11", 40, 0.00341802, 149.0)):
        values, valid = drawn.tile(
            "drawn-landsat", LANDSAT.item, LANDSAT_PLACE, 14, assets=key, unscale="true"
        )
        numbers_ = products.landsat_numbers(band)
        wanted, clear = expected(
            LANDSAT_PLACE,
            14,
            epsg=32632,
            corner=products.LANDSAT_CORNER,
            step=30,
            side=products.LANDSAT_SIDE,
            value=lambda row, column, numbers_=numbers_: numbers_[row, column],
        )
        assert np.array_equal(valid[clear], wanted[clear] != 0)
        seen = clear & valid
        assert seen.sum() > 10_000
        np.testing.assert_allclose(values[0][seen], wanted[seen] * scale + offset, rtol=1e-5)


def test_dark_water_is_no_hole(drawn: Drawn) -> None:
    image = Path(products.NAIP_NAME).stem
    place = Transformer.from_crs(26914, 4326, always_xy=True).transform(600_090, 5_199_870)
    values, valid = drawn.tile("drawn-naip", image, place, 19, assets="image")
    assert values.shape[0] == 4
    assert (valid & (values[3] == 0)).sum() > 100


def test_radar_lies_where_its_points_say(drawn: Drawn) -> None:
    for row, column in products.S1_POINTS:
        longitude, latitude = products.s1_place(row + 0.5, column + 0.5)
        answer = drawn.http.get(
            f"/raster/collections/drawn-sentinel1/items/{RADAR.item}/point/{longitude},{latitude}",
            params={"assets": "vv"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["values"][0] > 4000


@pytest.mark.parametrize(
    ("kind", "item", "layer"),
    [
        ("sentinel2", OLD.item, "True colour"),
        ("sentinel2", SURFACE.item, "True colour"),
        ("landsat", LANDSAT.item, "True colour"),
        ("naip", Path(products.NAIP_NAME).stem, "True colour"),
        ("sentinel1", RADAR.item, "VH"),
    ],
)
def test_the_item_offers_a_layer_that_draws(drawn: Drawn, kind: str, item: str, layer: str) -> None:
    served = drawn.http.get(f"/stac/collections/drawn-{kind}/items/{item}").json()
    links = {link["title"]: link["href"] for link in served["links"] if link["rel"] == "tilejson"}
    assert layer in links, links
    described = drawn.http.get(links[layer]).json()
    west, south, east, north = described["bounds"]
    tile = TMS.tile((west + east) / 2, (south + north) / 2, described["minzoom"] + 2)
    address = described["tiles"][0].format(z=tile.z, x=tile.x, y=tile.y)
    answer = drawn.http.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] in ("image/png", "image/jpeg", "image/webp")
    assert len(answer.content) > 400
