"""Gathering: the bands of a plan on one grid, from native blocks where we can read and warp them, else by GDAL."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.core.grid import Grid, Window
from eotiles.core.watch import Watch
from eotiles.plan import Step
from eotiles.read.files import Files
from eotiles.read.header import Header
from eotiles.read.library import Cutting
from eotiles.read.native import Cut, Native
from eotiles.read.pixels import Nodata, Pixels, native_pixels
from eotiles.warp.levels import pick_level
from eotiles.warp.nodes import METHODS, Nodes, find_nodes
from eotiles.warp.resample import TooCoarse, check_work, resample

DECODED_BYTES_MAX = 2**28
"""Of the blocks that are in memory together. Steps that need more are read one by one; one that needs more is GDAL's,
which has a bound of its own and reads piece by piece."""

BLOCKS_MAX = 4096
"""As many ranges are asked for together."""

NodataOf = Callable[[Step], Nodata]


@dataclass(frozen=True, eq=False)
class Warped:
    """How the bands of one step come onto the grid natively."""

    native: Native
    bands: tuple[int, ...]
    nodes: Nodes
    method: str

    cut: Cut | None
    """What is read for it; None where file and grid have no place in common."""

    def pixels(self, cutting: Cutting | None, nodata: Nodata) -> Pixels:
        """The bands on the grid."""
        if cutting is None or self.cut is None:
            shape = len(self.bands), *self.nodes.shape
            data = np.zeros(shape, self.native.header.dtype)
            return native_pixels(self.native, self.bands, data, np.zeros(shape[1:], np.bool_))
        data, mask = cutting
        data, valid = resample(
            data,
            self.nodes,
            origin=(self.cut.window.row0, self.cut.window.col0),
            method=self.method,
            nodata=nodata.of_native(self.native.header, self.bands),
            mask=None if nodata.override is not None else mask,
        )
        return native_pixels(self.native, self.bands, data, valid)

    def is_like(self, other: Warped) -> bool:
        """Whether both are made of the same pixels of files that lie alike, so that one pass serves both."""
        kinds = self.native.header.dtype, other.native.header.dtype
        masks = self.native.header.has_mask or other.native.header.has_mask
        return self.nodes is other.nodes and kinds[0] == kinds[1] and not masks


def plan_warp(files: Files, step: Step, grid: Grid, *, resampling: str) -> Warped | str:
    """How a step is read natively, or the reason why GDAL reads it.

    Raises:
        UnknownBand: the file has no such band.
        AssetUnreadable: the file cannot be opened.
    """
    found = files.reader(step.asset)
    if isinstance(found, str):
        return found
    if resampling not in METHODS:
        return f"resampling {resampling}"
    bands = files.bands(step.asset, step.bands)
    placed = _placed(grid, found.header, resampling)
    if placed is None:
        return "the grid crosses the antimeridian or a pole"
    level, nodes, window = placed
    try:
        check_work(nodes, resampling, bands=len(bands))
    except TooCoarse:
        return "a pixel of the grid is made of very many of the file's"
    cut = None if window is None else Cut(found, level, bands, window)
    if cut is not None and (cut.decoded_bytes > DECODED_BYTES_MAX or cut.blocks > BLOCKS_MAX):
        return "very many blocks are needed at once"
    return Warped(found, bands, nodes, resampling, cut)


def method_of(step: Step, resampling: str) -> str:
    """How the pixels of a step are made: labels are never averaged, whatever is asked for."""
    return "nearest" if step.has_labels and resampling != "mode" else resampling


PLACED_MAX = 512
"""Grids whose nodes are kept: some 25 kB each. Bands of a scene share them, and so do all who look at a place."""

Placed = tuple[int, Nodes, Window | None]
"""A level of a file, where the pixels of a grid are in it, and the part of it that they are made of."""


class _Kept:
    """Where grids lie in files, the least recently used leaving first. Called from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._placed: OrderedDict[Hashable, Placed | None] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], Placed | None]) -> Placed | None:
        with self._lock:
            if key in self._placed:
                self._placed.move_to_end(key)
                return self._placed[key]
        found = find()
        with self._lock:
            self._placed[key] = found
            while len(self._placed) > PLACED_MAX:
                self._placed.popitem(last=False)
        return found


_kept = _Kept()


def _placed(grid: Grid, header: Header, method: str) -> Placed | None:
    """Which level a grid is made of, and where its pixels are in it; None where GDAL has to find out."""

    def find() -> Placed | None:
        level = pick_level(grid, header.grids)
        nodes = None if level is None else find_nodes(grid, header.grids[level])
        return None if level is None or nodes is None else (level, nodes, nodes.window(method))

    return _kept.get((grid.place, header.place, method), find)


def gather(
    files: Files,
    steps: Sequence[Step],
    grid: Grid,
    *,
    nodata: NodataOf,
    resampling: str,
    watch: Watch,
) -> list[Pixels]:
    """The bands of each step on the grid; what is read natively is fetched and decoded together.

    Raises:
        AssetUnreadable: a file cannot be read; its subclass AssetChanged where a second try will do.
    """
    ways = []
    for step in steps:
        ways.append(plan_warp(files, step, grid, resampling=method_of(step, resampling)))
        watch.lap("plan")  # a header may have to be fetched from far away
    cuts = [
        (step.asset, way.cut)
        for step, way in zip(steps, ways, strict=True)
        if isinstance(way, Warped) and way.cut is not None
    ]
    total_bytes = sum(cut.decoded_bytes for _, cut in cuts)
    if total_bytes > DECODED_BYTES_MAX or sum(cut.blocks for _, cut in cuts) > BLOCKS_MAX:
        return _one_by_one(files, steps, grid, nodata, resampling, ways, watch)
    alike = _alike(ways)
    cuttings = files.cut(cuts, stacked=bool(alike))
    watch.lap("read")
    if alike:
        together = _together(alike, cuttings[0][0], [nodata(step) for step in steps])
        watch.lap("warp")
        return together
    return _one_by_one(files, steps, grid, nodata, resampling, ways, watch, iter(cuttings))


def _one_by_one(
    files: Files,
    steps: Sequence[Step],
    grid: Grid,
    nodata: NodataOf,
    resampling: str,
    ways: Sequence[Warped | str],
    watch: Watch,
    cuttings: Iterator[Cutting] | None = None,
) -> list[Pixels]:
    """The bands of each step; what is not cut yet is read when its turn comes, and let go after it."""
    found = []
    for step, way in zip(steps, ways, strict=True):
        if isinstance(way, str):
            found.append(
                files.read(
                    step.asset,
                    step.bands,
                    grid,
                    nodata=nodata(step),
                    resampling=method_of(step, resampling),
                )
            )
            watch.lap("gdal")
            continue
        cutting = None
        if way.cut is not None:
            cutting = (
                next(cuttings) if cuttings is not None else files.cut([(step.asset, way.cut)])[0]
            )
            watch.lap("read")
        found.append(way.pixels(cutting, nodata(step)))
        watch.lap("warp")
    return found


def _alike(ways: Sequence[Warped | str]) -> list[Warped]:
    """The ways, if they are of several files that lie alike; else none."""
    warped = [way for way in ways if isinstance(way, Warped) and way.cut is not None]
    if len(warped) < 2 or len(warped) != len(ways):
        return []
    if not all(warped[0].is_like(way) for way in warped[1:]):
        return []
    try:
        bands = sum(len(way.bands) for way in warped)
        check_work(warped[0].nodes, warped[0].method, bands=bands)
    except TooCoarse:
        return []  # each alone is not too much
    return warped


def _together(ways: Sequence[Warped], data: NDArray[Any], nodata: Sequence[Nodata]) -> list[Pixels]:
    """The bands of files that lie alike, warped in one pass: the way to each pixel is found once.

    Args:
        ways: of each file.
        data: (band, y, x), the windows of all, one behind the other.
        nodata: of each file.
    """
    cut = ways[0].cut
    assert cut is not None  # _alike has seen to it
    numbers = [
        each.of_native(way.native.header, way.bands) for way, each in zip(ways, nodata, strict=True)
    ]
    data, valid = resample(
        data,
        ways[0].nodes,
        origin=(cut.window.row0, cut.window.col0),
        method=ways[0].method,
        nodata=np.concatenate(numbers),
    )
    found, start = [], 0
    for way in ways:
        stop = start + len(way.bands)
        found.append(native_pixels(way.native, way.bands, data[start:stop], valid))
        start = stop
    return found


def explain_step(files: Files, step: Step, grid: Grid, *, resampling: str) -> dict[str, Any]:
    """Who reads a step, and what: level, blocks, bytes, and how many blocks are decoded already. No pixel is read."""
    method = method_of(step, resampling)
    way = plan_warp(files, step, grid, resampling=method)
    if isinstance(way, str):
        return {"asset": step.asset, "reader": "gdal", "reason": way, "resampling": method}
    told: dict[str, Any] = {"asset": step.asset, "reader": "native", "resampling": method}
    if way.cut is None:
        return told | {"blocks": 0, "bytes": 0, "cached": 0}
    return told | {"level": way.cut.level, **files.explain(way.cut)}
