"""Tiles of files behind HTTP."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

from bench import LOGS, Bench, in_turn
from cases import CROWD, Rounds, crowd, panning
from report import Line, line
from rivals import GDAL_TUNED, NDVI, ONE_THREAD, VSI_CACHE
from server import Server, free_port

BAR = 5.0
REQUESTS_MAX = 1.0


def over_http(bench: Bench) -> list[Line]:
    """Files behind a server with range requests; the bars are against the better of two peers."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    script = str(Path(__file__).with_name("ranges.py"))
    files = Server(
        "ranges", [sys.executable, script, str(bench.place.folder), str(port)],
        environment={}, port=port, ready="/requests", log=LOGS / "ranges.log",
    )  # fmt: skip
    mine = bench.ours("ours-http", origin=origin)
    # One thread reads one band after the other: over HTTP rio-tiler's threads may pay.
    peers = (
        bench.peer("tuned-http", GDAL_TUNED | VSI_CACHE | ONE_THREAD),
        bench.peer("threads-http", GDAL_TUNED | VSI_CACHE),
    )
    lines: list[Line] = []
    with files, mine.server, peers[0].server, peers[1].server:
        for codec in bench.codecs:
            random, empty = Rounds(), Rounds()
            requests: dict[str, list[float]] = defaultdict(list)
            for number in range(bench.rounds):
                rivals = in_turn(number, mine, *peers)
                seeds = range(number * 2 * bench.items, (number + 1) * 2 * bench.items)
                random.add(
                    crowd(bench.place, rivals, NDVI, codec=codec, seeds=seeds, origin=origin)
                )
                place = bench.place.fresh(codec, origin=origin)[0]
                for rival in rivals:
                    before = int(files.get("/requests"))
                    cost = panning([rival], NDVI, place, around=[0], again=False)[0]
                    empty.add(cost)
                    asked = int(files.get("/requests")) - before
                    requests[rival.name].append(asked / cost[rival.name].tiles)
            better = min(peers, key=lambda rival: random.median(rival, "wall_ms"))
            name = f"HTTP, {codec}"
            rates = " / ".join(
                f"{1e3 / random.median(rival, 'wall_ms'):.0f}" for rival in (mine, better)
            )
            lines.append(
                random.line(
                    f"{name}, random, cold, {CROWD} clients, wall", ours=mine, peer=better, bar=BAR,
                    unit="wall_ms", note=f"{rates} tiles/s against {better.name}",
                )
            )  # fmt: skip
            lines.append(empty.line(f"{name}, panning, from empty", ours=mine, peer=better, bar=0))
            counts = [statistics.median(requests[rival.name]) for rival in (mine, better)]
            lines.append(
                line(
                    f"{name}, panning, requests a tile (bar: 1)", counts[0], REQUESTS_MAX, bar=1,
                    note=f"{better.name} {counts[1]:.1f}",
                )
            )  # fmt: skip
    return lines
