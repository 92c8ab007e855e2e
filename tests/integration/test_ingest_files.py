"""From files to items in a real pgSTAC: all or nothing, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from eotiles.core.errors import BadParameter, SetupError, Unavailable
from eotiles.embedded.cluster import Cluster
from eotiles.ingest.files import Summary, ingest_files
from eotiles.ingest.options import IngestOptions, parse_bands
from eotiles.ingest.period import parse_period
from tests.builders import geotiff, north_up, ramp

pytestmark = pytest.mark.integration

OPTIONS = IngestOptions(
    collection="ingest-files",
    period=parse_period("2019-09-18T10:50:31Z"),
    sensor="sentinel-2",
    domain="reflectance",
    scale=0.0001,
    offset=-0.1,
)


class Ingest:
    """Ingests into one data folder and reads what came of it."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo = conninfo
        self.assets = folder / "assets"
        self.archive = folder / "archive"

    def __call__(self, *paths: Path, options: IngestOptions = OPTIONS, **changes: Any) -> Summary:
        given: dict[str, Any] = {
            "conninfo": self.conninfo,
            "assets": self.assets,
            "roots": (str(self.assets),),
            **changes,
        }
        return ingest_files(paths or (self.archive,), options, **given)

    def query(self, sql: str, *values: Any) -> Any:
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            row = connection.execute(sql, values).fetchone()
            return None if row is None else row[0]

    def item(self, identifier: str, collection: str = "ingest-files") -> dict[str, Any]:
        found = self.query("SELECT get_item(%s, %s)", identifier, collection)
        assert isinstance(found, dict), f"no item {identifier}"
        return found

    def collection(self, identifier: str = "ingest-files") -> dict[str, Any]:
        found = self.query("SELECT get_collection(%s)", identifier)
        assert isinstance(found, dict), f"no collection {identifier}"
        return found

    def files(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.assets)) for path in self.assets.rglob("*") if path.is_file()
        )


@pytest.fixture
def ingest(ingest_conninfo: str, tmp_path: Path) -> Iterator[Ingest]:
    made = Ingest(ingest_conninfo, tmp_path)
    made.archive.mkdir()
    yield made
    with psycopg.connect(
        made.conninfo, options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        connection.execute(
            "SELECT delete_collection(id) FROM collections WHERE id LIKE 'ingest-%%'", []
        )


def two_bands(archive: Path, name: str = "scene", *, start: int = 1) -> None:
    geotiff(archive / f"{name}_B04.tif", ramp(600, 700, start=start))
    geotiff(archive / f"{name}_B08.tif", ramp(600, 700, start=start + 50))


def test_a_scene_becomes_an_item(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    steps: list[tuple[int, int, str]] = []
    summary = ingest(progress=lambda done, total, what: steps.append((done, total, what)))
    assert [(scene.item, scene.outcome, scene.converted) for scene in summary.scenes] == [
        ("scene", "ingested", 2)
    ]
    assert summary.refused == ()
    assert steps[0] == (0, 3, "scene")
    assert steps[-1] == (3, 3, "scene")
    item = ingest.item("scene")
    assert item["stac_version"] == "1.1.0"
    assert item["properties"]["datetime"] == "2019-09-18T10:50:31Z"
    assert item["properties"]["proj:code"] == "EPSG:32719"
    assert item["properties"]["gsd"] == 10
    assert item["properties"]["eotiles:domain"] == "reflectance"
    assert item["properties"]["eotiles:datetime_origin"] == "option"
    assert item["properties"]["created"] == item["properties"]["updated"]
    red = item["assets"]["B04"]
    assert red["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert red["proj:shape"] == [600, 700]
    assert red["proj:transform"] == [10.0, 0.0, 600000.0, 0.0, -10.0, 4700020.0]
    assert red["proj:bbox"] == [600000.0, 4694020.0, 607000.0, 4700020.0]
    (band,) = red["bands"]
    data = ramp(600, 700)
    assert band["name"] == "B04"
    assert band["eo:common_name"] == "red"
    assert band["eo:center_wavelength"] == 0.6646
    assert (band["raster:scale"], band["raster:offset"], band["nodata"]) == (0.0001, -0.1, 0)
    assert (band["data_type"], band["raster:spatial_resolution"]) == ("uint16", 10)
    assert band["statistics"]["minimum"] == data.min()
    assert band["statistics"]["mean"] == pytest.approx(data.mean())
    assert band["statistics"]["valid_percent"] == 100
    href = Path(red["href"])
    assert href.is_relative_to(ingest.assets / "ingest-files" / "scene")
    assert red["file:size"] == href.stat().st_size
    with rasterio.open(href) as dataset:
        np.testing.assert_array_equal(dataset.read(), data)
        assert dataset.overviews(1)
    with pytest.warns(NotGeoreferencedWarning):
        picture = rasterio.open(item["assets"]["thumbnail"]["href"])
    with picture:
        assert picture.driver == "PNG"
        assert max(picture.shape) <= 512
        assert item["assets"]["thumbnail"]["proj:shape"] == list(picture.shape)
    collection = ingest.collection()
    assert collection["extent"]["spatial"]["bbox"] == [item["bbox"]]
    assert list(collection["renders"]) == ["ndvi"]
    assert sorted(collection["item_assets"]) == ["B04", "B08", "thumbnail"]


def test_an_interval_has_both_ends(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    options = IngestOptions(collection="ingest-files", period=parse_period("2019-01-01/2019-12-31"))
    ingest(options=options)
    properties = ingest.item("scene")["properties"]
    assert properties["start_datetime"] == "2019-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2019-12-31T00:00:00Z"
    # pgSTAC stores no nulls.
    assert properties.get("datetime") is None


def test_again_changes_nothing(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    ingest()
    item, collection, files = ingest.item("scene"), ingest.collection(), ingest.files()
    inodes = [(ingest.assets / name).stat().st_ino for name in files]
    again = ingest()
    assert (again.count("unchanged"), again.count("ingested"), again.scenes[0].converted) == (
        1,
        0,
        0,
    )
    assert (ingest.item("scene"), ingest.collection(), ingest.files()) == (item, collection, files)
    assert [(ingest.assets / name).stat().st_ino for name in files] == inodes
    assert ingest.query("SELECT count(*) FROM items WHERE collection = 'ingest-files'") == 1


def test_an_interval_again_changes_nothing(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    options = IngestOptions(collection="ingest-files", period=parse_period("2019-01-01/2019-12-31"))
    ingest(options=options)
    assert ingest(options=options).count("unchanged") == 1


def test_new_pixels_update_the_item_and_leave_the_old_file_for_a_while(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    ingest()
    before = ingest.item("scene")
    two_bands(ingest.archive, start=9)
    assert ingest().count("updated") == 1
    after = ingest.item("scene")
    assert after["assets"]["B04"]["href"] != before["assets"]["B04"]["href"]
    assert after["properties"]["created"] == before["properties"]["created"]
    assert after["properties"]["updated"] > before["properties"]["updated"]
    assert Path(before["assets"]["B04"]["href"]).exists()
    with rasterio.open(after["assets"]["B04"]["href"]) as dataset:
        np.testing.assert_array_equal(dataset.read(), ramp(600, 700, start=9))
    assert ingest.query("SELECT count(*) FROM items WHERE collection = 'ingest-files'") == 1


def test_a_bad_band_refuses_its_scene_and_no_other(ingest: Ingest) -> None:
    two_bands(ingest.archive, "bad")
    two_bands(ingest.archive, "good")
    broken = ingest.archive / "bad_B08.tif"
    broken.write_bytes(broken.read_bytes()[:-5000])
    (ingest.archive / "bad_B11.tif").write_text("not imagery")
    summary = ingest()
    assert [scene.item for scene in summary.scenes] == ["good"]
    assert [str(refusal) for refusal in summary.refused] == [
        f"{ingest.archive}/bad_B08.tif is truncated or damaged: not all of its 700 × 600 pixels can be read",
        f"{ingest.archive}/bad_B11.tif is not a GeoTIFF",
    ]
    assert ingest.query("SELECT count(*) FROM items WHERE collection = 'ingest-files'") == 1
    assert all("good" in name for name in ingest.files())


def test_without_a_date_the_option_is_named(ingest: Ingest) -> None:
    geotiff(ingest.archive / "scene.tif", ramp(20, 20))
    summary = ingest(options=IngestOptions(collection="ingest-files"))
    assert str(summary.refused[0]) == (
        "scene.tif has no date in its TIFF tags or its name: say with --datetime when it was taken "
        "(2019-09-18, 2019-09-18T10:50:31Z, or an interval A/B)"
    )
    assert ingest.files() == []


@pytest.mark.parametrize(
    ("name", "tags", "expected", "origin"),
    [
        ("scene-20200704.tif", {}, "2020-07-04T00:00:00Z", "file-name"),
        (
            "scene-20200704.tif",
            {"TIFFTAG_DATETIME": "2020:07:05 10:11:12"},
            "2020-07-05T10:11:12Z",
            "tiff-tag",
        ),
        (
            "scene.tif",
            {"TIFFTAG_DATETIME": "2020:07:05 10:11:12"},
            "2020-07-05T10:11:12Z",
            "tiff-tag",
        ),
    ],
)
def test_who_says_the_date(
    ingest: Ingest, name: str, tags: dict[str, str], expected: str, origin: str
) -> None:
    geotiff(ingest.archive / name, ramp(20, 20), tags=tags)
    (scene,) = ingest(options=IngestOptions(collection="ingest-files")).scenes
    properties = ingest.item(scene.item)["properties"]
    assert (properties["datetime"], properties["eotiles:datetime_origin"]) == (expected, origin)


def test_the_database_refuses_and_nothing_is_left(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    options = IngestOptions(
        collection="ingest-files",
        period=parse_period("2019-09-18"),
        item_description="PostgreSQL stores no zero byte: \0",
    )
    summary = ingest(options=options)
    assert summary.scenes == ()
    assert "was not stored, the database refused it" in str(summary.refused[0])
    assert ingest.query("SELECT count(*) FROM collections WHERE id = 'ingest-files'") == 0
    assert ingest.files() == []
    assert not (ingest.assets / "ingest-files").exists()


def test_the_database_refuses_a_change_and_the_old_item_stays_whole(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    ingest()
    item, collection, files = ingest.item("scene"), ingest.collection(), ingest.files()
    two_bands(ingest.archive, start=9)
    options = IngestOptions(
        collection="ingest-files",
        title="New title",
        period=parse_period("2019-09-18"),
        item_description="\0",
    )
    assert len(ingest(options=options).refused) == 1
    assert (ingest.item("scene"), ingest.collection(), ingest.files()) == (item, collection, files)


def test_a_database_that_is_down_is_said_before_any_work(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    with pytest.raises(Unavailable, match="cannot be reached"):
        ingest(conninfo="postgresql://nobody@127.0.0.1:1/none")
    assert not ingest.assets.exists()


def test_a_database_without_pgstac_is_said(ingest: Ingest, own_cluster: Cluster) -> None:
    own_cluster.start()
    with pytest.raises(SetupError, match="no pgSTAC catalogue: run `eotiles db migrate`"):
        ingest(conninfo=own_cluster.conninfo("admin"))


def test_a_reader_is_told_before_any_work(ingest: Ingest, read_conninfo: str) -> None:
    two_bands(ingest.archive)
    done: list[str] = []
    with pytest.raises(SetupError, match="login eotiles_read may not write items and collections"):
        ingest(conninfo=read_conninfo, progress=lambda _done, _total, what: done.append(what))
    assert done == [], "no file is looked at"
    assert not ingest.assets.exists()


def test_a_cloud_optimised_file_below_a_root_is_catalogued_where_it_is(ingest: Ingest) -> None:
    two_bands(ingest.archive)
    ingest()
    made = Path(ingest.item("scene")["assets"]["B04"]["href"])
    kept = ingest.archive / "kept_B04.tif"
    made.rename(kept)
    summary = ingest(kept, roots=(str(ingest.assets), str(ingest.archive)))
    assert summary.scenes[0].converted == 0
    assert ingest.item("kept")["assets"]["B04"]["href"] == str(kept.resolve())


def test_a_file_of_several_bands_is_one_asset(ingest: Ingest) -> None:
    data = ramp(40, 50, bands=4).astype(np.uint8)
    geotiff(ingest.archive / "m_20090818.tif", data, options={"photometric": "MINISBLACK"})
    options = IngestOptions(
        collection="ingest-files", bands=parse_bands("red,green,blue,nir"), domain="display"
    )
    assert ingest(options=options).doubts() == {}
    item = ingest.item("m_20090818")
    assert sorted(item["assets"]) == ["data", "thumbnail"]
    bands = item["assets"]["data"]["bands"]
    assert [band["eo:common_name"] for band in bands] == ["red", "green", "blue", "nir"]
    layers = ingest.collection()["renders"]
    assert layers["true-colour"]["assets"] == ["data|bidx=1,2,3"]
    assert layers["true-colour"]["rescale"] == [[0.0, 255.0]] * 3


def test_a_fourth_band_that_gdal_marks_as_transparency_is_nir(ingest: Ingest) -> None:
    data = ramp(40, 50, bands=4).astype(np.uint8)
    data[3, :20] = 0
    geotiff(ingest.archive / "naip_20200818.tif", data, nodata=None)
    options = IngestOptions(collection="ingest-files", bands=parse_bands("red,green,blue,nir"))
    ((said, items),) = ingest(options=options).doubts().items()
    assert (items, "called nir by --bands" in said) == (["naip_20200818"], True)
    asset = ingest.item("naip_20200818")["assets"]["data"]
    assert asset["bands"][3]["eo:common_name"] == "nir"
    assert asset["bands"][0]["statistics"]["valid_percent"] == 100
    with rasterio.open(asset["href"]) as dataset:
        assert dataset.read_masks().all()
        np.testing.assert_array_equal(dataset.read(), data)


def test_the_collection_grows_with_its_items(ingest: Ingest) -> None:
    two_bands(ingest.archive, "one")
    ingest()
    first = ingest.collection()
    far = ingest.archive / "two" / "two_B11.tif"
    geotiff(far, ramp(20, 20), crs="EPSG:32632")
    ingest(far)
    grown = ingest.collection()
    assert sorted(grown["item_assets"]) == ["B04", "B08", "B11", "thumbnail"]
    assert grown["extent"]["spatial"]["bbox"][0][2] > first["extent"]["spatial"]["bbox"][0][2]
    # Items that were there before keep their assets: pgSTAC stores them against the collection of their day.
    assert sorted(ingest.item("one")["assets"]) == ["B04", "B08", "thumbnail"]
    assert sorted(ingest.item("two")["assets"]) == ["B11", "thumbnail"]


# What is to be warned about is the whole process's: threads that draw PNGs put back each other's silence.
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_several_at_a_time_lose_nothing_of_each_other(ingest: Ingest) -> None:
    """Four programs make and widen one new collection at once."""
    for number in range(4):
        corner = (600_000.0 + 20_000 * number, 4_700_020.0)
        data, grid = ramp(40, 40, start=number), north_up(corner=corner)
        geotiff(
            ingest.archive / str(number) / f"scene{number}_B0{number + 1}.tif", data, transform=grid
        )
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: ingest(ingest.archive / str(number)), range(4)))
    assert [summary.count("ingested") for summary in done] == [1, 1, 1, 1]
    collection = ingest.collection()
    assert sorted(collection["item_assets"]) == ["B01", "B02", "B03", "B04", "thumbnail"]
    boxes = np.array([ingest.item(f"scene{number}")["bbox"] for number in range(4)])
    extent = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    assert collection["extent"]["spatial"]["bbox"] == [pytest.approx(extent)]


def test_nothing_found_is_refused(ingest: Ingest) -> None:
    summary = ingest()
    assert str(summary.refused[0]) == f"{ingest.archive} holds no GeoTIFF (.tif, .tiff)"


def test_an_id_for_two_scenes_is_a_mistake(ingest: Ingest) -> None:
    two_bands(ingest.archive, "one")
    two_bands(ingest.archive, "two")
    with pytest.raises(BadParameter, match="2 scenes"):
        ingest(options=IngestOptions(collection="ingest-files", item="mine"))
