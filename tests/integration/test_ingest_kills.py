"""kill -9 of the ingest process: no partial item, and the next run finishes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import rasterio

from tests.builders import geotiff, ramp
from tests.kills import Victim

pytestmark = pytest.mark.integration

PROGRAM = """
from pathlib import Path
from eotiles.ingest.files import ingest_files
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import parse_period

def run(conninfo, archive, assets):
    options = IngestOptions(collection="ingest-kills", period=parse_period("2019-09-18"))
    summary = ingest_files([Path(archive)], options, conninfo=conninfo, assets=Path(assets), roots=(assets,))
    print(summary.count("ingested"), summary.count("updated"), summary.count("unchanged"), len(summary.refused))
"""

SCENES = ("first", "second", "third")
BANDS = ("B04", "B08")
SIDE = 700


class Kills(Victim):
    """An archive of three scenes, and processes that ingest it."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        super().__init__(PROGRAM, conninfo, folder, collection="ingest-kills")
        for number, scene in enumerate(SCENES):
            for band in BANDS:
                geotiff(self.archive / f"{scene}_{band}.tif", ramp(SIDE, SIDE, start=number + 1))

    def whole(self, scene: str) -> bool:
        """Whether the item has all its bands and each of its files all its pixels."""
        item = self.item(scene)
        if sorted(item["assets"]) != sorted([*BANDS, "thumbnail"]):
            return False
        for band in BANDS:
            with rasterio.open(item["assets"][band]["href"]) as dataset:
                if not np.array_equal(
                    dataset.read(), ramp(SIDE, SIDE, start=SCENES.index(scene) + 1)
                ):
                    return False
        return Path(item["assets"]["thumbnail"]["href"]).exists()


@pytest.fixture
def kills(ingest_conninfo: str, tmp_path: Path) -> Iterator[Kills]:
    made = Kills(ingest_conninfo, tmp_path)
    yield made
    made.close()


def assert_resumes(kills: Kills, *, done: int) -> None:
    assert kills.finish() == f"{3 - done} 0 {done} 0"
    assert kills.items() == sorted(SCENES)
    assert all(kills.whole(scene) for scene in SCENES)
    assert kills.leftovers() == []
    assert all(len(kills.stored(scene)) == len(BANDS) for scene in SCENES)


def test_killed_while_it_converts(kills: Kills) -> None:
    kills.kill_when(lambda: len(kills.stored("first")) >= 1)
    assert kills.items() == []
    assert_resumes(kills, done=0)


def test_killed_in_its_transaction(kills: Kills, admin_conninfo: str) -> None:
    with psycopg.connect(admin_conninfo) as blocker:
        blocker.execute("LOCK TABLE pgstac.collections IN EXCLUSIVE MODE")
        kills.kill_when(kills.waiting)
    assert kills.items() == []
    with kills.connection() as connection:
        row = connection.execute("SELECT get_collection('ingest-kills')").fetchone()
    assert row == (None,)
    assert_resumes(kills, done=0)


def test_killed_between_two_scenes(kills: Kills) -> None:
    kills.kill_when(lambda: kills.items() == ["first"] and len(kills.stored("second")) >= 1)
    done = len(kills.items())
    assert all(kills.whole(scene) for scene in kills.items())
    assert done < 3
    assert_resumes(kills, done=done)


def test_killed_twenty_times(kills: Kills) -> None:
    def check() -> None:
        assert all(kills.whole(scene) for scene in kills.items())

    kills.kill_often(20, scenes=len(SCENES), check=check)
    kills.finish()
    assert kills.items() == sorted(SCENES)
    check()
    assert kills.leftovers() == []
