"""Damaged headers and blocks: whatever the bytes, one of four answers comes, soon, and with little memory."""

from __future__ import annotations

import random
import struct
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eotiles.read.codecs import DamagedBlock, decode_block, decode_mask, sparse_block
from eotiles.read.gdal import BLOCK_BYTES_MAX, UnusableHeader
from eotiles.read.header import Header, Level, Unsupported
from tests.tiffs import File, blocks, entries, texture, write

KNOWN = (UnusableHeader, Unsupported)
DECODED_MAX_BYTES = 2**18
"""Larger blocks of a mutated header are legal, and would only make this slow."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Small files that between them have every field."""
    folder = tmp_path_factory.mktemp("seeds")
    data = texture("uint16", bands=2, height=150, width=140)
    mask = data[0] > 2000
    small = texture("float32", bands=1, height=40, width=50)
    plain = {"compress": "lzw", "predictor": 3, "blockxsize": 16, "blockysize": 16, "nodata": -1.5}
    big = {"BIGTIFF": "YES", "ENDIANNESS": "BIG", "compress": "zstd", "interleave": "band"}
    paths = [
        write(folder / "a.tif", data, mask=mask, cog={"COMPRESS": "DEFLATE", "BLOCKSIZE": 128}),
        write(folder / "b.tif", data, overviews=(2,), options={**big, "predictor": 2}),
        write(folder / "c.tif", small, overviews=(2,), options=plain, tags={"a": "b"}),
    ]
    return [path.read_bytes() for path in paths]


def _mutated(seed: bytes, random: random.Random) -> bytes:
    """The header of a seed damaged somewhere; also cut, or with a whole word replaced by an extreme one."""
    data = bytearray(seed)
    header = min(len(data), 2500)
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        place = random.randrange(header - 8)
        match random.randrange(5):
            case 0:
                data[place] ^= 1 << random.randrange(8)
            case 1:
                data[place] = random.randrange(256)
            case 2:
                word = random.choice((0, 1, 2, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, len(data), header))
                struct.pack_into(random.choice("<>") + "I", data, place & ~1, word)
            case 3:
                struct.pack_into(
                    "<H", data, place & ~1, random.choice((0, 1, 3, 4, 12, 16, 65_535))
                )
            case 4:
                if random.random() < 0.2:
                    del data[random.randrange(len(data)) :]
                    data += bytes(max(0, header - len(data)))
    return bytes(data)


def _answer(data: bytes) -> tuple[File, Header | None]:
    file = File(data)
    try:
        header = file.header()
    except KNOWN:
        header = None
    assert len(file.calls) <= 64
    return file, header


def _images(header: Header) -> Iterator[Level]:
    for level in header.levels:
        yield level
        if level.mask is not None:
            yield level.mask


def _decode_some(file: File, header: Header) -> int:
    decoded = 0
    for level in _images(header):
        assert level.block_bytes <= BLOCK_BYTES_MAX
        if level.block_bytes > DECODED_MAX_BYTES:
            continue
        decode: Any = decode_mask if level.storage.dtype == np.bool_ else decode_block
        for (_, _, _, raw), _ in zip(blocks(file, level), range(3), strict=False):
            if not raw:
                continue
            with suppress(DamagedBlock):
                shape = decode(raw, level).shape
                assert shape[-2:] == (level.block_height_px, level.block_width_px)
                decoded += 1
    return decoded


@pytest.mark.parametrize("number", range(3))
def test_damaged_headers_have_known_answers(seeds: list[bytes], number: int) -> None:
    chance = random.Random(number)
    read = decoded = 0
    for _ in range(2000):
        file, header = _answer(_mutated(seeds[number], chance))
        if header is not None:
            read += 1
            decoded += _decode_some(file, header)
    # Some damage hurts nothing, or the damage would not be where the header is.
    assert 100 < read < 1900
    assert decoded > 100


def test_every_byte_of_a_header_may_be_any_extreme(seeds: list[bytes]) -> None:
    for seed in seeds:
        for place in range(min(len(seed), 700)):
            for value in (0, 255, seed[place] ^ 0x80):
                data = bytearray(seed)
                data[place] = value
                _answer(bytes(data))


def test_damaged_headers_take_little_memory(seeds: list[bytes]) -> None:
    chance = random.Random(7)
    tracemalloc.start()
    try:
        for _ in range(150):
            for seed in seeds:
                data = _mutated(seed, chance)
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
                _answer(data)
                assert tracemalloc.get_traced_memory()[1] - before < 2**20
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    magic=st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0", b""]),
    rest=st.binary(max_size=300),
)
@example(magic=b"", rest=b"")
@example(magic=b"II*\0", rest=b"\x08\0\0\0")
def test_any_bytes_have_known_answers(magic: bytes, rest: bytes) -> None:
    _, header = _answer(magic + rest)
    assert header is None


def test_lists_of_blocks_that_overlap_are_bounded(tmp_path: Path) -> None:
    """Sixty-three overviews that share one list of 160,000 blocks: two million blocks, not ten."""
    data = np.zeros((1, 64, 64), np.uint8)
    whole = bytearray(write(tmp_path / "a.tif", data, overviews=(2,)).read_bytes())
    side_px, blocks_of_it = 6400, 400 * 400
    places = len(whole)
    whole += bytes(8 * blocks_of_it)
    fields = [entries(whole, directory=number) for number in (0, 1)]
    for each in fields:
        for tag, value in ((256, side_px), (257, side_px), (322, 16), (323, 16)):
            struct.pack_into("<H", whole, each[tag] + 8, value)
        for tag in (324, 325):
            struct.pack_into("<HII", whole, each[tag] + 2, 4, blocks_of_it, places)
    start = fields[1][min(fields[1])] - 2
    length = 2 + 12 * len(fields[1])
    copied = bytes(whole[start : start + length])
    link = start + length
    for _ in range(40):
        struct.pack_into("<I", whole, link, len(whole))
        link = len(whole) + length
        whole += copied + bytes(4)
    file = File(bytes(whole))
    tracemalloc.start()
    try:
        with pytest.raises(UnusableHeader, match="blocks"):
            file.header()
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


CODECS = [
    (codec, predictor)
    for codec in ("deflate", "zstd", "lzw", "none")
    for predictor in ((1,) if codec == "none" else (1, 2, 3))
]


def _block(tmp_path: Path, codec: str, predictor: int) -> tuple[Level, bytes, Header]:
    data = texture("float32", bands=2, height=64, width=64)
    options = {"compress": codec}
    if predictor != 1:
        options["predictor"] = str(predictor)
    file = File(write(tmp_path / "a.tif", data, options=options).read_bytes())
    header = file.header()
    level = header.levels[0]
    ((_, _, _, raw),) = blocks(file, level)
    np.testing.assert_array_equal(decode_block(raw, level), data)
    return level, raw, header


@pytest.mark.parametrize(("codec", "predictor"), CODECS)
def test_damaged_blocks_are_named_so(tmp_path: Path, codec: str, predictor: int) -> None:
    level, raw, _ = _block(tmp_path, codec, predictor)
    chance = random.Random(predictor)
    damaged = 0
    for _ in range(200):
        data = bytearray(raw)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.choice((0, 1, 5)) if data else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            assert decode_block(bytes(data), level).shape == (2, 64, 64)
        except DamagedBlock:
            damaged += 1
    assert damaged > 40
    for wrong in (
        b"",
        b"\0",
        raw[:-1] if codec == "none" else raw[:-9],
        raw[: len(raw) // 2],
        bytes(100),
    ):
        with pytest.raises(DamagedBlock):
            decode_block(wrong, level)


@pytest.mark.parametrize("codec", ["deflate", "zstd", "lzw", "none"])
def test_a_block_of_another_length_is_damaged(tmp_path: Path, codec: str) -> None:
    level, _, _ = _block(tmp_path, codec, 1)
    for height in (128, 32):  # of another file, whose blocks are larger or smaller
        data = texture("float32", bands=2, height=height, width=64)
        options = {"compress": codec, "blockysize": height}
        file = File(write(tmp_path / "b.tif", data, options=options).read_bytes())
        ((_, _, _, raw),) = blocks(file, file.header().levels[0])
        with pytest.raises(DamagedBlock):
            decode_block(raw, level)


@pytest.mark.parametrize("codec", ["deflate", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_block(tmp_path: Path, codec: str) -> None:
    level, _, _ = _block(tmp_path, codec, 1)
    data = np.zeros((1, 4096, 4096), np.uint8)
    options = {"compress": codec, "blockxsize": 4096, "blockysize": 4096}
    file = File(write(tmp_path / "b.tif", data, options=options).read_bytes())
    ((_, _, _, raw),) = blocks(file, file.header().levels[0])
    tracemalloc.start()
    try:
        with pytest.raises(DamagedBlock):
            decode_block(raw, level)
        assert tracemalloc.get_traced_memory()[1] < 4 * level.block_bytes
    finally:
        tracemalloc.stop()


def test_a_decoded_block_is_the_readers_own(tmp_path: Path) -> None:
    level, raw, header = _block(tmp_path, "none", 1)
    first, second = decode_block(raw, level), decode_block(raw, level)
    first[:] = 0
    assert second.any()
    assert sparse_block(header, level).flags.writeable


@pytest.mark.parametrize(("codec", "predictor"), CODECS)
def test_decoding_lets_other_threads_run(tmp_path: Path, codec: str, predictor: int) -> None:
    """Threads do not change here unless one lets go, and yet another one counts on while this one decodes."""
    data = np.ascontiguousarray(
        np.tile(texture("float32", bands=1, height=64, width=64), (1, 32, 32))
    )
    options = {"compress": codec, "blockxsize": 2048, "blockysize": 2048}
    if predictor != 1:
        options["predictor"] = str(predictor)
    file = File(write(tmp_path / "a.tif", data, options=options).read_bytes())
    level = file.header().levels[0]
    ((_, _, _, raw),) = blocks(file, level)
    ticks: list[float] = []
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0)

    counter = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        counter.start()
        during = 0
        for _ in range(20):  # the other core may be busy
            start = time.perf_counter()
            decode_block(raw, level)
            end = time.perf_counter()
            during += sum(start < tick < end for tick in ticks)
            if during > 10:
                break
    finally:
        done.set()
        sys.setswitchinterval(interval)
        counter.join()
    assert during > 10
