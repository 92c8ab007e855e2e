"""Which band stands for a symbol: names first, then wavelengths, never a band that says it is another."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.bands import sources
from eotiles.core.source import Source
from eotiles.core.symbols import SYMBOLS, choose, wanted
from eotiles.ingest.bands import COMMON_NAMES, SENSORS


def band(name: str | None, center_um: float | None = None, **fields: Any) -> Source:
    key = fields.pop("asset", name or "x")
    return Source(key, fields.pop("band", 1), key, name, center_um=center_um, **fields)


def test_common_names_are_those_of_stac_and_windows_hold_what_is_typical() -> None:
    for symbol in SYMBOLS.values():
        assert set(symbol.common_names) <= set(COMMON_NAMES)
        if symbol.window_nm is not None:
            assert symbol.window_nm[0] <= symbol.typical_nm <= symbol.window_nm[1]


@pytest.mark.parametrize("sensor", ["sentinel-2", "landsat-oli"])
@pytest.mark.parametrize("is_named", [True, False])
def test_sensors_supply_their_symbols_by_name_and_by_wavelength(
    sensor: str, is_named: bool
) -> None:
    given = SENSORS[sensor].bands.values()
    having = [
        band(each.common_name if is_named else None, each.center_um, width_um=each.width_um, asset=each.name)
        for each in given
    ]  # fmt: skip
    found = {name: source.asset for name in SYMBOLS if (source := choose(name, having))}
    if sensor == "sentinel-2":
        assert found == {
            "A": "B01", "B": "B02", "G": "B03", "R": "B04", "RE1": "B05", "RE2": "B06", "RE3": "B07",
            "N": "B08", "N2": "B8A", "WV": "B09", "S1": "B11", "S2": "B12",
        }  # fmt: skip
    else:
        assert found == {
            "A": "B1", "B": "B2", "G": "B3", "R": "B4", "N": "B5", "N2": "B5", "S1": "B6", "S2": "B7",
            "T": found["T"], "T1": "B10", "T2": "B11",
        }  # fmt: skip
        assert found["T"] in ("B10", "B11")


def test_three_bands_called_rededge_are_told_by_wavelength() -> None:
    having = [band("rededge", um, asset=f"e{um}") for um in (0.783, 0.74, 0.704)]
    assert [getattr(choose(name, having), "center_um", None) for name in ("RE1", "RE2", "RE3")] == [
        0.704,
        0.74,
        0.783,
    ]
    assert choose("RE1", [band("rededge")]) is None, "it does not say which"


def test_a_band_that_says_it_is_another_is_not_taken() -> None:
    assert choose("N", [band("rededge078", 0.783)]) is None
    assert choose("Y", [band("pan", 0.59, width_um=0.18)]) is None
    assert choose("G", [band(None, 0.59, width_um=0.18)]) is None
    assert choose("G", [band(None, 0.59, width_um=0.04)]) is not None


def test_names_go_before_wavelengths_and_finer_before_nearer() -> None:
    named, nearer = band("red", 0.69, asset="named"), band(None, 0.66, asset="nearer")
    assert choose("R", [nearer, named]) == named
    same = [band(None, 0.66, asset=f"a{gsd}", gsd_m=gsd) for gsd in (30.0, 10.0, 20.0)]
    assert choose("R", same) == same[1]
    assert choose("R", [band(None, 0.62, gsd_m=1.0), nearer]) == nearer


@pytest.mark.parametrize("common_name", COMMON_NAMES)
def test_radar_is_told_by_polarisation_alone(common_name: str) -> None:
    assert choose("VV", [band(common_name, 0.66)]) is None
    assert wanted("VV") == "polarization VV"


def item(**assets: Any) -> dict[str, Any]:
    return {
        "properties": {},
        "assets": {
            key: {"href": f"/{key}.tif", "type": "image/tiff", "roles": ["data"], **fields}
            for key, fields in assets.items()
        },
    }


def test_wavelengths_of_both_ways_to_describe_bands() -> None:
    new = {"eo:center_wavelength": 0.665, "eo:full_width_half_max": 0.031}
    old = {"center_wavelength": 0.84, "full_width_half_max": 0.1}
    wrong = {"eo:center_wavelength": "0.6", "eo:full_width_half_max": -1}
    found = sources(item(a={"bands": [new]}, b={"eo:bands": [old]}, c={"bands": [wrong]}, d=new))
    assert [(each.center_um, each.width_um) for each in found] == [
        (0.665, 0.031),
        (0.84, 0.1),
        (None, None),
        (0.665, 0.031),
    ]


def test_polarisations() -> None:
    found = sources(
        item(
            vh={},
            s1={"bands": [{"name": "VV"}, {"name": "b2", "sar:polarizations": ["HV"]}]},
            both={"sar:polarizations": ["VV", "VH"]},
            one={"sar:polarizations": ["HH"]},
            odd={"sar:polarizations": [{}], "bands": [{"name": "angle"}]},
        )
    )
    assert [each.polarization for each in found] == ["VH", "VV", "HV", None, "HH", None]
