"""QGIS, as Debian has it, loads our layers by the addresses of docs/clients.md and draws them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from PIL import Image

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests.painted import COLLECTION, NEWEST, QUARTERS, bounds, ingest_painted, place
from tests.stac_server import serving

pytestmark = pytest.mark.integration

PYTHON = "/usr/bin/python3"
"""Debian's, for which python3-qgis is made."""

SCRIPT = Path(__file__).with_name("qgis_render.py")
WMTS = "{http://www.opengis.net/wmts/1.0}"
OWS = "{http://www.opengis.net/ows/1.1}"


@dataclass(frozen=True)
class Qgis:
    """QGIS with a profile of its own."""

    folder: Path

    def draw(self, *uris: str) -> list[tuple[dict[str, Any], Path]]:
        """What QGIS says of each layer, and the picture it made of it."""
        jobs = [
            {"uri": uri, "bounds": bounds(), "picture": str(self.folder / f"{number}.png")}
            for number, uri in enumerate(uris)
        ]
        done = subprocess.run(
            [PYTHON, str(SCRIPT)],
            input=json.dumps(jobs),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert lines, f"QGIS ended with {done.returncode}: {done.stdout}{done.stderr}"
        said = json.loads(lines[0].removeprefix("RESULT "))
        return [(one, Path(job["picture"])) for one, job in zip(said, jobs, strict=True)]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "QGIS_CUSTOM_CONFIG_PATH": str(self.folder),
            "QT_QPA_PLATFORM": "offscreen",
        }


@pytest.fixture(scope="module")
def qgis(tmp_path_factory: pytest.TempPathFactory) -> Qgis:
    folder = tmp_path_factory.mktemp("qgis")
    folder.chmod(0o700)
    try:
        probe = subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"there is no {PYTHON}")
    if probe.returncode != 0:
        pytest.skip("QGIS is not installed (apt-get install python3-qgis qgis-providers)")
    return Qgis(folder)


@pytest.fixture(scope="module")
def origin(cluster: Cluster, settings: Settings, qgis: Qgis) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        ingest_painted(cluster, settings, Path(folder))
    with serving(settings, ["stac", "raster"]) as address:
        yield address


def colours(picture: Path, seen: list[float]) -> dict[str, tuple[int, ...]]:
    """The colour in the middle of each quarter, on a picture of `seen` (west, south, east, north)."""
    image = np.asarray(Image.open(picture).convert("RGB"))
    height, width, _ = image.shape
    west, south, east, north = seen
    found = {}
    for quarter in QUARTERS:
        lon, lat = place(quarter)
        column = int((lon - west) / (east - west) * width)
        row = int((north - lat) / (north - south) * height)
        found[quarter] = tuple(int(value) for value in image[row, column])
    return found


def shows_the_scene(said: dict[str, Any], picture: Path) -> None:
    assert said["valid"], said
    assert said["errors"] == []
    assert said["crs"] == "EPSG:3857"
    for quarter, colour in colours(picture, said["seen"]).items():
        difference = np.abs(np.array(colour) - np.array(QUARTERS[quarter])).max()
        assert difference <= 3, (quarter, colour)


def item_layer(origin: str) -> dict[str, Any]:
    """The first layer of an item as its TileJSON tells it."""
    item = httpx.get(f"{origin}/stac/collections/{COLLECTION}/items/{NEWEST}").json()
    href = next(link["href"] for link in item["links"] if link["rel"] == "tilejson")
    found: dict[str, Any] = httpx.get(href).raise_for_status().json()
    return found


def test_an_xyz_layer(origin: str, qgis: Qgis) -> None:
    tilejson = item_layer(origin)
    template, *_ = tilejson["tiles"]
    zooms = f"zmin={tilejson['minzoom']}&zmax={tilejson['maxzoom']}"
    ((said, picture),) = qgis.draw(f"type=xyz&url={quote(template, safe='')}&{zooms}")
    shows_the_scene(said, picture)


def wmts_uri(capabilities: str, *, layer: str, style: str, picture: str) -> str:
    """As QGIS writes it when a layer of *WMS/WMTS* is added."""
    parts = {
        "crs": "EPSG:3857",
        "dpiMode": "7",
        "format": picture,
        "layers": layer,
        "styles": style,
        "tileMatrixSet": "WebMercatorQuad",
        "url": capabilities,
    }
    return "&".join(f"{name}={quote(value, safe=':/')}" for name, value in parts.items())


@pytest.mark.parametrize(
    "path", [f"/collections/{COLLECTION}/items/{NEWEST}", f"/collections/{COLLECTION}"]
)
def test_every_layer_of_the_wmts(origin: str, qgis: Qgis, path: str) -> None:
    address = f"{origin}/raster{path}/WMTSCapabilities.xml"
    text = httpx.get(address).raise_for_status().text
    layers = [
        (
            layer.findtext(f"{OWS}Identifier", ""),
            layer.findtext(f"{WMTS}Style/{OWS}Identifier", ""),
            layer.findtext(f"{WMTS}Format", ""),
        )
        for layer in ElementTree.fromstring(text).iter(f"{WMTS}Layer")
        if "WebMercatorQuad" in {name.text for name in layer.iter(f"{WMTS}TileMatrixSet")}
    ]
    assert layers
    uris = [
        wmts_uri(address, layer=layer, style=style, picture=picture)
        for layer, style, picture in layers
    ]
    for said, picture in qgis.draw(*uris):
        shows_the_scene(said, picture)
        # The layer says where it is: "Zoom to layer" leads there.
        assert np.abs(np.array(said["extent"]) - np.array(bounds())).max() < 0.01, said


def test_what_is_not_there_is_no_layer(origin: str, qgis: Qgis) -> None:
    missing = f"{origin}/raster/collections/{COLLECTION}/items/none/WMTSCapabilities.xml"
    uri = wmts_uri(missing, layer="none", style="default", picture="image/png")
    ((said, _),) = qgis.draw(uri)
    assert not said["valid"]
