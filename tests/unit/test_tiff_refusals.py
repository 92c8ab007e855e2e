"""What the strict reader leaves to GDAL, each with its reason, and what it refuses: a test a reason."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from eotiles.read.gdal import UnusableHeader, check_header
from eotiles.read.header import Unsupported
from eotiles.read.ifd import Tag
from eotiles.read.tiff import read_header
from tests.tiffs import PLACE, File, entries, texture, write

TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64}
FOR_GDAL: dict[str, tuple[dict[str, Any], str]] = {
    "rotated": ({"transform": PLACE @ Affine.rotation(30)}, "rotated"),
    "sheared": ({"transform": PLACE @ Affine.shear(5)}, "rotated"),
    "upside-down": ({"transform": Affine(10, 0, 5e5, 0, 10, 5e6)}, "mirrored"),
    "mirrored": ({"transform": Affine(-10, 0, 5e5, 0, -10, 5e6)}, "mirrored"),
    "nowhere": ({"transform": None}, "no transform"),
    "strips": ({"tiled": False, "blockxsize": None}, "strips"),
    "jpeg": ({"compress": "jpeg"}, "JPEG"),
    "jpeg-ycbcr": ({"compress": "jpeg", "photometric": "YCBCR", "count": 3}, "photometric"),
    "lerc": ({"compress": "lerc"}, "LERC"),
    "webp": ({"compress": "webp", "count": 3}, "WebP"),
    "packbits": ({"compress": "packbits"}, "PackBits"),
    "lzma": ({"compress": "lzma"}, "LZMA"),
    "alpha": ({"count": 4, "photometric": "RGB", "alpha": "YES"}, "alpha"),
    "premultiplied": ({"count": 2, "alpha": "PREMULTIPLIED"}, "alpha"),
    "nbits": ({"dtype": "uint16", "nbits": 12}, "12 bits"),
    "one-bit": ({"nbits": 1}, "1 bits"),
    "complex": ({"dtype": "complex64"}, "sample format 6"),
    "float16": ({"dtype": "float32", "nbits": 16}, "16 bits"),
    "float64": ({"dtype": "float64"}, "64 bits"),
    "int8": ({"dtype": "int8"}, "sample format 2"),
    "uint32": ({"dtype": "uint32"}, "32 bits"),
    "int64": ({"dtype": "int64"}, "64 bits"),
    "uint64": ({"dtype": "uint64"}, "64 bits"),
    "cmyk": ({"count": 4, "photometric": "CMYK"}, "photometric"),
    "palette": ({"photometric": "PALETTE"}, "photometric"),
    "white-is-zero": ({"photometric": "MINISWHITE"}, "photometric"),
    "no-crs": ({"crs": None}, "coordinate reference system|neither"),
    "local-crs": ({"crs": 'LOCAL_CS["x",UNIT["m",1]]'}, "neither"),
    "proj-crs": ({"crs": "+proj=laea +lat_0=11 +lon_0=3 +datum=WGS84"}, "EPSG code|key"),
    "geographic-by-hand": ({"crs": "+proj=longlat +a=6400000 +b=6400000"}, "EPSG code|key"),
    "vertical": ({"crs": "EPSG:9518"}, "key 4096"),
    "geocentric": ({"crs": "EPSG:4978"}, "neither"),
    "small-blocks": ({"blockxsize": 8192, "blockysize": 16, "width": 8192}, "8192 x 16"),
}  # fmt: skip


def _reason(path: Path, kind: type[Exception] = Unsupported) -> str:
    file = File(path.read_bytes())
    with pytest.raises(kind) as caught:
        file.header()
    return str(caught.value)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", FOR_GDAL)
def test_is_left_to_gdal(tmp_path: Path, name: str) -> None:
    options, reason = FOR_GDAL[name]
    profile = {
        "driver": "GTiff", "count": 1, "height": 70, "width": 70, "dtype": "uint8", "crs": "EPSG:32632",
        "transform": PLACE, **TILED, **options,
    }  # fmt: skip
    if profile["blockxsize"] is None:
        del profile["blockxsize"], profile["blockysize"]
    path = tmp_path / "a.tif"
    shape = profile["count"], profile["height"], profile["width"]
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.ones(shape, profile["dtype"]))
    file = File(path.read_bytes())
    with pytest.raises(Unsupported, match=reason):
        file.header()
    assert len(file.calls) <= 2


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_ground_control_points_and_rpc_are_left_to_gdal(tmp_path: Path) -> None:
    profile = {
        "driver": "GTiff",
        "count": 1,
        "height": 70,
        "width": 70,
        "dtype": "uint8",
        **TILED,
    }
    corners = [(0, 0), (0, 70), (70, 0), (70, 70)]
    points = [GroundControlPoint(row, col, 5e5 + 9 * col, 5e6 - 9 * row) for row, col in corners]
    with rasterio.open(tmp_path / "gcps.tif", "w", **profile) as dataset:
        dataset.gcps = points, rasterio.CRS.from_epsg(32632)
    assert "ground control" in _reason(tmp_path / "gcps.tif")
    model = RPC(0, 0, 1, 0, [1.0] * 20, [1.0] * 20, 0, 1, 0, 0, [1.0] * 20, [1.0] * 20, 0, 1)
    with rasterio.open(tmp_path / "rpc.tif", "w", rpcs=model, **profile):
        pass
    _reason(tmp_path / "rpc.tif")


def _patched(tmp_path: Path, tag: int, value: int, *, directory: int = 0, **more: Any) -> Path:
    """A small file with an overview and a mask whose field has another value."""
    data = texture("uint16", bands=2, height=150, width=140)
    options = {"compress": "deflate", **more}
    path = write(tmp_path / "a.tif", data, overviews=(2,), options=options)
    patched = bytearray(path.read_bytes())
    place = entries(patched, directory=directory)[tag]
    (kind,) = struct.unpack_from("<H", patched, place + 2)
    struct.pack_into("<II" if kind == 4 else "<IH", patched, place + 4, 1, value)
    path.write_bytes(patched)
    return path


@pytest.mark.parametrize(
    ("tag", "value", "directory", "reason"),
    [
        (Tag.COMPRESSION, 34712, 0, "JPEG 2000"),
        (Tag.COMPRESSION, 9999, 0, "codec 9999"),
        (Tag.COMPRESSION, 1, 1, "overviews"),
        (Tag.PREDICTOR, 3, 0, "predictor 3"),
        (Tag.PREDICTOR, 9, 0, "predictor 9"),
        (Tag.TILE_WIDTH, 72, 0, "72 x 64"),
        (Tag.SUBFILE, 1, 0, "first image"),
        (Tag.PHOTOMETRIC, 8, 0, "photometric"),
    ],
)
def test_odd_fields_are_left_to_gdal(
    tmp_path: Path, tag: Tag, value: int, directory: int, reason: str
) -> None:
    path = (
        _patched(tmp_path, tag, value, directory=directory, predictor=2)
        if tag != Tag.SUBFILE
        else None
    )
    if path is None:
        path = write(
            tmp_path / "a.tif", texture("uint16", bands=1, height=70, width=70), overviews=(2,)
        )
        data = bytearray(path.read_bytes())
        (offset,) = struct.unpack_from("<I", data, 4)
        (number,) = struct.unpack_from("<H", data, offset)
        struct.pack_into("<I", data, 4, struct.unpack_from("<I", data, offset + 2 + 12 * number)[0])
        path.write_bytes(data)
    assert reason in _reason(path)


def test_an_overview_without_the_mask_of_its_file_is_left_to_gdal(tmp_path: Path) -> None:
    data = texture("uint16", bands=1, height=150, width=140)
    path = write(tmp_path / "a.tif", data, mask=data[0] > 2000, overviews=(2,))
    patched = bytearray(path.read_bytes())
    for directory in range(4):
        place = entries(patched, directory=directory).get(Tag.SUBFILE)
        if place is not None and patched[place + 8] == 5:
            patched[place + 8] = 0
    assert patched != path.read_bytes()
    path.write_bytes(patched)
    assert "mask" in _reason(path)


def test_a_crs_told_in_words_is_left_to_gdal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", texture("uint16", bands=1, height=70, width=70))
    data = path.read_bytes()
    assert data.count(b"WGS 84 / UTM zone 32N|") == 1
    path.write_bytes(data.replace(b"WGS 84 / UTM zone 32N|", b"ESRI PE String = PROJC|"[:22]))
    assert "words" in _reason(path)


@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [
        (Tag.WIDTH, 0, "no pixels"),
        (Tag.WIDTH, 300, "list of blocks"),
        (Tag.HEIGHT, 65_535, "no overviews|list of blocks"),
        (Tag.TILE_WIDTH, 0, "0 x 64"),
        (Tag.TILE_WIDTH, 32_768, "blocks are too large"),
        (Tag.SAMPLES, 0, "no band"),
        (Tag.SAMPLES, 20_000, "more than 64 bands"),
        (Tag.PLANAR, 7, "damaged"),
    ],
)
def test_wrong_fields_are_refused(tmp_path: Path, tag: Tag, value: int, reason: str) -> None:
    path = _patched(tmp_path, tag, value)
    if tag == Tag.TILE_WIDTH and value == 32_768:
        data = bytearray(path.read_bytes())
        struct.pack_into("<H", data, entries(data)[Tag.TILE_HEIGHT] + 8, 32_768)
        path.write_bytes(data)
    with pytest.raises((UnusableHeader, Unsupported), match=reason):
        File(path.read_bytes()).header()


LIMITS: dict[str, tuple[dict[str, Any], str]] = {
    "sparse": ({"width": 10**6, "height": 10**6, "blockxsize": 4096, "blockysize": 4096}, "pixels"),
    "one-block": ({"width": 32_768, "height": 32_768, "blockxsize": 32_768, "blockysize": 32_768}, "blocks are too"),
    "bands": ({"count": 20_000, "width": 16, "height": 16, "interleave": "pixel", "blockxsize": 16, "blockysize": 16},
              "more than 64 bands"),
    "no-overviews": ({"width": 9000, "height": 9000}, "no overviews"),
    "deep-blocks": ({"count": 64, "dtype": "float32", "blockxsize": 1024, "blockysize": 1024,
                     "interleave": "pixel"}, "blocks are too large"),
    "tiny": ({"transform": Affine(1e-12, 0, 5e5, 0, -1e-12, 5e6)}, "too small"),
    "poles": ({"crs": "EPSG:4326", "transform": Affine(10, 0, -400, 0, -10, 200)}, "poles"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_those_of_gdals_reader(tmp_path: Path, name: str) -> None:
    options, reason = LIMITS[name]
    profile = {
        "driver": "GTiff", "count": 1, "height": 70, "width": 70, "dtype": "uint8", "crs": "EPSG:32632",
        "transform": PLACE, **TILED, "sparse_ok": True, "photometric": "MINISBLACK", **options,
    }  # fmt: skip
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", **profile):
        pass
    file = File(path.read_bytes())
    tracemalloc.start()
    try:
        with pytest.raises(UnusableHeader, match=reason) as ours:
            file.header()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert len(file.calls) == 1
    with rasterio.open(path) as dataset, pytest.raises(UnusableHeader) as gdals:
        check_header(dataset)
    assert str(ours.value) == str(gdals.value)


def test_a_circle_of_images_is_refused(tmp_path: Path) -> None:
    data = bytearray(_patched(tmp_path, Tag.COMPRESSION, 8).read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, first)
    for target in (first, struct.unpack_from("<I", data, first + 2 + 12 * number)[0]):
        (second,) = struct.unpack_from("<I", data, first + 2 + 12 * number)
        (count,) = struct.unpack_from("<H", data, second)
        circle = bytearray(data)
        struct.pack_into("<I", circle, second + 2 + 12 * count, target)
        with pytest.raises(UnusableHeader, match="circle"):
            File(bytes(circle)).header()


def test_a_thousand_images_are_refused() -> None:
    data = bytearray(struct.pack("<2sHI", b"II", 42, 8))
    for number in range(1000):
        data += struct.pack("<HHHIII", 1, 256, 3, 1, 16, 8 + 18 * (number + 1))
    data += bytes(64)
    with pytest.raises(UnusableHeader, match="64 images"):
        File(bytes(data)).header()


@pytest.mark.parametrize("count", [0, 2, 4097, 2**31, 2**32 - 1])
def test_giant_counts_cost_nothing(tmp_path: Path, count: int) -> None:
    data = texture("uint16", bands=1, height=150, width=140)
    options = {"compress": "deflate", "nodata": 7, "predictor": 2}
    whole = write(tmp_path / "a.tif", data, options=options, tags={"a": "b"}).read_bytes()
    fields = entries(whole)
    known = sorted(fields.keys() & set(Tag))
    assert len(known) > 15
    for tag in known:
        patched = bytearray(whole)
        struct.pack_into("<I", patched, fields[tag] + 4, count)
        file = File(bytes(patched))
        if count > len(whole):
            with pytest.raises((UnusableHeader, Unsupported)):
                file.header()
            assert len(file.calls) <= 2
        else:
            with suppress(UnusableHeader, Unsupported):
                file.header()
        assert sum(length for _, length in file.calls) < 2 * len(patched)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><GDALMetadata>&b;</GDALMetadata>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><GDALMetadata/>',
        "<GDALMetadata>" * 5000,
        "<GDALMetadata>" * 9 + "</GDALMetadata>" * 9,
        "<GDALMetadata><Item",
        '<GDALMetadata><Item name="SCALE" sample="0" role="scale">no</Item></GDALMetadata>',
        '<GDALMetadata><Item name="SCALE" sample="0" role="scale">1_0</Item></GDALMetadata>',
        '<GDALMetadata><Item name="OFFSET" sample="0" role="offset"></Item></GDALMetadata>',
        "not xml",
    ],
)
def test_odd_metadata_is_left_to_gdal(tmp_path: Path, text: str) -> None:
    data = texture("uint16", bands=1, height=70, width=70)
    path = write(tmp_path / "a.tif", data, tags={"a": "b"})
    patched = bytearray(path.read_bytes())
    encoded = text.encode() + b"\0"
    place = entries(patched)[Tag.METADATA]
    struct.pack_into("<II", patched, place + 4, len(encoded), len(patched))
    path.write_bytes(patched + encoded)
    assert "metadata" in _reason(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    profile = {
        "driver": "GTiff", "count": 32, "height": 8192, "width": 8192, "dtype": "uint8", "crs": "EPSG:32632",
        "transform": PLACE, "tiled": True, "blockxsize": 4096, "blockysize": 4096, "compress": "zstd",
        "interleave": "band", "sparse_ok": True, "photometric": "MINISBLACK", "alpha": "NO",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.ones((64, 64), np.uint8), 1, window=((0, 64), (0, 64)))
    data = bytearray(path.read_bytes())
    assert File(bytes(data)).header().bands == 32
    fields = entries(data)
    for tag in (Tag.TILE_OFFSETS, Tag.TILE_COUNTS):
        kind, count, where = struct.unpack_from("<HII", data, fields[tag] + 2)
        assert (kind, count) == (4, 128)
        first = data[where : where + 4]
        data[where : where + 512] = first * 128  # every block is the first: 2 GiB
    with pytest.raises(UnusableHeader, match="bomb"):
        File(bytes(data)).header()


def test_a_truncated_file_is_refused_at_any_length(tmp_path: Path) -> None:
    data = texture("uint16", bands=1, height=150, width=140)
    cog = {"COMPRESS": "DEFLATE", "BLOCKSIZE": 128}
    whole = write(tmp_path / "a.tif", data, cog=cog).read_bytes()
    for length in range(0, len(whole) - 4, 37):
        with pytest.raises(UnusableHeader):
            File(whole[:length]).header()


def test_an_answer_shorter_than_asked_is_refused(tmp_path: Path) -> None:
    data = texture("uint16", bands=1, height=150, width=140)
    whole = write(tmp_path / "a.tif", data).read_bytes()
    with pytest.raises(UnusableHeader, match="truncated"):
        read_header(File(whole[:5000]).fetch, size_bytes=len(whole))
