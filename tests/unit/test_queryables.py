"""From what properties hold to what a client may filter by."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.queryables import MOST_COLLECTIONS, MOST_VALUES, Property, with_properties


def told(registered: dict[str, Any] | None = None, **changes: Any) -> Any:
    """The schema of one property, `eo:x_y`; None where there is none."""
    made: dict[str, Any] = {
        "name": "eo:x_y",
        "types": ("string",),
        "is_complete": True,
        "summary": None,
        "low": None,
        "high": None,
        "values": ("a", "b"),
    }
    return with_properties(registered or {}, [Property(**{**made, **changes})], collections=()).get(
        changes.get("name", "eo:x_y")
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"type": "string", "enum": ["a", "b"]}),
        ({"types": ("null", "string")}, {"type": "string", "enum": ["a", "b"]}),
        ({"is_complete": False}, {"type": "string", "examples": ["a", "b"]}),
        ({"is_complete": False, "summary": ["a", "c"]}, {"type": "string", "enum": ["a", "c"]}),
        ({"values": tuple("abc" * MOST_VALUES)[: MOST_VALUES + 1]}, {"type": "string", "examples": list("abcab")}),
        ({"values": ("x" * 5000,)}, {"type": "string"}),
        ({"values": ("2021-01-01T00:00:00Z", "2021-01-01T00:00:00.5Z")}, {"type": "string", "format": "date-time"}),
        ({"types": ("boolean",), "values": (True,)}, {"type": "boolean", "enum": [True]}),
        ({"types": ("number",), "low": 1.0, "high": 2.0}, {"type": "number", "minimum": 1.0, "maximum": 2.0}),
        ({"types": ("number",), "low": 1.0, "high": 2.0, "is_complete": False}, {"type": "number"}),
        (
            {"types": ("number",), "low": 1.0, "is_complete": False, "summary": {"minimum": 0, "maximum": 100}},
            {"type": "number", "minimum": 0, "maximum": 100},
        ),
        ({"types": ("array",), "values": ()}, {"type": "array"}),
        ({"types": ("number", "string")}, {"type": ["string", "number"]}),
    ],
)  # fmt: skip
def test_schemas(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert told(**changes) == {"title": "X y", **expected}


@pytest.mark.parametrize(
    "changes", [{"types": ("object",)}, {"types": ("null",)}, {"name": "x" * 300}]
)
def test_what_cannot_be_filtered_by_is_left_out(changes: dict[str, Any]) -> None:
    assert told(**changes) is None


def test_what_an_operator_defined_stays() -> None:
    number = {"types": ("number",), "low": 1.0, "high": 2.0}
    assert told({"eo:x_y": {"title": "Mine", "type": "number", "maximum": 100}}, **number) == {
        "title": "Mine", "type": "number", "minimum": 1.0, "maximum": 100,
    }  # fmt: skip
    assert told({"eo:x_y": {"type": "string"}}, **number) == {"type": "string"}


def test_collections_are_listed_while_they_are_few() -> None:
    few = with_properties({}, [], collections=["a"])
    assert few["collection"]["enum"] == ["a"]
    many = with_properties({}, [], collections=["a"] * (MOST_COLLECTIONS + 1))
    assert "enum" not in many["collection"]
