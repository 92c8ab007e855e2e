"""The raster service over real HTTP, with scenes whose every pixel is known, once for the whole run; ways in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from eotiles.settings import Settings
from tests.integration import raster_scenes
from tests.integration.raster_scenes import COLLECTION, Scene
from tests.products_way import PREFIX, Way
from tests.stac_server import load, serving


@dataclass(frozen=True)
class Raster:
    """A client of the raster API and what it serves."""

    http: httpx.Client
    scenes: dict[str, Scene]

    def item(self, name: str) -> str:
        """Path of an item."""
        return f"/collections/{COLLECTION}/items/{name}"

    @property
    def collection(self) -> str:
        """Path of the mosaic of all scenes."""
        return f"/collections/{COLLECTION}"


@pytest.fixture(scope="session")
def raster(settings: Settings, ingest_conninfo: str) -> Iterator[Raster]:
    folder = settings.assets / COLLECTION
    made = [raster_scenes.mixed(folder), raster_scenes.stack(folder), *raster_scenes.broken(folder)]
    load(
        ingest_conninfo,
        collections=[raster_scenes.collection()],
        items=[scene.stac for scene in made],
    )
    scenes = {scene.stac["id"]: scene for scene in made}
    with (
        serving(settings, ["raster"]) as origin,
        httpx.Client(base_url=f"{origin}/raster", timeout=30) as http,
    ):
        yield Raster(http, scenes)


@pytest.fixture
def way(ingest_conninfo: str, tmp_path: Path) -> Iterator[Way]:
    made = Way(ingest_conninfo, tmp_path / "archive", tmp_path / "assets")
    made.archive.mkdir()
    yield made
    with made.connection() as connection:
        connection.execute(
            "SELECT delete_collection(id) FROM collections WHERE id LIKE %s", [f"{PREFIX}%"]
        )
