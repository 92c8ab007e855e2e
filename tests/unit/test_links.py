"""Links, layers and hrefs of served items, and the way back."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.catalog.layers import OfferedLayer, offered_layers
from eotiles.catalog.links import (
    LEGEND,
    MOST_LAYERS,
    WEB_MAP_LINKS,
    Additions,
    link_collection,
    link_item,
)
from eotiles.catalog.restore import restore_collection, restore_item
from eotiles.catalog.site import Site, published_href, stored_href
from eotiles.core.errors import HrefRefused
from eotiles.core.index import INDICES, PRESETS
from tests import builders

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
FOLDER = "/srv/eotiles/assets"
SITE = Site(
    root="https://maps.example.org/eo",
    stac="https://maps.example.org/eo/stac",
    raster="https://maps.example.org/eo/raster",
    assets="https://maps.example.org/eo/assets",
    folder=FOLDER,
)


def band(common_name: str | None = None, **more: Any) -> dict[str, Any]:
    named = {} if common_name is None else {"eo:common_name": common_name}
    return {"data_type": "uint16", "raster:scale": 0.0001, **named, **more}


def asset(key: str, *bands: dict[str, Any], roles: tuple[str, ...] = ("data",)) -> dict[str, Any]:
    return {
        "href": f"{FOLDER}/imagery/scene/{key}.tif",
        "type": COG,
        "roles": list(roles),
        "bands": list(bands),
    }


def scene(**assets: dict[str, Any]) -> dict[str, Any]:
    return builders.item("scene", assets=assets)


COLOURS = {"B02": "blue", "B03": "green", "B04": "red"}
SENTINEL = scene(
    B02=asset("B02", band("blue")),
    B03=asset("B03", band("green")),
    B04=asset("B04", band("red")),
    B08=asset("B08", band("nir")),
    B11=asset("B11", band("swir16")),
)


def layers(item: dict[str, Any], renders: dict[str, Any] | None = None) -> tuple[OfferedLayer, ...]:
    return offered_layers(item["assets"], renders=renders or {}, properties=item["properties"])


def tilejsons(thing: dict[str, Any]) -> list[dict[str, Any]]:
    return [link for link in thing["links"] if link["rel"] == "tilejson"]


class TestLayers:
    def test_true_colour_comes_first_then_the_indices_that_the_bands_allow(self) -> None:
        assert [layer.name for layer in layers(SENTINEL)] == ["true-colour", *PRESETS]
        without_swir = scene(
            **{key: SENTINEL["assets"][key] for key in ("B02", "B03", "B04", "B08")}
        )
        assert [layer.name for layer in layers(without_swir)] == ["true-colour", "ndvi", "ndwi"]

    def test_true_colour_of_reflectance_is_on_one_scale_of_physical_values(self) -> None:
        assert layers(SENTINEL)[0].query == (
            ("assets", "B04"),
            ("assets", "B03"),
            ("assets", "B02"),
            ("unscale", "true"),
            ("rescale", "0,0.3"),
        )

    def test_bands_of_one_file_go_into_one_parameter(self) -> None:
        file = asset("data", band("blue"), band("green"), band("red"), band("nir"))
        assert layers(scene(data=file))[0].query[0] == ("assets", "data|bidx=3,2,1")

    def test_bytes_are_drawn_as_they_are(self) -> None:
        colours = [
            band(name, data_type="uint8", **{"raster:scale": 1})
            for name in ("red", "green", "blue")
        ]
        assert layers(scene(image=asset("image", *colours)))[0].query == (
            ("assets", "image|bidx=1,2,3"),
        )

    def test_unscaled_numbers_are_stretched_by_their_statistics_on_one_range(self) -> None:
        def counted(name: str, mean: float) -> dict[str, Any]:
            statistics = {"minimum": 0, "maximum": 4000, "mean": mean, "stddev": 100}
            return band(name, statistics=statistics, **{"raster:scale": 1})

        item = scene(x=asset("x", counted("red", 500), counted("green", 600), counted("blue", 700)))
        assert ("rescale", "300,900") in layers(item)[0].query

    def test_ready_made_colour_is_preferred_but_feeds_no_index(self) -> None:
        eight_bits = [band(name, data_type="uint8") for name in ("red", "green", "blue")]
        item = scene(
            visual=asset("visual", *eight_bits, roles=("visual",)), B08=asset("B08", band("nir"))
        )
        assert layers(item)[0].query[0] == ("assets", "visual|bidx=1,2,3")
        assert [layer.name for layer in layers(item)] == ["true-colour"]

    def test_finest_band_is_taken_for_colour(self) -> None:
        item = scene(**SENTINEL["assets"], red60=asset("red60", band("red", gsd=60)))
        item["assets"]["B04"] = asset("B04", band("red", gsd=10))
        assert layers(item)[0].query[0] == ("assets", "B04")

    def test_anything_drawable_offers_one_layer(self) -> None:
        statistics = {"minimum": -30.0, "maximum": 5.0, "mean": -12.0, "stddev": 4.0}
        radar = scene(
            vv=asset("vv", band(data_type="float32", statistics=statistics, **{"raster:scale": 1}))
        )
        assert [layer.query for layer in layers(radar)] == [
            (("assets", "vv"), ("rescale", "-20,-4"))
        ]

    @pytest.mark.parametrize(
        "assets",
        [
            {},
            {"text": {"href": "https://example.org/a.xml", "type": "application/xml"}},
            {
                "thumbnail": {
                    "href": "https://example.org/a.tif",
                    "type": COG,
                    "roles": ["thumbnail"],
                }
            },
            {"odd": "no asset"},
        ],
    )
    def test_nothing_drawable_offers_nothing(self, assets: dict[str, Any]) -> None:
        assert layers(scene(**assets)) == ()

    def test_stac_1_0_bands_are_understood(self) -> None:
        old = {
            key: {
                "href": f"https://example.org/{key}.tif",
                "type": "image/tiff",
                "eo:bands": [{"name": key, "common_name": common_name}],
                "raster:bands": [{"scale": 0.0001, "data_type": "uint16"}],
            }
            for key, common_name in (("B4", "red"), ("B3", "green"), ("B2", "blue"), ("B8", "nir"))
        }
        assert [layer.name for layer in layers(scene(**old))] == ["true-colour", "ndvi", "ndwi"]


RENDERS = {
    "mndwi": {
        "assets": ["B03", "B11"],
        "index": "mndwi",
        "rescale": [[-0.5, 0.5]],
        "colormap_name": "blues",
    },
    "ndvi": {
        "title": "Vegetation",
        "assets": ["B08", "B04"],
        "index": "ndvi",
        "rescale": [list(INDICES["ndvi"].rescale)],
        "colormap_name": INDICES["ndvi"].colormap,
    },
    "false-colour": {
        "title": "False colour",
        "assets": ["B08", "B04", "B03"],
        "rescale": [[0, 1], [0, 2], [0, 3]],
    },
    "true-colour": {
        "assets": ["B04", "B03", "B02"],
        "rescale": [[0.02, 0.25]] * 3,
        "unscale": True,
    },
}


class TestKinds:
    """Layers of single bands, without a word about how to draw them."""

    def test_classes_have_their_colours_and_a_short_address(self) -> None:
        classes = [{"value": 1, "title": "Water", "color_hint": "0000FF"}]
        item = scene(map=asset("map", band(**{"classification:classes": classes})))
        (layer,) = layers(item)
        assert layer.query == (("assets", "map"), ("colormap", '{"1":[0,0,255,255]}'))
        assert layer.address == (("render", "map"),)
        assert layer.has_legend
        served = link_item(SITE, item, renders={})
        assert "colormap" not in served["assets"]["thumbnail"]["href"]

    @pytest.mark.parametrize(
        ("described", "query"),
        [
            ({"unit": "m"}, {"rescale": "0,3000", "colormap_name": "terrain"}),
            ({"eotiles:domain": "db"}, {"rescale": "-25,0"}),
            ({"unit": "K"}, {"rescale": "270,320", "colormap_name": "inferno"}),
            ({}, {"rescale": "auto"}),
            ({"data_type": "uint8"}, {}),
            ({"eotiles:percentiles": {"2": 5, "98": 25}}, {"rescale": "5,25"}),
        ],
    )
    def test_numbers_by_what_they_are(self, described: Any, query: dict[str, str]) -> None:
        plain = {"data_type": "float32", "raster:scale": 1}
        item = scene(x=asset("x", {**plain, **described}))
        assert dict(layers(item)[0].query) == {"assets": "x", **query}

    def test_each_polarisation_is_a_layer(self) -> None:
        sar = {"data_type": "float32", "raster:scale": 1, "eotiles:domain": "db"}
        item = scene(data=asset("data", {"name": "VV", **sar}, {"name": "VH", **sar}))
        assert [layer.name for layer in layers(item)] == ["VV", "VH"]
        assert [layer.title for layer in layers(item)] == ["VV", "VH"]
        item["assets"]["data"]["title"] = "VV, VH"
        assert [layer.title for layer in layers(item)] == ["VV", "VH"], "not 'VV, VH: VV'"
        item["assets"]["data"]["title"] = "Radar, calibrated"
        assert layers(item)[0].title == "Radar, calibrated: VV"
        assert layers(item)[1].query[0] == ("assets", "data|bidx=2")

    def test_a_mask_is_not_what_a_scene_looks_like(self) -> None:
        item = scene(
            qa=asset("qa", {"name": "QA", "raster:scale": 1}),
            height=asset("height", {"name": "height", "unit": "m", "raster:scale": 1}),
        )
        assert [layer.name for layer in layers(item)] == ["height"]


class TestRenders:
    def test_they_take_the_place_of_what_would_be_found(self) -> None:
        found = layers(SENTINEL, RENDERS)
        # The order of a JSON object is lost in the database, so it does not count.
        assert [layer.name for layer in found] == ["true-colour", "false-colour", "ndvi", "mndwi"]
        assert [layer.render for layer in found] == [layer.name for layer in found]

    def test_they_become_parameters_of_the_raster_api(self) -> None:
        queries = {layer.name: layer.query for layer in layers(SENTINEL, RENDERS)}
        colours = (("assets", "B04"), ("assets", "B03"), ("assets", "B02"))
        assert queries["true-colour"] == (*colours, ("unscale", "true"), ("rescale", "0.02,0.25"))
        assert queries["false-colour"][3:] == (
            ("rescale", "0,1"),
            ("rescale", "0,2"),
            ("rescale", "0,3"),
        )
        assert queries["ndvi"] == (("index", "ndvi"),), "its own range and colours need no mention"
        assert queries["mndwi"] == (
            ("index", "mndwi"),
            ("rescale", "-0.5,0.5"),
            ("colormap_name", "blues"),
        )

    def test_an_index_is_named_in_its_title(self) -> None:
        titles = {layer.name: layer.title for layer in layers(SENTINEL, RENDERS)}
        assert titles["ndvi"] == "NDVI: Vegetation"

    def test_one_that_needs_other_assets_is_left_out(self) -> None:
        item = scene(B04=asset("B04", band("red")), B08=asset("B08", band("nir")))
        assert [layer.name for layer in layers(item, RENDERS)] == ["ndvi"]

    def test_an_index_whose_bands_are_missing_is_left_out(self) -> None:
        """One file of each scene in a collection of two sensors: the asset is there, the band is not."""
        renders = {name: {"assets": ["data"], "index": name} for name in PRESETS}
        camera = scene(data=asset("data", band("red"), band("green"), band("blue"), band("nir")))
        assert [layer.name for layer in layers(camera, renders)] == ["true-colour", "ndvi", "ndwi"]

    def test_one_that_needs_more_bands_than_the_file_has_is_left_out(self) -> None:
        """Colours and the panchromatic band of one sensor in a collection, both in an asset called data."""
        renders = {
            "true-colour": {"assets": ["data|bidx=3,2,1"], "rescale": [[0, 1]]},
            "quality": {"assets": ["data|bidx=4"]},
            "first": {"assets": ["data|bidx=1"]},
        }
        pan = scene(data=asset("data", band("pan")))
        assert [layer.name for layer in layers(pan, renders)] == ["first"]
        untold = scene(data={"href": "data.tif", "type": "image/tiff; application=geotiff"})
        assert len(layers(untold, renders)) == 3, "nothing speaks against them"

    @pytest.mark.parametrize("numbers", ["9" * 900, ",", "1,,2", "x"])
    def test_numbers_of_bands_that_are_none_are_for_the_raster_api_to_refuse(
        self, numbers: str
    ) -> None:
        renders = {"true-colour": {"assets": [f"B04|bidx={numbers}"]}}
        assert [layer.name for layer in layers(SENTINEL, renders)] == ["true-colour"]

    def test_true_colour_made_for_another_order_of_bands_is_not_used(self) -> None:
        renders = {"true-colour": {"assets": ["data|bidx=4,3,2"], "rescale": [[0, 3000]]}}
        sentinel = scene(
            data=asset("data", band("coastal"), band("blue"), band("green"), band("red"))
        )
        camera = scene(data=asset("data", band("red"), band("green"), band("blue"), band("nir")))
        unnamed = scene(data=asset("data", band(), band(), band(), band()))
        assert layers(sentinel, renders)[0].query[0] == ("assets", "data|bidx=4,3,2")
        assert layers(camera, renders)[0].query[0] == ("assets", "data|bidx=1,2,3")
        assert layers(unnamed, renders)[0].query[0] == ("assets", "data|bidx=4,3,2"), (
            "nothing speaks against it"
        )

    def test_true_colour_is_added_where_they_have_none(self) -> None:
        only_ndvi = {"ndvi": RENDERS["ndvi"]}
        assert [layer.name for layer in layers(SENTINEL, only_ndvi)] == ["true-colour", "ndvi"]

    @pytest.mark.parametrize(
        "junk",
        [
            None,
            5,
            "x",
            [],
            {},
            {"assets": "B04"},
            {"assets": []},
            {"index": "ndvi"},
            {"assets": ["B99"]},
        ],
    )
    def test_junk_is_left_out(self, junk: Any) -> None:
        assert layers(SENTINEL, {"junk": junk})[0].name == "true-colour"
        assert "junk" not in [layer.name for layer in layers(SENTINEL, {"junk": junk})]

    def test_an_expression_and_a_colormap_are_passed_on(self) -> None:
        render = {
            "assets": ["B08"],
            "expression": "b1+1",
            "colormap": {"1": [0, 0, 0, 255]},
            "nodata": 0,
        }
        query = dict(layers(SENTINEL, {"x": render})[-1].query)
        assert (query["expression"], query["nodata"], query["colormap"]) == (
            "b1+1",
            "0",
            '{"1":[0,0,0,255]}',
        )


class TestItem:
    def test_a_layer_is_a_tilejson_of_the_raster_api(self) -> None:
        first, second, *_ = tilejsons(link_item(SITE, SENTINEL, renders={}))
        path = "/eo/raster/collections/imagery/items/scene/WebMercatorQuad/tilejson.json"
        assert urlsplit(first["href"]).path == urlsplit(second["href"]).path == path
        assert parse_qsl(urlsplit(second["href"]).query) == [("index", "ndvi")]
        assert (first["title"], first["type"]) == ("True colour", "application/json")
        assert second["title"] == "NDVI: Normalized Difference Vegetation Index"

    def test_it_says_that_it_uses_the_extension(self) -> None:
        assert link_item(SITE, SENTINEL, renders={})["stac_extensions"] == [WEB_MAP_LINKS]
        assert link_item(SITE, scene(), renders={})["stac_extensions"] == []

    def test_at_most_twelve_layers_and_one_link_to_the_rest(self) -> None:
        renders = {f"r{number}": {"assets": ["B04"], "title": str(number)} for number in range(40)}
        served = link_item(SITE, SENTINEL, renders=renders)
        assert len(tilejsons(served)) == MOST_LAYERS == 12
        (rest,) = [link for link in served["links"] if link["rel"] == "related"]
        assert rest["href"] == f"{SITE.raster}/collections/imagery/items/scene/indices"

    def test_the_collections_word_on_digital_numbers_counts(self) -> None:
        plain = scene(
            **{key: asset(key, {"eo:common_name": name}) for key, name in COLOURS.items()}
        )
        scaled = link_item(SITE, plain, renders={}, override={"scale": 0.0001, "offset": -0.1})
        assert "unscale=true" in tilejsons(scaled)[0]["href"]
        assert "unscale" not in tilejsons(link_item(SITE, plain, renders={}))[0]["href"]
        assert scaled["properties"] == plain["properties"], "it is not the item's own"

    def test_the_map_shows_it(self) -> None:
        (link,) = [
            link
            for link in link_item(SITE, SENTINEL, renders={})["links"]
            if link["rel"] == "alternate"
        ]
        assert link["href"] == "https://maps.example.org/eo/?collection=imagery&item=scene"
        assert (link["type"], link["title"]) == ("text/html", "View on the map")

    def test_a_thumbnail_is_drawn_where_there_is_none(self) -> None:
        thumbnail = link_item(SITE, SENTINEL, renders={})["assets"]["thumbnail"]
        assert thumbnail["roles"] == ["thumbnail"]
        assert thumbnail["type"] == "image/png"
        assert thumbnail["href"].startswith(
            f"{SITE.raster}/collections/imagery/items/scene/preview.png?assets=B04&"
        )
        assert thumbnail["href"].endswith("&max_size=512")

    @pytest.mark.parametrize("role", ["thumbnail", "overview"])
    def test_a_picture_of_its_own_is_left_alone(self, role: str) -> None:
        picture = {"href": f"{FOLDER}/imagery/scene/t.png", "type": "image/png", "roles": [role]}
        served = link_item(SITE, scene(**SENTINEL["assets"], picture=picture), renders={})
        assert "thumbnail" not in served["assets"]
        assert served["assets"]["picture"]["href"] == f"{SITE.assets}/imagery/scene/t.png"

    def test_ids_are_encoded(self) -> None:
        odd = {**SENTINEL, "id": "a b/ü", "collection": "c d"}
        served = link_item(SITE, odd, renders={})
        assert "/collections/c%20d/items/a%20b%2F%C3%BC/" in tilejsons(served)[0]["href"]
        assert served["links"][-1]["href"].endswith("/?collection=c%20d&item=a%20b%2F%C3%BC")

    def test_its_own_renders_count_before_the_collections(self) -> None:
        own = copy.deepcopy(SENTINEL)
        own["properties"]["renders"] = {"x": {"assets": ["B08"], "title": "own"}}
        served = link_item(
            SITE, own, renders={"x": {"assets": ["B04"], "title": "the collection's"}}
        )
        assert [link["title"] for link in tilejsons(served)] == ["True colour", "own"]
        assert tilejsons(served)[1]["render"] == "x", "the render extension asks for it"

    def test_members_that_a_search_left_out_stay_out(self) -> None:
        bare = {"id": "scene", "collection": "imagery", "assets": SENTINEL["assets"]}
        nothing = Additions(links=False, assets=False, extensions=False, datetime=False)
        served = link_item(SITE, bare, renders={}, additions=nothing)
        assert set(served) == {"id", "collection", "assets"}
        assert "thumbnail" not in served["assets"]

    def test_without_an_id_no_link_can_be_made_but_no_path_is_told(self) -> None:
        served = link_item(SITE, {"assets": {"x": {"href": "/etc/x.tif"}}}, renders={})
        assert served == {"assets": {"x": {"href": f"{SITE.assets}/-/x/x.tif"}}}

    def test_an_interval_has_its_null_datetime_again(self) -> None:
        """pgSTAC stores no null, and without `datetime` an item is not valid."""
        interval = {
            "start_datetime": "2020-01-01T00:00:00Z",
            "end_datetime": "2020-02-01T00:00:00Z",
        }
        item = {**SENTINEL, "properties": interval}
        assert link_item(SITE, item, renders={})["properties"] == {**interval, "datetime": None}
        left_out = Additions(datetime=False)
        assert link_item(SITE, item, renders={}, additions=left_out)["properties"] == interval
        assert link_item(SITE, SENTINEL, renders={})["properties"] == SENTINEL["properties"]

    def test_the_stored_item_is_not_touched(self) -> None:
        before = copy.deepcopy(SENTINEL)
        link_item(SITE, SENTINEL, renders={})
        assert before == SENTINEL


class TestCollection:
    def test_its_layers_are_those_of_its_item_assets(self) -> None:
        described = builders.collection()
        described["item_assets"] = {
            key: {name: value for name, value in each.items() if name != "href"}
            for key, each in SENTINEL["assets"].items()
        }
        served = link_collection(SITE, described)
        assert len(tilejsons(served)) == 5
        path = "/eo/raster/collections/imagery/WebMercatorQuad/tilejson.json"
        assert urlsplit(tilejsons(served)[0]["href"]).path == path
        assert served["links"][-1]["href"] == "https://maps.example.org/eo/?collection=imagery"
        assert restore_collection(SITE, served, stored=described) == described

    def test_its_renders_are_named_in_links_that_stay_the_same_when_they_change(self) -> None:
        described = {**builders.collection(), "renders": RENDERS}
        served = link_collection(SITE, described)
        address = f"{SITE.raster}/collections/imagery"
        assert [link["href"].removeprefix(address) for link in tilejsons(served)] == [
            f"/WebMercatorQuad/tilejson.json?render={name}"
            for name in ("true-colour", "false-colour", "ndvi", "mndwi")
        ]
        legends = [link for link in served["links"] if link["rel"] == LEGEND]
        assert [link["href"].removeprefix(address) for link in legends] == [
            f"/legend?render={name}" for name in ("ndvi", "mndwi")
        ], "a picture has no legend"
        (wmts,) = [link for link in served["links"] if link["rel"] == "wmts"]
        assert wmts["wmts:layer"] == ["true-colour", "false-colour", "ndvi", "mndwi"]
        assert served["assets"]["thumbnail"]["href"] == f"{address}/preview.png?max_size=512"
        assert restore_collection(SITE, served, stored=described) == described
        served.pop("id")  # a copy of it under another name
        copied = restore_collection(SITE, {**served, "id": "imagery"}, stored=None)
        assert "thumbnail" not in copied.get("assets", {})
        assert not {"tilejson", "wmts", LEGEND} & {link["rel"] for link in copied["links"]}

    def test_a_picture_of_its_own_stays(self) -> None:
        own = {"href": "https://example.org/me.png", "type": "image/png", "roles": ["thumbnail"]}
        described = {**builders.collection(), "renders": RENDERS, "assets": {"thumbnail": own}}
        served = link_collection(SITE, described)
        assert served["assets"] == {"thumbnail": own}
        assert restore_collection(SITE, served, stored=described) == described

    def test_with_nothing_to_draw_it_has_no_picture(self) -> None:
        served = link_collection(SITE, builders.collection())
        assert "assets" not in served
        assert [link["rel"] for link in served["links"]] == ["alternate"]

    def test_without_item_assets_it_has_none(self) -> None:
        served = link_collection(SITE, builders.collection())
        assert tilejsons(served) == []
        assert served.get("stac_extensions", []) == []


class TestHrefs:
    @pytest.mark.parametrize(
        ("href", "published"),
        [
            (f"{FOLDER}/c/i/B 4.tif", f"{SITE.assets}/c/i/B%204.tif"),
            (f"file://{FOLDER}/c/i/B%204.tif", f"{SITE.assets}/c/i/B%204.tif"),
            ("/mnt/archive/secret/x y.tif", f"{SITE.assets}/-/c/i/key/x%20y.tif"),
            ("file:///mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            (f"{FOLDER}/../../etc/passwd", f"{SITE.assets}/-/c/i/key/passwd"),
            (f"{FOLDER}x/y.tif", f"{SITE.assets}/-/c/i/key/y.tif"),
            ("https://example.org/x.tif", "https://example.org/x.tif"),
            ("FILE:///mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("file://localhost/mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            (" /mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("//mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("vrt:///mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("zip+file:///mnt/x.zip!a.tif", f"{SITE.assets}/-/c/i/key/x.zip%21a.tif"),
            ("GTIFF_RAW:/mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("/vsizip//mnt/x.zip/a.tif", f"{SITE.assets}/-/c/i/key/a.tif"),
            ("C:\\mnt\\x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("<VRTDataset>/mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("http://[::1/mnt/x.tif", f"{SITE.assets}/-/c/i/key/x.tif"),
            ("s3://bucket/x.tif", "s3://bucket/x.tif"),
            ("zip+https://example.org/x.zip!a.tif", "zip+https://example.org/x.zip!a.tif"),
            ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA"),
            ("./x.tif", "./x.tif"),
            ("a/b:c.tif", "a/b:c.tif"),
        ],
    )
    def test_no_path_of_this_machine_is_told(self, href: str, published: str) -> None:
        assert published_href(SITE, href, owner=("c", "i"), key="key") == published

    @pytest.mark.parametrize(
        ("href", "stored"),
        [
            (f"{SITE.assets}/c/i/B%204.tif", f"{FOLDER}/c/i/B 4.tif"),
            (f"{SITE.assets}/-/c/i/key/x.tif", None),
            (f"{SITE.assets}/../../etc/passwd", None),
            (f"{SITE.assets}/%2e%2e/x", None),
            (f"{SITE.assets}//etc/passwd", None),
            ("https://example.org/x.tif", "https://example.org/x.tif"),
        ],
    )
    def test_the_way_back_stays_in_the_folder(self, href: str, stored: str | None) -> None:
        assert stored_href(SITE, href) == stored


class TestRestore:
    def test_a_new_item_copied_from_a_served_one_is_clean(self) -> None:
        served = link_item(SITE, SENTINEL, renders={})
        served["links"] += [
            {"rel": rel, "href": "https://x"} for rel in ("self", "root", "parent", "collection")
        ]
        restored = restore_item(SITE, served, stored=None)
        assert restored == SENTINEL

    def test_hosts_do_not_count(self) -> None:
        """Read from localhost, written to 127.0.0.1."""
        other = Site(
            **{**vars(SITE), "root": "http://localhost/eo", "raster": "http://localhost/eo/raster"}
        )
        served = link_item(other, SENTINEL, renders={})
        assert restore_item(SITE, served, stored=SENTINEL) == SENTINEL

    @pytest.mark.parametrize(
        "link",
        [
            {"rel": "alternate", "href": "https://example.org/scene.html"},
            {"rel": "related", "href": "https://example.org/indices"},
            {"rel": "tilejson", "href": "https://tiles.example.org/scene/tilejson.json"},
            {"rel": "xyz", "href": "https://tiles.example.org/{z}/{x}/{y}.png"},
            {"rel": "license", "href": "licence.html"},
            {"rel": "wmts", "href": "https://maps.example.org/wmts", "wmts:layer": "x"},
            {"rel": LEGEND, "href": "https://maps.example.org/legend.png"},
        ],
    )
    def test_links_of_others_stay(self, link: dict[str, str]) -> None:
        stored = {**SENTINEL, "links": [link]}
        is_map = link["rel"] in ("tilejson", "xyz", "wmts")
        stored["stac_extensions"] = [WEB_MAP_LINKS] if is_map else []
        assert restore_item(SITE, link_item(SITE, stored, renders={}), stored=stored) == stored

    def test_relative_links_become_relative_again(self) -> None:
        stored = {**SENTINEL, "links": [{"rel": "license", "href": "licence.html"}]}
        served = link_item(SITE, stored, renders={})
        for link in served["links"]:  # as the STAC API does
            if link["rel"] == "license":
                link["href"] = f"{SITE.stac}/licence.html"
        assert restore_item(SITE, served, stored=stored) == stored

    def test_files_elsewhere_on_this_machine_come_back(self) -> None:
        stored = scene(x={"href": "/mnt/archive/x.tif", "type": COG})
        served = link_item(SITE, stored, renders={})
        assert "/mnt" not in str(served)
        assert restore_item(SITE, served, stored=stored) == stored

    def test_nobody_can_claim_a_file_of_another_item(self) -> None:
        claim = scene(x={"href": f"{SITE.assets}/-/imagery/other/x/x.tif", "type": COG})
        with pytest.raises(HrefRefused, match="asset 'x'"):
            restore_item(SITE, claim, stored=None)

    def test_an_own_thumbnail_stays(self) -> None:
        picture = {"href": "https://example.org/t.png", "type": "image/png", "roles": ["thumbnail"]}
        stored = scene(**SENTINEL["assets"], thumbnail=picture)
        assert restore_item(SITE, link_item(SITE, stored, renders={}), stored=stored) == stored

    @given(
        names=st.lists(
            st.sampled_from(["red", "green", "blue", "nir", "swir16", "pan"]), max_size=6
        ),
        hrefs=st.lists(
            st.sampled_from(
                [
                    f"{FOLDER}/a/b c.tif",
                    "/mnt/x.tif",
                    "https://e.org/x.tif",
                    "s3://b/x.tif",
                    "file:///x.tif",
                ]
            ),
            min_size=6,
            max_size=6,
        ),
        links=st.lists(
            st.sampled_from(["license", "alternate", "related", "tilejson", "via"]).map(
                lambda rel: {"rel": rel, "href": f"https://example.org/{rel}"}
            ),
            max_size=4,
        ),
        absent=st.sets(st.sampled_from(["links", "assets", "stac_extensions"])),
    )
    def test_writing_back_what_was_served_changes_nothing(
        self, names: list[str], hrefs: list[str], links: list[dict[str, str]], absent: set[str]
    ) -> None:
        stored = scene(
            **{
                f"a{number}": {**asset("x", band(name)), "href": href}
                for number, (name, href) in enumerate(zip(names, hrefs, strict=False))
            }
        )
        stored["links"] = links
        stored = {name: value for name, value in stored.items() if name not in absent}
        served = link_item(SITE, copy.deepcopy(stored), renders={})
        assert restore_item(SITE, served, stored=stored) == stored
