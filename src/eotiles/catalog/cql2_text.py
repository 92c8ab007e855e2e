"""CQL2 text to CQL2 JSON, in one pass without backtracking.

Ours, because the cql2 library's parser tries again at every bracket: an error inside twenty brackets takes it eight
seconds, inside a thousand it never ends, and thirty thousand end the process. Here the time grows with the length.
Standard: https://docs.ogc.org/is/21-065r2/21-065r2.html, annex B.
"""

from __future__ import annotations

import re
from typing import Any

from eotiles.core.errors import BadParameter

Json = dict[str, Any]

_TOKENS = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[^\W\d][\w.:]*)"
    r'|"(?P<quoted>(?:[^"]|"")*)"'
    r"|(?P<sign><>|<=|>=|[-+*/(),=<>^%])"
    r"|(?P<end>$)"
    r"|(?P<odd>.))",
    re.DOTALL,
)
_COMPARISONS = {"=", "<>", "<", "<=", ">", ">="}
_GEOMETRIES = {
    "point": ("Point", 0),
    "linestring": ("LineString", 1),
    "polygon": ("Polygon", 2),
    "multipoint": ("MultiPoint", 1),
    "multilinestring": ("MultiLineString", 2),
    "multipolygon": ("MultiPolygon", 3),
}
"""WKT keyword → GeoJSON type, and how many brackets lie between it and a position."""

_INSTANTS = {"date", "timestamp"}
_RESERVED = {"and", "or", "not", "like", "between", "in", "is", "div"}
_CONSTANTS = {"true": True, "false": False, "null": None}


def parse_cql2_text(text: str, *, most_depth: int) -> Any:
    """The CQL2 JSON of a text; what its operators are and take is not looked at.

    Raises:
        BadParameter: it is no CQL2 text, or nested deeper than `most_depth`.
    """
    parser = _Parser(text, most_depth=most_depth)
    tree = parser.disjunction(0)
    if parser.kind != "end":
        parser.refuse()
    return tree


class _Parser:
    """Recursive descent with one token in view."""

    def __init__(self, text: str, *, most_depth: int) -> None:
        self._text = text
        self._most_depth = most_depth
        self._at = 0
        self.kind = self.value = ""
        self._next()

    def _next(self) -> None:
        match = _TOKENS.match(self._text, self._at)
        if match is None or match.lastgroup is None:  # cannot be: `odd` and `end` take what is left
            raise BadParameter("filter: not CQL2 text")
        self.kind, self.value = match.lastgroup, match[match.lastgroup]
        self._start, self._at = match.start(match.lastgroup), match.end()

    def refuse(self) -> None:
        found = f"{self.value[:20]!r}" if self.kind != "end" else "the end"
        raise BadParameter(
            f"filter: not CQL2 text: {found} at character {self._start + 1} is not expected"
        )

    def _takes(self, *wanted: str) -> bool:
        """Go past a sign or a keyword if it stands here."""
        is_here = self.kind in ("sign", "name") and self.value.lower() in wanted
        if is_here:
            self._next()
        return is_here

    def _expects(self, wanted: str) -> None:
        if not self._takes(wanted):
            self.refuse()

    def _deeper(self, depth: int) -> int:
        if depth >= self._most_depth:
            raise BadParameter(f"filter: nested deeper than {self._most_depth} levels")
        return depth + 1

    def disjunction(self, depth: int) -> Any:
        return self._joined("or", [self._conjunction(depth)], depth)

    def _conjunction(self, depth: int) -> Any:
        return self._joined("and", [self._negation(depth)], depth)

    def _joined(self, op: str, parts: list[Any], depth: int) -> Any:
        while self._takes(op):
            parts.append(self._negation(depth) if op == "and" else self._conjunction(depth))
        return parts[0] if len(parts) == 1 else {"op": op, "args": parts}

    def _negation(self, depth: int) -> Any:
        if self._takes("not"):
            return {"op": "not", "args": [self._negation(self._deeper(depth))]}
        return self._predicate(depth)

    def _predicate(self, depth: int) -> Any:
        left = self._sum(depth)
        if self.kind == "sign" and self.value in _COMPARISONS:
            op = self.value
            self._next()
            return {"op": op, "args": [left, self._sum(depth)]}
        if self._takes("is"):
            is_negative = self._takes("not")
            self._expects("null")
            return _negated({"op": "isNull", "args": [left]}, is_negative)
        is_negative = self._takes("not")
        if self._takes("like"):
            return _negated({"op": "like", "args": [left, self._sum(depth)]}, is_negative)
        if self._takes("between"):
            low = self._sum(depth)
            self._expects("and")
            return _negated({"op": "between", "args": [left, low, self._sum(depth)]}, is_negative)
        if self._takes("in"):
            self._expects("(")
            return _negated(
                {"op": "in", "args": [left, self._list(self._deeper(depth))]}, is_negative
            )
        if is_negative:
            self.refuse()
        return left

    def _sum(self, depth: int) -> Any:
        left = self._product(depth)
        while self.kind == "sign" and self.value in ("+", "-"):
            op = self.value
            self._next()
            left = {"op": op, "args": [left, self._product(depth)]}
        return left

    def _product(self, depth: int) -> Any:
        left = self._factor(depth)
        while (self.kind == "sign" and self.value in ("*", "/", "%", "^")) or (
            self.kind == "name" and self.value.lower() == "div"
        ):
            op = self.value.lower()
            self._next()
            left = {"op": op, "args": [left, self._factor(depth)]}
        return left

    def _factor(self, depth: int) -> Any:
        if self._takes("-"):
            value = self._factor(self._deeper(depth))
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return -value if is_number else {"op": "*", "args": [-1, value]}
        if self._takes("+"):
            return self._factor(self._deeper(depth))
        if self._takes("("):
            values = self._list(self._deeper(depth))
            return values[0] if len(values) == 1 else values
        if self.kind == "number":
            return self._number()
        if self.kind == "text":
            text = self.value[1:-1].replace("''", "'")
            self._next()
            return text
        if self.kind == "quoted":
            name = self.value.replace('""', '"')
            self._next()
            return {"property": name}
        if self.kind != "name" or self.value.lower() in _RESERVED:
            self.refuse()
        return self._named(depth)

    def _named(self, depth: int) -> Any:
        """A constant, a property, a function, a geometry or an instant."""
        name = self.value
        self._next()
        if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        if name.lower() in _GEOMETRIES and self.kind == "name" and self.value.lower() == "z":
            self._next()
        if not self._takes("("):
            return {"property": name}
        depth = self._deeper(depth)
        if name.lower() in _GEOMETRIES:
            kind, brackets = _GEOMETRIES[name.lower()]
            return {"type": kind, "coordinates": self._coordinates(brackets)}
        if self._takes(")"):
            return {"op": name, "args": []}
        values = self._list(depth)
        if name.lower() == "geometrycollection":
            return {"type": "GeometryCollection", "geometries": values}
        if name.lower() in _INSTANTS:
            return {name.lower(): values[0]}
        if name.lower() in ("bbox", "interval"):
            return {name.lower(): values}
        return {"op": name, "args": values}

    def _list(self, depth: int) -> list[Any]:
        """Values parted by commas, up to the bracket that ends them."""
        values = [self.disjunction(depth)]
        while self._takes(","):
            values.append(self.disjunction(depth))
        self._expects(")")
        return values

    def _coordinates(self, brackets: int) -> list[Any]:
        """What stands behind the opening bracket of a geometry."""
        if brackets == 0:
            position = [self._signed()]
            while not self._takes(")"):
                position.append(self._signed())
            return position
        parts = [self._part(brackets)]
        while self._takes(","):
            parts.append(self._part(brackets))
        self._expects(")")
        return parts

    def _part(self, brackets: int) -> list[Any]:
        if self._takes("("):
            return self._coordinates(brackets - 1)
        if brackets != 1:
            self.refuse()
        position = [self._signed()]
        while self.kind == "number" or (self.kind == "sign" and self.value == "-"):
            position.append(self._signed())
        return position

    def _signed(self) -> int | float:
        if self._takes("-"):
            return -self._number()
        return self._number()

    def _number(self) -> int | float:
        if self.kind != "number":
            self.refuse()
        number = (
            int(self.value)
            if self.value.isdecimal() and len(self.value) < 19
            else float(self.value)
        )
        if number == float("inf"):
            self.refuse()
        self._next()
        return number


def _negated(tree: Json, is_negative: bool) -> Json:
    return {"op": "not", "args": [tree]} if is_negative else tree
