"""PNG files of ours, read back by two libraries that are not: Pillow (libpng's rules) and GDAL."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from eotiles.render.png import encode_png


def by_gdal(content: bytes) -> tuple[np.ndarray, list[ColorInterp], dict[int, Any] | None]:
    """(band, y, x), what each band is, and the palette."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(content) as file, file.open(driver="PNG") as dataset:
            kinds = list(dataset.colorinterp)
            palette = dataset.colormap(1) if kinds[0] is ColorInterp.palette else None
            return dataset.read(), kinds, palette


def chunks(content: bytes) -> dict[bytes, bytes]:
    """Data by name; every checksum is right."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = {}, 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        name = content[place + 4 : place + 8]
        data = content[place + 8 : place + 8 + length]
        (check,) = struct.unpack_from(">I", content, place + 8 + length)
        assert check == zlib.crc32(name + data), name
        found[name] = data
        place += 12 + length
    return found


samples = st.tuples(
    st.integers(1, 4), st.integers(1, 40), st.integers(1, 40), st.sampled_from(["u1", "u2"])
).flatmap(
    lambda given: arrays.arrays(
        given[3], given[:3], elements=st.integers(0, 2 ** (8 * int(given[3][1])) - 1)
    )
)


@settings(max_examples=100, deadline=None)
@given(samples)
def test_what_goes_in_comes_out(values: np.ndarray) -> None:
    content = encode_png(values)
    assert set(chunks(content)) == {b"IHDR", b"IDAT", b"IEND"}
    read, kinds, _ = by_gdal(content)
    np.testing.assert_array_equal(read, values)
    assert read.dtype == values.dtype
    assert (kinds[-1] is ColorInterp.alpha) == (len(values) in (2, 4))
    if values.dtype == np.uint8:
        image = Image.open(io.BytesIO(content))
        assert image.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(values)]
        shown = np.asarray(image).reshape(*values.shape[1:], len(values))
        np.testing.assert_array_equal(shown, values.transpose(1, 2, 0))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 256), st.integers(1, 40), st.integers(1, 40))
def test_palettes(data: st.DataObject, size: int, height: int, width: int) -> None:
    palette = data.draw(arrays.arrays(np.uint8, (size, 4)))
    indices = data.draw(
        arrays.arrays(np.uint8, (1, height, width), elements=st.integers(0, size - 1))
    )
    content = encode_png(indices, palette=palette)
    image = Image.open(io.BytesIO(content))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), palette[indices[0]])
    read, kinds, colours = by_gdal(content)
    assert kinds == [ColorInterp.palette]
    np.testing.assert_array_equal(read, indices)
    assert colours is not None
    for index in np.unique(indices):
        assert colours[int(index)] == tuple(palette[index])
    parts = chunks(content)
    assert len(parts[b"PLTE"]) == 3 * (int(indices.max()) + 1)
    assert (b"tRNS" in parts) == bool((palette[: int(indices.max()) + 1, 3] < 255).any())


def test_views_and_the_same_bytes() -> None:
    """Any memory layout is fine, and what is equal is written equally."""
    values = np.random.default_rng(1).integers(0, 256, (3, 64, 48), dtype=np.uint8)
    turned = np.ascontiguousarray(values.transpose(1, 2, 0)).transpose(2, 0, 1)
    content = encode_png(values)
    assert content == encode_png(turned) == encode_png(values[:, ::-1][:, ::-1])


def test_a_tile_of_one_colour_is_a_small_file() -> None:
    assert (
        len(encode_png(np.zeros((1, 256, 256), np.uint8), palette=np.zeros((1, 4), np.uint8))) < 600
    )
    assert len(encode_png(np.zeros((4, 1024, 1024), np.uint8))) < 32_000


@pytest.mark.parametrize(
    ("values", "palette", "says"),
    [
        (np.zeros((5, 2, 2), np.uint8), None, "1 to 4 bands"),
        (np.zeros((2, 2), np.uint8), None, "1 to 4 bands"),
        (np.zeros((1, 0, 2), np.uint8), None, "1 to 4 bands"),
        (np.zeros((1, 2, 2), np.int16), None, "uint8 or uint16"),
        (np.zeros((1, 2, 2), np.float32), None, "uint8 or uint16"),
        (np.full((1, 2, 2), 3, np.uint8), np.zeros((3, 4), np.uint8), "index 3 in a palette of 3"),
        (np.zeros((1, 2, 2), np.uint8), np.zeros((257, 4), np.uint8), "palette of 257"),
        (np.zeros((1, 2, 2), np.uint8), np.zeros((3, 3), np.uint8), r"\(n, 4\)"),
        (np.zeros((1, 2, 2), np.uint16), np.zeros((3, 4), np.uint8), "indices are"),
        (np.zeros((3, 2, 2), np.uint8), np.zeros((3, 4), np.uint8), "indices are"),
    ],
)
def test_what_is_no_png(values: np.ndarray, palette: np.ndarray | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode_png(values, palette=palette)


def test_threads_write_the_same() -> None:
    values = np.random.default_rng(2).integers(0, 64, (3, 256, 256), dtype=np.uint8)
    expected = encode_png(values)
    wrong: list[int] = []

    def write() -> None:
        wrong.extend(number for number in range(20) if encode_png(values) != expected)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
