"""Sentinel-2 names: what they say, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.ingest.products.sentinel2_name import Kind, Sentinel2Name, read_name

NAMES = (
    "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N02.01",
    "S2A_OPER_MSI_L1C_DS_EPAE_20170105T013443_S20170105T013442_N02.04",
    "S2B_OPER_MSI_L1C_DS_MTI__20180713T121520_S20180713T102019_N02.06",
    "S2A_OPER_MSI_L1C_DS_VGS4_20210925T185412_S20210925T171901_N03.01",
    "S2B_OPER_MSI_L2A_DS_VGS2_20220317T125936_S20220317T095529_N04.00",
    "S2A_OPER_MSI_L2A_DS_2APS_20230419T220859_S20230419T153818_N05.09",
    "S2C_OPER_MSI_L1C_DS_2CPS_20250201T103512_S20250201T095219_N05.11",
    "S2A_OPER_MSI_L1C_TL_SGS__20160327T234528_A003982_T32TQM_N02.01",
    "S2B_OPER_MSI_L1C_TL_EPA__20171114T150421_A003605_T53NMJ_N02.06",
    "S2A_OPER_MSI_L2A_TL_2APS_20230419T220859_A040862_T19TDJ_N05.09",
    "S2A_USER_MSI_L2A_TL_SGS__20160327T234528_A003982_T32TQM_N02.01",
    "S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443",
    "S2A_MSIL2A_20230419T153551_N0509_R111_T19TDJ_20230419T220859",
    "S2D_MSIL1C_20260101T000000_N0512_R143_T60XWT_20260101T000001",
    "S2A_OPER_PRD_MSIL1C_PDMC_20160328T043853_R138_V20160327T204522_20160327T204522",
    "S2A_USER_PRD_MSIL2A_PDMC_20160328T043853_R138_V20160327T204522_20160327T204530",
)

MALFORMED = (
    "",
    "S2A",
    "S3A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N02.01",
    "S2E_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N02.01",
    "S2A_OPER_MSI_L1C_DS_SGS_20160327T234528_S20160327T204522_N02.01",  # site not padded
    "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N0201",
    "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N02.01.SAFE",
    "S2A_OPER_MSI_L1C_DS_SGS__20161327T234528_S20160327T204522_N02.01",  # month 13
    "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160230T204522_N02.01",  # 30 February
    "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_A003982_T32TQM_N02.01",  # a granule's end
    "S2A_OPER_MSI_L1C_TL_SGS__20160327T234528_S20160327T204522_N02.01",  # a data strip's end
    "S2A_OPER_MSI_L1C_TL_SGS__20160327T234528_A003982_T99TQM_N02.01",  # zone 99
    "S2A_OPER_MSI_L1C_TL_SGS__20160327T234528_A003982_T32IQM_N02.01",  # no band I
    "S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ",
    "S2A_MSIL1C_20170105T013442_N0204_R144_T53NMJ_20170105T013443",  # orbit 144
    "S2A_MSIL1C_20170105T013442_N02.04_R031_T53NMJ_20170105T013443",
    "S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443\n",
    "x/S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443",
    "s2a_msil1c_20170105t013442_n0204_r031_t53nmj_20170105t013443",
    "S2A_MSIL1C_２０１７0105T013442_N0204_R031_T53NMJ_20170105T013443",  # digits of another script
)


@pytest.mark.parametrize("text", NAMES)
def test_there_and_back(text: str) -> None:
    name = read_name(text)
    assert name is not None
    assert str(name) == text
    if name.kind in ("product", "old-product"):
        assert read_name(f"{text}.SAFE") == name


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_names_are_refused(text: str) -> None:
    assert read_name(text) is None


def test_what_a_data_strip_says() -> None:
    text = "S2A_OPER_MSI_L1C_DS_SGS__20160327T234528_S20160327T204522_N02.01"
    name = read_name(text)
    assert name is not None
    assert name.properties() == {
        "platform": "sentinel-2a",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "processing:level": "L1C",
        "processing:facility": "SGS",
        "created": "2016-03-27T23:45:28Z",
        "datetime": "2016-03-27T20:45:22Z",
        "processing:version": "02.01",
        "s2:processing_baseline": "02.01",
        "s2:datastrip_id": text,
    }


def test_what_a_product_and_a_granule_say() -> None:
    product = read_name("S2B_MSIL2A_20230419T153551_N0509_R111_T19TDJ_20230419T220859.SAFE")
    assert product is not None
    said = product.properties()
    assert (said["platform"], said["sat:relative_orbit"], said["grid:code"]) == (
        "sentinel-2b",
        111,
        "MGRS-19TDJ",
    )
    assert (said["processing:level"], said["s2:processing_baseline"]) == ("L2A", "05.09")
    assert "created" not in said
    granule = read_name(NAMES[7])
    assert granule is not None
    assert granule.properties()["sat:absolute_orbit"] == 3982
    assert granule.properties()["s2:tile_id"] == NAMES[7]


moments = st.datetimes(datetime(2015, 6, 23), datetime(2099, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
tiles = st.from_regex(r"(0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]", fullmatch=True)
baselines = st.from_regex(r"[0-9]{2}\.[0-9]{2}", fullmatch=True)
shared = {
    "satellite": st.sampled_from(["S2A", "S2B", "S2C", "S2D"]),
    "level": st.sampled_from(["L1B", "L1C", "L2A"]),
}
made = {
    "file_class": st.sampled_from(["OPER", "USER", "TEST"]),
    "site": st.from_regex(r"[A-Z0-9]{1,4}", fullmatch=True),
    "created": moments,
}
orbits = st.integers(1, 143)


def names(kind: Kind) -> st.SearchStrategy[Sentinel2Name]:
    own: dict[Kind, dict[str, st.SearchStrategy[object]]] = {
        "product": {
            "sensing": moments,
            "relative_orbit": orbits,
            "tile": tiles,
            "baseline": baselines,
            "discriminator": moments,
        },
        "old-product": {
            **made,
            "relative_orbit": orbits,
            "sensing": moments,
            "sensing_end": moments,
        },
        "data-strip": {**made, "sensing": moments, "baseline": baselines},
        "granule": {
            **made,
            "absolute_orbit": st.integers(0, 999_999),
            "tile": tiles,
            "baseline": baselines,
        },
    }
    return st.builds(Sentinel2Name, kind=st.just(kind), **shared, **own[kind])


kinds: list[Kind] = ["product", "old-product", "data-strip", "granule"]


@given(st.one_of(*(names(kind) for kind in kinds)))
def test_every_name_comes_back(name: Sentinel2Name) -> None:
    assert read_name(str(name)) == name


@given(st.sampled_from(NAMES), st.integers(0, 80), st.characters(codec="ascii"))
def test_a_changed_name_is_another_or_none(text: str, place: int, letter: str) -> None:
    place %= len(text)
    changed = text[:place] + letter + text[place + 1 :]
    name = read_name(changed)
    assert name is None or str(name) == changed
