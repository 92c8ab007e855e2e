"""Painting a tile: from what is asked and the items that it shows to bytes. In one thread, from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rio_tiler.errors import EmptyMosaicError, TileOutsideBounds
from rio_tiler.models import ImageData
from rio_tiler.mosaic.methods.defaults import FirstMethod
from titiler.core.resources.enums import ImageType

from eotiles.catalog.items import Item
from eotiles.core.errors import EotilesError
from eotiles.core.grid import Grid
from eotiles.core.watch import Watch
from eotiles.http.tiles.coverage import coverage_tile, shows_coverage
from eotiles.http.tiles.query import Ask
from eotiles.http.tiles.style import Style, plain_style
from eotiles.http.titiler.drawing import Access, draw_item, paint_item
from eotiles.http.titiler.encoding import encode
from eotiles.http.titiler.images import blank
from eotiles.http.titiler.merging import LACKING, merge
from eotiles.tiler import Levels


@dataclass(frozen=True)
class Painted:
    """A tile as bytes."""

    content: bytes
    media_type: str

    seconds: dict[str, float]
    """What each station took."""

    is_coverage: bool = False
    """Whether it shows where items lie instead of what is in them."""


class _NotPlain(Exception):
    """The layer is more than levels."""


@dataclass(frozen=True, eq=False)
class Painter:
    """Paints one tile."""

    ask: Ask
    grid: Grid
    access: Access
    watch: Watch

    passed_over: tuple[type[EotilesError], ...] = LACKING
    """What makes an item of a mosaic be passed over, unless it is so with all."""

    def paint(self, items: Sequence[Item], *, format: ImageType | None) -> Painted:
        """The tile of an item, or of a mosaic's items, the first on top; transparent where there is nothing.

        Raises:
            EotilesError: what is asked for cannot be drawn, or an asset cannot be read.
        """
        if self.ask.selection is not None and shows_coverage(items, self.grid, format):
            content = coverage_tile(items, self.grid)
            self.watch.lap("coverage")
            return Painted(content, "image/png", self.watch.seconds, is_coverage=True)
        style = plain_style(self.ask, format)
        painted = None if style is None else self._plain(items, style)
        if painted is None:
            painted = encode(
                self._image(items),
                output_format=format,
                colormap=self.ask.colormap,
                **self.ask.render,
            )
        self.watch.lap("encode")
        return Painted(*painted, self.watch.seconds)

    def _plain(self, items: Sequence[Item], style: Style) -> tuple[bytes, str] | None:
        """A picture of levels; None where the layer is more than that, or there is nothing to see."""
        if self.ask.selection not in (None, FirstMethod):
            return None
        try:
            levels = (
                self._levels(items[0], style)
                if self.ask.selection is None
                else self._first(items, style)
            )
        except (_NotPlain, TileOutsideBounds):
            return None
        return None if levels is None else style.encode(levels)

    def _levels(self, item: Item, style: Style) -> Levels:
        levels = paint_item(
            item,
            self.grid,
            layer=self.ask.layer,
            reading=self.ask.reading,
            ranges=style.ranges,
            access=self.access,
            watch=self.watch,
        )
        if levels is None or (style.colours is not None and len(levels.data) != 1):
            raise _NotPlain
        return levels

    def _first(self, items: Sequence[Item], style: Style) -> Levels | None:
        """What the first item with a pixel there shows, drawn until every pixel is filled; None if none has any."""
        merged: Levels | None = None
        lacking: list[EotilesError] = []
        for item in items:
            try:
                levels = self._levels(item, style)
            except TileOutsideBounds:
                continue
            except self.passed_over as error:
                lacking.append(error)
                continue
            merged = levels if merged is None else _behind(merged, levels)
            if merged.valid.all():
                break
        if merged is None and lacking:
            raise lacking[0]
        return merged

    def _image(self, items: Sequence[Item]) -> ImageData:
        try:
            if self.ask.selection is None:
                return self._drawn(items[0])
            return merge(
                items, self._drawn, selection=self.ask.selection, passed_over=self.passed_over
            )[0]
        except (TileOutsideBounds, EmptyMosaicError):
            return blank(self.grid, self.ask.layer)

    def _drawn(self, item: Item) -> ImageData:
        return draw_item(
            item,
            self.grid,
            layer=self.ask.layer,
            reading=self.ask.reading,
            access=self.access,
            watch=self.watch,
        )


def _behind(front: Levels, back: Levels) -> Levels:
    """`back` where `front` has nothing."""
    return Levels(
        np.where(front.valid, front.data, back.data), np.logical_or(front.valid, back.valid)
    )
