"""A Picture: colours as they are seen, and its bytes as PNG, WebP or JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from imagecodecs import jpeg8_encode, webp_encode
from numpy.typing import NDArray

from eotiles.core.errors import BadParameter
from eotiles.render.palette import greys, opaque, with_hidden
from eotiles.render.png import encode_png

Format = Literal["png", "webp", "jpeg"]

Opacity = NDArray[np.bool_] | NDArray[np.uint8]

QUALITY: dict[Format, int] = {"webp": 75, "jpeg": 85}
"""As TiTiler has it: of the same tile, files of the same size and quality."""

SIDE_MAX_PX: dict[Format, int] = {"webp": 16_382, "jpeg": 65_500}
"""What the formats can say, or (WebP: one less) the library takes."""

_WEBP_METHOD = 4
"""As GDAL's: the same file. 2 would halve the time, for 2 to 14 bytes in a hundred and 0.2 to 0.3 dB."""


@dataclass(frozen=True)
class Picture:
    """Colours with their opacity."""

    bands: NDArray[np.uint8]
    """(band, y, x) uint8. Red, green and blue; or one band, which is grey, or with a palette indices of it."""

    opacity: Opacity | None
    """(y, x). bool: True = opaque (that is, valid), False = not to be seen; uint8: 0 = not to be seen, 255 = opaque.
    None: the file has no transparency at all, the palette's included."""

    palette: NDArray[np.uint8] | None = None
    """(n, 4) uint8, n up to 256. Red, green, blue and opacity of each index. Where `opacity` is not 0, the palette's
    counts."""

    def __post_init__(self) -> None:
        if self.bands.ndim != 3 or len(self.bands) not in (1, 3) or self.bands.dtype != np.uint8:
            raise ValueError(
                f"bands are (1 or 3, y, x) uint8, got {self.bands.shape} {self.bands.dtype}"
            )
        if self.opacity is not None and (
            self.opacity.shape != self.bands.shape[1:]
            or self.opacity.dtype not in (np.bool_, np.uint8)
        ):
            raise ValueError(
                f"opacity is bool or uint8 {self.bands.shape[1:]}, got {self.opacity.dtype} {self.opacity.shape}"
            )
        if self.palette is not None and (
            len(self.bands) != 1
            or self.palette.shape[1:] != (4,)
            or not 1 <= len(self.palette) <= 256
        ):
            raise ValueError(
                f"a palette is (n, 4) and for one band, got {self.palette.shape} for {len(self.bands)}"
            )


def encode_picture(
    picture: Picture, format: Format, *, quality: int | None = None, palette: bool = True
) -> tuple[bytes, str]:
    """The bytes and their media type.

    PNG has the picture's palette (or one of greys, where grey has pixels that are not to be seen) as long as an index
    is left for what is not to be seen; else colours, with alpha where a pixel needs it. JPEG is black where nothing is
    to be seen.

    Args:
        picture: what to show.
        format: png, webp or jpeg. WebP is lossy.
        quality: 0 to 100 for WebP and JPEG; None: QUALITY.
        palette: False: PNG has the same channels whatever the pixels are: no palette, and alpha even if all is opaque.
            Readers of raw bands want that.

    Raises:
        BadParameter: the picture is larger than the format can be.
    """
    height, width = picture.bands.shape[1:]
    limit = SIDE_MAX_PX.get(format)
    if limit is not None and max(height, width) > limit:
        raise BadParameter(f"{format} has up to {limit} pixels a side, not {width} × {height}")
    if format == "png":
        return _png(picture, palette), "image/png"
    level = QUALITY[format] if quality is None else min(max(quality, 0), 100)
    return (_jpeg if format == "jpeg" else _webp)(picture, level), f"image/{format}"


def _jpeg(picture: Picture, level: int) -> bytes:
    planes, _ = _planes(picture)
    if picture.opacity is not None:
        planes = planes * (picture.opacity != 0)
    pixels = np.ascontiguousarray(planes[0]) if len(planes) == 1 else _interleaved(*planes)
    return bytes(jpeg8_encode(pixels, level))


def _webp(picture: Picture, level: int) -> bytes:
    planes, alpha = _planes(picture)
    colours = (planes[0],) * 3 if len(planes) == 1 else tuple(planes)
    pixels = _interleaved(*colours) if alpha is None else _interleaved(*colours, alpha)
    return bytes(webp_encode(pixels, level, lossless=False, method=_WEBP_METHOD))


def _png(picture: Picture, may_save: bool) -> bytes:
    if may_save:
        if picture.palette is None and _is_opaque(picture.opacity):
            return encode_png(picture.bands)
        paletted = _paletted(picture)
        if paletted is not None:
            return paletted
    planes, alpha = _planes(picture)
    return encode_png(planes if alpha is None else np.concatenate([planes, alpha[None]]))


def _paletted(picture: Picture) -> bytes | None:
    """A PNG of indices; None where there is nothing to gain, or no index is left for what is not to be seen."""
    palette, opacity, indices = picture.palette, picture.opacity, picture.bands[0]
    if palette is None:
        # Indices of greys are half of grey and alpha. Half-opaque greys would need more than 256.
        if len(picture.bands) != 1 or opacity is None or opacity.dtype != np.bool_:
            return None
        palette = greys()
    if opacity is None:
        return encode_png(picture.bands, palette=opaque(palette))
    seen = opacity.astype(np.bool_, copy=False)
    if not seen.all():
        found = with_hidden(indices, seen, palette)
        if found is None:
            return None
        indices, palette = found
    return encode_png(indices[None], palette=palette)


def _planes(picture: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """(1 or 3, y, x) uint8 colours and (y, x) uint8 opacity, without a palette."""
    planes, alpha = picture.bands, None
    if picture.palette is not None:
        colours = picture.palette.take(planes[0], axis=0).transpose(2, 0, 1)
        planes, alpha = colours[:3], colours[3]
        if picture.opacity is not None:
            alpha = alpha * (picture.opacity != 0)
    elif picture.opacity is not None:
        alpha = _bytes(picture.opacity)
    return planes, None if picture.opacity is None else alpha


def _is_opaque(opacity: Opacity | None) -> bool:
    return opacity is None or int(opacity.min()) == (1 if opacity.dtype == np.bool_ else 255)


def _bytes(opacity: Opacity) -> NDArray[np.uint8]:
    """0 to 255."""
    return opacity * np.uint8(255) if opacity.dtype == np.bool_ else opacity.astype(np.uint8)


def _interleaved(*planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(y, x, plane) uint8, four times as fast as from a transposed array."""
    pixels = np.empty((*planes[0].shape, len(planes)), np.uint8)
    for place, plane in enumerate(planes):
        pixels[..., place] = plane
    return pixels
