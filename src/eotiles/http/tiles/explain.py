"""What a tile would take: plan, sources, readers, blocks, bytes, without reading a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from titiler.core.resources.enums import ImageType

from eotiles.catalog.items import Item
from eotiles.core.errors import EotilesError
from eotiles.core.grid import Grid
from eotiles.gather import explain_step
from eotiles.http.tiles.coverage import shows_coverage
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.drawing import Access, describe_step, open_files, plan_item

ITEMS_MAX = 25
"""Items of a mosaic that are told in full: the header of each file is read."""


def explain(
    ask: Ask, grid: Grid, items: Sequence[Item], *, format: ImageType | None, access: Access
) -> dict[str, Any]:
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
        "items": [_item(ask, grid, item, access) for item in items[:ITEMS_MAX]],
        "more_items": max(0, len(items) - ITEMS_MAX),
        "footprints": ask.selection is not None and shows_coverage(items, grid, format),
    }


def _item(ask: Ask, grid: Grid, item: Item, access: Access) -> dict[str, Any]:
    try:
        plan = plan_item(item, ask.layer, ask.reading)
        with open_files(item, access) as files:
            told = [
                {
                    **explain_step(files, step, grid, resampling=ask.reading.resampling),
                    "bands": describe_step(files, step),
                }
                for step in plan.steps
            ]
    except EotilesError as error:
        return {"item": str(item), "error": str(error)}
    found = plan.explain()
    reads = zip(found["reads"], told, strict=True)
    return found | {"reads": [{**read, **how} for read, how in reads]}
