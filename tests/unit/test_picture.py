"""Pictures as PNG, WebP and JPEG: what is in the file, how large, and how true against GDAL's."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from rio_tiler.colormap import cmap
from rio_tiler.utils import render

from eotiles.core.errors import BadParameter
from eotiles.render.colour import ramp
from eotiles.render.picture import Format, Picture, encode_picture


def land(size: int = 256, *, seed: int = 0, bands: int = 3) -> np.ndarray:
    """(band, y, x) uint8 with the spectrum of land seen from above, its bands alike."""
    random = np.random.default_rng(seed)
    rows, columns = np.meshgrid(*[np.fft.fftfreq(size)] * 2, indexing="ij")
    power = 1 / np.maximum(np.hypot(rows, columns), 1 / size) ** 1.3

    def field() -> Any:
        noise = np.fft.fft2(random.normal(size=(size, size)))
        values = np.fft.ifft2(noise * power).real
        return values / values.std()

    common = field()
    mixed = np.stack([common + 0.3 * field() for _ in range(bands)])
    return np.clip(120 + 45 * mixed, 0, 255).astype(np.uint8)


def corner(size: int = 256) -> np.ndarray:
    """(y, x) bool. False in a triangle, as at the edge of a scene."""
    return np.add.outer(np.arange(size), np.arange(size)) >= size // 2


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def rgba(content: bytes) -> np.ndarray:
    return np.asarray(opened(content).convert("RGBA"))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / error))


VIRIDIS = ramp(cmap.get("viridis"))
assert VIRIDIS is not None


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("format", ["webp", "jpeg"])
def test_lossy_files_are_as_small_and_as_true_as_gdals(
    format: Format, holes: bool, seed: int, size: int
) -> None:
    bands, valid = land(size, seed=seed), corner(size) if holes else np.ones((size, size), bool)
    bands = bands * valid
    mine, media_type = encode_picture(Picture(bands, valid), format)
    assert media_type == f"image/{format}"
    mask = valid * np.uint8(255)
    options: dict[str, Any] = {"quality": 75 if format == "webp" else 85}
    if format == "webp":
        options["lossless"] = False
    theirs = render(bands, mask, img_format=format.upper(), **options)
    assert 0.9 < len(mine) / len(theirs) < 1.1
    original = bands.transpose(1, 2, 0)[valid]
    got, expected = rgba(mine), rgba(theirs)
    assert psnr(got[..., :3][valid], original) > psnr(expected[..., :3][valid], original) - 0.25
    if format == "webp":
        np.testing.assert_array_equal(got[..., 3], mask)


@pytest.mark.parametrize("format", ["webp", "jpeg"])
def test_quality_is_size(format: Format) -> None:
    picture = Picture(land(), None)
    sizes = [
        len(encode_picture(picture, format, quality=quality)[0]) for quality in (-9, 20, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] * 4 < sizes[-1]
    files = [encode_picture(picture, format, quality=95)[0] for _ in range(2)]
    assert files[0] == files[1]
    assert psnr(rgba(files[0])[..., :3], picture.bands.transpose(1, 2, 0)) > 33


@pytest.mark.parametrize("format", ["webp", "jpeg"])
@pytest.mark.parametrize("kind", ["grey", "palette"])
def test_other_pictures_than_true_colour(format: Format, kind: str) -> None:
    bands, valid = land(bands=1), corner()
    picture = Picture(bands, valid, VIRIDIS if kind == "palette" else None)
    content, _ = encode_picture(picture, format)
    expected = (
        VIRIDIS[bands[0]][..., :3]
        if kind == "palette"
        else np.repeat(bands[0][..., None], 3, axis=2)
    )
    drawn = rgba(content)
    inside = valid & np.roll(valid, 16, axis=0)  # away from the edge
    assert psnr(drawn[..., :3][inside], expected[inside]) > 28
    if format == "webp":
        np.testing.assert_array_equal(drawn[..., 3], valid * np.uint8(255))
    else:
        assert opened(content).mode == ("L" if kind == "grey" else "RGB")
        assert drawn[:100, :16, :3].max() <= 12, "black where invalid"


@pytest.mark.parametrize(
    ("picture", "mode", "plain"),
    [
        (Picture(land(64, bands=1), None), "L", "L"),
        (Picture(land(64, bands=1), np.ones((64, 64), bool)), "L", "LA"),
        (Picture(land(64, bands=1), corner(64)), "P", "LA"),
        (Picture(land(64, bands=1), np.full((64, 64), 77, np.uint8)), "LA", "LA"),
        (Picture(land(64), None), "RGB", "RGB"),
        (Picture(land(64), np.ones((64, 64), bool)), "RGB", "RGBA"),
        (Picture(land(64), np.full((64, 64), 255, np.uint8)), "RGB", "RGBA"),
        (Picture(land(64), corner(64)), "RGBA", "RGBA"),
        (Picture(land(64, bands=1), corner(64), VIRIDIS), "P", "RGBA"),
        (Picture(land(64, bands=1), None, VIRIDIS), "P", "RGB"),
    ],
)
def test_channels_of_png(picture: Picture, mode: str, plain: str) -> None:
    assert opened(encode_picture(picture, "png")[0]).mode == mode
    content, media_type = encode_picture(picture, "png", palette=False)
    assert (opened(content).mode, media_type) == (plain, "image/png")


def test_without_a_free_index_it_is_full_colour() -> None:
    indices = np.arange(512, dtype=np.uint8).reshape(1, 2, 256)
    valid = np.ones((2, 256), bool)
    valid[1, 7] = False  # its index is used by the first row
    colours = np.full((256, 4), 255, np.uint8)
    colours[:, 1] = np.arange(256)

    def mode(palette: np.ndarray) -> str:
        content, _ = encode_picture(Picture(indices, valid, palette), "png")
        expected = palette[indices[0]] * valid[..., None]
        drawn = rgba(content) * (rgba(content)[..., 3:] > 0)
        np.testing.assert_array_equal(drawn, expected * (expected[..., 3:] > 0))
        return opened(content).mode

    assert mode(colours) == "RGBA"
    clear = colours.copy()
    clear[9, 3] = 0  # a colour that is clear itself serves the others
    assert mode(clear) == "P"
    twice = colours.copy()
    twice[200] = twice[30]  # one of two that are the same does
    assert mode(twice) == "P"
    valid[0, 7] = False  # and now one is used by none that is seen
    assert mode(colours) == "P"


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 256), st.integers(1, 24), st.integers(1, 24), st.booleans())
def test_palettes_show_what_full_colours_show(
    data: st.DataObject, size: int, height: int, width: int, soft: bool
) -> None:
    palette = data.draw(arrays.arrays(np.uint8, (size, 4)))
    indices = data.draw(
        arrays.arrays(np.uint8, (1, height, width), elements=st.integers(0, size - 1))
    )
    opacity = data.draw(arrays.arrays(np.uint8 if soft else np.bool_, (height, width)))
    expected = palette[indices[0]]
    expected[..., 3] *= opacity != 0
    expected[expected[..., 3] == 0] = 0
    before = indices.copy(), opacity.copy(), palette.copy()
    for choice in (True, False):
        content, _ = encode_picture(Picture(indices, opacity, palette), "png", palette=choice)
        shown = rgba(content).copy()
        shown[shown[..., 3] == 0] = 0
        np.testing.assert_array_equal(shown, expected)
    for array, kept in zip((indices, opacity, palette), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("format", ["png", "webp", "jpeg"])
def test_one_pixel_and_the_largest(format: Format) -> None:
    for shape in ((1, 1), (1, 17), (17, 1)):
        picture = Picture(np.zeros((3, *shape), np.uint8), np.ones(shape, bool))
        assert opened(encode_picture(picture, format)[0]).size == shape[::-1]
    for side in (16_382, 16_383):
        picture = Picture(np.zeros((1, 1, side), np.uint8), None)
        if format == "webp" and side > 16_382:
            with pytest.raises(BadParameter, match="16382 pixels a side, not 16383 × 1"):
                encode_picture(picture, format)
        else:
            assert opened(encode_picture(picture, format)[0]).size == (side, 1)


@pytest.mark.parametrize(
    ("bands", "opacity", "palette"),
    [
        (np.zeros((2, 4, 4), np.uint8), None, None),
        (np.zeros((3, 4, 4), np.uint16), None, None),
        (np.zeros((3, 4, 4), np.uint8), np.ones((4, 5), bool), None),
        (np.zeros((3, 4, 4), np.uint8), np.ones((4, 4), np.float32), None),
        (np.zeros((3, 4, 4), np.uint8), None, VIRIDIS),
        (np.zeros((1, 4, 4), np.uint8), None, VIRIDIS[:, :3]),
        (np.zeros((1, 4, 4), np.uint8), None, VIRIDIS[:0]),
    ],
)
def test_what_is_no_picture(bands: Any, opacity: Any, palette: Any) -> None:
    with pytest.raises(ValueError, match=r"bands are|opacity is|a palette is"):
        Picture(bands, opacity, palette)
