"""Default layers and the collection's document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eotiles.ingest.collection import with_item
from eotiles.ingest.layers import NamedBand, colour_bands, renders, stretch
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.statistics import BandStatistics
from tests.builders import item

OPTIONS = IngestOptions(collection="imagery")


def band(
    name: str | None,
    *,
    asset: str | None = None,
    index: int = 1,
    low: float = 0.0,
    high: float = 10_000.0,
) -> NamedBand:
    sample = np.linspace(low, high, 101)
    statistics = BandStatistics(low, high, sample.mean(), sample.std(), 101, 101, sample)
    return NamedBand(
        asset or name or "x", index, name or "b1", name, 0.0001, 0.0, "toa_reflectance", statistics
    )


SENTINEL = [band(name) for name in ("blue", "green", "red", "nir", "swir16", "swir22")]


def test_true_colour_of_the_ground_has_one_range_of_physical_values() -> None:
    colours = [
        replace(band(name, high=high), domain="reflectance")
        for name, high in (("red", 2000), ("green", 1000), ("blue", 1000))
    ]
    together = np.concatenate([colour.statistics.sample for colour in colours]) * 0.0001
    low, high = np.percentile(together, (2, 98))
    layer = renders(colours)["true-colour"]
    assert layer["assets"] == ["red", "green", "blue"]
    assert layer["rescale"] == [[pytest.approx(low, rel=1e-3), pytest.approx(high, rel=1e-3)]] * 3
    assert layer["unscale"] is True
    assert layer["rescale"][0][1] < 0.2


def test_the_indices_that_the_bands_allow() -> None:
    layers = renders(SENTINEL)
    assert list(layers) == ["true-colour", "ndvi", "ndwi", "ndmi", "mndwi"]
    assert layers["ndmi"]["assets"] == ["nir", "swir16"]
    assert layers["ndmi"]["index"] == "ndmi"
    assert "unscale" not in layers["ndmi"]
    assert list(renders([band("red"), band("nir08")])) == ["ndvi"]
    assert list(renders([band("green"), band("swir16")])) == ["mndwi"]


def test_nir_is_preferred_to_narrow_nir() -> None:
    assert renders([band("nir08"), band("red"), band("nir")])["ndvi"]["assets"] == ["nir", "red"]


def test_bands_of_one_file_are_chosen_by_number() -> None:
    bands = [
        band(name, asset="data", index=index)
        for index, name in enumerate(("blue", "green", "red", "nir"), start=1)
    ]
    layers = renders(bands)
    assert layers["true-colour"]["assets"] == ["data|bidx=3,2,1"]
    assert layers["ndvi"]["assets"] == ["data"]


def test_without_colours_or_indices_one_band_is_drawn() -> None:
    radar = [replace(band(None, asset="VV"), name="VV", scale=1.0, domain="db")]
    layers = renders(radar)
    assert list(layers) == ["grey"]
    assert layers["grey"]["assets"] == ["VV"]
    assert "unscale" not in layers["grey"]


def test_the_only_band_is_called_like_the_collection_unless_it_has_a_name() -> None:
    only = replace(band(None), name="b1")
    assert renders([only], title="Land cover")["grey"]["title"] == "Land cover"
    assert renders([only])["grey"]["title"] == "b1"
    assert renders([replace(only, name="VV")], title="Radar")["grey"]["title"] == "VV"
    two = [only, replace(only, name="b2", index=2)]
    assert renders(two, title="Levels")["grey"]["title"] == "b1"


def test_labels_are_not_what_a_scene_looks_like() -> None:
    labels = replace(band(None, asset="SCL"), name="SCL")
    assert colour_bands([labels, band("pan")])[0].name == "pan"
    assert colour_bands([labels]) == (labels,)


def test_display_values_keep_their_range() -> None:
    photo = [replace(band(name), scale=1.0, domain="display") for name in ("red", "green", "blue")]
    assert stretch(photo) == [(0.0, 255.0)] * 3


def test_haze_is_taken_off_band_by_band_and_the_ground_keeps_its_colours() -> None:
    hazy = [band("red", low=500, high=1500), band("blue", low=1000, high=1500)]
    above = stretch([replace(each, domain="toa_reflectance") for each in hazy])
    ground = stretch([replace(each, domain="reflectance") for each in hazy])
    assert above[0][0] < above[1][0]
    assert ground[0] == ground[1]
    assert ground[0][0] < 0.1
    assert ground[0][1] > 0.14


def test_a_flat_scene_has_a_range_too() -> None:
    ((low, high),) = stretch([band("pan", low=500, high=500)])
    assert low == pytest.approx(0.05)
    assert high > low


def asset(name: str, common: str) -> dict[str, Any]:
    return {
        "href": f"/data/{name}.tif",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "title": common,
        "file:size": 7,
        "bands": [{"name": name, "eo:common_name": common, "statistics": {"minimum": 1}}],
    }


def test_a_new_collection() -> None:
    options = IngestOptions(
        collection="imagery",
        title="Imagery",
        license="CC-BY-4.0",
        license_url="https://creativecommons.org/licenses/by/4.0/",
        provider="ESA",
        attribution="contains modified Copernicus Sentinel data 2019",
    )
    made = with_item(None, item(assets={"B04": asset("B04", "red")}), renders(SENTINEL), options)
    assert made["id"] == "imagery"
    assert made["title"] == "Imagery"
    assert made["license"] == "CC-BY-4.0"
    assert made["attribution"] == "contains modified Copernicus Sentinel data 2019"
    assert made["providers"] == [
        {
            "name": "ESA",
            "roles": ["producer"],
            "description": "contains modified Copernicus Sentinel data 2019",
        }
    ]
    assert made["links"] == [
        {"rel": "license", "href": "https://creativecommons.org/licenses/by/4.0/"}
    ]
    assert made["extent"]["spatial"]["bbox"] == [[0.0, 0.0, 1.0, 1.0]]
    assert made["summaries"]["bands"] == [{"name": "B04", "eo:common_name": "red"}]
    assert made["item_assets"]["B04"]["bands"] == [{"name": "B04", "eo:common_name": "red"}]
    assert "href" not in made["item_assets"]["B04"]
    assert "file:size" not in made["item_assets"]["B04"]


def test_the_extent_grows_and_never_shrinks() -> None:
    first = with_item(None, item(), {}, OPTIONS)
    late = item("late", datetime="2021-01-01T00:00:00Z") | {"bbox": [2.0, -1.0, 3.0, 0.5]}
    second = with_item(first, late, {}, OPTIONS)
    third = with_item(second, item(), {}, OPTIONS)
    assert second["extent"] == {
        "spatial": {"bbox": [[0.0, -1.0, 3.0, 1.0]]},
        "temporal": {"interval": [["2019-09-18T10:50:31Z", "2021-01-01T00:00:00Z"]]},
    }
    assert third["extent"] == second["extent"]


def test_an_interval_and_an_open_end() -> None:
    first = with_item(None, item(), {}, OPTIONS)
    interval = item("interval")
    interval["properties"] = {
        "datetime": None,
        "start_datetime": "2015-06-27T00:00:00Z",
        "end_datetime": "2026-02-23T00:00:00Z",
    }
    assert with_item(first, interval, {}, OPTIONS)["extent"]["temporal"]["interval"] == [
        ["2015-06-27T00:00:00Z", "2026-02-23T00:00:00Z"]
    ]
    first["extent"]["temporal"]["interval"] = [["2019-01-01T00:00:00Z", None]]
    assert with_item(first, interval, {}, OPTIONS)["extent"]["temporal"]["interval"] == [
        ["2015-06-27T00:00:00Z", None]
    ]


def test_what_people_wrote_stays() -> None:
    first = with_item(None, item(assets={"B04": asset("B04", "red")}), renders(SENTINEL), OPTIONS)
    first["title"] = "Mine"
    first["renders"]["ndvi"]["rescale"] = [[0, 1]]
    first["item_assets"]["B04"]["title"] = "Rot"
    first["providers"] = [{"name": "me", "roles": ["host"]}]
    first["summaries"]["gsd"] = {"minimum": 10, "maximum": 60}
    first["keywords"] = ["andes"]
    second = with_item(
        first, item("two", assets={"B04": asset("B04", "red")}), renders(SENTINEL), OPTIONS
    )
    assert second == first


def test_a_second_provider_does_not_push_out_the_first() -> None:
    first = with_item(None, item(), {}, replace(OPTIONS, provider="ESA"))
    second = with_item(first, item(), {}, replace(OPTIONS, provider="me"))
    assert [provider["name"] for provider in second["providers"]] == ["me", "ESA"]


def test_an_attribution_alone_invents_no_provider() -> None:
    made = with_item(None, item(), {}, replace(OPTIONS, attribution="USDA"))
    assert made["attribution"] == "USDA"
    assert "providers" not in made


def test_bands_that_were_named_wrongly_leave_no_layer_behind() -> None:
    nameless = [replace(band(None, asset="data"), index=n, name=f"b{n}") for n in (1, 2, 3)]
    wrong = item(assets={"data": asset("data", "red") | {"bands": [{"name": "b1"}]}})
    first = with_item(None, wrong, renders(nameless), OPTIONS)
    assert first["renders"]["grey"]["assets"] == ["data|bidx=1"]
    first["renders"]["mine"] = {"title": "Mine", "assets": ["data|bidx=2"]}
    colours = [band(c, asset="data", index=n) for n, c in enumerate(("red", "green", "blue"), 1)]
    right = item(assets={"data": asset("data", "red")})
    other = with_item(first, right, renders(colours), OPTIONS)
    assert sorted(other["renders"]) == ["grey", "mine", "true-colour"], (
        "another item is no correction"
    )
    assert sorted(with_item(first, right, renders(colours), OPTIONS, before=wrong)["renders"]) == [
        "mine",
        "true-colour",
    ]
    swapped = [band(c, asset="data", index=n) for n, c in enumerate(("blue", "green", "red"), 1)]
    layers = with_item(other, wrong, renders(swapped), OPTIONS, before=right)["renders"]
    assert layers["true-colour"]["assets"] == ["data|bidx=3,2,1"]


def test_with_item_changes_nothing_that_it_was_given() -> None:
    first = with_item(None, item(), {}, OPTIONS)
    before = repr(first)
    with_item(first, item(assets={"B04": asset("B04", "red")}), renders(SENTINEL), OPTIONS)
    assert repr(first) == before
