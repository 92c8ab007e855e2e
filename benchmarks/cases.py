"""What is measured of each rival, and how a round of it goes.

A round asks every rival for the same tiles of items that nobody asked for before (hard links of one scene), so that
neither our block cache nor GDAL's holds a pixel of them, while every process, kernel and page of the disk is warm.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import scenes
import traces
from catalogue import Catalogue
from report import Line, line
from rivals import Layer, Rival
from server import Cost

Unit = Literal["cpu_ms", "wall_ms", "bytes"]
"""Fields of Cost."""

ZOOMS = range(10, 15)
CLIENTS = 6
"""Connections of a browser to one host, while panning. Random tiles come from one client."""

CROWD = 16
"""Clients of the cases over HTTP."""


class Rounds:
    """Costs of a case, by rival, one a round."""

    def __init__(self) -> None:
        self._costs: dict[str, list[Cost]] = defaultdict(list)

    def add(self, costs: Mapping[str, Cost]) -> None:
        """What rivals spent in a round, by name."""
        for name, cost in costs.items():
            self._costs[name].append(cost)

    def median(self, rival: Rival, unit: Unit = "cpu_ms") -> float:
        """Of a rival over the rounds."""
        values: list[float] = [getattr(cost, unit) for cost in self._costs[rival.name]]
        return statistics.median(values)

    def ratio(self, ours: Rival, peer: Rival, unit: Unit) -> float:
        """Median over the rounds of peer to ours: both sides of a quotient were measured within seconds."""
        pairs = zip(self._costs[ours.name], self._costs[peer.name], strict=True)
        values: list[float] = [getattr(b, unit) / getattr(a, unit) for a, b in pairs]
        return statistics.median(values)

    def line(
        self,
        name: str,
        *,
        ours: Rival,
        peer: Rival,
        bar: float,
        unit: Unit = "cpu_ms",
        note: str = "",
    ) -> Line:
        """The case against one peer; what is not compared stands beside it."""
        other: Unit = "wall_ms" if unit == "cpu_ms" else "cpu_ms"
        mine, theirs = self.median(ours, other), self.median(peer, other)
        sizes = [self.median(rival, "bytes") / 1e3 for rival in (ours, peer)]
        beside = f"{other.removesuffix('_ms')} {mine:.1f} / {theirs:.1f} ms, {sizes[0]:.0f} / {sizes[1]:.0f} kB"
        return line(
            name,
            self.median(ours, unit),
            self.median(peer, unit),
            bar=bar,
            ratio=self.ratio(ours, peer, unit),
            note=f"{note}; {beside}" if note else beside,
        )


def cold(
    catalogue: Catalogue, rivals: Sequence[Rival], layer: Layer, *, codec: str, seeds: Sequence[int]
) -> dict[str, Cost]:
    """Random tiles, one of each zoom an item; look-ups and headers are warm, no block is."""
    items = catalogue.fresh(codec, count=len(seeds))
    costs = {}
    for rival in rivals:
        rival.server.batch([rival.tile(item, layer, traces.far_away()) for item in items])
        zooms = [
            rival.server.batch(
                [
                    rival.tile(item, layer, traces.scattered(zoom, seed))
                    for item, seed in zip(items, seeds, strict=True)
                ]
            )
            for zoom in ZOOMS
        ]
        costs[rival.name] = _mean(zooms)
    return costs


def panning(
    rivals: Sequence[Rival], layer: Layer, place: str, *, around: Sequence[int], again: bool = True
) -> tuple[dict[str, Cost], dict[str, Cost]]:
    """A map is opened, zoomed and moved: from empty, and (`again`) once more with everything warm."""
    views = traces.panning(*scenes.centre(around))
    empty, warm = {}, {}
    for rival in rivals:
        paths = [[rival.tile(place, layer, tile) for tile in view] for view in views]
        empty[rival.name] = rival.server.batches(paths, clients=CLIENTS)
        if again:
            warm[rival.name] = rival.server.batches(paths, clients=CLIENTS)
    return empty, warm


def crowd(
    catalogue: Catalogue,
    rivals: Sequence[Rival],
    layer: Layer,
    *,
    codec: str,
    seeds: Sequence[int],
    origin: str,
) -> dict[str, Cost]:
    """Random tiles of files behind HTTP, asked by many clients at once; look-ups and headers are warm."""
    items = catalogue.fresh(codec, count=len(seeds), origin=origin)
    costs = {}
    for rival in rivals:
        rival.server.batch(
            [rival.tile(item, layer, traces.far_away()) for item in items], clients=CROWD
        )
        paths = [
            rival.tile(item, layer, traces.scattered(zoom, seed))
            for zoom in ZOOMS
            for item, seed in zip(items, seeds, strict=True)
        ]
        costs[rival.name] = rival.server.batch(paths, clients=CROWD)
    return costs


def _mean(zooms: Sequence[Cost]) -> Cost:
    """Every zoom counts alike."""
    return Cost(
        sum(cost.tiles for cost in zooms),
        statistics.mean(cost.cpu_ms for cost in zooms),
        statistics.mean(cost.wall_ms for cost in zooms),
        statistics.mean(cost.bytes for cost in zooms),
    )
