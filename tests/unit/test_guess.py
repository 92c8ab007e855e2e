"""Renders that are guessed for a collection, and what of them a person may change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from eotiles.catalog.guess import GUESSED, digest_of, guess_renders, is_guess, with_guess
from tests import builders

COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def band(
    name: str, low: float = 1000, high: float = 3000, *, scale: float = 0.0001, **more: Any
) -> dict[str, Any]:
    """A band with a common name where it is one of a colour, as ingest describes it."""
    common = {"eo:common_name": name} if name in ("red", "green", "blue", "nir", "swir16") else {}
    return {
        "name": name,
        "data_type": "uint16",
        "raster:scale": scale,
        "eotiles:percentiles": {"2": low, "98": high},
        **common,
        **more,
    }


def scene(*bands: dict[str, Any], number: int = 1, one_file: bool = False) -> dict[str, Any]:
    def asset(*held: dict[str, Any]) -> dict[str, Any]:
        return {"href": "/x.tif", "type": COG, "roles": ["data"], "bands": list(held)}

    assets = {"data": asset(*bands)} if one_file else {each["name"]: asset(each) for each in bands}
    return builders.item(f"scene-{number}", assets=assets)


SENTINEL = scene(*(band(name) for name in ("blue", "green", "red", "nir", "swir16")))


class TestColours:
    def test_true_colour_and_the_indices_that_the_bands_allow(self) -> None:
        found = guess_renders([SENTINEL])
        assert list(found) == ["true-colour", "ndvi", "ndwi", "ndmi", "mndwi"]
        assert found["ndmi"]["assets"] == ["nir", "swir16"]
        assert found["ndmi"]["index"] == "ndmi"
        assert "unscale" not in found["ndmi"]

    def test_surface_reflectance_has_the_usual_range(self) -> None:
        assert guess_renders([SENTINEL])["true-colour"] == {
            "title": "True colour",
            "assets": ["red", "green", "blue"],
            "rescale": [[0.0, 0.3]] * 3,
            "unscale": True,
        }

    @pytest.mark.parametrize(("low", "high"), [(100, 700), (3000, 9000)])
    def test_but_for_landscapes_that_it_does_not_fit(self, low: int, high: int) -> None:
        """Forests and water alone; snow or clouds."""
        item = scene(*(band(name, low, high) for name in ("blue", "green", "red")))
        assert guess_renders([item])["true-colour"]["rescale"] == [[low / 1e4, high / 1e4]] * 3

    def test_haze_is_taken_off_band_by_band(self) -> None:
        ranges = {"red": (500, 2500), "green": (700, 2500), "blue": (1000, 2500)}
        toa = {"eotiles:domain": "toa_reflectance"}
        item = scene(*(band(name, *ends, **toa) for name, ends in ranges.items()))
        found = guess_renders([item])["true-colour"]["rescale"]
        assert found == [[0.05, 0.25], [0.07, 0.25], [0.1, 0.25]]

    def test_one_cloudy_scene_does_not_move_the_range(self) -> None:
        def day(number: int, high: float) -> dict[str, Any]:
            bands = (band(name, 200, high, scale=1) for name in ("red", "green", "blue"))
            return scene(*bands, number=number)

        clear = [day(number, 3000 + 10 * number) for number in range(6)]
        cloudy = day(9, 14000)
        alone = guess_renders(clear)["true-colour"]["rescale"]
        assert guess_renders([cloudy, *clear])["true-colour"]["rescale"] == alone
        assert alone[0][0] == 200
        assert 3000 <= alone[0][1] <= 3100

    def test_bytes_that_are_a_picture_stay_as_they_are_and_faint_ones_are_stretched(self) -> None:
        def photo(low: float, high: float, **more: Any) -> dict[str, Any]:
            kinds = {"data_type": "uint8", "eotiles:domain": "dn", **more}
            names = ("red", "green", "blue")
            return scene(*(band(name, low, high, scale=1, **kinds) for name in names))

        assert "rescale" not in guess_renders([photo(10, 240)])["true-colour"]
        faint = guess_renders([photo(30, 90)])["true-colour"]
        assert faint["rescale"] == [[30, 90]] * 3
        display = guess_renders([photo(30, 90, **{"eotiles:domain": "display"})])["true-colour"]
        assert display["rescale"] == [[0, 255]] * 3

    def test_bands_of_one_file_are_chosen_by_number(self) -> None:
        item = scene(*(band(name) for name in ("blue", "green", "red", "nir")), one_file=True)
        found = guess_renders([item])
        assert found["true-colour"]["assets"] == ["data|bidx=3,2,1"]
        assert found["ndvi"]["assets"] == ["data"]


class TestSingle:
    def test_decibels_one_render_a_polarisation(self) -> None:
        sar = {"eotiles:domain": "db", "data_type": "float32", "scale": 1.0}
        found = guess_renders([scene(band("VV", -18, -4, **sar), band("VH", -25, -11, **sar))])
        assert {name: each["rescale"] for name, each in found.items()} == {
            "vv": [[-18, -4]],
            "vh": [[-25, -11]],
        }
        assert "unscale" not in found["vv"]

    def test_elevation_has_the_colours_of_terrain_on_its_own_range(self) -> None:
        dem = band("elevation", 212, 1480, scale=1, unit="m", data_type="int16")
        (found,) = guess_renders([scene(dem)]).values()
        assert found["colormap_name"] == "terrain"
        assert found["rescale"] == [[200, 1500]]

    def test_kelvin_of_scaled_numbers(self) -> None:
        lst = band(
            "lwir", 44_000, 52_000, scale=0.00341802, **{"raster:offset": 149.0, "unit": "K"}
        )
        (found,) = guess_renders([scene(lst)]).values()
        assert found["unscale"] is True
        assert found["rescale"] == [[299, 327]]
        assert found["colormap_name"] == "inferno"

    def test_without_statistics_a_domain_has_its_usual_range_and_the_rest_none(self) -> None:
        def bare(**more: Any) -> dict[str, Any]:
            found = band("x", scale=1, data_type="float32", **more)
            found.pop("eotiles:percentiles")
            return found

        (known,) = guess_renders([scene(bare(**{"eotiles:domain": "db"}))]).values()
        (unknown,) = guess_renders([scene(bare())]).values()
        assert known["rescale"] == [[-25, 0]]
        assert "rescale" not in unknown

    def test_a_band_without_a_name_is_called_like_the_collection(self) -> None:
        item = scene(band("b1"))
        assert guess_renders([item], title="Land cover")["grey"]["title"] == "Land cover"
        assert guess_renders([item])["grey"]["title"] == "b1"
        assert list(guess_renders([scene(band("VV"))], title="Radar")) == ["vv"]

    def test_nothing_drawable_nothing_guessed(self) -> None:
        assert guess_renders([]) == {}
        assert guess_renders([builders.item(assets={"text": {"href": "a.xml"}})]) == {}
        assert guess_renders([{"assets": 5, "properties": None}, {}]) == {}


CLASSES = [
    {"value": 10, "name": "tree", "title": "Tree cover", "color_hint": "006400"},
    {"value": 0, "name": "no_data", "nodata": True},
    {"value": 80, "description": "Water"},
]


class TestClasses:
    def test_colours_of_their_own_or_some_that_can_be_told_apart(self) -> None:
        labels = band("map", scale=1, data_type="uint8", **{"classification:classes": CLASSES})
        (found,) = guess_renders([scene(labels)]).values()
        assert found["colormap"]["10"] == [0, 100, 0, 255]
        assert found["colormap"]["0"][3] == 0, "no data is not to be seen"
        assert len(found["colormap"]) == 3
        assert found["resampling"] == "nearest"
        assert "rescale" not in found

    def test_they_come_beside_true_colour(self) -> None:
        labels = band("SCL", scale=1, **{"classification:classes": CLASSES})
        item = scene(*(band(name) for name in ("red", "green", "blue")), labels)
        assert list(guess_renders([item])) == ["true-colour", "scl"]

    def test_labels_that_nobody_named_have_numbers(self) -> None:
        statistics = {"minimum": 0, "maximum": 4}
        labels = band("map", scale=1, **{"eotiles:labels": True, "statistics": statistics})
        (found,) = guess_renders([scene(labels)]).values()
        assert sorted(found["colormap"]) == ["0", "1", "2", "3", "4"]
        assert found["colormap"]["0"][3] == 0

    @pytest.mark.parametrize(
        "junk", [5, [], [5], [{"value": 1.5}], [{"value": True}], [{}], [{"value": 1}] * 1000]
    )
    def test_junk_is_no_class(self, junk: Any) -> None:
        labels = band("map", scale=1, **{"classification:classes": junk})
        (found,) = guess_renders([scene(labels)]).values()
        assert "colormap" not in found


def guessed(*, high: float = 3000) -> dict[str, Any]:
    """What a collection of unscaled colours is guessed to be drawn with."""
    names = ("red", "green", "blue")
    return guess_renders([scene(*(band(name, 200, high, scale=1) for name in names))])


class TestPeople:
    """Whose a render is."""

    COLLECTION = builders.collection()

    def through_the_database(self, document: dict[str, Any]) -> dict[str, Any]:
        """jsonb keeps no order of members; a client may write 3000.0 as 3000."""
        text = json.dumps(document, sort_keys=True).replace(".0,", ",").replace(".0]", "]")
        found: dict[str, Any] = json.loads(text)
        return found

    def test_a_guess_follows_the_imagery(self) -> None:
        first = self.through_the_database(with_guess(self.COLLECTION, guessed()))
        assert is_guess(first, "true-colour")
        second = with_guess(first, guessed(high=6000))
        assert second["renders"]["true-colour"]["rescale"] == [[200, 6000]] * 3
        assert is_guess(second, "true-colour")

    def test_but_not_every_little_step(self) -> None:
        first = with_guess(self.COLLECTION, guessed())
        assert with_guess(first, guessed(high=3200)) == first

    def test_what_a_person_changed_stays(self) -> None:
        first = self.through_the_database(with_guess(self.COLLECTION, guessed()))
        first["renders"]["true-colour"]["title"] = "Natural"
        assert not is_guess(first, "true-colour")
        assert with_guess(first, guessed(high=9000)) == first

    def test_what_a_person_wrote_stays(self) -> None:
        mine = {"true-colour": {"assets": ["x"]}}
        made = with_guess({**self.COLLECTION, "renders": mine}, guessed())
        assert made["renders"] == mine
        assert GUESSED not in made

    def test_what_a_person_took_out_stays_out(self) -> None:
        first = with_guess(self.COLLECTION, guessed())
        del first["renders"]["true-colour"]
        assert "renders" not in with_guess(first, guessed())

    def test_without_the_digests_everything_is_a_persons(self) -> None:
        """A client that writes the collection back without the member that it does not know."""
        first = with_guess(self.COLLECTION, guessed())
        del first[GUESSED]
        assert with_guess(first, guessed(high=9000)) == first

    def test_nothing_that_was_given_is_changed(self) -> None:
        first = with_guess(self.COLLECTION, guessed())
        before = copy.deepcopy(first)
        with_guess(first, guessed(high=9000), wrong=frozenset({"true-colour"}))
        assert first == before

    @pytest.mark.parametrize("junk", [5, "x", [], {"true-colour": 5}, {"true-colour": [1]}])
    def test_junk_of_strangers_is_left_alone(self, junk: Any) -> None:
        made = with_guess({**self.COLLECTION, GUESSED: junk, "renders": {"a": junk}}, guessed())
        assert made["renders"]["a"] == junk

    def test_a_digest_is_of_what_is_meant(self) -> None:
        assert digest_of({"a": 1, "b": [0.30000000000000004]}) == digest_of({"b": [0.3], "a": 1.0})
        assert digest_of({"a": True}) != digest_of({"a": 1})
