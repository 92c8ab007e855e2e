"""Tiles over HTTP: eotiles against the stock titiler.pgstac application, side by side.

    python benchmarks/tiles.py [--quick] [--memory] [--only CASE…] [--json PATH] [--markdown]

STRICT=1: exit 1 where a bar is missed.

One database, the same COGs, the same client, one process each, interleaved rounds; CPU milliseconds of the server a
tile. `tuned` is the peer with one thread a request and GDAL configured as its documentation advises, `defaults` the
peer as it comes. docs/benchmarks.md says what each case is.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from pathlib import Path

import scenes
import traces
from bench import CACHE, ROOT, Bench
from catalogue import catalogue
from local import local
from memory import memory
from page import write_page
from remote import over_http
from report import Line, finish, head, line
from rivals import NDVI

CASES = ("start", "local", "mosaic", "http", "memory")
READY_MAX_MS = 10_000.0
FIRST_MAX_MS = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Tiles over HTTP against titiler.pgstac.")
    parser.add_argument("--quick", action="store_true", help="deflate only, one round: two minutes")
    parser.add_argument(
        "--memory", action="store_true", help="20,000 tiles for the memory: minutes"
    )
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, help="some cases")
    parser.add_argument("--rounds", type=int, help="instead of 3")
    parser.add_argument(
        "--json", type=Path, default=CACHE / "tiles.json", help="the lines go there"
    )
    parser.add_argument("--markdown", action="store_true", help="also write docs/benchmarks.md")
    chosen = parser.parse_args()
    cases = set(chosen.only)
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    lines: list[Line] = []
    began = time.monotonic()
    # So that a run that is ended ends its servers and its database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with catalogue(CACHE) as place:
        bench = Bench(
            place,
            rounds=rounds,
            codecs=scenes.CODECS[:1] if chosen.quick else scenes.CODECS,
            items=4 if chosen.quick else 6,
            webp=not chosen.quick,
        )
        head()
        if "start" in cases:
            lines += starting(bench)
        if cases & {"local", "mosaic"}:
            lines += local(bench, cases)
        if "http" in cases:
            lines += over_http(bench)
        if "memory" in cases:
            tiles = 20_000 if chosen.memory else 500 if chosen.quick else 2_000
            lines += memory(bench.ours("ours-memory"), place, tiles=tiles)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    status = finish(lines, chosen.json, rounds=rounds)
    if chosen.markdown:
        write_page(json.loads(chosen.json.read_text()), ROOT / "docs" / "benchmarks.md")
    return status


def starting(bench: Bench) -> list[Line]:
    """From the start of the process until it is ready, and from then to the first tile."""
    ready, first = [], []
    for _ in range(min(bench.rounds, 3)):
        rival = bench.ours("ours-start")
        path = rival.tile(bench.place.fresh("deflate")[0], NDVI, traces.scattered(13, 0))
        with rival.server:
            ready.append(rival.server.ready_s * 1e3)
            first.append(rival.server.batch([path]).wall_ms)
    return [
        line("ready after start (bar: 10 s)", statistics.median(ready), READY_MAX_MS, bar=1),
        line("first tile after ready (bar: 300 ms)", statistics.median(first), FIRST_MAX_MS, bar=1),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
