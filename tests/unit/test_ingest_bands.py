"""What bands are called."""

from __future__ import annotations

import json

import pytest

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.core.index import PRESETS
from eotiles.core.symbols import BAND_SYMBOLS
from eotiles.ingest.bands import ALIASES, COMMON_NAMES, SENSORS, look_up, recognise_sensor
from eotiles.ingest.options import BandName, IngestOptions, parse_bands
from tests.builders import SHARED


@pytest.mark.parametrize(
    ("token", "sensor", "name", "common_name"),
    [
        ("B02", "sentinel-2", "B02", "blue"),
        ("b2", "sentinel-2", "B02", "blue"),
        ("B8", "sentinel-2", "B08", "nir"),
        ("B8A", "sentinel-2", "B8A", "nir08"),
        ("B11", "sentinel-2", "B11", "swir16"),
        ("B10", "sentinel-2", "B10", "cirrus"),
        # The same number is another band on another sensor.
        ("B4", "landsat-oli", "B4", "red"),
        ("B4", "landsat-tm", "B4", "nir08"),
        ("SR_B5", "landsat-oli", "B5", "nir08"),
        ("ST_B10", "landsat-oli", "B10", "lwir11"),
        ("B04", "landsat-oli", "B4", "red"),
        ("red", None, "red", "red"),
        ("NIR", None, "nir", "nir"),
        ("swir1", "sentinel-2", "swir16", "swir16"),
        ("SWIR2", None, "swir22", "swir22"),
        ("rededge1", None, "rededge071", "rededge071"),
        ("vv", None, "VV", None),
        ("QA_PIXEL", "landsat-oli", "QA_PIXEL", None),
        # Without a sensor a number means nothing, and no guess is made.
        ("B4", None, "B4", None),
    ],
)
def test_look_up(token: str, sensor: str | None, name: str, common_name: str | None) -> None:
    band = look_up(token, sensor)
    assert band is not None
    assert (band.name, band.common_name) == (name, common_name)


def test_words_that_are_no_bands() -> None:
    assert look_up("T1", "landsat-oli") is None
    assert look_up("SR", None) is None


def test_a_common_name_brings_the_sensors_wavelength_along() -> None:
    band = look_up("nir", "sentinel-2")
    assert band is not None
    assert (band.center_um, band.gsd_m) == (0.8328, 10.0)


@pytest.mark.parametrize(
    ("name", "tokens", "sensor"),
    [
        ("S2A_MSIL2A_20200704T105031_N0214_R051_T30SXH", [], "sentinel-2"),
        ("T53NMJ_20170527T012701", ["B02"], "sentinel-2"),
        ("s2-l1c-13bands-20190918", [], "sentinel-2"),
        ("LC08_L2SP_143054_20230213_20230218_02_T1", ["SR_B4"], "landsat-oli"),
        ("LE07_L1TP_143054_20000213_02_T1", ["B4"], "landsat-tm"),
        ("scene", ["B04", "B08"], "sentinel-2"),
        ("scene", ["B8A"], "sentinel-2"),
        ("scene", ["B4", "B5"], None),
        ("news2_today", [], None),
    ],
)
def test_recognise_sensor(name: str, tokens: list[str], sensor: str | None) -> None:
    assert recognise_sensor(name, tokens) == sensor


def test_every_band_of_the_table_has_a_common_name_of_stac() -> None:
    path = SHARED / "schemas" / "eo-v2.0.0.json"
    if not path.exists():
        pytest.skip("the STAC schemas are not beside this checkout")
    known = json.loads(path.read_text())["definitions"]["eo:common_name"]["enum"]
    assert sorted(COMMON_NAMES) == sorted(known)
    used = {band.common_name for sensor in SENSORS.values() for band in sensor.bands.values()}
    assert used | set(ALIASES.values()) <= set(known)


def test_every_sensor_supplies_every_symbol_of_the_presets() -> None:
    used = {symbol for index in PRESETS.values() for symbol in index.bands}
    for name, sensor in SENSORS.items():
        common = {band.common_name for band in sensor.bands.values()}
        for symbol in used:
            assert common & set(BAND_SYMBOLS[symbol]), f"{name} has no band for {symbol}"


def test_wavelengths_lie_in_the_spectrum_in_order() -> None:
    for sensor in SENSORS.values():
        order = ("blue", "green", "red", "nir08", "swir16", "swir22")
        by_name = {band.common_name: band for band in sensor.bands.values()}
        centers = [by_name[name].center_um for name in order]
        assert centers == sorted(centers)


def test_parse_bands() -> None:
    assert parse_bands("B04=red, B03 = Green ,qa_pixel") == (
        BandName("B04", "red"),
        BandName("B03", "green"),
        BandName("qa_pixel", None),
    )


@pytest.mark.parametrize("text", ["", "red,,nir", "=red", "B04="])
def test_empty_entries_of_bands_are_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="empty entry"):
        parse_bands(text)


def test_a_band_is_not_named_twice() -> None:
    with pytest.raises(BadParameter, match="--bands names red twice"):
        parse_bands("red,nir,RED")


def test_the_thumbnail_is_no_band() -> None:
    with pytest.raises(BadParameter, match="cannot use the name thumbnail"):
        parse_bands("Thumbnail=red")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"collection": "../up"}, "collection id '../up'"),
        ({"collection": ""}, "collection id ''"),
        ({"item": "a/b"}, "item id 'a/b'"),
        (
            {"domain": "radar"},
            "domain 'radar' is unknown: take one of dn, toa_reflectance, reflectance",
        ),
        ({"sensor": "spot"}, "sensor 'spot' is unknown: take one of sentinel-2"),
        ({"scale": 0.0, "domain": "reflectance"}, "scale must not be 0"),
        ({"scale": float("nan")}, "scale must be a finite number"),
        ({"scale": 0.0001}, "say into what with --domain"),
        ({"offset": -0.1, "domain": "dn"}, "say into what with --domain"),
        ({"domain": "class"}, "index, display; labels are said with --labels"),
        ({"labels": True, "domain": "reflectance"}, "labels have neither a domain nor a unit"),
        ({"labels": True, "scale": 2.0}, "labels have neither scale nor offset"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadParameter) as caught:
        IngestOptions(**{"collection": "imagery", **options})
    assert sentence in str(caught.value)


def test_the_refusals_are_explainable() -> None:
    assert str(IngestRefused()) == "The scene cannot be catalogued."
