"""What is plainly valid is valid: whatever one changes in an item, the glance never passes what the model refuses."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from stac_pydantic import Item

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
        Item.model_validate(item)
