"""Items and collections against the JSON schemas of STAC and of the extensions that they name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import psycopg
import pystac
import pytest
from referencing import Registry

from eotiles.ingest.files import ingest_files
from eotiles.ingest.options import IngestOptions, parse_bands
from eotiles.ingest.period import parse_period
from tests import products
from tests import schemas as schemas_of_stac
from tests.builders import geotiff, ramp
from tests.products import Landsat, Sentinel1, Sentinel2
from tests.products_way import Way
from tests.schemas import validate

pytestmark = pytest.mark.integration

CORE = schemas_of_stac.CORE


@pytest.fixture(scope="module")
def schemas() -> Registry:
    return schemas_of_stac.registry()


@pytest.fixture(scope="module")
def stored(
    ingest_conninfo: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """A collection with a scene of two files, one of many bands, and one whose CRS has no code."""
    folder = tmp_path_factory.mktemp("schemas")
    archive, assets = folder / "archive", folder / "assets"
    geotiff(archive / "a_B04.tif", ramp(40, 50))
    geotiff(archive / "a_B08.tif", ramp(40, 50))
    geotiff(archive / "b.tif", np.ones((3, 30, 30), np.float32), nodata=np.nan)
    own = "+proj=laea +lat_0=-47 +lon_0=-67 +x_0=600000 +y_0=4700000 +datum=WGS84 +units=m"
    geotiff(archive / "c_vv.tif", ramp(20, 20), crs=own)

    def ingest(period: str, path: Path, **changes: Any) -> None:
        options = IngestOptions(
            collection="ingest-schemas",
            attribution="contains modified Copernicus Sentinel data 2019",
            provider="ESA",
            period=parse_period(period),
            **changes,
        )
        summary = ingest_files(
            [path], options, conninfo=ingest_conninfo, assets=assets, roots=(str(assets),)
        )
        assert summary.refused == ()

    ingest(
        "2019-09-18",
        archive / "a_B04.tif",
        sensor="sentinel-2",
        item="a",
        domain="reflectance",
        scale=1e-4,
    )
    ingest("2019-01-01/2019-12-31", archive / "b.tif", bands=parse_bands("red,nir,B11=swir16"))
    ingest("2019-09-18", archive / "c_vv.tif", domain="db")
    with psycopg.connect(
        ingest_conninfo, options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        (collection,) = connection.execute(
            "SELECT get_collection('ingest-schemas')"
        ).fetchone() or (None,)
        rows = connection.execute(
            "SELECT content_hydrate(items) FROM items WHERE collection = 'ingest-schemas' ORDER BY id"
        ).fetchall()
        yield collection, [row[0] for row in rows]
        connection.execute("SELECT delete_collection('ingest-schemas')")


def test_items(stored: tuple[dict[str, Any], list[dict[str, Any]]], schemas: Registry) -> None:
    _, items = stored
    assert [item["id"] for item in items] == ["a", "b", "c"]
    for item in items:
        # What the STAC API adds when it serves: the link to the collection, and nulls that pgSTAC does not store.
        item["links"].append(
            {"rel": "collection", "href": "http://localhost/collections/ingest-schemas"}
        )
        item["properties"].setdefault("datetime", None)
        checked = validate(item, schemas)
        named = {address.split("/")[3] for address in checked if "stac-extensions" in address}
        assert {"projection", "raster", "file"} <= named
        assert ("eo" in named) == (item["id"] != "c")
    assert items[1]["assets"]["data"]["bands"][0]["nodata"] == "nan"
    assert items[2]["assets"]["VV"]["proj:wkt2"].startswith("PROJCRS[")


def test_the_check_can_fail(
    stored: tuple[dict[str, Any], list[dict[str, Any]]], schemas: Registry
) -> None:
    item = json.loads(json.dumps(stored[1][0]))
    item["assets"]["B04"]["bands"][0]["raster:scale"] = "a ten thousandth"
    raster = next(address for address in item["stac_extensions"] if "/raster/" in address)
    with pytest.raises(jsonschema.ValidationError):
        validate(item, schemas, core=raster)


def test_the_collection(
    stored: tuple[dict[str, Any], list[dict[str, Any]]], schemas: Registry
) -> None:
    collection, _ = stored
    checked = validate(collection, schemas)
    assert f"{CORE}/collection-spec/json-schema/collection.json" in checked
    assert any("render/v2.0.0" in address for address in checked)
    assert any("eo/v2.0.0" in address for address in checked)


def test_pystac_reads_them(stored: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    collection, items = stored
    assert pystac.Collection.from_dict(collection).extent.temporal.intervals
    item = pystac.Item.from_dict(items[0])
    assert item.ext.proj.code == "EPSG:32719"


PRODUCTS = {
    "sentinel2": (
        Sentinel2(level="L2A", baseline="05.09"),
        {"eo", "sat", "view", "processing", "projection", "raster", "file"},
    ),
    "landsat": (Landsat(), {"eo", "view", "processing", "projection", "raster", "file"}),
    "sentinel1": (Sentinel1(), {"sar", "sat", "processing", "projection", "raster", "file"}),
}


@pytest.mark.parametrize("kind", [*PRODUCTS, "naip"])
def test_items_of_products(way: Way, schemas: Registry, kind: str) -> None:
    if kind == "naip":
        identifier, expected = (
            products.naip(way.archive).stem,
            {"eo", "projection", "raster", "file"},
        )
    else:
        product, expected = PRODUCTS[kind]
        product.write(way.archive)
        identifier = product.item
    assert way(kind, copy=kind == "sentinel1").refused == ()
    item = way.item(kind, identifier)
    item["links"].append({"rel": "collection", "href": "http://localhost/collections/x"})
    checked = validate(item, schemas)
    named = {address.split("/")[3] for address in checked if "stac-extensions" in address}
    assert expected <= named
    # One way of writing bands: STAC 1.1's.
    text = json.dumps(item)
    assert "eo:bands" not in text
    assert "raster:bands" not in text
    assert pystac.Item.from_dict(item).ext.proj.code
    with way.connection() as connection:
        row = connection.execute("SELECT get_collection(%s)", [item["collection"]]).fetchone()
    assert row is not None
    collection = row[0]
    assert collection["license"]
    assert collection["providers"][0]["name"]
    validate(collection, schemas)


def test_domains_are_those_of_the_list(way: Way) -> None:
    allowed = {
        "dn", "toa_reflectance", "reflectance", "amplitude", "power", "db", "kelvin", "metres", "index", "display",
    }  # fmt: skip
    found = set()
    for kind, (product, _) in PRODUCTS.items():
        product.write(way.archive)
        assert way(kind, copy=True).refused == ()
        item = way.item(kind, product.item)
        found.add(item["properties"]["eotiles:domain"])
        for asset in item["assets"].values():
            found |= {band["eotiles:domain"] for band in asset.get("bands", [])}
    assert found <= allowed
    assert {"reflectance", "amplitude", "kelvin", "display"} <= found
