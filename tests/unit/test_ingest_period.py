"""When a scene was taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eotiles.core.errors import BadParameter
from eotiles.ingest.period import Period, iso, parse_period, period_of_name, period_of_tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-09-18", {"datetime": "2019-09-18T00:00:00Z"}),
        ("2019-09-18T10:50:31Z", {"datetime": "2019-09-18T10:50:31Z"}),
        ("2019-09-18T12:50:31+02:00", {"datetime": "2019-09-18T10:50:31Z"}),
        ("2019-09-18T10:50:31.024", {"datetime": "2019-09-18T10:50:31.024000Z"}),
        (
            "2015-06-27/2026-02-23",
            {
                "datetime": None,
                "start_datetime": "2015-06-27T00:00:00Z",
                "end_datetime": "2026-02-23T00:00:00Z",
            },
        ),
    ],
)
def test_what_people_type(text: str, expected: dict[str, str | None]) -> None:
    period = parse_period(text)
    assert period.properties() == expected
    assert period.origin == "option"


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01", "2019-09-18/..", "a/b/c", "1/2/3"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="--datetime"):
        parse_period(text)


def test_three_ends_are_refused() -> None:
    with pytest.raises(BadParameter, match="more than two ends"):
        parse_period("2019-01-01/2019-01-02/2019-01-03")


def test_an_interval_does_not_end_before_it_starts() -> None:
    with pytest.raises(BadParameter, match="2020-01-02T00:00:00Z/2020-01-01T00:00:00Z ends before"):
        parse_period("2020-01-02/2020-01-01")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s2-l1c-13bands-20190918", "2019-09-18T00:00:00Z"),
        ("m_4709963_se_14_1_20090818", "2009-08-18T00:00:00Z"),
        # Landsat: path and row, acquisition, processing.
        ("LC08_L2SP_143054_20230213_20230218_02_T1_SR", "2023-02-13T00:00:00Z"),
        ("T53NMJ_20170527T012701_B02", "2017-05-27T01:27:01Z"),
        ("S2A_MSIL1C_20170527T012701_N0204_R031_T53NMJ_20170527T012700", "2017-05-27T01:27:01Z"),
        # Created on the 28th, sensed on the 27th.
        (
            "S2A_OPER_MSI_L1C_DS_SGS__20170528T061530_S20170527T012701_N02.05",
            "2017-05-27T01:27:01Z",
        ),
        ("scene-2020-07-04", "2020-07-04T00:00:00Z"),
        ("scene_2020_07_04_red", "2020-07-04T00:00:00Z"),
        ("20209999_20200704", "2020-07-04T00:00:00Z"),
    ],
)
def test_file_names(name: str, expected: str) -> None:
    period = period_of_name(name)
    assert period is not None
    assert iso(period.start) == expected
    assert period.origin == "file-name"


@pytest.mark.parametrize(
    "name", ["L7_ETMs", "water-label", "143054", "120190918", "20190230", "s2-10m"]
)
def test_file_names_without_a_date(name: str) -> None:
    assert period_of_name(name) is None


def test_the_earliest_tag_counts() -> None:
    period = period_of_tags(["2019:09:18 10:50:33", "2019:09:18 10:50:31", "scanned in autumn"])
    assert period == Period(datetime(2019, 9, 18, 10, 50, 31, tzinfo=UTC), None, "tiff-tag")


def test_tags_that_are_no_time() -> None:
    assert period_of_tags(["", "0000:00:00 00:00:00"]) is None
