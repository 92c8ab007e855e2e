"""Painting a tile: from what is asked and the items that it shows to bytes. In one thread, from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rio_tiler.errors import EmptyMosaicError, TileOutsideBounds
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType

from eotiles.catalog.items import Item
from eotiles.core.grid import Grid
from eotiles.core.watch import Watch
from eotiles.http.tiles.query import Ask
from eotiles.http.titiler.drawing import Access, draw_item
from eotiles.http.titiler.encoding import encode
from eotiles.http.titiler.images import blank
from eotiles.http.titiler.merging import merge


@dataclass(frozen=True)
class Painted:
    """A tile as bytes."""

    content: bytes
    media_type: str

    seconds: dict[str, float]
    """What each station took."""


def paint(
    ask: Ask,
    grid: Grid,
    items: Sequence[Item],
    *,
    format: ImageType | None,
    access: Access,
    watch: Watch,
) -> Painted:
    """The tile of an item, or of a mosaic's items, the first on top; transparent where there is nothing.

    Raises:
        EotilesError: what is asked for cannot be drawn, or an asset cannot be read.
    """
    image = _image(ask, grid, items, access=access, watch=watch)
    content, media_type = encode(image, output_format=format, colormap=ask.colormap, **ask.render)
    watch.lap("encode")
    return Painted(content, media_type, watch.seconds)


def _image(
    ask: Ask, grid: Grid, items: Sequence[Item], *, access: Access, watch: Watch
) -> ImageData:
    def draw(item: Item) -> ImageData:
        return draw_item(
            item, grid, layer=ask.layer, reading=ask.reading, access=access, watch=watch
        )

    try:
        if ask.selection is None:
            return draw(items[0])
        return merge(items, draw, selection=ask.selection)[0]
    except (TileOutsideBounds, EmptyMosaicError):
        return blank(grid, ask.layer)
