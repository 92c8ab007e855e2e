"""kill -9 while a catalogue comes in: nothing acknowledged is lost, nothing is there by half, the next run ends it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rustac

from eotiles.settings import Settings
from tests import builders
from tests.integration.catalogues import COG, ROOT, item, tree
from tests.stac_server import load
from tests.stac_server import serving as serving_stac
from tests.unit.web_server import serving

pytestmark = pytest.mark.integration

ITEMS = 120

PROGRAM = """
import sys
from pathlib import Path
from eotiles.ingest.records import source
from eotiles.ingest.records import walk as records
from eotiles.ingest.records.catalogue import Catalogue
from eotiles.ingest.records.itemfiles import read_items
from eotiles.ingest.records.journal import journal_of
from eotiles.ingest.session import stored_items
from eotiles.read.hrefs import allow_list
conninfo, way, where, data, roots = sys.argv[1:]
records.BATCH_ITEMS, source.PAGE_ITEMS = 10, 7
if way == "files":
    journal, found = journal_of(Path(data), where), read_items([Path(where)])
else:
    catalogue = Catalogue(where, wanted=source.Wanted(collections=(way,)), into="kills")
    journal = catalogue.journal(Path(data))
    found = catalogue.records(journal, lambda names: stored_items(conninfo, names))

def told():
    for number, record in enumerate(found):
        # A batch of a file is stored before the first record of the next is asked for; a crawl is told more exactly.
        if way == "files" and number and number % records.BATCH_ITEMS == 0:
            print("stored", flush=True)
        print(number, record.document["id"] if record.document else "-", flush=True)
        yield record

report = records.ingest_records(
    told(), records.RecordOptions(collection="kills"), conninfo=conninfo, allowed=allow_list(tuple(roots.split(","))),
    acknowledge=lambda marks: (journal.write(marks), print("stored", flush=True)),
)
journal.close(finished=report.gaps == 0)
print(report.sentence(), file=sys.stderr)
sys.exit(0 if report.complete else 1)
"""

WAYS = ("api", "static", "ndjson", "geoparquet", "collection")


class Campaign:
    """A catalogue of 120 items, in one form, and processes that bring it in."""

    def __init__(self, way: str, conninfo: str, folder: Path, settings: Settings) -> None:
        self.way = way
        self.conninfo = conninfo
        self.folder = folder
        self._settings = settings
        self._stack = ExitStack()
        self._where, self._kind, self._roots = "", "files", ROOT

    def __enter__(self) -> Campaign:
        items = [item(f"k{number:03}", collection="kills-source") for number in range(ITEMS)]
        if self.way == "api":
            load(self.conninfo, collections=[builders.collection("kills-source")], items=items)
            origin = self._stack.enter_context(serving_stac(self._settings, ["stac"]))
            self._where, self._kind = f"{origin}/stac", "kills-source"
        elif self.way == "static":
            server = self._stack.enter_context(serving())
            server.files |= tree([made["id"] for made in items], collection="kills-source")
            self._where, self._kind = f"http://{server.host}/catalog.json", "kills-source"
            self._roots = f"http://{server.host}/"
        elif self.way == "ndjson":
            self._write("items.ndjson", "".join(json.dumps(made) + "\n" for made in items))
        elif self.way == "collection":
            self._write("items.json", json.dumps({"type": "FeatureCollection", "features": items}))
        else:
            self._where = str(self.folder / "items.parquet")
            rustac.write_sync(self._where, items)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        with self.connection() as connection:
            connection.execute(
                "SELECT delete_collection(id) FROM collections WHERE id IN ('kills', 'kills-source')"
            )

    def _write(self, name: str, text: str) -> None:
        self._where = str(self.folder / name)
        Path(self._where).write_text(text)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM, self.conninfo, self._kind, self._where),
                *(str(self.folder / "data"), self._roots),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def killed_after(self, records: int) -> list[str]:
        """Kill it when it has looked at so many documents; what it had acknowledged as stored."""
        process = self.start()
        assert process.stdout is not None
        acknowledged: list[str] = []
        taken: list[str] = []
        try:
            for line in process.stdout:
                if line.strip() == "stored":
                    acknowledged += taken
                    taken = []
                    continue
                taken.append(line.split()[1])
                if int(line.split()[0]) >= records:
                    break
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return [name for name in acknowledged if re.fullmatch(r"k\d{3}", name)]

    def finish(self) -> str:
        process = self.start()
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
        return error.strip().splitlines()[-1]

    def connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public", autocommit=True
        )

    def items(self) -> dict[str, Any]:
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT id, get_item(id, collection) FROM items WHERE collection = 'kills'"
            ).fetchall()
        return dict(rows)


def run(campaign: Campaign, kills: int, *, seed: int) -> None:
    """Kill it at moments by chance; after each what was acknowledged is there, and all that is there is whole."""
    chance = random.Random(seed)
    acknowledged: set[str] = set()
    for _ in range(kills):
        acknowledged |= set(campaign.killed_after(chance.randrange(5, ITEMS)))
        there = campaign.items()
        assert acknowledged <= there.keys()
        assert all(_is_whole(made) for made in there.values())
    assert "120 items, checked" in campaign.finish() or campaign.way in ("api", "static")
    there = campaign.items()
    assert sorted(there) == [f"k{number:03}" for number in range(ITEMS)]
    assert all(_is_whole(made) for made in there.values())
    assert list((campaign.folder / "data").rglob("*.journal")) == []


def _is_whole(made: Any) -> bool:
    asset = made["assets"].get("red", {})
    return (
        asset.get("type") == COG
        and asset["href"].endswith("red.tif")
        and made["properties"]["created"].startswith("2021-04-01T00:00:00")
        and len(made["geometry"]["coordinates"][0]) == 5
    )


@pytest.fixture
def campaign(
    request: pytest.FixtureRequest, ingest_conninfo: str, tmp_path: Path, settings: Settings
) -> Iterator[Campaign]:
    with Campaign(request.param, ingest_conninfo, tmp_path, settings) as made:
        yield made


@pytest.mark.parametrize("campaign", WAYS, indirect=True)
def test_three_kills(campaign: Campaign) -> None:
    run(campaign, 3, seed=3)


@pytest.mark.soak
@pytest.mark.parametrize("campaign", WAYS, indirect=True)
def test_twenty_kills(campaign: Campaign) -> None:
    run(campaign, 20, seed=20)


@pytest.mark.parametrize("campaign", ["ndjson"], indirect=True)
def test_killed_in_its_transaction(campaign: Campaign, admin_conninfo: str) -> None:
    """In the middle of a COPY nothing is there yet; the next run finds no lock and no remains."""

    def waits() -> bool:
        with campaign.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' "
                "AND relation = 'pgstac.items'::regclass"
            ).fetchone()
        return row is not None and row[0] >= 1

    with psycopg.connect(admin_conninfo) as blocker:
        blocker.execute("LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE")
        process = campaign.start()
        try:
            _until(waits)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    assert campaign.items() == {}
    assert campaign.finish().startswith("120 ingested")


def _until(moment: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not moment():
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.01)
