"""Whether a tile is a plain picture, one that needs nothing but levels: those of a ramp of colours, of grey, of red,
green and blue. What is not goes through an image of values, as on TiTiler's own routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rio_tiler.colormap import cmap
from titiler.core.resources.enums import ImageType

from eotiles.core.index import INDICES
from eotiles.http.tiles.query import Ask
from eotiles.render.colour import ramp
from eotiles.render.picture import Format, Picture, encode_picture
from eotiles.tiler import Levels

_FORMATS: dict[ImageType | None, Format] = {
    ImageType.png: "png",
    ImageType.webp: "webp",
    ImageType.jpeg: "jpeg",
    ImageType.jpg: "jpeg",
}


@dataclass(frozen=True, eq=False)
class Style:
    """How levels become a file."""

    format: Format
    ranges: tuple[tuple[float, float], ...]
    """Values of level 0 and of level 255; one a band, or one for all."""

    colours: NDArray[np.uint8] | None
    """(256, 4) uint8 of each level; None: levels are grey, or red, green and blue."""

    has_opacity: bool
    may_have_palette: bool

    def encode(self, levels: Levels) -> tuple[bytes, str]:
        """The file and its media type."""
        opacity = levels.valid if self.has_opacity else None
        picture = Picture(levels.data, opacity, self.colours)
        return encode_picture(picture, self.format, palette=self.may_have_palette)


def plain_style(ask: Ask, format: ImageType | None) -> Style | None:
    """The style of a plain picture; None where the tile is none."""
    if format not in ask.styles:
        ask.styles[format] = _style(ask, format)
    found: Style | None = ask.styles[format]
    return found


def _style(ask: Ask, format: ImageType | None) -> Style | None:
    index = ask.render.get("index")
    if format is None and index is not None:
        format = ImageType.png
    ranges, colormap = ask.render.get("rescale"), ask.colormap
    if index is not None:
        ranges = ranges or (INDICES[index].rescale,)
        colormap = colormap or cmap.get(INDICES[index].colormap)
    if format not in _FORMATS or not ranges or ask.render.get("color_formula"):
        return None
    colours = None if colormap is None else ramp(colormap)
    if colormap is not None and (colours is None or len(ranges) != 1):
        return None
    return Style(
        format=_FORMATS[format],
        ranges=tuple((float(low), float(high)) for low, high in ranges),
        colours=colours,
        has_opacity=ask.render.get("add_mask", True),
        may_have_palette=ask.render.get("palette", True),
    )
