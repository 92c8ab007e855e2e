"""`--copy`: files of foreign items come into the data folder, checked and cloud-optimised, or the item does not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.builders import geotiff, ramp
from tests.integration.catalogues import Here, tree
from tests.unit.web_server import Server, serving

pytestmark = pytest.mark.integration

NAMES = ("a", "b")


@pytest.fixture
def here(ingest_conninfo: str, settings: Settings, cluster: Cluster) -> Iterator[Here]:
    made = Here(ingest_conninfo, settings.data)
    yield made
    made.forget("foreign")
    shutil.rmtree(settings.assets / "foreign", ignore_errors=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A static catalogue whose two items have a file each."""
    with serving() as made:
        made.files |= tree(NAMES)
        for number, name in enumerate(NAMES):
            file = geotiff(tmp_path / f"{name}.tif", ramp(90, 80, start=number + 1))
            made.files[f"/foreign/{name}/red.tif"] = file.read_bytes()
        yield made


def ingest(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eotiles", "ingest", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "EOTILES_DATA": str(settings.data),
            "PYTHONPATH": ":".join(sys.path),
        },
    )


def test_files_of_a_catalogue_on_the_web(here: Here, server: Server, settings: Settings) -> None:
    url = f"http://{server.host}/catalog.json"
    refused = ingest(settings, "stac", url)
    assert refused.returncode == 1
    assert refused.stderr.count("is not opened") == 2
    done = ingest(settings, "stac", url, "--copy")
    assert done.returncode == 0, done.stderr
    for number, name in enumerate(NAMES):
        asset = here.item(name)["assets"]["red"]
        path = Path(asset["href"])
        assert path.parent == settings.assets / "foreign" / name
        assert asset["file:size"] == path.stat().st_size
        assert asset["eotiles:copied_from"] == f"http://{server.host}/foreign/{name}/red.tif"
        with rasterio.open(path) as dataset:
            assert np.array_equal(dataset.read(), ramp(90, 80, start=number + 1))
    server.asked.clear()
    again = ingest(settings, "stac", url, "--copy")
    assert again.stdout.startswith("collection foreign: kept\n0 ingested, 0 updated, 2 unchanged")
    assert not any(request.path.endswith(".tif") for request in server.asked)


def test_an_item_whose_file_is_none_does_not_come_in(
    here: Here, server: Server, settings: Settings
) -> None:
    server.files["/foreign/b/red.tif"] = b"<html>sorry</html>" * 100
    document = json.loads(server.files["/foreign/a/a.json"])
    document["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]],
    }
    server.files["/foreign/a/a.json"] = json.dumps(document).encode()
    done = ingest(settings, "stac", f"http://{server.host}/catalog.json", "--copy")
    assert done.returncode == 1
    assert here.items() == []
    assert "asset 'red' of item foreign/b is not a GeoTIFF" in done.stderr
    assert "Self-intersection" in done.stderr
    left: list[Any] = [path for path in (settings.assets / "foreign").rglob("*") if path.is_file()]
    assert left == []


def test_files_beside_the_items_in_a_folder(here: Here, tmp_path: Path, settings: Settings) -> None:
    for path, content in tree(NAMES).items():
        file = tmp_path / "archive" / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    geotiff(tmp_path / "archive/foreign/a/red.tif", ramp(90, 80))
    geotiff(tmp_path / "red.tif", ramp(90, 80))
    outside = tmp_path / "archive/foreign/b/b.json"
    outside.write_text(outside.read_text().replace("./red.tif", "../../../red.tif"))
    done = ingest(settings, "stac", str(tmp_path / "archive" / "catalog.json"), "--copy")
    assert done.returncode == 1
    assert here.items() == ["a"]
    assert "'red' of item foreign/b is not opened" in done.stderr
    assert str(tmp_path) not in json.dumps(here.item("a"))
