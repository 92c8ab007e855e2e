"""What is plainly valid is valid: whatever one changes in an item, the glance never passes what the checks refuse."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stac_pydantic import Item

from eotiles.core.errors import BadParameter
from eotiles.ingest.check import check_bbox, check_times
from eotiles.ingest.records.plain import is_plain
from tests import builders

WHOLE = builders.item(
    "scene",
    assets={"red": {"href": "https://e.org/r.tif", "type": "image/tiff", "roles": ["data"]}},
)
WHOLE["links"] = [{"rel": "license", "href": "https://e.org/l", "type": "text/html", "title": "L"}]
WHOLE["stac_extensions"] = ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"]
WHOLE["properties"] |= {
    "created": "2021-01-01T00:00:00.5Z",
    "updated": "2021-01-01T00:00:00+00:00",
    "instruments": ["msi"],
    "gsd": 10,
    "platform": "p",
    "start_datetime": "2021-01-01T00:00:00Z",
    "end_datetime": "2021-01-02T00:00:00Z",
}

VALUES = st.sampled_from(
    [
        *(None, "", "x", 0, -1, 1.5, True, [], {}, [1], ["x"], {"a": 1}, float("nan")),
        *("2021-02-31T00:00:00Z", "2021-01-01T00:00:00Z", "2021-01-01", "1.0", "1.0.0", "http://"),
        *({"href": "x"}, [{"rel": "a", "href": "b"}], [None]),
    ]
)
BOXES = st.lists(
    st.one_of(
        st.sampled_from([-180, -90.0, 0, 45, 90, 180.0, 180.5, 1e300, 10**400, True, "1", None]),
        st.floats(),
    ),
    max_size=7,
)
MEMBERS = (
    *("type", "id", "collection", "bbox", "stac_version", "stac_extensions"),
    *("properties", "links", "assets"),
)
PLACES: list[tuple[Any, ...]] = [(member,) for member in MEMBERS]
PLACES += [
    ("properties", name)
    for name in (*WHOLE["properties"], "title", "providers", "license", "end_datetime")
]
PLACES += [("assets", "red"), ("assets", "x y")]
PLACES += [
    ("assets", "red", name) for name in ("href", "type", "title", "roles", "description", "bands")
]
PLACES += [("links", 0, name) for name in ("rel", "href", "type", "title", "method", "body")]


def test_a_whole_item_is_plain() -> None:
    assert is_plain(WHOLE)


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.one_of(st.just("drop"), VALUES)), max_size=3))
def test_what_is_plain_is_valid(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    item = deepcopy(WHOLE)
    for place, value in changes:
        part: Any = item
        try:
            for name in place[:-1]:
                part = part[name]
            if value == "drop":
                del part[place[-1]]
            else:
                part[place[-1]] = value
        except (KeyError, TypeError, IndexError):
            continue
    if is_plain(item):
        check_times(item, Item.model_validate(item))
        check_bbox(item)


@given(BOXES)
def test_a_box_that_is_plain_is_one(box: list[Any]) -> None:
    item = {**WHOLE, "bbox": box}
    if is_plain(item):
        Item.model_validate(item)
        check_bbox(item)
        return
    # Nor are those left to the model for nothing.
    numbers = [value for value in box if isinstance(value, int | float) and value is not True]
    assert len(numbers) != len(box) or len(box) not in (4, 6) or _is_refused(item)


def _is_refused(item: dict[str, Any]) -> bool:
    try:
        check_bbox(item)
    except BadParameter:
        return True
    return False


@pytest.mark.parametrize("year", [1900, 2019, 2020, 2099])
def test_days_that_are_plain_are_in_the_calendar(year: int) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year}-{month:02}-{day:02}"
            item = {**WHOLE, "properties": {"datetime": f"{text}T00:00:00Z"}}
            try:
                date.fromisoformat(text)
            except ValueError:
                assert not is_plain(item), text
            else:
                assert is_plain(item) or (month, day) == (2, 29), text
