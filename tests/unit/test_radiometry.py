"""What digital numbers mean, by every rule and their order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eotiles.catalog.bands import asset_sources, sources
from eotiles.catalog.override import OVERRIDE, with_override
from eotiles.catalog.radiometry import physical
from eotiles.core.source import Source

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
BASELINE, APPLIED = "s2:processing_baseline", "earthsearch:boa_offset_applied"


def band(
    key: str = "B04", *, common: str | None = "red", id: str = "i", **fields: Any
) -> tuple[Any, ...]:
    """Key and asset of a band whose common name is that of the asset."""
    named = {} if common is None else {"eo:common_name": common}
    return key, {"href": "/a.tif", "type": COG, "roles": ["data"], **named, **fields}


def meaning(described: tuple[Any, ...], name: str = "i", **properties: Any) -> Source:
    """The only band of an asset in an item with these properties."""
    (found,) = asset_sources(*described, properties=properties, name=name)
    return found


def numbers(source: Source) -> tuple[float, float, float | None]:
    return source.scale, source.offset, source.nodata


def test_physical_values_equal_float64_arithmetic() -> None:
    dn = np.array([[[0, 1, 10_000, 65_535]], [[5, 6, 7, 8]]], np.uint16)
    values = physical(dn, scales=(0.0001, 2.75e-5), offsets=(-0.1, -0.2))
    assert values.dtype == np.float32
    expected = dn * np.array([[[0.0001]], [[2.75e-5]]]) + np.array([[[-0.1]], [[-0.2]]])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


def test_a_number_that_means_zero_is_zero() -> None:
    dn = np.array([[[1000]], [[7272]]], np.uint16)
    values = physical(dn, scales=(0.0001, 1.0), offsets=(-0.1, -7272.0))
    assert values.tolist() == [[[0.0]], [[0.0]]]


def test_physical_leaves_plain_numbers_and_the_input_alone() -> None:
    dn = np.array([[[1, 2]]], np.int16)
    assert physical(dn, scales=(1,), offsets=(0,)).tolist() == [[[1.0, 2.0]]]
    assert dn.tolist() == [[[1, 2]]]


def test_every_number_of_baseline_04_00_is_the_float32_of_its_number_before() -> None:
    dn = np.arange(1, 64_536, dtype=np.uint16)[None, None]
    before = physical(dn, scales=(0.0001,), offsets=(0.0,))
    since = physical(dn + np.uint16(1000), scales=(0.0001,), offsets=(-0.1,))
    np.testing.assert_array_equal(before.view(np.int32), since.view(np.int32))


class TestStac:
    def test_1_0_and_1_1_say_the_same(self) -> None:
        old = band(
            common=None,
            **{
                "eo:bands": [{"name": "B04", "common_name": "red"}],
                "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0, "unit": "1"}],
            },
        )
        new = band(
            common=None,
            bands=[
                {
                    "name": "B04",
                    "eo:common_name": "red",
                    "raster:scale": 0.0001,
                    "raster:offset": -0.1,
                    "nodata": 0,
                    "unit": "1",
                }
            ],
        )
        first, second = meaning(old), meaning(new)
        assert (first.rule, second.rule) == ("STAC raster:bands", "STAC bands")
        same = [(numbers(each), each.domain, each.unit, each.is_stated) for each in (first, second)]
        assert same == [((0.0001, -0.1, 0.0), "reflectance", "1", True)] * 2

    @pytest.mark.parametrize(
        ("fields", "properties", "scale", "rule"),
        [
            (
                {"raster:bands": [{"scale": 2}], "bands": [{"raster:scale": 3}]},
                {},
                3,
                "STAC bands",
            ),
            ({"raster:bands": [{"scale": 2}], "raster:scale": 4}, {}, 2, "STAC raster:bands"),
            ({"raster:scale": 4}, {"raster:scale": 5}, 4, "STAC asset"),
            ({}, {"raster:scale": 5}, 5, "STAC properties"),
        ],
    )
    def test_the_closest_word_counts(
        self, fields: dict[str, Any], properties: dict[str, Any], scale: float, rule: str
    ) -> None:
        found = meaning(band(**fields), **properties)
        assert (found.scale, found.rule, found.is_stated) == (scale, rule, True)

    def test_one_and_zero_are_a_word_too(self) -> None:
        found = meaning(band(**{"raster:bands": [{"scale": 1, "offset": 0}]}))
        assert (numbers(found), found.is_stated) == ((1.0, 0.0, None), True)

    def test_nothing_said_leaves_it_to_the_file(self) -> None:
        found = meaning(band())
        assert (numbers(found), found.is_stated, found.domain) == ((1.0, 0.0, None), False, "dn")
        assert found.rule == "the item does not say it: as the file says"

    def test_an_impossible_scale_means_nothing(self) -> None:
        assert list(asset_sources(*band(bands=[{"raster:scale": 0}]), properties={})) == []

    @pytest.mark.parametrize(
        "rubbish", ["nan", "0.0001", True, None, [], {}, float("nan"), float("inf"), 10**400]
    )
    def test_strangers_may_write_anything(self, rubbish: Any) -> None:
        fields = {"raster:scale": rubbish, "raster:offset": rubbish, "nodata": rubbish}
        found = meaning(
            band(bands=[{**fields, "unit": rubbish, "eotiles:domain": rubbish}]),
            **{BASELINE: rubbish, "platform": rubbish, "constellation": rubbish, OVERRIDE: rubbish},
        )
        assert (found.scale, found.nodata) == (1.0, None)


class TestDomain:
    @pytest.mark.parametrize(
        ("fields", "domain"),
        [
            ({"eotiles:domain": "toa_reflectance"}, "toa_reflectance"),
            ({"eotiles:domain": "backscatter_db"}, "db"),
            ({"eotiles:domain": "brightness_temperature"}, "kelvin"),
            ({"unit": "K"}, "kelvin"),
            ({"unit": "kelvin"}, "kelvin"),
            ({"unit": "dB"}, "db"),
            ({"unit": "m"}, "metres"),
            ({"unit": "1"}, "dn"),
            ({"raster:scale": 0.0001}, "reflectance"),
            ({"raster:scale": 2.0}, "dn"),
        ],
    )
    def test_what_a_band_says(self, fields: dict[str, Any], domain: str) -> None:
        assert meaning(band(bands=[fields])).domain == domain

    def test_of_a_scaled_band_of_sunlight_the_level_tells(self) -> None:
        scaled = band(**{"raster:scale": 0.0001})
        assert meaning(scaled, **{"processing:level": "L1"}).domain == "toa_reflectance"
        assert meaning(scaled, **{"processing:level": "L2"}).domain == "reflectance"
        thermal = band("B10", common="lwir11", **{"raster:scale": 0.003})
        assert meaning(thermal).domain == "dn"

    def test_a_unit_comes_with_the_domain(self) -> None:
        assert meaning(band(bands=[{"eotiles:domain": "kelvin"}])).unit == "K"
        assert meaning(band(bands=[{"eotiles:domain": "kelvin", "unit": "mK"}])).unit == "mK"
        assert meaning(band(bands=[{"eotiles:domain": "dn"}])).unit is None

    @pytest.mark.parametrize(
        ("key", "fields"),
        [
            ("visual", {"roles": ["data"]}),
            ("TCI", {"roles": ["data"]}),
            ("quicklook", {"roles": ["overview"]}),
            ("colours", {"roles": ["visual"]}),
        ],
    )
    def test_pictures_are_never_scaled(self, key: str, fields: dict[str, Any]) -> None:
        picture = band(key, **fields, **{"raster:bands": [{"scale": 0.0001, "offset": -0.1}]})
        found = meaning(picture, **{BASELINE: "05.11"})
        assert (numbers(found)[:2], found.domain) == ((1.0, 0.0), "display")
        assert found.is_stated
        assert sources({"assets": dict([picture]), "properties": {}}) == ()

    def test_a_photograph_that_is_data_too_feeds_formulas(self) -> None:
        photo = dict([band("image", roles=["data", "visual"])])
        assert len(sources({"assets": photo, "properties": {}})) == 1

    @pytest.mark.parametrize(
        ("key", "fields"),
        [
            ("SCL", {}),
            ("scl", {}),
            ("SCL_20m", {}),
            ("scl-jp2", {}),
            ("qa_pixel", {}),
            ("x", {"classification:classes": [{"value": 1, "name": "water"}]}),
            ("x", {"classification:bitfields": [{"offset": 0, "length": 1}]}),
            ("x", {"eotiles:labels": True}),
            ("x", {"bands": [{"eotiles:domain": "class"}]}),
        ],
    )
    def test_labels_are_never_scaled(self, key: str, fields: dict[str, Any]) -> None:
        labels = band(key, common=None, **fields, **{"raster:scale": 0.0001})
        found = meaning(labels, **{BASELINE: "05.11", "raster:offset": -0.1})
        assert (numbers(found)[:2], found.domain, found.is_labels) == ((1.0, 0.0), "dn", True)
        assert found.is_stated


class TestSentinel2:
    @pytest.mark.parametrize(
        ("applied", "offset"), [(True, 0.0), (False, -0.1), (None, -0.1), ("yes", -0.1)]
    )
    def test_an_offset_that_the_pixels_already_have_is_not_applied_twice(
        self, applied: object, offset: float
    ) -> None:
        listed = band(**{"raster:bands": [{"scale": 0.0001, "offset": -0.1}]})
        found = meaning(listed, **{APPLIED: applied})
        assert (found.scale, found.offset) == (0.0001, offset)
        assert ("taken off already" in found.rule) is (applied is True)

    @pytest.mark.parametrize(
        ("baseline", "declared", "common", "expected"),
        [
            ("05.09", {}, "red", (0.0001, -0.1)),
            ("04.00", {}, "red", (0.0001, -0.1)),
            ("N0400", {}, "red", (0.0001, -0.1)),
            ("N05.11", {}, "red", (0.0001, -0.1)),
            (5.11, {}, "red", (0.0001, -0.1)),
            ("03.01", {}, "red", (0.0001, 0.0)),
            ("02.09", {}, "red", (0.0001, 0.0)),
            ("99.99", {}, "red", (0.0001, -0.1)),
            ("unknown", {}, "red", (1.0, 0.0)),
            ("", {}, "red", (1.0, 0.0)),
            (None, {}, "red", (1.0, 0.0)),
            ("05.09", {}, None, (1.0, 0.0)),
            ("05.09", {"scale": 0.0001}, "red", (0.0001, 0.0)),
            ("05.09", {"scale": 0.0001, "offset": 0}, "red", (0.0001, 0.0)),
        ],
    )
    def test_the_baseline_tells_where_nothing_else_does(
        self,
        baseline: object,
        declared: dict[str, float],
        common: str | None,
        expected: tuple[float, float],
    ) -> None:
        described = band("x", common=common, **{"raster:bands": [declared]})
        found = meaning(described, **{BASELINE: baseline})
        assert (found.scale, found.offset) == expected

    @pytest.mark.parametrize(
        ("properties", "name", "offset"),
        [
            ({BASELINE: "02.09", "processing:version": "05.11"}, "i", 0.0),
            ({"constellation": "sentinel-2", "processing:version": "N05.11"}, "i", -0.1),
            ({"platform": "Sentinel-2B", "processing:version": "02.14"}, "i", 0.0),
            ({"sentinel:processing_baseline": "04.00"}, "i", -0.1),
            (
                {
                    "platform": "sentinel-2a",
                    "s2:product_uri": "S2A_MSIL2A_20180105T1_N0500_R1_T31UFS_2.SAFE",
                },
                "i",
                -0.1,
            ),
            (
                {"platform": "sentinel-2a"},
                "S2A_MSIL2A_20220301T105031_N0208_R051_T31UFS_20220301",
                0.0,
            ),
            (
                {},
                "S2A_OPER_MSI_L1C_DS_SGS__20160404T132741_S20160404T104025_N02.01",
                0.0,
            ),
        ],
    )
    def test_the_baseline_is_found_and_never_the_date(
        self, properties: dict[str, Any], name: str, offset: float
    ) -> None:
        for date in ("2016-01-01T00:00:00Z", "2026-01-01T00:00:00Z"):
            found = meaning(band(), name, datetime=date, **properties)
            assert numbers(found) == (0.0001, offset, 0.0)

    def test_another_product_with_a_version_has_no_offset(self) -> None:
        found = meaning(band(), **{"processing:version": "05.11", "platform": "planetscope"})
        assert numbers(found) == (1.0, 0.0, None)

    @pytest.mark.parametrize("key", ["SCL", "visual", "TCI", "snow", "cloud", "granule_metadata"])
    def test_the_offset_is_of_bands_of_reflectance(self, key: str) -> None:
        found = meaning(band(key, common=None), **{BASELINE: "05.11"})
        assert numbers(found)[:2] == (1.0, 0.0)

    def test_aerosol_and_water_vapour_have_a_scale_of_their_own(self) -> None:
        aerosol = meaning(band("AOT_10m", common=None), **{BASELINE: "05.11"})
        vapour = meaning(band("wvp", common=None), **{BASELINE: "05.11"})
        assert numbers(aerosol) == numbers(vapour) == (0.001, 0.0, 0.0)
        assert (aerosol.domain, vapour.domain, vapour.unit) == ("index", "dn", "cm")

    @pytest.mark.parametrize("key", ["B04", "B4", "B8A", "b11", "B02_10m"])
    def test_bands_are_known_by_their_key(self, key: str) -> None:
        found = meaning(band(key, common=None), **{BASELINE: "05.11"})
        assert numbers(found) == (0.0001, -0.1, 0.0)

    @pytest.mark.parametrize(
        ("properties", "domain"),
        [
            ({"s2:product_type": "S2MSI1C"}, "toa_reflectance"),
            ({"s2:product_type": "S2MSI2A"}, "reflectance"),
            ({"processing:level": "L1C"}, "toa_reflectance"),
            ({"processing:level": "L2"}, "reflectance"),
            ({"s2:product_uri": "S2A_MSIL1C_2018_N0500_R1_T31UFS_2.SAFE"}, "toa_reflectance"),
        ],
    )
    def test_the_level_is_the_domain(self, properties: dict[str, Any], domain: str) -> None:
        assert meaning(band(), **{BASELINE: "05.00"}, **properties).domain == domain

    @pytest.mark.parametrize(
        ("listed", "applied", "offset"),
        [
            ({}, True, 0.0),
            ({}, "true", 0.0),
            ({}, False, -0.1),
            ({"scale": 0.0001}, False, -0.1),
            ({"scale": 0.0001, "offset": 0}, False, 0.0),
            ({"scale": 0.0001, "offset": 0}, True, 0.0),
            ({"scale": 0.0001, "offset": -0.1}, True, 0.0),
        ],
    )
    def test_the_flag_of_the_offset(
        self, listed: dict[str, float], applied: object, offset: float
    ) -> None:
        found = meaning(band(**{"raster:bands": [listed]}), **{BASELINE: "05.11", APPLIED: applied})
        assert numbers(found)[:2] == (0.0001, offset)

    @pytest.mark.parametrize("flag", ["sentinel:boa_offset_applied", "s2:boa_offset_applied"])
    def test_the_flag_by_its_other_names(self, flag: str) -> None:
        assert meaning(band(), **{BASELINE: "05.11", flag: True}).offset == 0.0

    def test_floating_point_is_no_digital_number(self) -> None:
        found = meaning(band(bands=[{"data_type": "float32"}]), **{BASELINE: "05.11"})
        assert (numbers(found), found.is_stated) == ((1.0, 0.0, None), False)
        assert found.domain == "reflectance"


class TestLandsat:
    L2 = {"landsat:correction": "L2SP", "platform": "landsat-8"}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("key", "common", "expected"),
        [
            ("red", "red", ("reflectance", 0.0000275, -0.2, 0.0, "1")),
            ("SR_B4", None, ("reflectance", 0.0000275, -0.2, 0.0, "1")),
            ("lwir11", "lwir11", ("kelvin", 0.00341802, 149.0, 0.0, "K")),
            ("ST_B10", None, ("kelvin", 0.00341802, 149.0, 0.0, "K")),
            ("ST_B6", None, ("kelvin", 0.00341802, 149.0, 0.0, "K")),
            ("ST_QA", None, ("kelvin", 0.01, 0.0, -9999.0, "K")),
            ("qa", None, ("kelvin", 0.01, 0.0, -9999.0, "K")),
            ("emis", None, ("index", 0.0001, 0.0, -9999.0, "1")),
            ("ST_TRAD", None, ("dn", 0.001, 0.0, -9999.0, "W/(m2.sr.um)")),
        ],
    )
    def test_level_2(self, key: str, common: str | None, expected: tuple[Any, ...]) -> None:
        for found in (
            meaning(band(key, common=common), **self.L2),
            meaning(band(key, common=common), "LC08_L2SP_143054_20230213_20230218_02_T1_SR"),
        ):
            assert (found.domain, *numbers(found), found.unit) == expected

    def test_bits_are_labels(self) -> None:
        assert meaning(band("qa_pixel", common=None), **self.L2).is_labels

    @pytest.mark.parametrize("platform", ["landsat-8", "LANDSAT_9", "landsat-9"])
    def test_level_1_of_oli(self, platform: str) -> None:
        of = {"landsat:correction": "L1TP", "platform": platform.lower().replace("_", "-")}
        found = meaning(band("B4"), **of)
        assert (found.domain, *numbers(found)) == ("toa_reflectance", 0.00002, -0.1, 0.0)
        assert "without the sun's angle" in found.rule

    def test_level_1_of_other_instruments_is_in_the_mtl_file(self) -> None:
        found = meaning(band("B3"), **{"landsat:correction": "L1TP", "platform": "landsat-7"})
        assert (found.domain, found.is_stated) == ("dn", False)
        assert "MTL" in found.rule
        stated = band("B3", bands=[{"raster:scale": 0.0014, "raster:offset": -0.0081}])
        found = meaning(stated, **{"landsat:correction": "L1TP", "processing:level": "L1"})
        assert (found.domain, found.scale, found.offset) == ("toa_reflectance", 0.0014, -0.0081)

    def test_what_the_item_says_counts(self) -> None:
        found = meaning(band(**{"raster:bands": [{"scale": 0.1, "offset": 1}]}), **self.L2)
        assert (found.scale, found.offset, found.rule) == (0.1, 1.0, "STAC raster:bands")


class TestSentinel1:
    @pytest.mark.parametrize(
        ("properties", "fields", "domain"),
        [
            ({"sar:product_type": "GRD"}, {}, "amplitude"),
            ({"sar:product_type": "RTC"}, {}, "power"),
            ({"sar:product_type": "SLC"}, {}, "dn"),
            ({"sar:product_type": "GRD"}, {"bands": [{"unit": "dB"}]}, "db"),
            ({"sar:product_type": "GRD"}, {"title": "VV backscatter in dB"}, "db"),
            ({}, {"description": "sigma nought [decibels]"}, "db"),
            ({}, {}, "dn"),
        ],
    )
    def test_the_product_or_the_unit_tells(
        self, properties: dict[str, Any], fields: dict[str, Any], domain: str
    ) -> None:
        constellation = {"constellation": "sentinel-1"} if properties else {}
        found = meaning(band("vv", common=None, **fields), **constellation, **properties)
        assert (found.domain, found.is_stated) == (domain, False)

    def test_what_lies_beside_the_backscatter_is_something_else(self) -> None:
        of = {"constellation": "Sentinel-1", "sar:product_type": "RTC"}
        assert meaning(band("gamma0_vv", common=None), **of).domain == "power"
        assert meaning(band("incidence", common=None, unit="degrees"), **of).domain == "dn"


class TestOverride:
    LISTED = band("B04", **{"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]})

    def found(
        self, collection: Any, own: Any = None, described: Any = None, **properties: Any
    ) -> Source:
        of_item = properties if own is None else {**properties, OVERRIDE: own}
        return meaning(described or self.LISTED, **dict(with_override(of_item, collection)))

    def test_it_wins_field_by_field(self) -> None:
        found = self.found({"offset": 0})
        assert numbers(found) == (0.0001, 0.0, 0.0)
        assert found.rule == (
            "eotiles:radiometry of the collection (offset); else STAC raster:bands"
        )
        found = self.found({"scale": 1, "offset": 0, "nodata": 7, "domain": "power", "unit": "x"})
        assert (numbers(found), found.domain, found.unit) == ((1, 0, 7), "power", "x")
        assert found.rule.endswith("(scale, offset, nodata, domain, unit)")

    def test_the_closest_wins(self) -> None:
        said = {
            "offset": 1,
            "assets": {
                "B04": {"offset": 2, "bands": {"red": {"offset": 3}, "1": {"offset": 4}}},
                "B05": {"offset": 5},
            },
        }
        assert self.found(said).offset == 3
        assert self.found(said, described=band("B04", common="nir")).offset == 4
        assert self.found(said, described=band("B05")).offset == 5
        assert self.found(said, described=band("B06")).offset == 1

    def test_an_item_wins_over_its_collection_however_close_that_one_is(self) -> None:
        collection = {"assets": {"B04": {"bands": {"red": {"offset": 3}}}}}
        found = self.found(collection, own={"offset": 9})
        assert found.offset == 9
        assert "of the item (offset)" in found.rule

    def test_it_wins_over_the_baseline_and_its_flag(self) -> None:
        found = self.found({"offset": -0.1}, **{BASELINE: "05.11", APPLIED: True})
        assert found.offset == -0.1
        found = self.found({"offset": 0}, described=band(), **{BASELINE: "05.11"})
        assert numbers(found) == (0.0001, 0.0, 0.0)

    def test_it_reaches_labels_and_pictures_by_name_only(self) -> None:
        said: dict[str, Any] = {"scale": 0.5, "offset": 1}
        labels = band("SCL", common=None)
        assert numbers(self.found(said, described=labels))[:2] == (1.0, 0.0)
        assert numbers(self.found(said, described=band("visual")))[:2] == (1.0, 0.0)
        named = {"assets": {"SCL": said}}
        assert numbers(self.found(named, described=labels))[:2] == (0.5, 1.0)

    @pytest.mark.parametrize(
        "said",
        [
            None,
            [],
            "offset",
            {"scale": 0},
            {"scale": "big", "offset": None, "nodata": "nan", "domain": "radar", "unit": 3},
            {"assets": []},
            {"assets": {"B04": 3}},
            {"assets": {"B04": {"bands": [1]}}},
            {"assets": {"B04": {"bands": {"red": None}}}},
        ],
    )
    def test_what_cannot_be_is_left_aside(self, said: Any) -> None:
        found = self.found(said)
        assert (numbers(found), found.rule) == ((0.0001, -0.1, 0.0), "STAC raster:bands")

    def test_the_item_is_not_changed(self) -> None:
        properties = {"gsd": 10}
        with_override(properties, {"offset": 0})
        assert properties == {"gsd": 10}
