"""Items of a file into pgSTAC: ours against `pypgstac load`, CPU time of the loader and of PostgreSQL together.

`python benchmarks/ingest_rate.py [--items 100000] [--rounds 3] [--json FILE] [--markdown]`: a line a case; STRICT=1
exits 1 where a bar is missed. Interleaved pairs, each into a collection of its own that is removed again. Both are
processes of their own, from the start to the end; ours also checks every item and its hrefs, and counts at the end.
docs/benchmarks.md says what each case is.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import report
from page import write_page
from psycopg.types.json import Jsonb

from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster

BAR = 0.8
"""Least rate, as a part of the peer's."""

MEMORY_BAR = 0.9
"""Least ratio of the memory for a tenth of the items to that for all of them."""

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
ROOT = "https://data.example.com/"
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL", "visual")

OURS = """
import sys
from pathlib import Path
from eotiles.ingest.records.itemfiles import read_items
from eotiles.ingest.records.walk import RecordOptions, ingest_records
from eotiles.read.hrefs import allow_list
conninfo, file, root = sys.argv[1:]
report = ingest_records(
    read_items([Path(file)]), RecordOptions(), conninfo=conninfo, allowed=allow_list((root,))
)
assert report.complete, report.refused[:3]
print(report.sentence())
"""

PEER = """
import sys
from pypgstac.pypgstac import PgstacCLI
conninfo, file, method = sys.argv[1:]
PgstacCLI(dsn=conninfo).load("items", file, method=method)
"""


@dataclass(frozen=True)
class Cost:
    """Of one load."""

    cpu_ms: float
    memory_mb: float
    """Most that the loader had at a time."""


def item(number: int, collection: str) -> dict[str, Any]:
    """One like those of public catalogues of Sentinel-2: 3.6 kB of JSON."""
    chance = random.Random(number)
    west, south = chance.uniform(-170, 168), chance.uniform(-70, 70)
    ring = [[west, south], [west + 1.1, south], [west + 1.1, south + 1], [west, south + 1]]
    taken = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(8 * 365 * 86400))
    folder = f"{ROOT}sentinel-2/{number % 60}/{number}"
    assets = {
        band: {
            "href": f"{folder}/{band}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "title": f"Band {band}",
            "roles": ["data"],
            "proj:shape": [10980, 10980],
            "proj:transform": [10, 0, 399960, 0, -10, 4200000],
            "file:size": chance.randrange(10**8),
            "eo:bands": [{"name": band, "center_wavelength": 0.49, "full_width_half_max": 0.1}],
        }
        for band in BANDS
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
        ],
        "id": f"S2A_{number:07d}",
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "bbox": [west, south, west + 1.1, south + 1],
        "properties": {
            "datetime": taken.isoformat().replace("+00:00", "Z"),
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "eo:cloud_cover": round(chance.uniform(0, 100), 2),
            "view:sun_elevation": chance.uniform(10, 80),
            "created": "2023-01-01T00:00:00Z",
            "updated": "2023-01-01T00:00:00Z",
            "proj:epsg": 32630,
            "s2:mgrs_tile": f"30T{number % 100}",
            "s2:processing_baseline": "04.00",
        },
        "links": [
            {"rel": "self", "href": f"{folder}/item.json"},
            {"rel": "collection", "href": "https://example.com/collection.json"},
            {"rel": "license", "href": "https://example.com/licence"},
        ],
        "assets": assets,
    }


class Place:
    """A database, and the files that are loaded into it."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.conninfo = cluster.conninfo("ingest")
        self._postmaster = _postmaster(folder)

    def file(self, collection: str, items: int) -> Path:
        path = self.folder / f"{collection}-{items}.ndjson"
        if not path.exists():
            with path.open("wb") as file:
                for number in range(items):
                    file.write(orjson.dumps(item(number, collection)) + b"\n")
        return path

    def begin(self, collection: str) -> None:
        """Make the collection, empty."""
        document = {
            "type": "Collection",
            "id": collection,
            "stac_version": "1.0.0",
            "description": "Of a benchmark.",
            "license": "other",
            "links": [],
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]},
            },
        }
        with psycopg.connect(self.conninfo, options="-c search_path=pgstac,public") as connection:
            connection.execute(
                "SELECT delete_collection(id) FROM collections WHERE id = %s", [collection]
            )
            connection.execute("SELECT upsert_collection(%s)", [Jsonb(document)])

    def count(self, collection: str) -> int:
        with psycopg.connect(self.conninfo) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pgstac.items WHERE collection = %s", [collection]
            ).fetchone()
        assert row is not None
        return int(row[0])

    def run(self, program: str, *arguments: str) -> Cost:
        """CPU time of a program and of PostgreSQL meanwhile."""
        database = _tree_s(self._postmaster)
        process = subprocess.Popen(
            [sys.executable, "-c", program, self.conninfo, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode()[-2000:])
        assert process.stderr is not None
        process.stderr.close()
        own = usage.ru_utime + usage.ru_stime
        return Cost((own + _tree_s(self._postmaster) - database) * 1e3, usage.ru_maxrss / 1024)

    def ours(self, collection: str, items: int) -> Cost:
        return self.run(OURS, str(self.file(collection, items)), ROOT)

    def peer(self, collection: str, items: int, method: str) -> Cost:
        return self.run(PEER, str(self.file(collection, items)), method)


def _postmaster(folder: Path) -> int:
    (file,) = folder.rglob("postmaster.pid")
    return int(file.read_text().split()[0])


def _tree_s(pid: int) -> float:
    """CPU seconds of a process, of those it has waited for, and of its children that live."""
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(entry.name) == pid:
            total += sum(int(number) for number in fields[11:15])
        elif int(fields[1]) == pid:
            total += sum(int(number) for number in fields[11:13])
    return total / os.sysconf("SC_CLK_TCK")


@contextmanager
def place() -> Iterator[Place]:
    """A new database, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="eotiles-bench-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = Cluster(folder)
    try:
        cluster.start()
        migrate(cluster.conninfo("admin"))
        yield Place(folder, cluster)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(bench: Place, items: int, rounds: int) -> list[report.Line]:
    """The lines of all cases."""
    first: list[tuple[Cost, Cost]] = []
    again: list[tuple[Cost, Cost]] = []
    for number in range(rounds):
        costs: dict[str, tuple[Cost, Cost]] = {}
        for side in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            name = f"bench-{side}"
            bench.begin(name)
            if side == "ours":
                costs[side] = bench.ours(name, items), bench.ours(name, items)
            else:
                costs[side] = bench.peer(name, items, "insert"), bench.peer(name, items, "upsert")
            found = bench.count(name)
            assert found == items, f"{side} stored {found} of {items}"
        first.append((costs["ours"][0], costs["peer"][0]))
        again.append((costs["ours"][1], costs["peer"][1]))
    lines = [
        _line(f"{items} new items, pypgstac load", first, items),
        _line(f"{items} items again, pypgstac load --method upsert", again, items),
    ]
    bench.begin("bench-few")
    few = bench.ours("bench-few", items // 10).memory_mb
    most = statistics.median(mine.memory_mb for mine, _ in first)
    lines.append(
        report.line(f"memory (MB) of {items} and of {items // 10} items", most, few, bar=MEMORY_BAR)
    )
    return lines


def _line(name: str, pairs: list[tuple[Cost, Cost]], items: int) -> report.Line:
    """Milliseconds a thousand items."""
    mine = statistics.median(ours.cpu_ms for ours, _ in pairs) / items * 1000
    theirs = statistics.median(peer.cpu_ms for _, peer in pairs) / items * 1000
    ratio = statistics.median(peer.cpu_ms / ours.cpu_ms for ours, peer in pairs)
    memory = [
        statistics.median(cost.memory_mb for cost in side) for side in zip(*pairs, strict=True)
    ]
    note = f"ms a thousand items; memory {memory[0]:.0f} / {memory[1]:.0f} MB"
    return report.line(name, mine, theirs, bar=BAR, ratio=ratio, note=note)


def main() -> int:
    """Measures and prints; 1 where STRICT=1 and a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the lines there")
    parser.add_argument("--markdown", action="store_true", help="also write docs/benchmarks.md")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    report.head()
    with place() as bench:
        lines = measure(bench, arguments.items, arguments.rounds)
    if arguments.markdown:
        run = {"machine": report.machine(), "rounds": arguments.rounds, "lines": lines}
        write_page(run, PAGE, name="ingest table")
    return report.finish(lines, arguments.json, rounds=arguments.rounds)


if __name__ == "__main__":
    sys.exit(main())
