"""CQL2 filters: from text or JSON to a tree that pgSTAC understands, with bounds on what it costs. Pure.

The checks are ours because others' are not enough: pgSTAC lets through what it then cannot run, and validating against
the schema of CQL2 takes 20 ms to seconds a filter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from eotiles.catalog.boxes import across_antimeridian, flat_bbox
from eotiles.catalog.cql2_text import parse_cql2_text
from eotiles.core.errors import BadParameter

Json = dict[str, Any]

MOST_CHARACTERS = 16_384
MOST_NODES = 128
"""Operators of one filter."""

MOST_DEPTH = 24
MOST_VALUES = 25_000
"""Literals of one filter: the values of an `in`, the coordinates of a geometry."""

_COMPARISONS = (
    "=",
    "<>",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "eq",
    "neq",
    "ne",
    "lt",
    "lte",
    "le",
    "gt",
    "gte",
    "ge",
)
_TEMPORAL = (
    "before", "after", "meets", "metby", "overlaps", "overlappedby", "starts", "startedby", "during", "contains",
    "finishes", "finishedby", "equals", "disjoint", "intersects",
)  # fmt: skip
_SPATIAL = (
    "equals",
    "disjoint",
    "touches",
    "within",
    "overlaps",
    "crosses",
    "intersects",
    "contains",
)
_ARRAY = ("equals", "contains", "contained_by", "containedby", "overlaps")
_OTHERWISE = {"a_containedby": "a_contained_by"}
"""What the standard calls an operator → what pgSTAC does."""

_PREDICATES: Mapping[str, int | None] = {
    "and": None,
    "or": None,
    "not": 1,
    "isnull": 1,
    "between": 3,
    "in": 2,
    **dict.fromkeys(("like", "ilike", "anyinteracts", "intersects"), 2),
    **dict.fromkeys(_COMPARISONS, 2),
    **dict.fromkeys((f"t_{name}" for name in _TEMPORAL), 2),
    **dict.fromkeys((f"s_{name}" for name in _SPATIAL), 2),
    **dict.fromkeys((f"a_{name}" for name in _ARRAY), 2),
}
"""Operator that is true or false → how many arguments it takes; None: any number but none."""

_FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(("+", "-", "*", "/"), 2),
    **dict.fromkeys(("upper", "lower", "casei", "accenti"), 1),
}


def filter_from_text(text: str) -> Json:
    """The tree of a CQL2 text filter.

    Raises:
        BadParameter: it cannot be understood, or is over a limit.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadParameter(f"filter: longer than {MOST_CHARACTERS} characters")
    return checked_filter(parse_cql2_text(text, most_depth=MOST_DEPTH))


def filter_from_json(text: str) -> Json:
    """The tree of a CQL2 JSON filter in a query parameter.

    Raises:
        BadParameter: it is not JSON, cannot be understood, or is over a limit.
    """
    try:
        tree = json.loads(text, parse_constant=finite, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"filter: not JSON: {_one_line(error)}") from error
    return checked_filter(tree)


def checked_filter(tree: Any) -> Json:
    """A CQL2 JSON filter as pgSTAC takes it.

    Raises:
        BadParameter: it is no filter, uses an operator that is not there, or is over a limit.
    """
    walk = _Walk()
    if not isinstance(tree, dict) or str(tree.get("op")).lower() not in _PREDICATES:
        walk.refuse_operator(tree)
    checked: Json = walk.node(tree, depth=0)
    return checked


class _Walk:
    """One pass over a filter; counts what it meets."""

    def __init__(self) -> None:
        self.nodes = 0
        self.values = 0

    def node(self, tree: Any, *, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise BadParameter(f"filter: nested deeper than {MOST_DEPTH} levels")
        if isinstance(tree, list):
            return [self.node(part, depth=depth + 1) for part in tree]
        if not isinstance(tree, dict):
            self._count_value()
            return tree
        if "op" in tree:
            return self._operator(tree, depth=depth)
        if "property" in tree:
            if not isinstance(tree["property"], str) or not tree["property"].strip():
                raise BadParameter("filter: a property is named by a text that is not empty")
            return {"property": tree["property"]}
        if "date" in tree:
            # pgSTAC knows instants by one name.
            return {"timestamp": tree["date"]}
        if "bbox" in tree:
            box = flat_bbox(tree["bbox"], name="filter")
            return across_antimeridian(box) or box
        return {key: self.node(value, depth=depth + 1) for key, value in tree.items()}

    def _operator(self, tree: Json, *, depth: int) -> Json:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise BadParameter(f"filter: more than {MOST_NODES} operators")
        op, arguments = str(tree["op"]).lower(), tree.get("args")
        if op not in _PREDICATES and op not in _FUNCTIONS:
            self.refuse_operator(tree)
        wanted = _PREDICATES.get(op, _FUNCTIONS.get(op))
        if op == "between":
            arguments = _bounds_apart(arguments)
        if op == "in" and isinstance(arguments, list) and arguments[1:] == [[]]:
            raise BadParameter("filter: 'in' takes a value and a list of at least one")
        if not isinstance(arguments, list) or len(arguments) != (wanted or max(1, len(arguments))):
            raise BadParameter(
                f"filter: operator {tree['op']!r} takes {wanted or 'one or more'} arguments in a list"
            )
        return {
            "op": _OTHERWISE.get(op, op),
            "args": [self.node(argument, depth=depth + 1) for argument in arguments],
        }

    def _count_value(self) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            raise BadParameter(f"filter: more than {MOST_VALUES} values")

    def refuse_operator(self, tree: Any) -> None:
        op = tree.get("op") if isinstance(tree, dict) else None
        if op is None:
            raise BadParameter("filter: has to be a comparison or a combination of comparisons")
        if str(op).lower() in _FUNCTIONS:
            raise BadParameter(f"filter: {op!r} gives a value; compare it with something")
        raise BadParameter(f"filter: there is no operator or function {str(op)[:60]!r} here")


def _bounds_apart(arguments: Any) -> Any:
    """Drafts of CQL2 had the bounds of `between` in a list of their own; clients written for those still send it."""
    is_draft = (
        isinstance(arguments, list) and len(arguments) == 2 and isinstance(arguments[1], list)
    )
    return [arguments[0], *arguments[1]] if is_draft else arguments


def finite(text: str) -> float:
    """A number of JSON; Python's reader would take NaN, Infinity and 1e400 too.

    Raises:
        ValueError: it is one of these.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a number")
    return number


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
