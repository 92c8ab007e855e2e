"""kill -9 of the ingest process: no partial item, and the next run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import rasterio

from tests.builders import geotiff, ramp

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from pathlib import Path
from eotiles.ingest.files import ingest_files
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import parse_period
conninfo, archive, assets = sys.argv[1:]
options = IngestOptions(collection="ingest-kills", period=parse_period("2019-09-18"))
summary = ingest_files([Path(archive)], options, conninfo=conninfo, assets=Path(assets), roots=(assets,))
print(summary.count("ingested"), summary.count("updated"), summary.count("unchanged"), len(summary.refused))
"""

SCENES = ("first", "second", "third")
BANDS = ("B04", "B08")
SIDE = 700


class Kills:
    """An archive of three scenes, and processes that ingest it."""

    def __init__(self, conninfo: str, folder: Path) -> None:
        self.conninfo = conninfo
        self.archive = folder / "archive"
        self.assets = folder / "assets"
        for number, scene in enumerate(SCENES):
            for band in BANDS:
                geotiff(self.archive / f"{scene}_{band}.tif", ramp(SIDE, SIDE, start=number + 1))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.conninfo, str(self.archive), str(self.assets)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def finish(self) -> str:
        process = self.start()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()

    def kill_when(self, moment: Callable[[], bool]) -> None:
        process = self.start()
        deadline = time.monotonic() + 60
        try:
            while not moment():
                assert process.poll() is None, "it ended before the moment came"
                assert time.monotonic() < deadline, "the moment never came"
                time.sleep(0.002)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL

    def connection(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public", autocommit=True
        )

    def items(self) -> list[str]:
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT id FROM items WHERE collection = 'ingest-kills'"
            ).fetchall()
        return sorted(str(row[0]) for row in rows)

    def whole(self, scene: str) -> bool:
        """Whether the item has all its bands and each of its files all its pixels."""
        with self.connection() as connection:
            row = connection.execute("SELECT get_item(%s, 'ingest-kills')", [scene]).fetchone()
        assert row is not None
        item = row[0]
        assert isinstance(item, dict)
        if sorted(item["assets"]) != sorted([*BANDS, "thumbnail"]):
            return False
        for band in BANDS:
            with rasterio.open(item["assets"][band]["href"]) as dataset:
                if not np.array_equal(
                    dataset.read(), ramp(SIDE, SIDE, start=SCENES.index(scene) + 1)
                ):
                    return False
        return Path(item["assets"]["thumbnail"]["href"]).exists()

    def stored(self, scene: str) -> list[Path]:
        return list((self.assets / "ingest-kills" / scene).glob("*.tif"))

    def waiting(self) -> bool:
        """Whether an ingest waits for a lock in the database: it is in the middle of its transaction."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' "
                "AND relation = 'pgstac.collections'::regclass"
            ).fetchone()
        return row is not None and row[0] == 1


@pytest.fixture
def kills(ingest_conninfo: str, tmp_path: Path) -> Iterator[Kills]:
    made = Kills(ingest_conninfo, tmp_path)
    yield made
    with made.connection() as connection:
        connection.execute(
            "SELECT delete_collection(id) FROM collections WHERE id = 'ingest-kills'"
        )


def assert_resumes(kills: Kills, *, done: int) -> None:
    assert kills.finish() == f"{3 - done} 0 {done} 0"
    assert kills.items() == sorted(SCENES)
    assert all(kills.whole(scene) for scene in SCENES)
    assert [path for path in kills.assets.rglob("*") if ".part" in path.parts] == []
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
