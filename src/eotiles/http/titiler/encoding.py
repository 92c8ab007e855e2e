"""From an image to bytes, in place of TiTiler's encoder: with the index's own colours and without its silent surprises.

PNG, WebP and JPEG are made by `render`; numbers, JPEG 2000 and odd bands stay with TiTiler's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.dtypes import dtype_ranges
from rio_tiler.colormap import cmap
from rio_tiler.errors import InvalidFormat
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES
from eotiles.render.colour import Colormap, ramp
from eotiles.render.paint import painted, rescaled
from eotiles.render.picture import Format, Opacity, Picture, encode_picture
from eotiles.render.png import encode_png

RAW = frozenset({ImageType.npy, ImageType.tif, ImageType.tiff})
"""Formats for numbers: an index comes as float32 values in them, not as colours."""

_WIDE = {
    ImageType.png: ("uint16",),
    ImageType.pngraw: ("uint16",),
    ImageType.jp2: ("uint16", "int16"),
}
"""Types that a picture format takes as they are, besides uint8."""

_PICTURES: dict[ImageType, Format] = {
    ImageType.png: "png",
    ImageType.pngraw: "png",
    ImageType.jpeg: "jpeg",
    ImageType.jpg: "jpeg",
    ImageType.webp: "webp",
}

Ranges = Sequence[tuple[float, float]]


def encode(
    image: ImageData,
    *,
    output_format: ImageType | None = None,
    colormap: Colormap | None = None,
    rescale: Ranges | None = None,
    color_formula: str | None = None,
    add_mask: bool = True,
    index: str | None = None,
    palette: bool = True,
) -> tuple[bytes, str]:
    """The encoded image and its media type.

    `index` names the index that the image shows: a picture of it gets the index's rescale and colormap where none is
    given; a format for numbers gets neither unless asked for. Without a format it is PNG: JPEG blurs the colours of a
    palette into others.

    PNG has a palette or no alpha where that says the same; not if `palette` is False, and not as `pngraw`.

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
    if not is_raw and not rescale and not color_formula:
        rescale = _needed_rescale(image, output_format, colormap)
    output_format = output_format or _suited(image, colormap)
    try:
        if _is_ours(image, output_format, colormap, add_mask):
            return _draw(
                image,
                _PICTURES[output_format],
                colormap=colormap,
                rescale=rescale,
                color_formula=color_formula,
                add_mask=add_mask,
                palette=palette and output_format is not ImageType.pngraw,
            )
        content, media_type = render_image(
            image,
            colormap=colormap,  # type: ignore[arg-type]
            output_format=output_format,
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


def _is_ours(
    image: ImageData, output_format: ImageType, colormap: Colormap | None, add_mask: bool
) -> bool:
    """Whether it is a picture of 1 or 3 bands, or of 2 or 4 that the last one is the opacity of."""
    if output_format not in _PICTURES:
        return False
    if colormap is not None or image.count in (1, 3):
        return True
    opaque = _PICTURES[output_format] == "jpeg" or add_mask
    return not opaque and (
        image.count == 4 or (image.count == 2 and output_format is not ImageType.webp)
    )


def _draw(
    image: ImageData,
    format: Format,
    *,
    colormap: Colormap | None,
    rescale: Ranges | None,
    color_formula: str | None,
    add_mask: bool,
    palette: bool,
) -> tuple[bytes, str]:
    if color_formula:
        if rescale:
            image.rescale(rescale)
        image.apply_color_formula(color_formula)
        rescale = None
    data = image.data
    if rescale:
        data = rescaled(data, np.logical_not(image.array.mask), rescale)
    opacity = _opacity(image) if add_mask else None
    if colormap is not None:
        if len(data) != 1:
            raise InvalidFormat("a colormap needs 1 band")
        picture = painted(data[0], opacity, colormap)
    elif data.dtype == np.uint16:
        return encode_png(data if opacity is None else _with_opacity(data, opacity)), "image/png"
    elif len(data) in (2, 4):
        picture, palette = Picture(data[:-1], data[-1]), False
    else:
        picture = Picture(data, opacity)
    return encode_picture(picture, format, palette=palette)


def _opacity(image: ImageData) -> Opacity:
    """(y, x). An alpha band where there is one, else where any band is valid."""
    alpha: NDArray[Any] | None = image.alpha_mask
    if alpha is None:
        seen: NDArray[np.bool_] = np.logical_not(image.array.mask.all(axis=0))
        return seen
    everywhere = np.ones((1, *alpha.shape), np.bool_)
    scaled: NDArray[np.uint8] = rescaled(
        alpha[None], everywhere, (dtype_ranges[str(alpha.dtype)],)
    )[0]
    return scaled


def _with_opacity(data: NDArray[np.uint16], opacity: Opacity) -> NDArray[np.uint16]:
    alpha = opacity.astype(np.uint16) * np.uint16(65535 if opacity.dtype == np.bool_ else 257)
    return np.concatenate([data, alpha[None]])


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


def _suited(image: ImageData, colormap: Colormap | None) -> ImageType:
    """The format that TiTiler would choose."""
    is_masked = bool(image.array.mask.all(axis=0).any()) or image.alpha_mask is not None
    return ImageType.png if is_masked or not _is_opaque(colormap) else ImageType.jpeg


def _is_opaque(colormap: Colormap | None) -> bool:
    """Whether each value has an opaque colour; one that fits no entry of a colormap of values or intervals has none."""
    if colormap is None:
        return True
    colours = ramp(colormap)
    return colours is not None and bool((colours[:, 3] == 255).all())


def _needed_rescale(
    image: ImageData, output_format: ImageType | None, colormap: Colormap | None
) -> Ranges | None:
    """What fits the values to the format, unasked: whole numbers by the range of their type, as TiTiler does.

    Raises:
        BadParameter: that would draw black.
    """
    kind = str(image.array.dtype)
    if kind == "uint8":
        return None
    if colormap is not None:
        if isinstance(colormap, Mapping) and len(colormap) == 256:
            raise BadParameter(f"a colormap of 256 colours needs rescale=min,max for {kind} values")
        return None
    if output_format is not None and kind in _WIDE.get(output_format, ()):
        return None
    if np.dtype(kind).kind == "f":
        raise BadParameter(
            f"a picture of {kind} values needs rescale=min,max (or a format for numbers: npy, tif)"
        )
    limits: Any = np.iinfo(np.dtype(kind))
    return ((limits.min, limits.max),)
