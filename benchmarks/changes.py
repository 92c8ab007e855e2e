"""What it costs to tell changes, how soon they are heard, what is won by knowing items: a private database, no HTTP.

    python benchmarks/changes.py [ITEMS]

Seconds of `pypgstac load` with and without the triggers of db/changes.sql, interleaved, each into an empty collection,
and what PostgreSQL itself says that the trigger takes; milliseconds from a commit to the grown epoch; CPU of this
process for a look-up, asked anew and known.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import morecantile
import psycopg
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from eotiles.catalog.changes import Changes
from eotiles.catalog.database import Database
from eotiles.catalog.epochs import Epochs
from eotiles.catalog.items import get_item
from eotiles.catalog.known import Known
from eotiles.catalog.migrations import migrate
from eotiles.catalog.mosaic import Mosaic
from eotiles.catalog.viewport import polygon, tile_box
from eotiles.embedded.cluster import Cluster

ROUNDS = 3
LATENCIES = 200
LOOKUPS = 300
COLLECTION = "bench"
TMS = morecantile.tms.get("WebMercatorQuad")
TRIGGERS = "ALTER TABLE pgstac.items {} TRIGGER eotiles_changed"


def collection() -> dict[str, Any]:
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": COLLECTION, "description": "x", "license": "other",
        "links": [],
        "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]}},
    }  # fmt: skip


def item(number: int, *, bands: int = 12) -> dict[str, Any]:
    """As large as a Sentinel-2 item: about 5 KB."""
    west, south = number % 4 * 0.05, number // 4 % 4 * 0.05
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]  # fmt: skip
    band = {"name": "B", "eo:common_name": "red", "raster:scale": 0.0001, "raster:offset": -0.1}
    asset = {"type": "image/tiff; application=geotiff", "roles": ["data"], "gsd": 10, "bands": [band],
             "proj:code": "EPSG:32631", "proj:shape": [10980, 10980]}  # fmt: skip
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"i{number}", "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, west + 1, south + 1],
        "properties": {"datetime": f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}T00:00:00Z"},
        "links": [], "assets": {f"B{band:02}": {**asset, "href": f"s3://bucket/{number}/B{band:02}.tif"}
                                for band in range(bands)},
    }  # fmt: skip


def load(cluster: Cluster, items: list[dict[str, Any]], *, told: bool) -> float:
    """Seconds for all of them, into a collection made anew."""
    with psycopg.connect(
        cluster.conninfo("admin"), options="-c search_path=pgstac,public"
    ) as admin:
        admin.execute("SELECT delete_collection(id) FROM collections")
        admin.execute("SELECT create_collection(%s)", [Jsonb(collection())])
        admin.execute(TRIGGERS.format("ENABLE" if told else "DISABLE").encode())
    began = time.perf_counter()
    with PgstacDB(dsn=cluster.conninfo("ingest")) as database:
        Loader(database).load_items(iter(items), insert_mode=Methods.insert)
        pool = database.pool
    pool.close()
    return time.perf_counter() - began


def trigger_us(cluster: Cluster) -> float:
    """Microseconds of the trigger for a row, as EXPLAIN ANALYZE counts them over all rows."""
    with psycopg.connect(cluster.conninfo("admin")) as admin:
        rows = admin.execute("EXPLAIN ANALYZE UPDATE pgstac.items SET private = NULL").fetchall()
        admin.rollback()
    found = re.findall(
        r"eotiles_changed.*time=([\d.]+) calls=(\d+)", "\n".join(row[0] for row in rows)
    )
    return 1e3 * sum(float(ms) for ms, _ in found) / sum(int(calls) for _, calls in found)


async def latencies(cluster: Cluster) -> list[float]:
    """Milliseconds from a commit's return to the grown epoch, in another process' connection."""
    epochs, found = Epochs(), []
    heard = asyncio.Event()
    epochs.subscribe(lambda collection: heard.set())
    async with (
        Changes(cluster.conninfo("read"), epochs=epochs),
        await psycopg.AsyncConnection.connect(
            cluster.conninfo("ingest"), autocommit=True
        ) as writer,
    ):
        while not epochs.heard:
            await asyncio.sleep(0.01)
        for number in range(LATENCIES):
            heard.clear()
            await writer.execute(
                "UPDATE pgstac.items SET private = NULL WHERE id = %s", [f"i{number}"]
            )
            committed = time.perf_counter()
            await heard.wait()
            found.append(max(0.0, time.perf_counter() - committed) * 1e3)
            await asyncio.sleep(0.007)
    return found


async def cost(name: str, ask: Callable[[int], Awaitable[Any]], *, times: int = LOOKUPS) -> None:
    """Prints CPU and wall microseconds of one question, the least mean of five series."""
    series = []
    for _ in range(5):
        cpu, wall = time.process_time(), time.perf_counter()
        for number in range(times):
            await ask(number)
        series.append(((time.process_time() - cpu) / times, (time.perf_counter() - wall) / times))
    print(f"{name:40} {min(cpu for cpu, _ in series) * 1e6:9.1f} µs CPU "
          f"{min(wall for _, wall in series) * 1e6:9.1f} µs wall")  # fmt: skip


async def lookups(cluster: Cluster) -> None:
    epochs = Epochs()
    async with (
        Database(
            cluster.conninfo("read"), pool_max=4, wait_s=5, statement_timeout_s=10
        ) as database,
        Changes(cluster.conninfo("read"), epochs=epochs),
        Known(database, epochs) as known,
    ):
        while not epochs.heard:
            await asyncio.sleep(0.01)
        names = [f"i{number}" for number in range(4)]
        mosaic = Mosaic(
            title="four", search={"collections": [COLLECTION], "ids": names}, bounds=None
        )
        at = TMS.tile(0.5, 0.5, 13)

        async def tile(number: int) -> Any:
            return await known.tile_items(
                mosaic, TMS, at.x + number % 6, at.y + number // 6 % 4, 13, limit=100
            )

        async def asked(number: int) -> Any:
            box = tile_box(TMS, at.x + number % 6, at.y + number // 6 % 4, 13)
            return await Known(database, Epochs()).items_in(mosaic, polygon(box), limit=100)

        assert len(await tile(0)) == len(await asked(0)) == 4
        await cost("item, asked anew", lambda number: get_item(database, COLLECTION, "i0"))
        await cost("item, known", lambda number: known.item(COLLECTION, "i0"), times=5000)
        await cost("mosaic tile of 4 items, asked anew", asked, times=100)
        await cost("mosaic tile of 4 items, known", tile, times=2000)

        async def viewport(number: int) -> None:
            epochs.changed(None)
            await asyncio.gather(*(tile(number) for number in range(24)))

        await cost("24 tiles of a viewport, from nothing", viewport, times=10)
        content = (await known.item(COLLECTION, "i0")).item.stac
        print(f"# an item has {len(str(content))} characters")


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    folder = Path(tempfile.mkdtemp(prefix="eotiles-", dir="/tmp"))
    folder.chmod(0o711)
    cluster = Cluster(folder / "data")
    try:
        cluster.start()
        migrate(cluster.conninfo("admin"))
        items = [item(each) for each in range(number)]
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for told in seconds:
                seconds[told].append(load(cluster, items, told=told))
        without, with_triggers = min(seconds[False]), min(seconds[True])
        print(f"load of {number} items: {without:.2f} s without triggers, {with_triggers:.2f} s with them "
              f"({(with_triggers - without) / number * 1e6:.1f} µs an item)   {seconds}")  # fmt: skip
        print(
            f"the trigger takes {min(trigger_us(cluster) for _ in range(5)):.2f} µs a row (EXPLAIN ANALYZE)"
        )
        found = asyncio.run(latencies(cluster))
        print(
            f"heard after {statistics.median(found):.1f} ms (median of {LATENCIES}), {max(found):.1f} ms at most"
        )
        asyncio.run(lookups(cluster))
    finally:
        cluster.reset()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
