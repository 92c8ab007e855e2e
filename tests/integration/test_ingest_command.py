"""`eotiles ingest` as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import products
from tests.builders import geotiff, ramp
from tests.products import Landsat, Sentinel1, Sentinel2

pytestmark = pytest.mark.integration


@pytest.fixture
def catalogue(
    cluster: Cluster, settings: Settings
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(
        cluster.conninfo("ingest"), options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        yield connection
        connection.execute(
            "SELECT delete_collection(id) FROM collections WHERE id = 'ingest-command'"
        )
    shutil.rmtree(settings.assets / "ingest-command", ignore_errors=True)


def eotiles(
    settings: Settings, *arguments: str, verb: str = "files"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eotiles", "ingest", verb, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "EOTILES_DATA": str(settings.data), "COLUMNS": "200"},
    )


def test_the_summary_names_what_came_in_and_what_was_refused(
    settings: Settings, catalogue: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    geotiff(tmp_path / "s2-20190918_B04.tif", ramp(60, 70, start=1500))
    geotiff(tmp_path / "s2-20190918_B08.tif", ramp(60, 70, start=1500))
    (tmp_path / "notes.tif").write_text("not imagery")
    geotiff(tmp_path / "nowhere.tif", ramp(8, 8), crs=None)
    options = ("--collection", "ingest-command", "--title", "Command", "--attribution", "me")
    radiometry = ("--domain", "reflectance", "--scale", "0.0001", "--offset", "-0.1")
    done = eotiles(settings, str(tmp_path), *options, *radiometry)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "ingested ingest-command/s2-20190918, taken 2019-09-18T00:00:00Z (by file name)",
        "1 ingested, 0 updated, 0 unchanged, 2 refused",
        "1 items in ingest-command, of them 1 from this run, checked",
    ]
    assert "note:" not in done.stderr
    assert not done.stderr.startswith("\n"), "blank lines of a progress bar that nobody sees"
    assert f"refused: {tmp_path}/notes.tif is not a GeoTIFF" in done.stderr
    assert f"refused: {tmp_path}/nowhere.tif has no CRS: write one into the file" in done.stderr
    row = catalogue.execute("SELECT get_item('s2-20190918', 'ingest-command')").fetchone()
    assert row is not None
    item = row[0]
    assert isinstance(item, dict)
    band = item["assets"]["B08"]["bands"][0]
    assert (band["raster:scale"], band["raster:offset"], band["eo:common_name"]) == (
        0.0001,
        -0.1,
        "nir",
    )
    assert item["properties"]["attribution"] == "me"
    # Without the two that cannot come in, the same again ends with 0.
    again = eotiles(
        settings,
        str(tmp_path / "s2-20190918_B04.tif"),
        str(tmp_path / "s2-20190918_B08.tif"),
        *options,
        *radiometry,
    )
    assert again.returncode == 0, again.stderr
    assert "0 ingested, 0 updated, 1 unchanged, 0 refused" in again.stdout


def test_bands_that_were_forgotten_are_told_and_can_be_given_later(
    settings: Settings, catalogue: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    for day in ("20200101", "20200102"):
        geotiff(tmp_path / f"photo_{day}.tif", ramp(40, 50, bands=3))
    first = eotiles(settings, str(tmp_path), "--collection", "ingest-command")
    assert first.returncode == 0, first.stderr
    assert "note: photo_20200101 and 1 more: none of the 3 bands is known by name" in first.stderr
    bands = ("--bands", "red,green,blue")
    second = eotiles(settings, str(tmp_path), "--collection", "ingest-command", *bands)
    assert "0 ingested, 2 updated, 0 unchanged, 0 refused" in second.stdout
    assert "note:" not in second.stderr
    row = catalogue.execute("SELECT get_collection('ingest-command') -> 'renders'").fetchone()
    assert row is not None
    assert isinstance(row[0], dict)
    assert sorted(row[0]) == ["true-colour"]
    third = eotiles(settings, str(tmp_path), "--collection", "ingest-command", *bands)
    assert "0 ingested, 0 updated, 2 unchanged, 0 refused" in third.stdout


def test_a_mistake_is_explained_before_any_work(settings: Settings, tmp_path: Path) -> None:
    done = eotiles(settings, str(tmp_path), "--collection", "ingest-command", "--datetime", "soon")
    assert done.returncode == 1
    assert "eotiles: --datetime 'soon' is not an ISO 8601 time" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["sentinel2", "landsat", "naip", "sentinel1"])
def test_products(
    settings: Settings,
    catalogue: psycopg.Connection[tuple[object, ...]],
    tmp_path: Path,
    verb: str,
) -> None:
    if verb == "naip":
        identifier = f"nd_{products.naip(tmp_path).stem}"
    else:
        product = {"sentinel2": Sentinel2(), "landsat": Landsat(), "sentinel1": Sentinel1()}[verb]
        product.write(tmp_path)
        identifier = product.item
    options = ["--collection", "ingest-command", *(("--state", "nd") if verb == "naip" else ())]
    refused = eotiles(settings, str(tmp_path), *options, verb=verb)
    assert refused.returncode == 1
    assert "say --copy" in refused.stderr
    done = eotiles(settings, str(tmp_path), *options, "--copy", verb=verb)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"ingested ingest-command/{identifier}, taken 20")
    assert done.stdout.splitlines()[1:] == [
        "1 ingested, 0 updated, 0 unchanged, 0 refused",
        "1 items in ingest-command, of them 1 from this run, checked",
    ]
    assert done.stderr == ""
    row = catalogue.execute("SELECT get_item(%s, 'ingest-command')", [identifier]).fetchone()
    assert row is not None
    assert isinstance(row[0], dict)
