"""What a tile would take: plan, sources, reader, blocks, bytes, without reading a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eotiles.catalog.items import Item
from eotiles.core.errors import EotilesError
from eotiles.core.grid import Grid
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.drawing import Access
from eotiles.plan import plan_layer


def explain(ask: Ask, grid: Grid, items: Sequence[Item], *, access: Access) -> dict[str, Any]:
    """The plan of a tile as JSON."""
    return {
        "grid": {
            "crs": grid.crs.to_string(),
            "bounds": grid.bounds,
            "width": grid.width_px,
            "height": grid.height_px,
        },
        "resampling": ask.reading.resampling,
        "items": [_item(ask, item) for item in items],
    }


def _item(ask: Ask, item: Item) -> dict[str, Any]:
    try:
        return plan_layer(item.stac, ask.layer, physical=ask.reading.physical).explain()
    except EotilesError as error:
        return {"item": str(item), "lacking": str(error)}
