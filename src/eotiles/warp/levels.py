"""Which level of a source a tile is made of: the coarsest that is still as fine as the tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eotiles.core.grid import Grid
from eotiles.warp.nodes import positions_for, source_places
from eotiles.warp.positions import edge_reach, weights

OVERVIEW_SLACK = 1.01
"""A level this much coarser than the tile still counts as fine enough."""


def pick_level(target: Grid, levels: Sequence[Grid]) -> int | None:
    """The number of the level to read, 0 being the source's own pixels; None where `find_nodes` gives None too.

    Args:
        target: the grid that is asked for.
        levels: the source and its overviews in the same CRS, finest first.
    """
    source = levels[0]
    positions = positions_for(target, source)
    if positions is None:
        return None
    columns, rows = source_places(positions, ~source.transform)
    shape = (target.height_px, target.width_px)
    down, across = (weights(len(columns), 4, reach=edge_reach(size)) for size in shape)
    columns, rows = down @ columns @ across.T, down @ rows @ across.T
    coarsening = OVERVIEW_SLACK * min(
        float(np.ptp(columns)) / target.width_px, float(np.ptp(rows)) / target.height_px
    )
    fine = [number for number, level in enumerate(levels) if _factor(source, level) <= coarsening]
    return fine[-1] if fine else 0


def _factor(source: Grid, level: Grid) -> int:
    """How much coarser a level is, as a whole number: its size is rounded, so their ratio is not quite one."""
    if source.width_px >= source.height_px:
        return round(source.width_px / level.width_px)
    return round(source.height_px / level.height_px)
