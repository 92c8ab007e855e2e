"""Every lossless picture shows what TiTiler's own encoder makes of the same image, pixel for pixel."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.io import MemoryFile
from rio_tiler.colormap import cmap
from rio_tiler.models import ImageData
from titiler.core.resources.enums import ImageType
from titiler.core.utils import render_image

from eotiles.http.titiler.encoding import encode
from eotiles.http.titiler.styling import parse_colormap

INTERVALS = [
    ((-1.0, 0.0), (9, 8, 7, 255)),
    ((-0.5, 0.5), (1, 2, 3, 128)),
    ((0.7, 2.0), (5, 5, 5, 0)),
]
COLORMAPS: dict[str, Any] = {
    "none": None,
    "ramp": cmap.get("viridis"),
    "ramp with clear ends": {
        **cmap.get("magma"),
        0: (0, 0, 0, 0),
        255: (9, 9, 9, 0),
        7: (1, 2, 3, 99),
    },
    "values": {
        0: (1, 2, 3, 255),
        1: (0, 0, 0, 0),
        77: (4, 5, 6, 200),
        300: (7, 7, 7, 255),
        -1: (8, 8, 8, 255),
    },
    "255 values": {value: (value, 255 - value, 0, 255) for value in range(255)},
    "1000 values": {value: (value % 256, value // 256, 9, 255) for value in range(-200, 800)},
    "intervals": INTERVALS,
    "300 intervals": [
        ((n / 150 - 1, n / 150 - 0.99), (n % 256, n // 256, 3, 255)) for n in range(300)
    ],
}


def image(
    kind: str,
    *,
    bands: int,
    seed: int,
    mask: str,
    shape: tuple[int, int] = (24, 31),
    alpha: bool = False,
) -> ImageData:
    random = np.random.default_rng(seed)
    if kind.startswith("f"):
        data = random.normal(0, 0.6, (bands, *shape)).astype(kind)
    else:
        limits = np.iinfo(kind)
        low, high = max(limits.min, -3000), min(limits.max, 9000)
        data = random.integers(low, high, (bands, *shape), endpoint=True).astype(kind)
    hidden = np.zeros(data.shape, bool)
    if mask == "all":
        hidden[:] = True
    elif mask == "some":
        hidden[:, random.random(shape) < 0.3] = True
    elif mask == "bands":
        hidden[:] = random.random(data.shape) < 0.3
    found = ImageData(np.ma.MaskedArray(data, mask=hidden))
    if alpha:
        found.alpha_mask = random.integers(0, 256, shape).astype(np.uint8)
    return found


def before(given: ImageData, **options: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return render_image(given, **options)[0]


def shown(content: bytes) -> np.ndarray:
    """(y, x, 4), with 0 where all is clear: no one sees the colour of that."""
    pixels = np.array(Image.open(io.BytesIO(content)).convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def check(make: Any, **options: Any) -> None:
    for palette in (True, False):
        content, media_type = encode(
            make(), output_format=ImageType.png, palette=palette, **options
        )
        assert media_type == "image/png"
        expected = before(make(), output_format=ImageType.png, **options)
        np.testing.assert_array_equal(shown(content), shown(expected))
        if not palette:
            assert Image.open(io.BytesIO(content)).mode == Image.open(io.BytesIO(expected)).mode


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64"]),
    colormap=st.sampled_from(sorted(COLORMAPS)),
    bands=st.sampled_from([1, 3]),
    mask=st.sampled_from(["none", "some", "bands", "all"]),
    add_mask=st.booleans(),
    alpha=st.booleans(),
    seed=st.integers(0, 2**32),
    limits=st.tuples(st.floats(-3000, 3000), st.floats(0.001, 5000)),
    one_range=st.booleans(),
)
def test_rescaled(
    kind: str,
    colormap: str,
    bands: int,
    mask: str,
    add_mask: bool,
    alpha: bool,
    seed: int,
    limits: tuple[float, float],
    one_range: bool,
) -> None:
    chosen = COLORMAPS[colormap]
    if chosen is not None:
        bands = 1
    low, width = limits
    if kind.startswith("f"):
        low, width = low / 3000, width / 1000
    rescale = [(low + n, low + n + width) for n in range(1 if one_range else bands)]
    check(
        lambda: image(kind, bands=bands, seed=seed, mask=mask, alpha=alpha),
        colormap=chosen,
        rescale=rescale,
        add_mask=add_mask,
    )


@settings(max_examples=80, deadline=None)
@given(
    colormap=st.sampled_from(sorted(COLORMAPS)),
    bands=st.integers(1, 4),
    mask=st.sampled_from(["none", "some", "bands", "all"]),
    add_mask=st.booleans(),
    alpha=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_bytes_as_they_are(
    colormap: str, bands: int, mask: str, add_mask: bool, alpha: bool, seed: int
) -> None:
    chosen = COLORMAPS[colormap]
    if chosen is not None:
        bands = 1
    if bands in (2, 4) and add_mask:
        return  # no picture, or three channels of which one is the mask: TiTiler's own affair
    check(
        lambda: image("uint8", bands=bands, seed=seed, mask=mask, alpha=alpha),
        colormap=chosen,
        add_mask=add_mask,
    )


@pytest.mark.parametrize(
    "name", [name for name in COLORMAPS if "ramp" not in name and name != "none"]
)
@pytest.mark.parametrize("kind", ["float32", "int16", "uint16"])
@pytest.mark.parametrize("add_mask", [True, False])
def test_values_and_intervals_of_numbers(name: str, kind: str, add_mask: bool) -> None:
    check(
        lambda: image(kind, bands=1, seed=4, mask="some"),
        colormap=COLORMAPS[name],
        add_mask=add_mask,
    )


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("mask", ["none", "some", "all"])
@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("output_format", [ImageType.png, ImageType.pngraw])
def test_sixteen_bits(bands: int, mask: str, alpha: bool, output_format: ImageType) -> None:
    def read(content: bytes) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with MemoryFile(content) as file, file.open() as dataset:
                found: np.ndarray = dataset.read()
        return found

    for add_mask in (True, False) if bands in (1, 3) else (False,):

        def make() -> ImageData:
            return image("uint16", bands=bands, seed=5, mask=mask, alpha=alpha)

        got = encode(make(), output_format=output_format, add_mask=add_mask)[0]
        expected = read(before(make(), output_format=ImageType.png, add_mask=add_mask))
        assert expected.dtype == np.uint16
        np.testing.assert_array_equal(read(got), expected)


@pytest.mark.parametrize("formula", ["gamma RGB 1.8", "sigmoidal RGB 6 0.5 saturation 1.2"])
@pytest.mark.parametrize("rescale", [None, [(0, 3000)]])
def test_colour_formulas(formula: str, rescale: Sequence[tuple[float, float]] | None) -> None:
    check(
        lambda: image("uint16" if rescale else "uint8", bands=3, seed=6, mask="some"),
        color_formula=formula,
        rescale=rescale,
    )


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_tiles_of_all_sizes(size: int) -> None:
    check(
        lambda: image("float32", bands=1, seed=7, mask="some", shape=(size, size)),
        rescale=[(-0.2, 0.9)],
        colormap=cmap.get("rdylgn"),
    )


def test_no_number_is_no_colour() -> None:
    """TiTiler casts NaN to a byte: whatever the machine makes of that."""
    data = np.array([[[np.nan, np.inf, -np.inf, 0.5]]], np.float32)
    content, _ = encode(
        ImageData(np.ma.MaskedArray(data, mask=False)),
        output_format=ImageType.png,
        rescale=[(0, 1)],
    )
    assert shown(content)[0, :, 0].tolist() == [0, 255, 0, 127]


@pytest.mark.parametrize("output_format", [ImageType.npy, ImageType.tif, ImageType.jp2])
def test_other_formats_are_titilers(output_format: ImageType) -> None:
    def make() -> ImageData:
        return image("uint8", bands=3, seed=8, mask="some")

    got = encode(make(), output_format=output_format, palette=False)[0]
    expected = before(make(), output_format=output_format)
    if output_format is ImageType.npy:
        np.testing.assert_array_equal(np.load(io.BytesIO(got)), np.load(io.BytesIO(expected)))
    else:
        assert got == expected


def test_colormaps_as_requests_write_them() -> None:
    """Intervals from JSON are tuples too; a list would be taken for a value."""
    colormap = parse_colormap(json.dumps(INTERVALS))
    check(lambda: image("float32", bands=1, seed=9, mask="some"), colormap=colormap)
