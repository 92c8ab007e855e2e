"""What digital numbers mean, from the catalogue to the bytes of a tile: the same scene described in every way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from eotiles.settings import Settings
from tests.integration import raster_scenes
from tests.integration.raster_expected import numbers, path_of, tile_at
from tests.integration.raster_scenes import COG, bbox, to_degrees
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

COLLECTION = "radiometry"
TOKEN = "the-token-of-the-tests"
LEFT, TOP, SIDE = 500_000.0, 5_000_000.0, 160
TILE = path_of(tile_at(LEFT + 800, TOP - 800, 15))
FAR = path_of(tile_at(LEFT + 800, TOP - 800, 12))
BASELINE, APPLIED = "s2:processing_baseline", "earthsearch:boa_offset_applied"
LISTED = {"scale": 0.0001, "offset": -0.1, "nodata": 0}

Array = NDArray[np.uint16]


def planes() -> dict[str, Array]:
    """Reflectance × 10000 of blue, red and nir, smooth enough for an index to be one; a corner is empty."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    made = {
        "blue": 400 + 3 * x + y,
        "red": 700 + 5 * ((x * y) % 97) + 2 * y,
        "nir": 2500 + 11 * x + 7 * ((x + y) % 31),
    }
    found = {name: values.astype(np.uint16) for name, values in made.items()}
    for values in found.values():
        values[:30, :30] = 0
    return found


def shifted(values: Array) -> Array:
    """As baseline 04.00 stores it; 0 stays 'no data'."""
    return np.where(values == 0, 0, values + 1000).astype(np.uint16)


class Archive:
    """Files of the same scene before and since baseline 04.00, and items that describe them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.items: list[dict[str, Any]] = []
        for name, values in planes().items():
            self.write(f"before-{name}", values)
            self.write(f"since-{name}", shifted(values))

    def write(self, name: str, values: NDArray[Any], **profile: Any) -> None:
        raster_scenes.write(
            self.folder / f"{name}.tif", values[None], left=LEFT, top=TOP, pixel_m=10, **profile
        )

    def asset(self, file: str, common: str | None = None, **fields: Any) -> dict[str, Any]:
        named = {} if common is None else {"eo:bands": [{"name": common, "common_name": common}]}
        path = str(self.folder / f"{file}.tif")
        return {"href": path, "type": COG, "roles": ["data"], **named, **fields}

    def add(self, identifier: str, assets: dict[str, Any], **properties: Any) -> None:
        made = raster_scenes.item(
            identifier,
            box=bbox(LEFT, TOP, SIDE * 10, SIDE * 10),
            datetime=properties.pop("datetime", "2022-06-01T10:50:31Z"),
            assets=assets,
            **properties,
        )
        self.items.append({**made, "collection": COLLECTION})

    def sentinel(self, identifier: str, files: str, /, *, fields: Any = None, **more: Any) -> None:
        """An item of blue, red and nir."""
        assets = {name: self.asset(f"{files}-{name}", name, **(fields or {})) for name in planes()}
        self.add(identifier, assets, **more)


@pytest.fixture(scope="module")
def archive(settings: Settings) -> Archive:
    made = Archive(settings.assets / COLLECTION)
    made.sentinel("n0209", "before", **{BASELINE: "02.09"})
    made.sentinel("n0400", "since", **{BASELINE: "04.00"})
    made.sentinel("reprocessed", "since", datetime="2016-07-01T00:00:00Z", **{BASELINE: "05.00"})
    made.sentinel("late", "before", datetime="2025-07-01T00:00:00Z", **{BASELINE: "02.14"})
    made.sentinel("version", "since", **{"processing:version": "N05.11"})
    made.sentinel("flagged", "before", **{BASELINE: "05.11", APPLIED: True})
    listed = {"raster:bands": [LISTED]}
    made.sentinel("listed-flagged", "before", fields=listed, **{BASELINE: "05.11", APPLIED: True})
    made.sentinel("not-applied", "since", fields=listed, **{BASELINE: "05.11", APPLIED: False})
    made.sentinel("stac-1.0", "since", fields=listed, platform="other")
    prefixed = {"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0}
    bands = {
        name: made.asset(f"since-{name}", bands=[{"eo:common_name": name, **prefixed}])
        for name in planes()
    }
    made.add("stac-1.1", bands, platform="other")
    made.sentinel("of-asset", "since", fields=prefixed, platform="other")
    made.sentinel("wrong", "before", fields=listed, **{BASELINE: "05.11", APPLIED: False})

    red = planes()["red"]
    made.write("scaled", shifted(red))
    with rasterio.open(made.folder / "scaled.tif", "r+") as file:
        file.scales, file.offsets = (0.0001,), (-0.1,)
    made.add(
        "scaled",
        {
            "silent": made.asset("scaled"),
            "same": made.asset("scaled", **listed),
            "other": made.asset("scaled", **{"raster:bands": [{"scale": 0.5, "offset": 3}]}),
            "none": made.asset("scaled", **{"raster:bands": [{"scale": 1, "offset": 0}]}),
            "scale-only": made.asset("scaled", **{"raster:bands": [{"scale": 0.5}]}),
            "visual": made.asset("scaled"),
        },
        platform="other",
    )
    made.write("scl", np.where(red % 2, 4, 8).astype(np.uint8))
    made.add("labels", {"SCL": made.asset("scl")}, **{BASELINE: "05.11"})
    return made


@pytest.fixture(scope="module")
def origin(settings: Settings, archive: Archive, ingest_conninfo: str) -> Iterator[str]:
    collection = {**raster_scenes.collection(), "id": COLLECTION}
    load(ingest_conninfo, collections=[collection], items=archive.items)
    writing = settings.model_copy(
        update={"ingest_token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
    )
    with serving(writing, ["stac", "ingest", "raster"]) as address:
        yield address


@pytest.fixture
def raster(origin: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{origin}/raster/collections/{COLLECTION}", timeout=30) as http:
        yield http


@pytest.fixture
def stac(origin: str) -> Iterator[httpx.Client]:
    authorised = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{origin}/stac", headers=authorised, timeout=30) as http:
        yield http


def content(raster: httpx.Client, item: str, query: str, tile: str = TILE) -> bytes:
    answer = raster.get(f"/items/{item}/{tile}.png?{query}")
    assert answer.status_code == 200, answer.text
    return answer.content


SAME = [
    "n0400",
    "reprocessed",
    "late",
    "version",
    "flagged",
    "listed-flagged",
    "not-applied",
    "stac-1.0",
    "stac-1.1",
    "of-asset",
]


@pytest.mark.parametrize(
    "query",
    [
        "index=ndvi",
        "index=evi",
        "index=ndvi&resampling=bilinear",
        "assets=red&unscale=true&rescale=0,0.3",
        "expression=nir-red&rescale=0,0.5",
    ],
)
def test_a_scene_is_the_same_bytes_however_it_is_stored_and_described(
    raster: httpx.Client, query: str
) -> None:
    for tile in (TILE, FAR):
        expected = content(raster, "n0209", query, tile)
        assert len(set(expected)) > 10
        for item in SAME:
            assert content(raster, item, query, tile) == expected, item


def test_a_flag_that_is_wrong_shows(raster: httpx.Client) -> None:
    """So the comparison above would notice an offset that is taken off twice, or not at all."""
    assert content(raster, "wrong", "index=ndvi") != content(raster, "n0209", "index=ndvi")


def value(raster: httpx.Client, item: str, query: str) -> float:
    """At the centre of pixel (row 80, column 81)."""
    lon, lat = to_degrees.transform(LEFT + 815, TOP - 805)
    answer = raster.get(f"/items/{item}/point/{lon},{lat}?{query}")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["values"]
    return float(found)


DN = int(shifted(planes()["red"])[80, 81])


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ("silent", DN * 0.0001 - 0.1),
        ("same", DN * 0.0001 - 0.1),
        ("other", DN * 0.5 + 3),
        ("none", DN),
        ("scale-only", DN * 0.5),
        ("visual", DN),
    ],
)
def test_scale_and_offset_are_applied_once(
    raster: httpx.Client, asset: str, expected: float
) -> None:
    assert value(raster, "scaled", f"assets={asset}") == DN
    assert value(raster, "scaled", f"assets={asset}&unscale=true") == pytest.approx(
        expected, rel=1e-6
    )
    answer = raster.get(f"/items/scaled/{TILE}.npy?assets={asset}&unscale=true")
    physical, valid = numbers(answer.content)
    plain, _ = numbers(raster.get(f"/items/scaled/{TILE}.npy?assets={asset}").content)
    at = np.abs(plain[0] - DN) == 0
    assert (at & valid).any()
    np.testing.assert_allclose(physical[0][at & valid], expected, rtol=1e-6)


def test_labels_are_never_averaged_and_never_scaled(raster: httpx.Client) -> None:
    for method in ("nearest", "bilinear", "cubic", "average"):
        query = f"assets=SCL&unscale=true&resampling={method}"
        found, valid = numbers(raster.get(f"/items/labels/{TILE}.npy?{query}").content)
        assert set(np.unique(found[0][valid])) == {4, 8}, method


class TestTold:
    def test_info_says_what_counts_and_why(self, raster: httpx.Client) -> None:
        answer = raster.get("/items/n0400/info?assets=red")
        (told,) = answer.json()["red"]["radiometry"]
        assert told["rule"] == "Sentinel-2, processing baseline 04.00: -1000"
        assert (told["band"], told["domain"], told["unit"]) == (1, "reflectance", "1")
        assert (told["scale"], told["offset"], told["nodata"]) == (0.0001, -0.1, 0)
        assert told["labels"] is False

    def test_info_says_what_the_file_says_where_that_counts(self, raster: httpx.Client) -> None:
        found = raster.get("/items/scaled/info?assets=:all:").json()
        told = {asset: info["radiometry"][0] for asset, info in found.items()}
        assert (told["silent"]["scale"], told["silent"]["offset"]) == (0.0001, -0.1)
        assert told["silent"]["rule"] == "the item does not say it: as the file says"
        assert (told["none"]["scale"], told["none"]["offset"]) == (1, 0)
        assert (told["visual"]["scale"], told["visual"]["domain"]) == (1, "display")

    def test_explain_says_it_of_each_band(self, raster: httpx.Client) -> None:
        found = raster.get(f"/items/listed-flagged/{TILE}/explain?index=ndvi").json()
        reads = found["items"][0]["reads"]
        assert [read["bands"][0]["offset"] for read in reads] == [0, 0]
        assert reads[0]["bands"][0]["rule"] == (
            "STAC raster:bands, but the item says that the offset is taken off already"
        )
        found = raster.get(f"/items/scaled/{TILE}/explain?assets=silent").json()
        (told,) = found["items"][0]["reads"][0]["bands"]
        assert (told["scale"], told["offset"]) == (0.0001, -0.1)

    def test_explain_says_that_labels_are_not_averaged(self, raster: httpx.Client) -> None:
        found = raster.get(f"/items/labels/{TILE}/explain?assets=SCL&resampling=bilinear").json()
        (read,) = found["items"][0]["reads"]
        assert (read["reader"], read["bands"][0]["labels"]) == ("native", True)
        assert read["resampling"] == "nearest"


class TestOverride:
    PATH = f"/items/wrong/{TILE}.png?index=ndvi"

    def put(self, stac: httpx.Client, said: Any) -> httpx.Response:
        return stac.patch(
            f"/collections/{COLLECTION}",
            json={"eotiles:radiometry": said},
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def changed(self, raster: httpx.Client, path: str, tag: str) -> httpx.Response:
        """The first answer with another ETag, asked for until a second has gone."""
        began = time.monotonic()
        while True:
            answer = raster.get(path, headers={"If-None-Match": tag})
            took = time.monotonic() - began
            if answer.status_code != 304:
                assert took < 1.0
                return answer
            assert took < 1.0, "nothing changed within a second"
            time.sleep(0.02)

    def test_it_wins_and_takes_effect_within_a_second(
        self, raster: httpx.Client, stac: httpx.Client
    ) -> None:
        right = content(raster, "n0209", "index=ndvi")
        paths = [self.PATH, f"/{TILE}.png?index=ndvi&ids=wrong"]
        first = [raster.get(path) for path in paths]
        assert first[0].content != right
        assert self.put(stac, {"offset": 0}).status_code == 200
        try:
            after = self.changed(raster, self.PATH, first[0].headers["etag"])
            assert after.content == right
            mosaic = self.changed(raster, paths[1], first[1].headers["etag"])
            assert mosaic.status_code == 200
            told = raster.get("/items/wrong/info?assets=red").json()["red"]["radiometry"][0]
            assert told["rule"] == (
                "eotiles:radiometry of the collection (offset); else STAC raster:bands"
            )
            # It is of the whole collection, so of this scene it is wrong; which the scene may say itself.
            assert content(raster, "n0400", "index=ndvi") != right
        finally:
            assert self.put(stac, None).status_code == 200
        again = self.changed(raster, self.PATH, after.headers["etag"])
        assert again.headers["etag"] == first[0].headers["etag"]
        assert again.content == first[0].content

    def test_it_can_name_an_asset_of_an_item(
        self, raster: httpx.Client, stac: httpx.Client
    ) -> None:
        tag = raster.get(self.PATH).headers["etag"]
        path = f"/collections/{COLLECTION}/items/wrong"
        said = {"assets": {name: {"offset": 0} for name in planes()}}
        merge = {"Content-Type": "application/merge-patch+json"}
        body = {"properties": {"eotiles:radiometry": said}}
        assert stac.patch(path, json=body, headers=merge).status_code == 200
        after = self.changed(raster, self.PATH, tag)
        assert after.content == content(raster, "n0209", "index=ndvi")
        body = {"properties": {"eotiles:radiometry": None}}
        assert stac.patch(path, json=body, headers=merge).status_code == 200

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"scale": 0}, "a scale of 0 would make every pixel the same"),
            ({"offset": "0"}, "offset is a finite number"),
            ({"domain": "radar"}, "the domain is one of dn, toa_reflectance"),
            ({"ofset": 0}, "has 'ofset'; it takes scale, offset, nodata, domain, unit, assets"),
            ({"assets": ["B04"]}, "assets is an object"),
            ({"assets": {"B04": {"bands": {"red": {"assets": {}}}}}}, "band red of asset B04"),
            ([], "is an object"),
        ],
    )
    def test_what_cannot_be_is_refused(self, stac: httpx.Client, said: Any, sentence: str) -> None:
        answer = self.put(stac, said)
        assert answer.status_code == 400
        assert sentence in answer.json()["detail"]
        assert f"eotiles:radiometry of collection '{COLLECTION}'" in answer.json()["detail"]
