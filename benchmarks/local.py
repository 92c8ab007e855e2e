"""Tiles of files of this machine: single scenes, a mosaic, and the floor under both."""

from __future__ import annotations

import statistics
from collections import defaultdict

import scenes
import traces
from bench import Bench, in_turn
from cases import ZOOMS, Rounds, cold, panning
from floor import STAGES, Floor
from pictures import alike
from report import Line, line
from rivals import GDAL_TUNED, NDVI, ONE_THREAD, RGB_PNG, RGB_WEBP, Layer, Rival

ALIKE_MIN = 0.99
"""Share of pixels that both draw alike; GDAL's own warp is inexact by an eighth of a pixel."""

BARS = {
    NDVI.name: (6.0, 15.0, 30.0),
    RGB_PNG.name: (6.0, 10.0, 20.0),
    RGB_WEBP.name: (3.0, 3.0, 3.0),
}
"""Least ratio of CPU time: random and cold, panning from empty, panning warm."""

BAR_DEFAULTS = 20.0
"""Panning from empty, NDVI, against the peer's defaults."""

BAR_MOSAIC = 15.0
FLOOR_MAX = 1.3
SIZE_MAX = 1.1
"""Bytes of a WebP, ours to the peer's."""

EMPTY_REQUESTS = 400


def local(bench: Bench, cases: set[str]) -> list[Line]:
    """Files of this machine."""
    lines: list[Line] = []
    mine = bench.ours()
    tuned = bench.peer("tuned", GDAL_TUNED | ONE_THREAD)
    defaults = bench.peer("defaults", {})
    with mine.server, tuned.server, defaults.server:
        check_alike(bench, mine, tuned)
        if "local" in cases:
            for codec in bench.codecs:
                lines += items(bench, codec, mine=mine, tuned=tuned, defaults=defaults)
        if "mosaic" in cases:
            for codec in bench.codecs:
                lines += mosaics(bench, codec, mine=mine, tuned=tuned, defaults=defaults)
    return lines


def items(bench: Bench, codec: str, *, mine: Rival, tuned: Rival, defaults: Rival) -> list[Line]:
    """Random tiles and panning on single scenes, and the floor."""
    random: dict[str, Rounds] = defaultdict(Rounds)
    empty: dict[str, Rounds] = defaultdict(Rounds)
    warm: dict[str, Rounds] = defaultdict(Rounds)
    floor = Floor(bench.place.files[codec][0], codec)
    stages: list[dict[str, float]] = []
    trips: list[float] = []
    for number in range(bench.rounds):
        seeds = bench.seeds(number)
        for layer in bench.layers(codec):
            pair = in_turn(number, mine, tuned)
            random[layer.name].add(cold(bench.place, pair, layer, codec=codec, seeds=seeds))
            place = bench.place.fresh(codec)[0]
            first, second = panning(pair, layer, place, around=[0])
            empty[layer.name].add(first)
            warm[layer.name].add(second)
            if layer is NDVI:
                empty[layer.name].add(panning([defaults], layer, place, around=[0], again=False)[0])
                stages += [
                    floor.tile(traces.scattered(zoom, seed)) for zoom in ZOOMS for seed in seeds
                ]
                trips.append(mine.server.batch([mine.empty] * EMPTY_REQUESTS).cpu_ms)
    lines = []
    for layer in bench.layers(codec):
        name = f"{layer.name}, {codec}"
        for case, rounds, bar in zip(
            ("random, cold", "panning, from empty", "panning, warm"),
            (random[layer.name], empty[layer.name], warm[layer.name]),
            BARS[layer.name],
            strict=True,
        ):
            lines.append(rounds.line(f"{name}, {case}", ours=mine, peer=tuned, bar=bar))
        if layer is NDVI:
            lines.append(
                empty[layer.name].line(
                    f"{name}, panning, from empty, defaults",
                    ours=mine,
                    peer=defaults,
                    bar=BAR_DEFAULTS,
                )
            )
            lines.append(floor_line(name, random[layer.name].median(mine), stages, trips))
        if layer is RGB_WEBP:
            sizes = [random[layer.name].median(rival, "bytes") / 1e3 for rival in (mine, tuned)]
            lines.append(line(f"{name}, kB (bar: 1.1x)", sizes[0], sizes[1], bar=1 / SIZE_MAX))
    return lines


def floor_line(
    name: str, ours_ms: float, stages: list[dict[str, float]], trips: list[float]
) -> Line:
    """Our random tiles against what they cost at least."""
    parts = {stage: statistics.mean(tile[stage] for tile in stages) for stage in STAGES}
    parts["round trip"] = statistics.median(trips)
    least = sum(parts.values())
    note = " + ".join(f"{stage} {spent:.2f}" for stage, spent in parts.items())
    note += f"; {ours_ms / least:.2f}x the floor"
    return line(f"{name}, cold, floor (bar: 1.3x)", ours_ms, least, bar=1 / FLOOR_MAX, note=note)


def mosaics(bench: Bench, codec: str, *, mine: Rival, tuned: Rival, defaults: Rival) -> list[Line]:
    """Panning over a registered search of four overlapping scenes."""
    empty, warm = Rounds(), Rounds()
    for number in range(bench.rounds):
        place = bench.place.fresh_search(codec)
        around = range(len(scenes.PLACES))
        first, second = panning(in_turn(number, mine, tuned), NDVI, place, around=around)
        empty.add(first | panning([defaults], NDVI, place, around=around, again=False)[0])
        warm.add(second)
    name = f"mosaic of 4, {codec}, panning"
    return [
        empty.line(f"{name}, from empty", ours=mine, peer=tuned, bar=BAR_MOSAIC),
        empty.line(f"{name}, from empty, defaults", ours=mine, peer=defaults, bar=0),
        warm.line(f"{name}, warm", ours=mine, peer=tuned, bar=0),
    ]


def check_alike(bench: Bench, mine: Rival, peer: Rival) -> None:
    """Stops where the rivals draw different pictures: a benchmark of different work is worth nothing.

    Raises:
        RuntimeError: they do.
    """
    item, search = bench.place.fresh(bench.codecs[0])[0], bench.place.fresh_search(bench.codecs[0])
    scattered = [traces.scattered(zoom, seed) for zoom in ZOOMS for seed in (1000, 1001)]
    views = traces.panning(*scenes.centre(range(len(scenes.PLACES))))
    crossing = [tile for view in views for tile in view][::8]
    for place, layer, tiles in (
        (item, NDVI, scattered),
        (item, RGB_PNG, scattered),
        *([(item, RGB_WEBP, scattered)] if bench.webp else []),
        (search, NDVI, crossing),
    ):
        share = statistics.mean(share_alike(place, layer, tile, mine, peer) for tile in tiles)
        print(
            f"# {layer.name} of {place.split('/')[1]}: {share:.2%} of the pixels alike", flush=True
        )
        if share < ALIKE_MIN:
            raise RuntimeError(f"{layer.name}: the pictures of {mine.name} and {peer.name} differ")
    for rival in (mine, peer):
        rival.server.settle()


def share_alike(place: str, layer: Layer, tile: traces.Tile, one: Rival, other: Rival) -> float:
    """Of a tile's pixels, 0..1."""
    answers = (rival.server.get(rival.tile(place, layer, tile)) for rival in (one, other))
    return alike(*answers)
