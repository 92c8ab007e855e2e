"""The shape of counts, from rows as PostgreSQL gives them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from eotiles.catalog.aggregations import AGGREGATIONS, MOST_AUTOMATIC, Asked, counted
from eotiles.core.errors import BadParameter


def by_day(days: dict[dt.date, int]) -> list[dict[str, Any]]:
    """Rows of one key, with the row of everything."""
    rows: list[dict[str, Any]] = [
        {"day": day, "key_set": 0, "frequency": frequency} for day, frequency in days.items()
    ]
    first, last = min(days), max(days)
    noon = dt.time(12, tzinfo=dt.UTC)
    return [
        *rows,
        {
            "day": None,
            "key_set": 1,
            "frequency": sum(days.values()),
            "earliest": dt.datetime.combine(first, noon),
            "latest": dt.datetime.combine(last, noon),
        },
    ]


def frequencies(asked: Asked, rows: list[dict[str, Any]]) -> tuple[str, dict[str, int]]:
    (answer,) = counted(asked, rows)
    return answer["interval"], {each["key"][:10]: each["frequency"] for each in answer["buckets"]}


@pytest.mark.parametrize(
    ("days", "interval"),
    [(1, "day"), (MOST_AUTOMATIC, "day"), (MOST_AUTOMATIC + 1, "month"), (4000, "year")],
)
def test_the_interval_follows_the_data(days: int, interval: str) -> None:
    start = dt.date(2000, 1, 1)
    rows = by_day({start + dt.timedelta(days=number): 1 for number in range(days)})
    chosen, found = frequencies(Asked(("datetime_frequency",)), rows)
    assert chosen == interval
    assert sum(found.values()) == days


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("day", {"2021-02-28": 1, "2021-03-01": 2, "2021-05-05": 4}),
        ("week", {"2021-02-22": 1, "2021-03-01": 2, "2021-05-03": 4}),
        ("month", {"2021-02-01": 1, "2021-03-01": 2, "2021-05-01": 4}),
        ("quarter", {"2021-01-01": 3, "2021-04-01": 4}),
        ("year", {"2021-01-01": 7}),
    ],
)
def test_intervals(interval: Any, expected: dict[str, int]) -> None:
    rows = by_day({dt.date(2021, 2, 28): 1, dt.date(2021, 3, 1): 2, dt.date(2021, 5, 5): 4})
    assert frequencies(Asked(("datetime_frequency",), interval=interval), rows) == (
        interval,
        expected,
    )


def test_what_lacks_a_value_or_a_bucket_is_overflow() -> None:
    asked = Asked(("platform_frequency", "collection_frequency", "total_count"))
    assert asked.keys == ("platform", "collection")
    rows: list[dict[str, Any]] = [
        {
            "platform": None,
            "collection": None,
            "key_set": 3,
            "frequency": 10,
            "earliest": None,
            "latest": None,
        },
        {"platform": "a", "collection": None, "key_set": 1, "frequency": 4},
        {"platform": None, "collection": None, "key_set": 1, "frequency": 5},
        {"platform": None, "collection": "c", "key_set": 2, "frequency": 9},
    ]
    platform, collection, total = counted(asked, rows)
    assert platform["overflow"] == 6
    assert [each["key"] for each in platform["buckets"]] == ["a"]
    assert collection["overflow"] == 1
    assert total["value"] == 10


def test_nothing_found() -> None:
    answers = counted(Asked(tuple(AGGREGATIONS)), [])
    assert [each["name"] for each in answers] == list(AGGREGATIONS)
    assert answers[0]["value"] == 0
    assert answers[1]["value"] is None
    assert all(
        not each.get("buckets") or each["name"] == "cloud_cover_frequency" for each in answers
    )


def test_an_unknown_name_is_told_with_those_that_are_there() -> None:
    with pytest.raises(BadParameter, match="no 'frob'; there are total_count"):
        Asked(("frob",))
