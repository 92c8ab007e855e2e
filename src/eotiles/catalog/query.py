"""The query extension, from before CQL2 (`{"eo:cloud_cover": {"lt": 20}}`), as a CQL2 filter. Pure.

pgSTAC translates it too, but knows neither of startsWith, endsWith and contains, and passes on any operator.
Standard: https://github.com/stac-api-extensions/query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eotiles.core.errors import BadParameter

Json = dict[str, Any]

_COMPARISONS = {
    "eq": "=", "neq": "<>", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
}  # fmt: skip
_PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}
"""Operator → LIKE pattern around the text."""

OPERATORS = (*_COMPARISONS, *_PATTERNS, "in")

_WILDCARDS = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


def filter_from_query(query: Any) -> Json | None:
    """The tree that says the same; None for a query that asks for nothing.

    Its bounds are those of a filter (catalog/filters.py), which is to check it.

    Raises:
        BadParameter: a property has no operators, or one that is not there, or one with a value that it cannot take.
    """
    if not isinstance(query, Mapping):
        raise BadParameter("query: has to be a JSON object")
    parts = []
    for name, operators in query.items():
        if not isinstance(operators, Mapping):
            raise BadParameter(
                f"query: {name[:60]!r} takes an object of operators and values, as {{'eq': 1}}"
            )
        parts += [_part(name, operator, value) for operator, value in operators.items()]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"op": "and", "args": parts}


def _part(name: str, operator: str, value: Any) -> Json:
    left = {"property": name}
    if operator in _PATTERNS:
        if not isinstance(value, str):
            raise BadParameter(f"query: {operator} of {name[:60]!r} takes a text")
        pattern = _PATTERNS[operator].format(value.translate(_WILDCARDS))
        return {"op": "like", "args": [left, pattern]}
    if operator == "in":
        if not isinstance(value, list) or not all(_is_scalar(each) for each in value):
            raise BadParameter(f"query: in of {name[:60]!r} takes a list of values")
        return {"op": "in", "args": [left, value]}
    if operator not in _COMPARISONS:
        known = ", ".join(OPERATORS)
        raise BadParameter(f"query: there is no operator {operator[:60]!r}; there are {known}")
    if value is None and operator in ("eq", "neq", "ne"):
        is_null = {"op": "isNull", "args": [left]}
        return is_null if operator == "eq" else {"op": "not", "args": [is_null]}
    if not _is_scalar(value):
        raise BadParameter(f"query: {operator} of {name[:60]!r} takes a number or a text")
    return {"op": _COMPARISONS[operator], "args": [left, value]}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)
