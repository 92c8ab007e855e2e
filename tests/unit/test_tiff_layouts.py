"""Every layout that we read ourselves: header and pixels are those that rasterio reads, and none falls back to GDAL."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

from eotiles.read.ifd import Tag
from tests.tiffs import PLACE, File, check_same, entries, texture, write

DTYPES = ("uint8", "int16", "uint16", "int32", "float32")
PREDICTORS = {"none": (1,), "lzw": (1, 2, 3), "deflate": (1, 2, 3), "zstd": (1, 2, 3)}
TABLE = [
    (dtype, codec, predictor, interleave)
    for dtype, codec, interleave in itertools.product(DTYPES, PREDICTORS, ("pixel", "band"))
    for predictor in PREDICTORS[codec]
    if predictor != 3 or dtype == "float32"
]


def _options(codec: str, predictor: int = 1, **more: Any) -> dict[str, Any]:
    # Four bands of bytes would be RGBA by GDAL's own choice.
    options = {"compress": codec, "photometric": "MINISBLACK", "alpha": "NO", **more}
    return options if predictor == 1 else {**options, "predictor": predictor}


@pytest.mark.parametrize(("dtype", "codec", "predictor", "interleave"), TABLE)
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_is_read_as_rasterio_reads_it(
    tmp_path: Path, dtype: str, codec: str, predictor: int, interleave: str, order: str
) -> None:
    data = texture(dtype, bands=3, height=150, width=101)
    options = _options(codec, predictor, interleave=interleave, ENDIANNESS=order)
    header = check_same(write(tmp_path / "a.tif", data, overviews=(2, 4), options=options))
    assert (header.codec, header.predictor) == (codec, predictor)
    assert header.byte_order == {"LITTLE": "<", "BIG": ">"}[order]
    assert header.is_planar == (interleave == "band")
    assert len(header.levels) == 3


@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
@pytest.mark.parametrize("codec", ["deflate", "zstd", "lzw", "none"])
def test_masks_are_read(tmp_path: Path, big: str, order: str, codec: str) -> None:
    data = texture("uint16", bands=2, height=150, width=203)
    mask = np.ones(data.shape[1:], np.bool_)
    mask[20:90, 13:71] = False
    options = _options(codec, BIGTIFF=big, ENDIANNESS=order)
    path = write(tmp_path / "a.tif", data, mask=mask, overviews=(2,), options=options)
    header = check_same(path)
    assert header.has_mask
    assert header.levels[1].mask is not None


@pytest.mark.parametrize("codec", ["DEFLATE", "ZSTD", "LZW", "NONE"])
@pytest.mark.parametrize("masked", [False, True])
def test_files_of_the_cog_driver_are_read_with_one_call(
    tmp_path: Path, codec: str, masked: bool
) -> None:
    data = texture("uint16", bands=3, height=500, width=301)
    mask = data[0] > 2000 if masked else None
    cog = {"COMPRESS": codec, "BLOCKSIZE": 128, "OVERVIEWS": "AUTO"}
    if codec != "NONE":
        cog["PREDICTOR"] = "YES"
    path = write(tmp_path / "a.tif", data, mask=mask, cog=cog)
    header = check_same(path)
    assert [level.width_px for level in header.levels] == [301, 150, 75]
    assert header.has_mask == masked
    file = File(path.read_bytes())
    file.header()
    assert len(file.calls) == 1


@pytest.mark.parametrize("driver", ["cog", "appended"])
def test_long_headers_take_few_calls(tmp_path: Path, driver: str) -> None:
    data = np.zeros((1, 2048, 2048), np.uint8)
    data[0, ::64, ::64] = 1
    overviews: tuple[int, ...] = (2, 4, 8)
    options = {"compress": "deflate", "blockxsize": 16, "blockysize": 16}
    if driver == "appended":
        path = write(tmp_path / "a.tif", data, overviews=overviews, options=options)
    else:
        plain = tmp_path / "plain.tif"
        write(plain, data, options=options)
        path = tmp_path / "a.tif"
        extra = {"COPY_SRC_OVERVIEWS": "YES", "TILED": "YES", "BLOCKXSIZE": 16, "BLOCKYSIZE": 16}
        with rasterio.open(plain, "r+") as dataset:
            dataset.build_overviews(overviews)
        rasterio.shutil.copy(plain, path, driver="GTiff", COMPRESS="DEFLATE", **extra)
    file = File(path.read_bytes())
    header = file.header()
    assert header.levels[0].counts.shape == (1, 128, 128)
    assert len(header.levels) == 4
    assert len(file.calls) <= (2 if driver == "cog" else 4)
    assert sum(length for _, length in file.calls) < 2 * 22_000 * 8


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 0), ("uint8", 255), ("int16", -9999), ("uint16", 65_535), ("int32", -(2**31)), ("float32", np.nan),
        ("float32", -9999.0), ("float32", -3.4028234663852886e38), ("float32", 1e-7), ("float32", np.inf),
    ],
)  # fmt: skip
def test_blocks_that_are_not_there_are_nodata(tmp_path: Path, dtype: str, nodata: float) -> None:
    data = texture(dtype, bands=2, height=200, width=140)
    options = _options("deflate", sparse_ok=True, nodata=nodata)
    header = check_same(
        write(tmp_path / "a.tif", data, windows=True, overviews=(2,), options=options)
    )
    assert (header.levels[0].counts == 0).any()


def test_blocks_that_are_not_there_are_zero_without_nodata(tmp_path: Path) -> None:
    data = texture("uint16", bands=1, height=200, width=140)
    header = check_same(
        write(tmp_path / "a.tif", data, windows=True, options=_options("zstd", sparse_ok=True))
    )
    assert header.nodata is None
    assert (header.levels[0].counts == 0).any()


def test_scales_offsets_and_names_are_those_of_the_file(tmp_path: Path) -> None:
    data = texture("int16", bands=3, height=64, width=64)
    path = write(tmp_path / "a.tif", data, options=_options("deflate"), tags={"a<b": "c&d"})
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (0.0001, 1.0, 2e-5)
        dataset.offsets = (-0.1, 0.0, 1e10)
        dataset.set_band_description(1, 'Red & "infra" <red> é')
        dataset.set_band_description(3, "B08")
        dataset.update_tags(2, STATISTICS_MEAN="3", scale="7")
    header = check_same(path)
    assert header.names == ('Red & "infra" <red> é', None, "B08")
    assert header.scales == (0.0001, 1.0, 2e-5)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:32719", "EPSG:3857", "EPSG:3035", "EPSG:2154", "EPSG:5070", "EPSG:3031", "EPSG:27700",
     "EPSG:2263", "EPSG:4258", "EPSG:6933", "EPSG:31370", "EPSG:2193", "EPSG:28992", "EPSG:4269"],
)  # fmt: skip
@pytest.mark.parametrize("point", ["Area", "Point"])
def test_places_are_those_of_rasterio(tmp_path: Path, crs: str, point: str) -> None:
    place = Affine(0.001, 0, 10.123456789, 0, -0.002, 50.1)
    options = _options("deflate", crs=crs, transform=place)
    data = texture("uint8", bands=1, height=33, width=70)
    tags = {"AREA_OR_POINT": point}
    check_same(write(tmp_path / "a.tif", data, options=options, tags=tags))


def test_bytes_of_four_bands_without_alpha_and_rgb_are_read(tmp_path: Path) -> None:
    data = texture("uint8", bands=3, height=70, width=70)
    header = check_same(write(tmp_path / "a.tif", data, options={"photometric": "RGB"}))
    assert header.bands == 3
    data = texture("uint8", bands=4, height=70, width=70)
    path = write(tmp_path / "b.tif", data, options={"photometric": "RGB", "alpha": "UNSPECIFIED"})
    with rasterio.open(path) as dataset:
        assert ColorInterp.alpha not in dataset.colorinterp
    assert check_same(path).bands == 4


@pytest.mark.parametrize(("height", "width"), [(700, 1), (1, 700), (3, 500)])
def test_narrow_images_are_read(tmp_path: Path, height: int, width: int) -> None:
    data = texture("uint16", bands=1, height=height, width=width)
    header = check_same(write(tmp_path / "a.tif", data, overviews=(2, 4, 8)))
    assert len(header.levels) == 4


def test_64_bands_are_read(tmp_path: Path) -> None:
    data = texture("uint16", bands=64, height=40, width=70)
    options = _options("deflate", 2, interleave="band")
    assert check_same(write(tmp_path / "a.tif", data, options=options)).bands == 64


layouts = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(DTYPES),
        "codec": st.sampled_from(list(PREDICTORS)),
        "predictor": st.sampled_from([1, 2, 3]),
        "interleave": st.sampled_from(["pixel", "band"]),
        "order": st.sampled_from(["LITTLE", "BIG"]),
        "big": st.sampled_from(["YES", "NO"]),
        "bands": st.integers(1, 5),
        "height": st.integers(1, 170),
        "width": st.integers(1, 170),
        "block": st.sampled_from([(16, 16), (64, 64), (32, 96), (128, 16)]),
        "nodata": st.sampled_from([None, 0, 7, 255]),
        "sparse": st.booleans(),
        "masked": st.booleans(),
        "overviews": st.sampled_from([(), (2,), (2, 4), (3, 5)]),
        "seed": st.integers(0, 2**31),
    }
)


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(layout=layouts)
def test_any_layout_is_read_as_rasterio_reads_it(tmp_path: Path, layout: dict[str, Any]) -> None:
    predictor = layout["predictor"] if layout["codec"] != "none" else 1
    if predictor == 3 and layout["dtype"] != "float32":
        predictor = 2
    data = texture(
        layout["dtype"],
        bands=layout["bands"],
        height=layout["height"],
        width=layout["width"],
        seed=layout["seed"],
    )
    if layout["seed"] % 3 == 0:  # noise has other codes than a surface
        data = np.random.default_rng(layout["seed"]).integers(0, 256, data.nbytes, np.uint8)
        data = data.view(layout["dtype"]).reshape(
            layout["bands"], layout["height"], layout["width"]
        )
    options = _options(
        layout["codec"],
        predictor,
        interleave=layout["interleave"],
        ENDIANNESS=layout["order"],
        BIGTIFF=layout["big"],
        blockxsize=layout["block"][0],
        blockysize=layout["block"][1],
        nodata=layout["nodata"],
        sparse_ok=layout["sparse"],
    )
    mask = None
    if layout["masked"] and layout["nodata"] is None:
        mask = np.random.default_rng(layout["seed"]).random(data.shape[1:]) < 0.7
    overviews = tuple(each for each in layout["overviews"] if each <= min(data.shape[1:]))
    path = tmp_path / "a.tif"
    path.unlink(missing_ok=True)
    write(
        path,
        data,
        overviews=overviews,
        mask=mask,
        windows=layout["sparse"] and min(data.shape[1:]) >= 64,
        options=options,
    )
    header = check_same(path)
    assert header.has_mask == (mask is not None)
    assert len(header.levels) == 1 + len(overviews)


def test_a_level_shares_out_the_extent_of_the_full_image(tmp_path: Path) -> None:
    data = texture("uint8", bands=1, height=101, width=77)
    header = check_same(write(tmp_path / "a.tif", data, overviews=(2, 4)))
    for level in header.levels:
        grid = header.level_grid(level)
        assert grid.bounds == pytest.approx(header.grid.bounds)
        assert grid.crs is header.grid.crs
    assert header.level_grid(header.levels[0]) == header.grid
    assert header.grid.transform == PLACE


def test_the_older_number_of_deflate_is_read(tmp_path: Path) -> None:
    data = texture("uint16", bands=1, height=70, width=70)
    path = write(tmp_path / "a.tif", data, options=_options("deflate"))
    patched = bytearray(path.read_bytes())
    struct.pack_into("<H", patched, entries(patched)[Tag.COMPRESSION] + 8, 32946)
    path.write_bytes(patched)
    assert check_same(path).codec == "deflate"
