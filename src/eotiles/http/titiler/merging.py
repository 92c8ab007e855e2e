"""One picture of several items: drawn one after the other on one grid, until no pixel is empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rio_tiler.errors import EmptyMosaicError, TileOutsideBounds
from rio_tiler.models import ImageData
from rio_tiler.mosaic.methods.base import MosaicMethodBase
from rio_tiler.mosaic.methods.defaults import (
    CountMethod,
    MeanMethod,
    MedianMethod,
    StdevMethod,
    SumMethod,
)
from rio_tiler.mosaic.reader import mosaic_reader

from eotiles.catalog.items import Item
from eotiles.core.errors import (
    BadParameter,
    EotilesError,
    MissingBand,
    UnknownAsset,
    UnknownBand,
)
from eotiles.http.titiler.images import Image

LACKING = (MissingBand, UnknownAsset, UnknownBand)
"""An item of a mosaic that lacks what the layer needs is passed over, unless all do."""


STACKING = (SumMethod, MeanMethod, MedianMethod, StdevMethod, CountMethod)
"""Ways to combine that keep every item's pixels until the end."""

VALUES_MAX = 2**26
"""Values that they may keep: half a gigabyte with masks, twice that while they are combined."""


def merge(
    items: Sequence[Item],
    draw: Callable[[Item], ImageData],
    *,
    selection: type[MosaicMethodBase],
    passed_over: tuple[type[EotilesError], ...] = LACKING,
) -> tuple[ImageData, list[str]]:
    """The items' pixels as one image, and the names of the items that it was made of.

    In this thread: each new thread would set PROJ up again, and all items would be read where the first suffices.

    Raises:
        EmptyMosaicError: none of them touches the grid.
    """
    lacking: list[EotilesError] = []
    values = 0

    def drawn(item: Item) -> ImageData:
        nonlocal values
        try:
            image = draw(item)
            values += image.array.size
            if values > VALUES_MAX and issubclass(selection, STACKING):
                raise BadParameter(
                    "pixel_selection: so many items of so many pixels cannot be held together; "
                    "ask for fewer (items_limit), or for a smaller picture"
                )
            return image
        except passed_over as error:
            lacking.append(error)
            raise TileOutsideBounds from error

    try:
        if not items:
            raise EmptyMosaicError
        image, used = mosaic_reader(items, drawn, threads=0, pixel_selection=selection)
    except EmptyMosaicError:
        if lacking:
            raise lacking[0] from None
        raise
    if image.count == 0:
        raise BadParameter("pixel_selection=lastband… takes the last band away: ask for two")
    return Image.of(image), [str(item) for item in used]
