"""The checked tree that an expression becomes: band names, numbers and a closed set of operations. Data, never code.

A value is a real number; a condition is 1 (true), 0 (false) or, where it compares something that is not a number, NaN
(unknown). Unknown spreads as in SQL: `0 and unknown` is 0, `1 or unknown` is 1, everything else of it is unknown, and a
pixel whose value ends unknown is invalid. So `where(R > 0, N / R, 0)` guards a division, and `0 / 0 > 1` hides the
pixel instead of drawing it as false.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from eotiles.core.errors import BadExpression

NODES_MAX = 256
"""Nodes of a tree: what a pixel and the compiler cost grows with them. The largest of 280 published indices has 63."""

DEPTH_MAX = 32
"""Levels of a tree and of nested brackets: walking it by recursion stays far below Python's limit of 1,000
frames. The deepest published index has 8."""

BANDS_MAX = 16
"""Different bands: each one is read and warped for every tile. Sentinel-2 has 13."""

NUMBER_MAX = 1e12
"""Largest magnitude of a constant: far above any physical value, so that products of a few stay finite in float64."""

EXPONENT_MAX = 8
"""Largest magnitude of an exponent. Beyond it nothing of a reflectance is left, and whole ones become products."""

SLOW_MAX = 32
"""Calls of exp, log and powers with a fraction, some 20 ns a pixel each where other operations take less than one."""

OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
LOGIC = {"and": "and", "or": "or"}
CONDITIONS = frozenset({*COMPARISONS, *LOGIC, "not"})
"""Operations whose result is a condition."""

NEED_CONDITIONS = frozenset({*LOGIC, "not", "where"})
"""Operations whose operands are conditions; of `where` the first one."""

ARITY = {
    **dict.fromkeys(("neg", "not", "abs", "sqrt", "log", "exp"), 1),
    **dict.fromkeys((*OPERATORS, *COMPARISONS, *LOGIC, "min", "max"), 2),
    "where": 3,
}
"""Every operation with its number of operands. `clip` and longer `min`, `max` are spelt with these."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Band:
    """The value of a band at the pixel."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on operands."""

    op: str
    """A key of ARITY."""

    args: tuple[Node, ...]
    """As many as ARITY says. The exponent of `pow` is a Number."""


Node = Number | Band | Apply


@dataclass(frozen=True)
class Expression:
    """A tree within the limits above. Two spellings of the same computation are equal and have one `canonical` text."""

    root: Node

    bands: tuple[str, ...] = field(init=False, compare=False)
    """Names of the bands that are used, in order of first use."""

    def __post_init__(self) -> None:
        slow = 0
        bands: dict[str, None] = {}
        for count, (node, depth) in enumerate(walk(self.root), start=1):
            if count > NODES_MAX:
                raise BadExpression(
                    f"the expression has more than {NODES_MAX} operations and values"
                )
            if depth > DEPTH_MAX:
                raise BadExpression(f"the expression is nested more than {DEPTH_MAX} levels deep")
            if isinstance(node, Apply):
                _check(node)
                slow += is_slow(node)
            elif isinstance(node, Band):
                bands[node.name] = None
            elif not abs(node.value) <= NUMBER_MAX:
                raise BadExpression(f"the number {node.value!r} is not within ±{NUMBER_MAX:g}")
        if slow > SLOW_MAX:
            raise BadExpression(
                f"the expression calls exp, log or a power with a fraction {slow} times; "
                f"at most {SLOW_MAX} are allowed"
            )
        if not bands:
            raise BadExpression("the expression uses no band")
        if len(bands) > BANDS_MAX:
            raise BadExpression(
                f"the expression uses {len(bands)} bands; at most {BANDS_MAX} are allowed"
            )
        object.__setattr__(self, "bands", tuple(bands))

    @cached_property
    def canonical(self) -> str:
        """The one text of this computation, every bracket written: what caches and ETags are keyed with."""
        return _text(self.root)


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its level (the root is on level 1), left to right, without recursion."""
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        if isinstance(node, Apply):
            stack.extend((arg, depth + 1) for arg in reversed(node.args))


def is_condition(node: Node) -> bool:
    """Whether the node is true or false rather than a number."""
    return isinstance(node, Apply) and node.op in CONDITIONS


def is_slow(node: Apply) -> bool:
    """Whether the operation costs a call of the mathematical library for each pixel."""
    if node.op == "pow":
        return not _exponent(node).is_integer()
    return node.op in ("exp", "log")


def _exponent(node: Apply) -> float:
    exponent = node.args[1]
    if not isinstance(exponent, Number) or not abs(exponent.value) <= EXPONENT_MAX:
        raise BadExpression(f"an exponent is a plain number within ±{EXPONENT_MAX}")
    return exponent.value


def _check(node: Apply) -> None:
    op, args = node.op, node.args
    if ARITY.get(op) != len(args):
        raise BadExpression(f"the operation {op!r} does not exist with {len(args)} operands")
    if op == "pow":
        _exponent(node)
    elif op in NEED_CONDITIONS and not all(
        is_condition(arg) for arg in (args[:1] if op == "where" else args)
    ):
        raise BadExpression(f"{op!r} needs a condition such as a > 0")


def _text(node: Node) -> str:
    if isinstance(node, Band):
        return node.name
    if isinstance(node, Number):
        return repr(node.value) if math.copysign(1, node.value) > 0 else f"({node.value!r})"
    args = [_text(arg) for arg in node.args]
    infix = OPERATORS.get(node.op) or COMPARISONS.get(node.op) or LOGIC.get(node.op)
    if infix is not None:
        return f"({args[0]} {infix} {args[1]})"
    if node.op == "neg":
        return f"(-{args[0]})"
    if node.op == "not":
        return f"(not {args[0]})"
    return f"{node.op}({', '.join(args)})"
