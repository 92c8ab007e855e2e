"""Tiles of items over real HTTP, pixel by pixel against NumPy on the source arrays."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile

from tests.integration.conftest import Raster
from tests.integration.raster_expected import (
    centres,
    colours,
    index_values,
    numbers,
    path_of,
    pixels,
    tile_at,
)
from tests.integration.raster_scenes import OFFSET, SCALE

pytestmark = pytest.mark.integration

MIDDLE = (501_600.0, 4_998_600.0)
WEDGE = (500_600.0, 4_999_400.0)
"""A point of `mixed` on the border of its part without data."""

GOLDEN = Path(__file__).parents[1] / "golden" / "raster"


def answer(raster: Raster, path: str, **parameters: Any) -> bytes:
    got = raster.http.get(f"{raster.item('mixed')}/{path}", params=parameters)
    assert got.status_code == 200, got.text
    return got.content


@pytest.mark.parametrize("zoom", [14, 15, 16])
@pytest.mark.parametrize("name", ["ndvi", "ndmi"])
def test_an_index_equals_numpy_at_every_pixel(raster: Raster, name: str, zoom: int) -> None:
    """ndmi has bands of 10 and 20 m whose grids begin at different places."""
    tile = tile_at(*MIDDLE, zoom)
    values, valid = numbers(answer(raster, f"{path_of(tile)}.npy", index=name))
    expected, expected_valid, clear = index_values(raster.scenes["mixed"], name, *centres(tile))
    assert clear.mean() > 0.85
    np.testing.assert_array_equal(valid[clear], expected_valid[clear])
    both = clear & valid
    assert both.sum() > 5000
    np.testing.assert_allclose(values[0][both], expected[both], rtol=0, atol=1e-6)


def test_a_named_point_by_hand(raster: Raster) -> None:
    """The pixel of each band that holds UTM (501234, 4998765): 10 m row 123, column 123; 20 m row 81, column 81."""
    bands = raster.scenes["mixed"].bands
    nir = int(bands["nir"].dn[123, 123]) * SCALE + OFFSET
    swir = int(bands["swir16"].dn[81, 81]) * SCALE + OFFSET
    got = raster.http.get(
        f"{raster.item('mixed')}/point/501234,4998765",
        params={"index": "ndmi", "coord_crs": "EPSG:32632"},
    ).json()
    assert got["values"][0] == pytest.approx((nir - swir) / (nir + swir), abs=1e-6)
    assert got["band_descriptions"] == ["ndmi"]


@pytest.mark.parametrize("name", ["ndvi", "ndwi"])
def test_a_picture_of_an_index_has_its_own_colours(raster: Raster, name: str) -> None:
    tile = tile_at(*MIDDLE, 15)
    drawn = pixels(answer(raster, f"{path_of(tile)}.png", index=name))
    values, valid = numbers(answer(raster, f"{path_of(tile)}.npy", index=name))
    np.testing.assert_array_equal(drawn[..., 3], np.where(valid, 255, 0))
    np.testing.assert_array_equal(drawn[valid][:, :3], colours(name, values[0])[valid])


def test_true_colour_of_reflectances(raster: Raster) -> None:
    tile = tile_at(*WEDGE, 15)
    x, y = centres(tile)
    query = {"assets": ["red", "green", "blue"], "unscale": "true", "rescale": "0,0.8"}
    drawn = pixels(answer(raster, f"{path_of(tile)}.png", **query))
    for channel, name in enumerate(("red", "green", "blue")):
        band = raster.scenes["mixed"].bands[name]
        value, valid = band.at(x, y)
        seen = band.clear(x, y) & valid
        level = np.clip(value, 0, 0.8) / 0.8 * 255
        assert abs(drawn[seen][:, channel] - np.floor(level[seen])).max() <= 1
        assert (drawn[seen][:, 3] == 255).all()
    assert (drawn[..., 3] == 0).any(), "the wedge without data"


def test_bands_of_one_file_by_number_and_by_name(raster: Raster) -> None:
    tile = tile_at(*MIDDLE, 15)
    got = {
        assets: raster.http.get(
            f"{raster.item('stack')}/{path_of(tile)}.npy", params={"assets": assets}
        ).content
        for assets in ("data|bidx=3,2", "data|bands=red,green", "data|bands=B3,B2", "data")
    }
    assert got["data|bidx=3,2"] == got["data|bands=red,green"] == got["data|bands=B3,B2"]
    four, _ = numbers(got["data"])
    two, valid = numbers(got["data|bidx=3,2"])
    np.testing.assert_array_equal(four[[2, 1]], two)
    red, red_valid = raster.scenes["stack"].bands["red"].at(*centres(tile))
    clear = raster.scenes["stack"].bands["red"].clear(*centres(tile)) & red_valid
    dn = (red - raster.scenes["stack"].bands["red"].offset) / raster.scenes["stack"].bands[
        "red"
    ].scale
    np.testing.assert_array_equal(two[0][clear], np.round(dn[clear]))
    assert two.dtype == np.uint16
    assert valid[clear].all()


def test_an_expression_counts_digital_numbers_unless_unscaled(raster: Raster) -> None:
    tile = tile_at(*MIDDLE, 15)
    query = {"assets": ["nir", "red"], "expression": "(b1-b2)/(b1+b2)"}
    plain, valid = numbers(answer(raster, f"{path_of(tile)}.npy", **query))
    unscaled, _ = numbers(answer(raster, f"{path_of(tile)}.npy", unscale="true", **query))
    index, _ = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi"))
    np.testing.assert_allclose(unscaled[0][valid], index[0][valid], atol=1e-6)
    assert abs(plain[0] - index[0])[valid].mean() > 0.01, "the offset matters"
    several, _ = numbers(
        answer(raster, f"{path_of(tile)}.npy", **{**query, "expression": "b1;b2;b1-b2"})
    )
    np.testing.assert_array_equal(several[2][valid], (several[0] - several[1])[valid])


def test_formats(raster: Raster) -> None:
    tile = tile_at(*WEDGE, 15)
    inside = f"{raster.item('mixed')}/{path_of(tile)}"
    types = {
        ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
        ".npy": "application/x-binary", ".tif": "image/tiff; application=geotiff", "": "image/png",
    }  # fmt: skip
    for suffix, media_type in types.items():
        got = raster.http.get(inside + suffix, params={"index": "ndvi"})
        assert (got.status_code, got.headers["content-type"]) == (200, media_type), suffix
        assert got.headers["cache-control"] == "public, max-age=3600"
    full = tile_at(501_800, 4_998_200, 17)
    for query, media_type in (
        ({"index": "ndvi"}, "image/png"),  # colours of a palette suffer as JPEG
        ({"assets": "red", "rescale": "0,9000"}, "image/jpeg"),
    ):
        for place in (raster.item("mixed"), raster.collection):
            got = raster.http.get(f"{place}/{path_of(full)}", params=query)
            assert got.headers["content-type"] == media_type, "fully valid"


def test_a_geotiff_holds_values_and_knows_where_it_lies(raster: Raster) -> None:
    tile = tile_at(*MIDDLE, 15)
    content = answer(raster, f"{path_of(tile)}.tif", index="ndvi")
    values, _ = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi"))
    with MemoryFile(content) as file, file.open() as dataset:
        assert dataset.crs.to_epsg() == 3857
        np.testing.assert_array_equal(dataset.read(1), values[0])
        assert dataset.dtypes[0] == "float32"


def test_styles_that_a_request_names_itself(raster: Raster) -> None:
    tile = tile_at(*MIDDLE, 15)
    values, valid = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi"))

    def drawn(**style: str) -> Any:
        return pixels(answer(raster, f"{path_of(tile)}.png", index="NDVI", **style))

    default = drawn()
    np.testing.assert_array_equal(default, drawn(rescale="-0.2,0.9", colormap_name="rdylgn"))
    assert (drawn(rescale="0,1") != default).any()
    assert (drawn(colormap_name="viridis") != default).any()
    interval = drawn(colormap="[[[-1, 0], [1, 2, 3, 255]], [[0, 1.01], [4, 5, 6, 255]]]")
    expected = np.where((values[0] < 0)[..., None], (1, 2, 3), (4, 5, 6))
    np.testing.assert_array_equal(interval[valid][:, :3], expected[valid])


def test_tile_sizes_and_buffers(raster: Raster) -> None:
    tile = tile_at(*MIDDLE, 15)
    plain, _ = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi"))
    large, _ = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi", tilesize=512))
    assert large.shape == (1, 512, 512)
    wide, _ = numbers(answer(raster, f"{path_of(tile)}.npy", index="ndvi", buffer=10, padding=3))
    assert wide.shape == (1, 276, 276)
    # A pixel within 0.01 of a source pixel's border may fall on its other side when the grid is another.
    assert (wide[:, 10:-10, 10:-10] != plain).mean() < 0.001


def test_a_golden_tile(raster: Raster) -> None:
    """Zoomed out, so that overviews are read. `UPDATE_GOLDEN=1 pytest …` writes it anew."""
    file = GOLDEN / "ndvi-12.png"
    content = answer(raster, f"{path_of(tile_at(*MIDDLE, 12))}.png", index="ndvi")
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    drawn, golden = pixels(content), pixels(file.read_bytes())
    seen = golden[..., 3] == 255
    assert seen.sum() > 2000
    np.testing.assert_array_equal(drawn[..., 3], golden[..., 3])
    np.testing.assert_array_equal(drawn[seen], golden[seen])


@pytest.mark.parametrize("tilesize", [256, 512, 1024])
def test_a_palette_shows_the_same(raster: Raster, tilesize: int) -> None:
    path = path_of(tile_at(*MIDDLE, 12))
    asked = {"index": "ndvi", "tilesize": tilesize}
    drawn = answer(raster, f"{path}.png", **asked)
    plain = answer(raster, f"{path}.png", palette=False, **asked)
    raw = answer(raster, f"{path}.pngraw", **asked)
    modes = [Image.open(io.BytesIO(content)).mode for content in (drawn, plain, raw)]
    assert modes == ["P", "RGBA", "RGBA"]
    assert len(drawn) < len(plain)
    seen = pixels(plain)[..., 3] > 0
    assert 0 < seen.sum() < tilesize**2
    for content in (drawn, raw):
        np.testing.assert_array_equal(pixels(content)[seen], pixels(plain)[seen])
        np.testing.assert_array_equal(pixels(content)[..., 3], pixels(plain)[..., 3])


@pytest.mark.parametrize(("suffix", "kind"), [("webp", "WEBP"), ("jpg", "JPEG"), ("jpeg", "JPEG")])
def test_lossy_formats(raster: Raster, suffix: str, kind: str) -> None:
    path = path_of(tile_at(*MIDDLE, 12))
    plain = pixels(answer(raster, f"{path}.png", index="ndvi"))
    image = Image.open(io.BytesIO(answer(raster, f"{path}.{suffix}", index="ndvi")))
    assert (image.format, image.size) == (kind, (256, 256))
    lossy, clear = np.asarray(image.convert("RGBA")), plain[..., 3] == 0
    if kind == "WEBP":
        np.testing.assert_array_equal(lossy[..., 3] == 0, clear)
    else:
        assert np.median(lossy[clear][:, :3]) == 0
    # The scene is noise, of which little is kept.
    mean = lossy[~clear][:, :3].mean(axis=0) - plain[~clear][:, :3].mean(axis=0)
    assert np.abs(mean).max() < 12


def test_the_same_request_gives_the_same_bytes(raster: Raster) -> None:
    path = f"{path_of(tile_at(*MIDDLE, 14))}.png"
    assert len({answer(raster, path, index="ndmi") for _ in range(3)}) == 1


@pytest.mark.parametrize("query", [{"index": "ndvi"}, {"assets": ["red", "green", "blue"]}])
def test_outside_the_data_a_tile_is_transparent_and_kept(
    raster: Raster, query: dict[str, Any]
) -> None:
    for tile in (tile_at(530_000, 4_900_000, 14), tile_at(300_000, 1_000_000, 3)):
        got = raster.http.get(f"{raster.item('mixed')}/{path_of(tile)}.png", params=query)
        assert got.status_code == 200
        drawn = pixels(got.content)
        assert drawn.shape == (256, 256, 4)
        assert not drawn[..., 3].any()
        assert got.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "zxy", ["14/16384/0", "14/0/16384", "14/-1/0", "25/0/0", "-1/0/0", "1000000000/1/1"]
)
def test_outside_the_matrix_there_is_no_tile(raster: Raster, zxy: str) -> None:
    for place in (raster.item("mixed"), raster.collection):
        got = raster.http.get(f"{place}/tiles/WebMercatorQuad/{zxy}.png", params={"index": "ndvi"})
        assert got.status_code == 404, got.text
        assert "lies outside tile matrix set 'WebMercatorQuad'" in got.json()["detail"]
        assert got.headers["cache-control"] == "no-store"


def test_other_tile_matrix_sets(raster: Raster) -> None:
    got = raster.http.get(
        f"{raster.item('mixed')}/tiles/UTM31WGS84Quad/12/0/0.png", params={"index": "ndvi"}
    )
    assert got.status_code == 200
    assert not pixels(got.content)[..., 3].any()
