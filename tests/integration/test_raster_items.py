"""Everything about one item that is no tile: previews, parts, features, numbers, descriptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from tests.integration.conftest import Raster
from tests.integration.raster_expected import index_values, numbers, pixels
from tests.integration.raster_scenes import OFFSET, SCALE, bbox, to_degrees

pytestmark = pytest.mark.integration

UTM = "EPSG:32632"
INSIDE = bbox(501_000, 4_999_000, 640, 640)


def get(raster: Raster, path: str, **parameters: Any) -> Any:
    got = raster.http.get(f"{raster.item('mixed')}{path}", params=parameters)
    assert got.status_code == 200, got.text
    return got


def ring(left: float, top: float, side: float) -> dict[str, Any]:
    """A GeoJSON square of UTM metres, in degrees."""
    corners = [
        (left, top - side),
        (left + side, top - side),
        (left + side, top),
        (left, top),
        (left, top - side),
    ]
    coordinates = [list(to_degrees.transform(x, y)) for x, y in corners]
    return {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [coordinates]},
    }


def centres(left: float, top: float, pixel: float, height: int, width: int) -> tuple[Any, Any]:
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    return left + (columns + 0.5) * pixel, top - (rows + 0.5) * pixel


@pytest.mark.parametrize("name", ["ndvi", "ndmi"])
def test_a_preview_shows_where_all_bands_have_pixels(raster: Raster, name: str) -> None:
    """swir16 reaches further than the 10 m bands and has coarser pixels; the layer ends where nir ends."""
    got = get(raster, "/preview.npy", index=name)
    values, valid = numbers(got.content)
    assert got.headers["content-bbox"] == "500000.0,4997440.0,502560.0,5000000.0"
    assert "32632" in got.headers["content-crs"]
    assert values.shape == (1, 256, 256), "the pixels of the finest band"
    x, y = centres(500_000, 5_000_000, 10, 256, 256)
    expected, expected_valid, _ = index_values(raster.scenes["mixed"], name, x, y)
    np.testing.assert_array_equal(valid, expected_valid)
    np.testing.assert_allclose(values[0][valid], expected[valid], atol=1e-6)


def test_formulas_over_names_of_bands_and_constants(raster: Raster) -> None:
    values, valid = numbers(get(raster, "/preview.npy", index="ndvi").content)
    by_name = get(raster, "/preview.npy", expression="(nir - red) / (nir + red)").content
    np.testing.assert_array_equal(numbers(by_name)[0], values)
    np.testing.assert_array_equal(numbers(by_name)[1], valid)
    two = numbers(get(raster, "/preview.npy", expression="nir; nir - red").content)[0]
    assert two.shape == (2, *values.shape[1:])
    savi = get(raster, "/preview.npy", index="SAVI", constants="L:0.5").content
    red, nir = (two[0] - two[1]).astype(np.float64), two[0].astype(np.float64)
    expected = 1.5 * (nir - red) / (nir + red + 0.5)
    np.testing.assert_allclose(numbers(savi)[0][0][valid], expected[valid], atol=1e-5)
    found = get(raster, "/WebMercatorQuad/tilejson.json", expression="nir-red").json()
    assert "expression=nir-red" in found["tiles"][0]
    assert found["maxzoom"] == 13
    item = raster.item("mixed")
    for query, says in (
        ({"expression": "nir-blurple"}, "no band 'blurple'"),
        ({"index": "savi", "constants": "L:1e99"}, "number within"),
        ({"index": "nirvp"}, "needs constants=PAR:VALUE"),
    ):
        refused = raster.http.get(f"{item}/preview.npy", params=query)
        assert refused.status_code == 422
        assert says in refused.json()["detail"]


def test_a_preview_of_a_coarse_and_a_fine_asset_lines_up(raster: Raster) -> None:
    """What stacks by array index in TiTiler: two assets of other shape and extent."""
    values, valid = numbers(get(raster, "/preview.npy", assets=["nir", "swir16"]).content)
    bands = raster.scenes["mixed"].bands
    x, y = centres(500_000, 5_000_000, 10, 256, 256)
    for plane, name in zip(values, ("nir", "swir16"), strict=True):
        value, _ = bands[name].at(x, y)
        np.testing.assert_array_equal(plane[valid], np.round((value - OFFSET) / SCALE)[valid])


@pytest.mark.parametrize(
    ("path", "parameters", "shape"),
    [
        ("/preview.npy", {"max_size": 64}, (64, 64)),
        ("/preview/40x30.npy", {}, (30, 40)),
        ("/preview.npy", {"width": 50}, (50, 50)),
        ("/preview.npy", {"dst_crs": "EPSG:4326", "max_size": 100}, (71, 100)),
    ],
)
def test_sizes_of_a_preview(
    raster: Raster, path: str, parameters: dict[str, Any], shape: tuple[int, int]
) -> None:
    values, _ = numbers(get(raster, path, index="ndvi", **parameters).content)
    assert abs(np.subtract(values.shape[1:], shape)).max() <= 1


def test_a_preview_is_drawn_in_the_indexs_colours(raster: Raster) -> None:
    drawn = pixels(get(raster, "/preview.png", index="ndvi").content)
    assert 0 < (drawn[..., 3] == 0).mean() < 0.2
    assert len(np.unique(drawn[drawn[..., 3] > 0][:, :3], axis=0)) > 100


def test_a_box_in_the_crs_of_the_scene_is_exact(raster: Raster) -> None:
    got = get(
        raster, "/bbox/500500,4998000,501500,4999000.tif", index="ndmi", coord_crs=UTM, dst_crs=UTM
    )
    x, y = centres(500_500, 4_999_000, 10, 100, 100)
    expected, expected_valid, _ = index_values(raster.scenes["mixed"], "ndmi", x, y)
    with MemoryFile(got.content) as file, file.open() as dataset:
        assert dataset.shape == (100, 100)
        assert tuple(dataset.bounds) == (500_500, 4_998_000, 501_500, 4_999_000)
        np.testing.assert_array_equal(dataset.dataset_mask() > 0, expected_valid)
        np.testing.assert_allclose(
            dataset.read(1)[expected_valid], expected[expected_valid], atol=1e-6
        )


def test_a_box_in_degrees_with_a_size(raster: Raster) -> None:
    path = "/bbox/" + ",".join(f"{edge:.6f}" for edge in INSIDE)
    assert numbers(get(raster, f"{path}/32x16.npy", index="ndvi").content)[0].shape == (1, 16, 32)
    assert (
        max(numbers(get(raster, f"{path}.npy", index="ndvi", max_size=20).content)[0].shape) == 20
    )
    assert get(raster, f"{path}.png", index="ndvi").headers["content-type"] == "image/png"


def test_a_feature_is_cut_out(raster: Raster) -> None:
    shape = ring(500_900, 4_999_100, 300)
    shape["geometry"]["coordinates"][0].pop(2)  # a triangle
    got = raster.http.post(
        f"{raster.item('mixed')}/feature.npy", params={"index": "ndvi", "dst_crs": UTM}, json=shape
    )
    assert got.status_code == 200, got.text
    values, valid = numbers(got.content)
    assert values.shape[1:] in {(30, 30), (31, 31), (30, 31), (31, 30)}
    assert 0.4 < valid.mean() < 0.65
    for path in ("/feature", "/feature.png", "/feature/20x10.png"):
        got = raster.http.post(
            f"{raster.item('mixed')}{path}", params={"index": "ndvi"}, json=shape
        )
        assert got.status_code == 200
    assert pixels(got.content).shape == (10, 20, 4)


def test_statistics_equal_numpy(raster: Raster) -> None:
    x, y = centres(500_000, 5_000_000, 10, 256, 256)
    expected, valid, _ = index_values(raster.scenes["mixed"], "ndvi", x, y)
    found = get(
        raster, "/statistics", index="ndvi", histogram_bins="4", histogram_range="-1,1", p=[5, 50]
    ).json()["b1"]
    assert found["description"] == "ndvi"
    assert found["valid_pixels"] == valid.sum()
    for name, value in {
        "min": expected[valid].min(),
        "max": expected[valid].max(),
        "mean": expected[valid].mean(),
        "std": expected[valid].std(),
        "percentile_5": np.percentile(expected[valid], 5),
        "percentile_50": np.median(expected[valid]),
    }.items():
        # rio-tiler interpolates percentiles in its own way.
        assert found[name] == pytest.approx(value, abs=1e-3 if "percentile" in name else 1e-5), name
    assert found["histogram"][0] == np.histogram(expected[valid], 4, (-1, 1))[0].tolist()


def test_statistics_of_assets(raster: Raster) -> None:
    merged = get(raster, "/statistics", assets=["red", "swir16"]).json()
    assert [merged[band]["description"] for band in ("b1", "b2")] == ["red_b1", "swir16_b1"]
    each = get(raster, "/asset_statistics", assets=["swir16"]).json()
    assert each["swir16"]["b1"]["valid_pixels"] == 160 * 160
    everything = get(raster, "/asset_statistics", assets=":all:").json()
    assert set(everything) == set(raster.scenes["mixed"].bands)


def test_statistics_of_features(raster: Raster) -> None:
    inside, empty = ring(501_000, 4_999_000, 200), ring(500_050, 4_999_980, 60)
    body = {"type": "FeatureCollection", "features": [inside]}
    for sent in (inside, body):
        got = raster.http.post(
            f"{raster.item('mixed')}/statistics",
            params={"index": "ndmi", "dst_crs": UTM},
            json=sent,
        )
        assert got.status_code == 200, got.text
        feature = got.json() if sent is inside else got.json()["features"][0]
        statistics = feature["properties"]["statistics"]["b1"]
        assert 380 <= statistics["valid_pixels"] <= 484
        assert -1 <= statistics["mean"] <= 1
    got = raster.http.post(
        f"{raster.item('mixed')}/statistics", params={"index": "ndvi"}, json=empty
    )
    statistics = got.json()["properties"]["statistics"]["b1"]
    assert (statistics["valid_pixels"], statistics.get("mean")) == (0, None), "all without data"


def test_points(raster: Raster) -> None:
    lon, lat = to_degrees.transform(501_234, 4_998_765)
    bands = raster.scenes["mixed"].bands
    red, nir = (int(bands[name].dn[123, 123]) for name in ("red", "nir"))
    assert get(raster, f"/point/{lon},{lat}", assets=["red", "nir"]).json()["values"] == [red, nir]
    unscaled = get(raster, f"/point/{lon},{lat}", assets="red", unscale=True).json()["values"][0]
    assert unscaled == pytest.approx(red * SCALE + OFFSET, abs=1e-6)
    twice = get(raster, f"/point/{lon},{lat}", assets=["red", "red"], expression="b1-b2").json()
    assert twice["values"] == [0]
    lon, lat = to_degrees.transform(500_100, 4_999_900)
    assert get(raster, f"/point/{lon},{lat}", index="ndvi").json()["values"] == [None], "no data"


def test_two_bands_of_one_file_at_a_point(raster: Raster) -> None:
    lon, lat = to_degrees.transform(499_505, 4_999_995)
    got = raster.http.get(
        f"{raster.item('stack')}/point/{lon},{lat}",
        params={"assets": ["data|bidx=4", "data|bidx=3"]},
    )
    nir, red = (int(raster.scenes["stack"].bands[name].dn[50, 50]) for name in ("nir", "red"))
    assert got.json()["values"] == [nir, red]


def test_descriptions(raster: Raster) -> None:
    assert set(get(raster, "/assets").json()) == set(raster.scenes["mixed"].bands)
    assert raster.http.get(f"{raster.item('stack')}/assets").json() == ["data"], (
        "a thumbnail is no imagery"
    )
    info = get(raster, "/info", assets=["nir", "swir16"]).json()
    assert (info["nir"]["width"], info["swir16"]["width"]) == (256, 160)
    assert get(raster, "/info.geojson", assets=":all:").json()["type"] == "Feature"
    assert (
        str(raster.scenes["mixed"].stac["assets"]["nir"]["href"])
        not in get(raster, "/info", assets="nir").text
    )


def test_a_tilejson_tells_where_and_how_far(raster: Raster) -> None:
    found = get(raster, "/WebMercatorQuad/tilejson.json", index="ndmi", tile_format="png").json()
    assert (found["minzoom"], found["maxzoom"]) == (10, 13)
    west, south, east, north = bbox(500_000, 5_000_000, 2560, 2560)
    assert found["bounds"] == pytest.approx([west, south, east, north], abs=1e-6), (
        "of the layer: nir ends before swir16"
    )
    assert found["attribution"] == "Contains modified Copernicus Sentinel data 2024"
    assert found["name"] == "ndmi of raster-scenes/mixed"
    assert found["tiles"][0].endswith(".png?index=ndmi&tilesize=512")
    alone = get(raster, "/WebMercatorQuad/tilejson.json", assets="swir16").json()
    assert alone["bounds"] == pytest.approx(bbox(499_600, 5_000_400, 3200, 3200), abs=1e-6)
    tile = found["tiles"][0].format(z=13, x=4300, y=2931)
    assert pixels(raster.http.get(tile).content).shape == (512, 512, 4)


def test_a_tilejson_of_an_item_without_projection_metadata_asks_the_file(raster: Raster) -> None:
    found = raster.http.get(
        f"{raster.item('only-red')}/WebMercatorQuad/tilejson.json", params={"assets": "red"}
    ).json()
    assert found["bounds"] == pytest.approx(bbox(520_000, 5_000_000, 640, 640), abs=1e-6)
    assert found["maxzoom"] == 13


def test_indices_that_fit_and_those_that_do_not(raster: Raster) -> None:
    found = {each["name"]: each for each in get(raster, "/indices").json()["indices"]}
    assert found["ndmi"]["supported"]
    assert {read["asset"] for read in found["ndmi"]["plan"]["reads"]} == {"nir", "swir16"}
    found = {
        each["name"]: each
        for each in raster.http.get(f"{raster.item('only-red')}/indices").json()["indices"]
    }
    assert not found["ndvi"]["supported"]
    assert found["ndvi"]["missing"] == ["nir or nir08"]
    everywhere = raster.http.get("/indices").json()["indices"]
    assert [each["name"] for each in everywhere][:4] == ["ndvi", "ndwi", "ndmi", "mndwi"]
    assert len(everywhere) == 280
    radar = raster.http.get("/indices", params={"domain": "radar", "q": "ratio"}).json()["indices"]
    assert {each["domain"] for each in radar} == {"radar"}
    assert 0 < len(radar) < 13
    drawable = get(raster, "/indices", supported=True).json()["indices"]
    assert {"ndvi", "savi"} <= {each["name"] for each in drawable}
    assert all(each["supported"] for each in drawable)


def test_legends(raster: Raster) -> None:
    for place in (raster.item("mixed"), raster.collection, ""):
        picture = raster.http.get(f"{place}/legend", params={"index": "ndvi"})
        assert picture.headers["content-type"] == "image/png"
        assert pixels(picture.content).shape[1] == 320
        for asked in (
            {"params": {"index": "NDVI", "f": "json"}},
            {"params": {"index": "ndvi"}, "headers": {"accept": "application/json"}},
        ):
            found = raster.http.get(f"{place}/legend", **asked).json()  # type: ignore[arg-type]
            assert (found["rescale"], found["colormap"]) == ([-0.2, 0.9], "rdylgn")
    found = get(
        raster, "/legend", index="ndvi", rescale="0,1", colormap_name="viridis", f="json"
    ).json()
    assert (found["rescale"], found["colormap"]) == ([0, 1], "viridis")
    bands = get(
        raster, "/legend", assets="red", colormap_name="gray", rescale="0,3000", f="json"
    ).json()
    assert bands["rescale"] == [0, 3000]


@pytest.mark.filterwarnings("ignore::UserWarning:pyproj", "ignore:You will likely lose:UserWarning")
def test_lists_of_tilesets(raster: Raster) -> None:
    assert len(get(raster, "/tiles").json()["tilesets"]) >= 13
    one = get(raster, "/tiles/WebMercatorQuad", index="ndmi").json()
    assert [limit["tileMatrix"] for limit in one["tileMatrixSetLimits"]] == ["10", "11", "12", "13"]
    assert one["boundingBox"]["lowerLeft"] == pytest.approx([9.0, 45.130428], abs=1e-5)
