"""What the catalogue links to is there: every layer, picture and file of served items, asked of the real raster API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import rasterio
from PIL import Image
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.builders import geotiff, north_up, ramp
from tests.stac_server import RENDERS, collection, load, scene, serving

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def origin(
    cluster: Cluster,
    settings: Settings,
    ingest_conninfo: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """A scene of five bands of real files in two collections, one of which declares its layers."""
    plain = tmp_path_factory.mktemp("plain")
    items = []
    for name in ("drawn", "drawn-plain"):
        item = scene("one", folder=settings.assets, collection=name)
        for number, asset in enumerate(item["assets"].values()):
            data = ramp(600, 600, start=1000 + 300 * number)
            source = geotiff(plain / f"{number}.tif", data, transform=north_up(10.0))
            target = Path(asset["href"])
            target.parent.mkdir(parents=True, exist_ok=True)
            cog_translate(
                str(source), str(target), cog_profiles.get("deflate"), quiet=True, in_memory=True
            )
        item["bbox"], item["geometry"] = footprint(Path(asset["href"]))
        items.append(item)
    load(
        ingest_conninfo,
        collections=[collection("drawn", renders=RENDERS), collection("drawn-plain")],
        items=items,
    )
    with serving(settings, ["stac", "raster"]) as address:
        yield address


def footprint(path: Path) -> tuple[list[float], dict[str, Any]]:
    with rasterio.open(path) as dataset:
        west, south, east, north = rasterio.warp.transform_bounds(
            dataset.crs, "EPSG:4326", *dataset.bounds
        )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return [west, south, east, north], {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize(
    ("path", "layers"),
    [
        ("/collections/drawn/items/one", 2),
        ("/collections/drawn-plain/items/one", 5),
        ("/collections/drawn", 2),
        ("/collections/drawn-plain", 5),
    ],
)
def test_every_layer_has_a_tilejson(origin: str, path: str, layers: int) -> None:
    thing = httpx.get(f"{origin}/stac{path}").json()
    links = [link for link in thing["links"] if link["rel"] == "tilejson"]
    assert len(links) == layers
    for link in links:
        answer = httpx.get(link["href"], timeout=60)
        assert answer.status_code == 200, (link, answer.text)
        tilejson = answer.json()
        assert urlsplit(tilejson["tiles"][0]).path.startswith(
            f"/raster{path}/tiles/WebMercatorQuad/"
        )


@pytest.mark.parametrize("name", ["drawn", "drawn-plain"])
def test_the_thumbnail_is_a_picture_with_something_in_it(origin: str, name: str) -> None:
    item = httpx.get(f"{origin}/stac/collections/{name}/items/one").json()
    answer = httpx.get(item["assets"]["thumbnail"]["href"], timeout=60)
    assert answer.headers["content-type"] == item["assets"]["thumbnail"]["type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content))
    assert max(picture.size) == 512
    red, green, blue, alpha = np.moveaxis(np.asarray(picture.convert("RGBA")), 2, 0)
    assert alpha.mean() > 200, "drawn nearly all over"
    for colour in (red, green, blue):
        assert len(np.unique(colour)) > 10, "neither black nor white: the stretch fits the numbers"


def test_the_rest_is_there_too(origin: str) -> None:
    item = httpx.get(f"{origin}/stac/collections/drawn/items/one").json()
    (indices,) = [link for link in item["links"] if link["rel"] == "related"]
    assert "ndvi" in json.dumps(httpx.get(indices["href"]).json())
    for key, asset in item["assets"].items():
        if key != "thumbnail":
            assert httpx.head(asset["href"]).status_code == 200
