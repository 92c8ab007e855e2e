"""CQL2 filters: what gets through, as what, and what is refused before it costs anything."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.catalog.filters import (
    MOST_DEPTH,
    MOST_NODES,
    checked_filter,
    filter_from_json,
    filter_from_text,
    flat_bbox,
)
from eotiles.core.errors import BadParameter

CLOUDS: dict[str, Any] = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]}
PIECES = (
    "POLYGON((0 0,1 0,1 1,0 0))",
    "casei(",
    "DATE(",
    "BBOX(",
    "f(",
    "''",
    '"q"',
    "'x'",
    *"()a1=<-+^,é\n\\'*/",
)
WORDS = (" AND ", " OR ", "NOT ", " LIKE ", " IN ", " BETWEEN ", " IS NULL")
TRIANGLE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("eo:cloud_cover < 10", CLOUDS),
        ("NOT a IS NULL", {"op": "not", "args": [{"op": "isnull", "args": [{"property": "a"}]}]}),
        ("a IN (1, 2)", {"op": "in", "args": [{"property": "a"}, [1, 2]]}),
        (
            "S_INTERSECTS(geometry, POLYGON((0 0, 1 0, 1 1, 0 0)))",
            {"op": "s_intersects", "args": [{"property": "geometry"}, TRIANGLE]},
        ),
        # pgSTAC knows neither of these by the name that CQL2 gives them.
        (
            "a > DATE('2020-01-01')",
            {"op": ">", "args": [{"property": "a"}, {"timestamp": "2020-01-01"}]},
        ),
        (
            "S_WITHIN(geometry, BBOX(0,0,1,1))",
            {"op": "s_within", "args": [{"property": "geometry"}, [0, 0, 1, 1]]},
        ),
    ],
)
def test_text_becomes_a_tree(text: str, tree: dict[str, Any]) -> None:
    assert filter_from_text(text) == tree


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not CQL2 text"),
        ("a = ", "not CQL2 text"),
        ("a", "has to be a comparison"),
        ("1", "has to be a comparison"),
        ("a + 1", "compare it with something"),
        ("frobnicate(a) = 1", "no operator or function 'frobnicate'"),
        ("a ^ 2 = 1", "no operator or function"),
        ("a = 1 AND " * 200 + "a = 1", f"more than {MOST_NODES} operators"),
        ("a = '" + "x" * 20_000 + "'", "longer than"),
    ],
)
def test_text_that_cannot_be_used_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        filter_from_text(text)


@pytest.mark.parametrize(
    "text",
    [
        # Each ends the process with a segmentation fault when cql2's parser gets it.
        "(" * 15_000,
        "NOT " * 4_000 + "a=1",
        "-" * 15_000 + "1=1",
        "a=" + "(" * 8_000 + "1" + ")" * 8_000,
        "f(" * 7_000 + "1" + ")" * 7_000 + "=1",
        "a=1 AND 'x''" + "'" + "(" * 15_000,
        "- - " * 4_000 + "1=1",
        "-(" * 5_000 + "1=1",
    ],
)
def test_deep_text_does_not_reach_the_parser(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(BadParameter):
        filter_from_text(text)
    assert time.perf_counter() - started < 0.5


def test_brackets_in_literals_are_not_nesting() -> None:
    text = "(" * 500
    assert filter_from_text(f"a = '{text}''{text}'")["args"][1] == f"{text}'{text}"


@given(st.lists(st.sampled_from((*PIECES, *WORDS)), max_size=60))
def test_any_text_is_a_filter_or_a_sentence(parts: list[str]) -> None:
    try:
        tree = filter_from_text("".join(parts))
    except BadParameter as error:
        tree, sentence = None, str(error)
    else:
        sentence = ""
    assert tree is None or checked_filter(tree) == tree
    assert sentence == "" or re.fullmatch(r"filter: .+", sentence), (
        "one line that names the parameter"
    )


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (None, "has to be a comparison"),
        ([], "has to be a comparison"),
        ({}, "has to be a comparison"),
        ({"op": "frob", "args": [1]}, "no operator or function 'frob'"),
        ({"op": ["="], "args": [1, 2]}, "no operator"),
        ({"op": "="}, "takes 2 arguments"),
        ({"op": "=", "args": {"a": 1}}, "takes 2 arguments"),
        ({"op": "=", "args": [1]}, "takes 2 arguments"),
        ({"op": "and", "args": []}, "takes one or more arguments"),
        ({"op": "=", "args": [{"property": ""}, 1]}, "a property is named by a text"),
        ({"op": "=", "args": [{"property": 5}, 1]}, "a property is named by a text"),
        (
            {"op": "s_within", "args": [{"property": "geometry"}, {"bbox": [0, 0, 1]}]},
            "four or six numbers",
        ),
        ({"op": "in", "args": [{"property": "id"}, ["x"] * 30_000]}, "values"),
        ({"op": "and", "args": [CLOUDS] * 200}, "operators"),
    ],
)
def test_trees_that_cannot_be_used_are_refused(tree: Any, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        checked_filter(tree)


def test_depth_is_bounded() -> None:
    deep = CLOUDS
    for _ in range(MOST_DEPTH):
        deep = {"op": "not", "args": [deep]}
    with pytest.raises(BadParameter, match="nested deeper"):
        checked_filter(deep)


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '{"op": "=", "args": [{"property": "a"}, NaN]}', "5"]
)
def test_json_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="filter"):
        filter_from_json(text)


def test_json_and_text_are_the_same_filter() -> None:
    assert filter_from_json(json.dumps(CLOUDS)) == filter_from_text("eo:cloud_cover < 10") == CLOUDS


@pytest.mark.parametrize(
    ("bbox", "flat"), [([0, 1, 2, 3], [0, 1, 2, 3]), ((0, 1, -100, 2, 3, 100), [0, 1, 2, 3])]
)
def test_heights_of_a_bbox_are_left_out(bbox: Any, flat: list[float]) -> None:
    assert flat_bbox(bbox, name="bbox") == flat


@pytest.mark.parametrize(
    "bbox",
    [
        None,
        5,
        "0,0,1,1",
        [0, 0, 1],
        [0, 0, 1, "x"],
        [0, 0, 1, float("nan")],
        [0, 0, 1, float("inf")],
        {},
    ],
)
def test_anything_else_is_no_bbox(bbox: Any) -> None:
    with pytest.raises(BadParameter, match="bbox: a bbox is four or six numbers"):
        flat_bbox(bbox, name="bbox")
