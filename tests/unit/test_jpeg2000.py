"""JPEG 2000 files are looked through before OpenJPEG opens them, and then drawn where they lie."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from eotiles.read.gdal import UnusableHeader, environment, open_raster
from eotiles.read.jpeg2000 import check_jpeg2000
from tests.builders import library, ramp
from tests.products import jpeg2000

SIZ = b"\xff\x51"
TILE = 128


def check(content: bytes) -> None:
    check_jpeg2000(
        lambda offset, length: content[offset : offset + length], size_bytes=len(content)
    )


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("jpeg2000") / "a.jp2"
    return jpeg2000(path, ramp(300, 400), tile_px=TILE).read_bytes()


def patched(content: bytes, marker: bytes, offset: int, value: bytes) -> bytes:
    start = content.index(marker) + offset
    return content[:start] + value + content[start + len(value) :]


def test_a_whole_file_passes(content: bytes) -> None:
    check(content)


def test_every_truncation_is_told(content: bytes) -> None:
    for kept in [*range(0, len(content), 97), *range(len(content) - 20, len(content))]:
        with pytest.raises(UnusableHeader):
            check(content[:kept])


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (6, struct.pack(">II", 2**20, 2**20), "pixels"),
        (6, struct.pack(">II", 0, 10), "first pixel"),
        (14, struct.pack(">II", 5, 0), "first pixel"),
        (22, struct.pack(">II", 0, 0), "damaged"),
        (22, struct.pack(">II", 2, 2), "tiles"),
        (38, struct.pack(">H", 16_384), "band"),
        (38, struct.pack(">H", 0), "band"),
        (41, b"\x02", "sizes"),
    ],
)
def test_absurd_sizes_are_refused(content: bytes, offset: int, value: bytes, reason: str) -> None:
    with pytest.raises(UnusableHeader, match=reason):
        check(patched(content, SIZ, offset, value))


def test_one_huge_tile_is_refused(content: bytes) -> None:
    large = patched(content, SIZ, 6, struct.pack(">II", 2**15, 2**15))
    with pytest.raises(UnusableHeader, match="tiles are too large"):
        check(patched(large, SIZ, 22, struct.pack(">II", 2**15, 2**15)))


def test_tiny_precincts_are_refused(tmp_path: Path) -> None:
    path = jpeg2000(tmp_path / "a.jp2", ramp(300, 400), tile_px=TILE, PRECINCTS="{64,64},{16,16}")
    with pytest.raises(UnusableHeader, match="precincts"):
        check(path.read_bytes())


def test_a_missing_tile_is_told(content: bytes) -> None:
    first = content.index(b"\xff\x90\x00\x0a")
    (length,) = struct.unpack(">I", content[first + 6 : first + 10])
    without = content[:first] + content[first + length :]
    box = without.index(b"jp2c") - 4
    (size,) = struct.unpack(">I", without[box : box + 4])
    if size:
        without = without[:box] + struct.pack(">I", size - length) + without[box + 4 :]
    with pytest.raises(UnusableHeader, match="lacks tiles"):
        check(without)


def test_random_damage_never_raises_anything_else(content: bytes) -> None:
    random = np.random.default_rng(4)
    for _ in range(2000):
        damaged = bytearray(content)
        for place in random.integers(0, min(len(damaged), 600), size=3):
            damaged[place] = random.integers(0, 256)
        try:
            check(bytes(damaged))
        except UnusableHeader:
            continue


def test_only_its_own_driver_opens_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jp2").write_bytes(content)
    (tmp_path / "a.tif").write_bytes(content)
    with environment():
        with open_raster(str(tmp_path / "a.jp2")) as dataset:
            assert dataset.driver == "JP2OpenJPEG"
            assert np.array_equal(dataset.read(), ramp(300, 400))
            assert dataset.overviews(1)
        with pytest.raises(Exception, match="not recognized"):
            open_raster(str(tmp_path / "a.tif"))


def test_the_library_checks_it_once(content: bytes, tmp_path: Path) -> None:
    from eotiles.read.location import Location  # noqa: PLC0415

    whole, cut = tmp_path / "whole.jp2", tmp_path / "cut.jp2"
    whole.write_bytes(content)
    cut.write_bytes(content[:-40])
    assert library().open(Location("file", "", str(whole))) == "it is JPEG 2000"
    with pytest.raises(UnusableHeader, match="truncated"):
        library().open(Location("file", "", str(cut)))
