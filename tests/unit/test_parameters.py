"""Bounds of parameters: what each class takes, and what it says about everything else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from rio_tiler.models import ImageData
from starlette.requests import Request

from eotiles.core.errors import BadParameter
from eotiles.http.titiler import parameters
from eotiles.http.titiler.limits import within_limits
from eotiles.http.titiler.parameters import Reading
from eotiles.http.titiler.paths import SearchParams
from eotiles.http.titiler.shapes import checked_box, checked_geometry
from eotiles.http.titiler.styling import algorithm_params, parse_colormap
from eotiles.read.grid import Size


def test_reading() -> None:
    def reading(**given: Any) -> Reading:
        found: Reading = parameters.ReadingParams(**given).as_dict()["reading"]
        return found

    assert reading() == Reading()
    assert reading(unscale=True, nodata=0) == Reading(nodata=0.0, physical=True)
    assert math.isnan(reading(nodata="nan").nodata or 0)
    assert reading(resampling_method="cubic").resampling == "cubic"
    assert reading(resampling_method="cubic", reproject_method="average").resampling == "average"


def test_sizes() -> None:
    assert parameters.PreviewParams().as_dict() == {"size": Size(max_px=1024)}
    assert parameters.PreviewParams(width=10).as_dict() == {"size": Size(width_px=10)}
    assert parameters.PartParams(max_size=64).as_dict() == {"size": Size(max_px=64)}


def test_a_scope_needs_no_layer() -> None:
    assert parameters.ScopeParams().as_dict() == {}
    assert parameters.ScopeParams(assets=[":all:"]).as_dict() == {}
    assert set(parameters.ScopeParams(index="ndvi").as_dict()) == {"scope"}


def test_every_asset_can_be_asked_for_in_between() -> None:
    layer = parameters.LayerParams(assets=[":all:"])
    layer.assets = ["red", "nir"]
    assert [choice.asset for choice in layer.as_dict()["layer"].assets] == ["red", "nir"]


def test_an_index_brings_its_style_unless_an_algorithm_makes_something_else_of_it() -> None:
    assert parameters.RenderParams(index="NDVI").as_dict() == {"index": "ndvi"}
    assert parameters.RenderParams(index="ndvi", algorithm="hillshade").as_dict() == {}


def test_only_a_palette_that_is_not_wanted_is_said() -> None:
    assert parameters.RenderParams(palette=True).as_dict() == {}
    assert parameters.RenderParams(palette=False).as_dict() == {"palette": False}


@pytest.mark.parametrize(
    "make",
    [
        lambda: parameters.ReadingParams(nodata="inf"),
        lambda: parameters.ReadingParams(nodata=-math.inf),
        lambda: parameters.ReadingParams(nodata=10**400),
        lambda: parameters.ReadingParams(resampling_method="gauss"),
        lambda: parameters.TileParams(buffer=0.3).as_dict(),
        lambda: parameters.TileParams(buffer=5000).as_dict(),
        lambda: parameters.TileParams(buffer=math.inf).as_dict(),
        lambda: parameters.TileParams(buffer=math.nan).as_dict(),
        lambda: parameters.PreviewParams(max_size=-5).as_dict(),
        lambda: parameters.PreviewParams(max_size=100_000).as_dict(),
        lambda: parameters.PreviewParams(width=0, height=-1).as_dict(),
        lambda: parameters.PartParams(width=10**9).as_dict(),
        lambda: parameters.StatisticsParams(percentiles=[500]),
        lambda: parameters.StatisticsParams(percentiles=[5] * 101),
        lambda: parameters.StatisticsParams(categories=[math.nan]),
        lambda: parameters.HistogramParams(bins="0"),
        lambda: parameters.HistogramParams(bins="100000000"),
        lambda: parameters.HistogramParams(bins="5,4,3"),
        lambda: parameters.HistogramParams(range="5,1"),
        lambda: parameters.RenderParams(rescale=["5,5"]),
        lambda: parameters.RenderParams(rescale=["nan,1"]),
        lambda: parameters.RenderParams(rescale=["0,inf"]),
        lambda: parameters.RenderParams(rescale=["1,0"]),
        lambda: parameters.RenderParams(rescale=["0,1"] * 101),
        lambda: parameters.AssetsParams(assets=["a"] * 101),
    ],
)
def test_out_of_bounds(make: Any) -> None:
    with pytest.raises(BadParameter):
        make()


@pytest.mark.parametrize(
    "text",
    [
        "[1,2]",
        "{}",
        "[]",
        "nonsense",
        '{"a": "#fff"}',
        '{"nan": "#fff"}',
        '{"1": "purplish"}',
        '{"1": [1,2,3,4,5]}',
        '{"1": [1,2,999]}',
        "[[[0, NaN], [1,2,3,4]]]",
        "[[[0, Infinity], [1,2,3,4]]]",
        "[[0, 1]]",
        "3",
        "null",
        "{" + ",".join(f'"{n}": "#fff"' for n in range(1025)) + "}",
        "[" * 5000,
        '{"1": null}',
        '{"1": [true,1,1,1]}',
    ],
)
def test_what_is_no_colormap(text: str) -> None:
    with pytest.raises(BadParameter, match="colormap"):
        parse_colormap(text)


def test_colormaps() -> None:
    assert parse_colormap('{"0": "#ff0000", "7": [1, 2, 3]}') == {
        0: (255, 0, 0, 255),
        7: (1, 2, 3, 255),
    }
    assert parse_colormap("[[[0, 0.5], [1, 2, 3, 4]]]") == [((0.0, 0.5), (1, 2, 3, 4))]


@pytest.mark.parametrize("given", ["[1]", "3", "{bad", '{"azimuth": 4000}', "[" * 2000])
def test_algorithm_parameters_that_cannot_be_read(given: str) -> None:
    with pytest.raises(BadParameter, match="hillshade"):
        algorithm_params("hillshade", given)


def test_an_algorithm_that_fails_says_so() -> None:
    made = algorithm_params("hillshade", '{"output_dtype": "no such type"}')
    assert made is not None
    with pytest.raises(BadParameter, match="'hillshade' cannot be applied"):
        made(ImageData(np.ones((1, 16, 16), np.float32)))


def request(query: str, **path: str) -> Request:
    return Request(
        {"type": "http", "query_string": query.encode(), "path_params": path, "headers": []}
    )


@pytest.mark.parametrize(
    "query",
    [
        "tilesize=20000",
        "tilesize=0",
        "tilesize=-256",
        "tilesize=256.0",
        "cover_scale=1000",
        "minzoom=31",
        "maxzoom=-1",
        "maxzoom=1000000000",
        "zooms=*::0,99",
        "zooms=*::5,2",
        "zooms=nonsense",
        "crs=+proj%3Dlonglat",
        "dst_crs=/etc/passwd",
        "coord_crs=GEOGCS[x]",
        "crs=EPSG:4326:0",
        "color_formula=" + "x" * 1025,
        "filter=" + "x" * 1025,
    ],
)
async def test_limits_of_titilers_own_parameters(query: str) -> None:
    with pytest.raises(BadParameter, match=query.split("=")[0]):
        await within_limits(request(query, tileMatrixSetId="WebMercatorQuad"))


@pytest.mark.parametrize("size", ["50000", "0", "-1", "x"])
async def test_a_colormaps_picture_has_a_size(size: str) -> None:
    with pytest.raises(BadParameter, match="width"):
        await within_limits(request(f"width={size}", colorMapId="viridis"))
    await within_limits(request("width=5000"))  # of a preview: its own bound counts


@pytest.mark.parametrize(
    "query",
    [
        "",
        "tilesize=256",
        "tilesize=1024",
        "cover_scale=10",
        "minzoom=0&maxzoom=24",
        "zooms=WebMercatorQuad::0,5",
        "crs=EPSG:4326",
        "crs=[EPSG:4326]",
        "dst_crs=http://www.opengis.net/def/crs/EPSG/0/3857",
        "coord_crs=urn:ogc:def:crs:OGC::CRS84",
        "unknown=1&unknown=2",
    ],
)
async def test_what_is_within_limits(query: str) -> None:
    await within_limits(request(query, tileMatrixSetId="WebMercatorQuad"))


def test_search_parameters() -> None:
    found = SearchParams(
        ids="a,b", bbox="1,2,3,4", datetime="2024-01-01T00:00:00Z/..", sortby="-datetime,+id,gsd",
        filter_expr="eo:cloud_cover < 10",
    ).search()  # fmt: skip
    assert found["ids"] == ["a", "b"]
    assert found["bbox"] == [1, 2, 3, 4]
    assert found["sortby"] == [
        {"field": "datetime", "direction": "desc"},
        {"field": "id", "direction": "asc"},
        {"field": "gsd", "direction": "asc"},
    ]
    assert found["filter"] == {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10.0]}
    assert SearchParams(query='{"gsd": {"lt": 20}}').search() == {"query": {"gsd": {"lt": 20}}}
    assert SearchParams().search() == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "1,2,3,nan"}, "bbox"),
        ({"bbox": "3,2,1,4"}, "bbox"),
        ({"bbox": "a,b,c,d"}, "bbox"),
        ({"bbox": "1,2,3,400"}, "bbox"),
        ({"sortby": "--"}, "sortby"),
        ({"sortby": ","}, "sortby"),
        ({"query": "[1]"}, "query"),
        ({"query": "{bad"}, "query"),
        ({"filter_expr": "bad (("}, "filter"),
        ({"filter_expr": "[]", "filter_lang": "cql2-json"}, "filter"),
        ({"filter_expr": "a = 1", "query": "{}"}, "not both"),
        ({"ids": ",".join("x" * 101)}, "ids"),
    ],
)
def test_search_parameters_that_cannot_be_read(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadParameter, match=says):
        SearchParams(**given).search()


@pytest.mark.parametrize(
    "box", [(0, 0, math.nan, 1), (0, 0, math.inf, 1), (1, 0, 0, 1), (0, 0, 0, 0)]
)
def test_boxes_that_hold_nothing(box: tuple[float, ...]) -> None:
    with pytest.raises(BadParameter):
        checked_box(box)


def square(**fields: Any) -> dict[str, Any]:
    ring = [[0, 0], [1, 0], [1, 1], [0, 0]]
    return {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    } | fields


@pytest.mark.parametrize(
    "shape",
    [
        square(geometry=None),
        square(geometry={"type": "Point", "coordinates": [0, 0]}),
        square(geometry={"type": "Polygon", "coordinates": []}),
        square(
            geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, math.nan], [1, 1], [0, 0]]]}
        ),
        square(geometry={"type": "Polygon", "coordinates": [[[0, 0]] * 20_000]}),
    ],
)
def test_features_that_cannot_be_cut_out(shape: dict[str, Any]) -> None:
    with pytest.raises(BadParameter):
        checked_geometry(shape)


def test_a_feature_and_its_geometry_are_the_same() -> None:
    assert checked_geometry(square()) == checked_geometry(square()["geometry"])
