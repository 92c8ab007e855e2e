"""What a thumbnail shows, and the collection's document."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eotiles.ingest.collection import with_item
from eotiles.ingest.layers import NamedBand, colour_bands, stretch
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
    made = with_item(None, item(assets={"B04": asset("B04", "red")}), options)
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
    first = with_item(None, item(), OPTIONS)
    late = item("late", datetime="2021-01-01T00:00:00Z") | {"bbox": [2.0, -1.0, 3.0, 0.5]}
    second = with_item(first, late, OPTIONS)
    third = with_item(second, item(), OPTIONS)
    assert second["extent"] == {
        "spatial": {"bbox": [[0.0, -1.0, 3.0, 1.0]]},
        "temporal": {"interval": [["2019-09-18T10:50:31Z", "2021-01-01T00:00:00Z"]]},
    }
    assert third["extent"] == second["extent"]


def test_an_interval_and_an_open_end() -> None:
    first = with_item(None, item(), OPTIONS)
    interval = item("interval")
    interval["properties"] = {
        "datetime": None,
        "start_datetime": "2015-06-27T00:00:00Z",
        "end_datetime": "2026-02-23T00:00:00Z",
    }
    assert with_item(first, interval, OPTIONS)["extent"]["temporal"]["interval"] == [
        ["2015-06-27T00:00:00Z", "2026-02-23T00:00:00Z"]
    ]
    first["extent"]["temporal"]["interval"] = [["2019-01-01T00:00:00Z", None]]
    assert with_item(first, interval, OPTIONS)["extent"]["temporal"]["interval"] == [
        ["2015-06-27T00:00:00Z", None]
    ]


def scene(*names: str, number: int = 1) -> dict[str, Any]:
    """An item of one file, whose bands are called so."""
    bands = [
        {"name": name} | ({} if re.fullmatch(r"b\d+", name) else {"eo:common_name": name})
        for name in names
    ]
    return item(f"scene-{number}", assets={"data": asset("data", "red") | {"bands": bands}})


def test_what_people_wrote_stays() -> None:
    first = with_item(None, scene("red", "green", "blue", "nir"), OPTIONS)
    first["title"] = "Mine"
    first["renders"]["ndvi"]["rescale"] = [[0, 1]]
    first["item_assets"]["data"]["title"] = "Rot"
    first["providers"] = [{"name": "me", "roles": ["host"]}]
    first["summaries"]["gsd"] = {"minimum": 10, "maximum": 60}
    first["keywords"] = ["andes"]
    second = with_item(first, scene("red", "green", "blue", "nir", number=2), OPTIONS)
    assert second == first
    assert sorted(second["renders"]) == ["ndvi", "ndwi", "true-colour"]


def test_a_second_provider_does_not_push_out_the_first() -> None:
    first = with_item(None, item(), replace(OPTIONS, provider="ESA"))
    second = with_item(first, item(), replace(OPTIONS, provider="me"))
    assert [provider["name"] for provider in second["providers"]] == ["me", "ESA"]


def test_an_attribution_alone_invents_no_provider() -> None:
    made = with_item(None, item(), replace(OPTIONS, attribution="USDA"))
    assert made["attribution"] == "USDA"
    assert "providers" not in made


def test_bands_that_were_named_wrongly_leave_no_layer_behind() -> None:
    wrong = scene("b1", "b2", "b3")
    first = with_item(None, wrong, OPTIONS)
    assert sorted(first["renders"]) == ["b1", "b2", "b3"]
    assert first["renders"]["b1"]["assets"] == ["data|bidx=1"]
    first["renders"]["mine"] = {"title": "Mine", "assets": ["data|bidx=2"]}
    right = scene("red", "green", "blue")
    other = with_item(first, right, OPTIONS)
    assert sorted(other["renders"]) == ["b1", "b2", "b3", "mine", "true-colour"], (
        "another item is no correction"
    )
    corrected = with_item(first, right, OPTIONS, before=wrong)
    assert sorted(corrected["renders"]) == ["mine", "true-colour"]
    layers = with_item(other, scene("blue", "green", "red"), OPTIONS, before=right)["renders"]
    assert layers["true-colour"]["assets"] == ["data|bidx=3,2,1"]


def test_with_item_changes_nothing_that_it_was_given() -> None:
    first = with_item(None, item(), OPTIONS)
    before = repr(first)
    with_item(first, item(assets={"B04": asset("B04", "red")}), OPTIONS)
    assert repr(first) == before


def test_words_of_earlier_releases_are_read_and_written_as_what_they_are_now() -> None:
    def of(domain: str) -> dict[str, Any]:
        made = item(assets={"VV": asset("VV", "vv")})
        made["properties"]["eotiles:domain"] = domain
        made["assets"]["VV"]["bands"][0]["eotiles:domain"] = domain
        return made

    layer = {"grey": {"title": "VV", "assets": ["VV"], "rescale": [[-25, 0]]}}
    before = with_item(None, of("backscatter_db"), OPTIONS)
    before["renders"] = layer
    before["summaries"]["eotiles:domain"] = ["backscatter_db"]
    again = with_item(before, of("db"), OPTIONS, before=of("backscatter_db"))
    assert again["summaries"]["eotiles:domain"] == ["db"]
    assert again["renders"] == layer, "another word is no other meaning"
