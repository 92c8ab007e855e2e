"""From an image to bytes: TiTiler's encoder, with the index's own colours and without its silent surprises."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rio_tiler.colormap import cmap
from rio_tiler.errors import InvalidFormat
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES
from eotiles.render.colour import Colormap, ramp

RAW = frozenset({ImageType.npy, ImageType.tif, ImageType.tiff})
"""Formats for numbers: an index comes as float32 values in them, not as colours."""

_UNSIGNED = {ImageType.png: ("uint8", "uint16"), ImageType.jp2: ("uint8", "uint16", "int16")}
"""Types that a picture format takes as they are, besides uint8."""


def encode(
    image: ImageData,
    *,
    output_format: ImageType | None = None,
    colormap: Colormap | None = None,
    rescale: Sequence[tuple[float, float]] | None = None,
    color_formula: str | None = None,
    add_mask: bool = True,
    index: str | None = None,
) -> tuple[bytes, str]:
    """The encoded image and its media type.

    `index` names the index that the image shows: a picture of it gets the index's rescale and colormap where none is
    given; a format for numbers gets neither unless asked for. Without a format it is PNG: JPEG blurs the colours of a
    palette into others.

    Raises:
        BadParameter: the values cannot be shown in the format without a rescale, or the bands are too many.
    """
    if index is not None and output_format is None:
        output_format = ImageType.png
    is_raw = output_format in RAW
    if index is not None and not is_raw:
        if rescale is None and not isinstance(colormap, Sequence):
            # Colours of intervals are of values; those of a ramp or of single numbers are of 0 to 255.
            rescale = (INDICES[index].rescale,)
        colormap = colormap or cmap.get(INDICES[index].colormap)
    if not is_raw:
        _fit_to_format(
            image, output_format, colormap=colormap, is_rescaled=bool(rescale or color_formula)
        )
    try:
        content, media_type = render_image(
            image,
            colormap=colormap,  # type: ignore[arg-type]
            output_format=_cheap(image, output_format, colormap),
            add_mask=add_mask,
            rescale=rescale,
            color_formula=color_formula,
        )
    except InvalidFormat as error:
        if colormap is not None or is_raw:
            raise  # it says what it is
        raise BadParameter(_unpicturable(image.count)) from error
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        raise BadParameter(_unfitting(color_formula, colormap)) from error
    # image/jpg is registered nowhere, and some clients mind.
    return content, "image/jpeg" if media_type == "image/jpg" else media_type


def _unpicturable(bands: int) -> str:
    choose = "choose with assets=KEY|bidx=3,2,1 or expression (npy and tif take all)"
    if bands > 4:
        return f"a picture has 1 to 4 bands, not {bands}: {choose}"
    return (
        f"{bands} bands do not fit this format: a picture has 1 or 3, "
        f"and png or webp 4 with return_mask=false; {choose}"
    )


def _unfitting(color_formula: str | None, colormap: Colormap | None) -> str:
    if color_formula:
        return f"color_formula {color_formula[:60]!a} cannot be applied to this layer"
    if colormap is not None:
        return "the colormap cannot be applied to this layer"
    return "a picture of these values cannot be made"


def _cheap(
    image: ImageData, output_format: ImageType | None, colormap: Colormap | None
) -> ImageType | None:
    """The format that TiTiler would choose, and for PNG the one that it compresses at level 1 instead of 6: half the
    time of a tile for about a tenth more bytes."""
    if output_format is None:
        is_masked = bool(image.array.mask.all(axis=0).any()) or image.alpha_mask is not None
        output_format = ImageType.png if is_masked or not _is_opaque(colormap) else ImageType.jpeg
    return ImageType.pngraw if output_format is ImageType.png else output_format


def _is_opaque(colormap: Colormap | None) -> bool:
    """Whether each value has an opaque colour; one that fits no entry of a colormap of values or intervals has none."""
    if colormap is None:
        return True
    colours = ramp(colormap)
    return colours is not None and bool((colours[:, 3] == 255).all())


def _fit_to_format(
    image: ImageData,
    output_format: ImageType | None,
    *,
    colormap: Colormap | None,
    is_rescaled: bool,
) -> None:
    """TiTiler would stretch the whole range of the type over 256 levels, and draw black."""
    kind = str(image.array.dtype)
    if is_rescaled or kind == "uint8":
        return
    if colormap is not None:
        if isinstance(colormap, Mapping) and len(colormap) == 256:
            raise BadParameter(f"a colormap of 256 colours needs rescale=min,max for {kind} values")
        return
    allowed: tuple[str, ...] = () if output_format is None else _UNSIGNED.get(output_format, ())
    if kind in allowed:
        return
    if np.dtype(kind).kind == "f":
        raise BadParameter(
            f"a picture of {kind} values needs rescale=min,max (or a format for numbers: npy, tif)"
        )
    limits: Any = np.iinfo(np.dtype(kind))
    image.rescale(((limits.min, limits.max),))
