"""Images as bytes: which numbers become which colours, and when a format has to be asked for with a rescale."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rio_tiler.colormap import cmap
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType

from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES
from eotiles.http.titiler.encoding import encode


def image(kind: str = "float32", *, bands: int = 1, hole: bool = False) -> ImageData:
    """Values from −1 to 1 (or 0 to 250), 16 × 16, with or without an invalid corner."""
    ramp = np.linspace(-1, 1, 256) if kind.startswith("f") else np.arange(256) % 251
    data = np.repeat(ramp.reshape(1, 16, 16), bands, axis=0).astype(kind)
    mask = np.zeros((bands, 16, 16), bool)
    mask[:, :4, :4] = hole
    return ImageData(np.ma.MaskedArray(data, mask=mask))


def opened(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def test_an_index_has_its_style_in_pictures_and_its_numbers_elsewhere() -> None:
    content, media_type = encode(image(hole=True), output_format=ImageType.png, index="ndvi")
    low, high = INDICES["ndvi"].rescale
    level = ((np.clip(image().data[0], low, high) - low) / (high - low) * 255).astype(np.uint8)
    palette = cmap.get(INDICES["ndvi"].colormap)
    assert media_type == "image/png"
    drawn = opened(content)
    assert not drawn[:4, :4, 3].any()
    for row, column in ((5, 0), (9, 9), (15, 15)):
        assert tuple(drawn[row, column]) == tuple(palette[int(level[row, column])])
    raw = np.load(io.BytesIO(encode(image(), output_format=ImageType.npy, index="ndvi")[0]))
    np.testing.assert_array_equal(raw[0], image().data[0])


@pytest.mark.parametrize(
    ("hole", "colormap", "media_type"),
    [
        (False, None, "image/jpeg"),
        (True, None, "image/png"),
        (False, cmap.get("viridis"), "image/jpeg"),
        (False, {**cmap.get("viridis"), 3: (0, 0, 0, 0)}, "image/png"),
        (False, [((-0.5, 0.5), (1, 2, 3, 255))], "image/png"),
        (False, {1: (1, 2, 3, 255)}, "image/png"),
    ],
)
def test_without_a_format_what_can_be_transparent_is_png(
    hole: bool, colormap: Any, media_type: str
) -> None:
    assert encode(image("uint8", hole=hole), colormap=colormap)[1] == media_type


def test_an_index_without_a_format_is_png() -> None:
    content, media_type = encode(image(), index="ndvi")
    assert media_type == "image/png"
    assert content == encode(image(), index="ndvi", output_format=ImageType.png)[0]


def test_colours_of_intervals_are_of_values() -> None:
    colormap = [((-1.0, 0.0), (9, 8, 7, 255)), ((0.0, 1.1), (1, 2, 3, 255))]
    drawn = opened(encode(image(), output_format=ImageType.png, index="ndvi", colormap=colormap)[0])
    np.testing.assert_array_equal(drawn[..., 0], np.where(image().data[0] < 0, 9, 1))


def test_bytes_are_drawn_as_they_are() -> None:
    drawn = opened(encode(image("uint8", bands=3), output_format=ImageType.png)[0])
    np.testing.assert_array_equal(drawn[..., 1], image("uint8").data[0])


def test_sixteen_bits_stay_in_png_and_fill_the_range_of_eight_elsewhere() -> None:
    wide = image("uint16")
    assert (
        Image.open(io.BytesIO(encode(wide, output_format=ImageType.png, add_mask=False)[0])).mode
        == "I;16"
    )
    assert opened(encode(image("uint16"), output_format=ImageType.jpg)[0]).max() <= 255


@pytest.mark.parametrize(
    "output_format", [None, ImageType.png, ImageType.jpeg, ImageType.webp, ImageType.jp2]
)
def test_numbers_need_a_rescale_to_become_a_picture(output_format: ImageType | None) -> None:
    with pytest.raises(BadParameter, match="float32 values needs rescale=min,max"):
        encode(image(), output_format=output_format)
    with pytest.raises(BadParameter, match="256 colours needs rescale=min,max"):
        encode(image(), output_format=output_format, colormap=cmap.get("viridis"))
    assert encode(image(), output_format=output_format, rescale=[(-1, 1)])[0]


@pytest.mark.parametrize(
    ("bands", "output_format", "says"),
    [
        (
            13,
            ImageType.png,
            "1 to 4 bands, not 13: choose with assets=KEY|bidx=3,2,1 or expression",
        ),
        (13, None, "1 to 4 bands, not 13"),
        (4, ImageType.png, "return_mask=false"),
        (2, ImageType.jpeg, "2 bands do not fit this format: a picture has 1 or 3"),
    ],
)
def test_bands_that_are_no_picture(bands: int, output_format: ImageType | None, says: str) -> None:
    with pytest.raises(BadParameter) as raised:
        encode(image("uint8", bands=bands, hole=True), output_format=output_format)
    assert says in str(raised.value)
    assert encode(image("uint8", bands=bands), output_format=ImageType.npy)[0]
    assert encode(image("uint8", bands=4), output_format=ImageType.png, add_mask=False)[0]


def test_jpg_is_called_jpeg() -> None:
    assert encode(image("uint8"), output_format=ImageType.jpg)[1] == "image/jpeg"
