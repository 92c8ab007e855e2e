"""Many odd requests, and many at once: nothing is the server's fault, nothing is slow, nothing gets mixed up."""

from __future__ import annotations

import collections
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.conftest import Raster
from tests.integration.raster_expected import path_of, tile_at
from tests.integration.raster_scenes import COLLECTION

pytestmark = [
    pytest.mark.integration,
    # What morecantile, pyproj and TiTiler say to developers while they cope with odd parameters.
    pytest.mark.filterwarnings("ignore"),
]

REQUESTS = 400
ODD = [
    "",
    "nan",
    "inf",
    "-1",
    "0",
    "1",
    "1e400",
    "💥",
    "[]",
    "{}",
    "a" * 3000,
    "9" * 400,
    "../..",
    "%",
    "null",
    "true",
    "1,2,3,4",
    "-1,1",
    "0,1",
    "[[1]]",
    '{"a":1}',
    "'; DROP TABLE x;--",
    "EPSG:3857",
    "ndvi",
    "red",
    "viridis",
    "2024-01-01",
    "first",
    "*::0,3",
    "1.5",
    "-1e-320",
    "b1",
    "b1;b1",
    " ",
    "\t",
    "ÿ",
    "0x10",
    "1_000",
    "٣",
]
LAYERS: list[dict[str, Any]] = [
    {},
    {"index": "ndvi"},
    {"assets": "red", "rescale": "0,9000"},
    {"assets": ["red", "nir"], "expression": "b1-b2", "rescale": "0,1"},
]


def test_odd_parameters_are_never_an_error_of_the_server(raster: Raster) -> None:
    """Every GET route of the API description with odd values for some of its parameters; the seed is fixed."""
    chance = random.Random(20241121)
    search = raster.http.post("/searches/register", json={"collections": [COLLECTION]}).json()["id"]
    tile = tile_at(501_600, 4_998_600, 14)
    good: dict[str, Any] = {
        "collection_id": COLLECTION, "item_id": "mixed", "search_id": search, "tileMatrixSetId": "WebMercatorQuad",
        "z": tile.z, "x": tile.x, "y": tile.y, "format": "png", "lon": 9.02, "lat": 45.14, "minx": 9.01, "miny": 45.135,
        "maxx": 9.02, "maxy": 45.14, "width": 20, "height": 20, "algorithmId": "slope", "colorMapId": "viridis",
    }  # fmt: skip
    operations = [
        (path, operation["get"].get("parameters", []))
        for path, operation in raster.http.get("/api").json()["paths"].items()
        if "get" in operation and "WMTS" not in path  # 0.5 s each
    ]
    assert len(operations) > 50
    statuses: collections.Counter[int] = collections.Counter()
    for _ in range(REQUESTS):
        path, parameters = chance.choice(operations)
        names = {
            place: [each["name"] for each in parameters if each["in"] == place]
            for place in ("path", "query")
        }
        for name in names["path"]:
            value = chance.choice(ODD[1:]) if chance.random() < 0.05 else good.get(name, "1")
            path = path.replace("{" + name + "}", quote(str(value), safe=""))
        query = dict(chance.choice(LAYERS))
        for name in chance.sample(
            names["query"], min(len(names["query"]), chance.choice((0, 1, 1, 2, 3)))
        ):
            query[name] = chance.choice(ODD)
        started = time.monotonic()
        got = raster.http.get(path, params=query)
        assert got.status_code < 500, (path, query, got.text)
        assert time.monotonic() - started < 5, (path, query)
        statuses[got.status_code] += 1
    assert min(statuses[200], statuses[404], statuses[422]) > REQUESTS * 0.03, statuses


def test_requests_at_the_same_time_do_not_mix(raster: Raster) -> None:
    """Tiles of items and mosaics, of indices and bands, by 12 clients at once: the same bytes as one after another."""
    paths = [
        f"{place}/{path_of(tile_at(x, y, zoom))}.{suffix}?{layer}"
        for place in (raster.item("mixed"), raster.item("stack"), raster.collection)
        for x, y, zoom in ((501_600, 4_998_600, 15), (500_400, 4_999_400, 14))
        for layer, suffix in (
            ("index=ndvi", "png"),
            ("index=ndwi", "npy"),
            ("index=ndvi&resampling=cubic", "png"),
        )
    ]
    alone = {path: raster.http.get(path).content for path in paths}
    assert len(set(alone.values())) > len(paths) / 2

    def ask(path: str) -> bool:
        got = raster.http.get(path)
        return got.status_code == 200 and got.content == alone[path]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, paths * 3))
