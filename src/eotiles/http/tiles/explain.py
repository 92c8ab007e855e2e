"""What a tile would take: plan, sources, readers, blocks, bytes, without reading a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eotiles.catalog.items import Item
from eotiles.core.errors import EotilesError
from eotiles.core.grid import Grid
from eotiles.gather import explain_step
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.drawing import Access, open_files, plan_item


def explain(ask: Ask, grid: Grid, items: Sequence[Item], *, access: Access) -> dict[str, Any]:
    """The plan of a tile as JSON. Headers of files are read where they are not known; a mosaic stops at the first item
    that fills the tile, which only pixels can tell, so all that touch it are told."""
    return {
        "grid": {
            "crs": grid.crs.to_string(),
            "bounds": grid.bounds,
            "width": grid.width_px,
            "height": grid.height_px,
        },
        "resampling": ask.reading.resampling,
        "items": [_item(ask, grid, item, access) for item in items],
    }


def _item(ask: Ask, grid: Grid, item: Item, access: Access) -> dict[str, Any]:
    try:
        plan = plan_item(item, ask.layer, ask.reading)
        with open_files(item, access) as files:
            told = [
                explain_step(files, step, grid, resampling=ask.reading.resampling)
                for step in plan.steps
            ]
    except EotilesError as error:
        return {"item": str(item), "error": str(error)}
    found = plan.explain()
    reads = zip(found["reads"], told, strict=True)
    return found | {"reads": [{**read, **how} for read, how in reads]}
