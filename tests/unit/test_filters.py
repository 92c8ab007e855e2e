"""CQL2 filters: what gets through, as what, and what is refused before it costs anything."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import cql2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.catalog.boxes import flat_bbox
from eotiles.catalog.filters import (
    MOST_DEPTH,
    MOST_NODES,
    checked_filter,
    filter_from_json,
    filter_from_text,
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
        # The cql2 library never ends over the first, and ends the process over the others.
        "(" * 1_000,
        "(" * 15_000,
        "NOT " * 4_000 + "a=1",
        "-" * 15_000 + "1=1",
        "a=" + "(" * 8_000 + "1" + ")" * 8_000,
        "f(" * 7_000 + "1" + ")" * 7_000 + "=1",
        "POINT(" * 3_000,
        "a IN (" * 2_000,
        "a=" + "1+" * 8_000 + "1",
        "a=" + "1*-" * 5_000 + "1",
        "'" * 16_000,
        "'x''" * 4_000,
        '"' * 15_999,
        "a " * 8_000,
        " " * 16_384,
    ],
)
def test_hostile_text_costs_nothing(text: str) -> None:
    started = time.process_time()
    with pytest.raises(BadParameter, match="filter: "):
        filter_from_text(text)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("depth", [4, MOST_DEPTH])
@pytest.mark.parametrize(
    "inside", ["", "a", "a=", "a=1 b", "a=1)(b", "'", "POINT(1", "a BETWEEN 1"]
)
def test_errors_in_brackets_cost_nothing(inside: str, depth: int) -> None:
    """The library tries again at every bracket: twice the time for each."""
    for text in ("(" * depth + inside, "(" * depth + inside + ")" * depth + " x"):
        started = time.process_time()
        with pytest.raises(BadParameter):
            filter_from_text(text)
        assert time.process_time() - started < 0.1


TEXTS = """
a=1 AND b=2 AND c=3 | a=1 OR b=2 AND NOT c=3 | (a=1 OR b=2) AND c=3 | A=1 AND B=1 OR C=1 AND D=1 | a=1 and not b=2
a NOT IN (1, 2) | a IN ('x') | a IN (b, c+1) | a NOT BETWEEN 1 AND 2 | a BETWEEN b+1 AND c*2 AND d=1 | a IS NOT NULL
a<>1 | a<=1 | a>=-1 | a=- 1 | a=-b | a=+1 | a=1+2*3 | a=(1+2)*3 | a=1-2-3 | a=6/3/2 | 1 + 1 = 2 | a-b=1 | 1=a | (a)=(1)
a=1.5e3 | a=1e3 | a=1. | x=TRUE | x=false | a='it''s' | "a b"=1 | "a""b"=1 | a.b=1 | eo:cloud_cover=1 | ünï=1
a LIKE 'x%' | a NOT LIKE 'x' | casei(a)=CASEI('X') | accenti(a)='x' | 'x'='y' | a=('x','y') | A_CONTAINS(a, ('x', 1))
t=TIMESTAMP('2020-01-01T00:00:00Z') | t>DATE('2020-01-01') | T_DURING(t, INTERVAL('2020-01-01', '..'))
S_INTERSECTS(g, POINT(1 2)) | S_INTERSECTS(g, POINT Z(1 2 3)) | NOT NOT a=1
S_WITHIN(g, POLYGON((0 0,1 0,1 1,0 0),(1 1,2 2,3 3,1 1)))
S_INTERSECTS(g, LINESTRING(1 2,-3 4.5)) | S_INTERSECTS(g, MULTIPOINT(1 2,3 4))
S_INTERSECTS(g, MULTIPOINT((1 2),(3 4)))
S_INTERSECTS(g, MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))) | S_INTERSECTS(g, MULTILINESTRING((1 2,3 4)))
S_INTERSECTS(g, GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(1 2,3 4))) | S_WITHIN(g, BBOX(-1,-2.5,3,4))
"""
WRONG = "a=1=2|a<b<c|a IN ()|a . b=1|a=0x1|a=1_000|a=1 AND|AND|a=and|(a=1|a=1)|a NOT 1|a IS 1|a;b|a=1;|a=$1|a==1"


@pytest.mark.parametrize(
    "text", [text.strip() for line in TEXTS.split("\n") for text in line.split(" | ") if text]
)
def test_it_reads_what_the_library_reads(text: str) -> None:
    """The cql2 library is the twin: what it understands in time means the same."""
    assert filter_from_text(text) == checked_filter(cql2.parse_text(text).to_json())


@pytest.mark.parametrize("text", WRONG.split("|"))
def test_what_is_no_filter_is_not_made_one(text: str) -> None:
    with pytest.raises(BadParameter, match="filter"):
        filter_from_text(text)


def test_an_error_says_where() -> None:
    with pytest.raises(BadParameter, match=r"'AND' at character 11 is not expected"):
        filter_from_text("a = 1 AND AND b = 2")


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
