"""From text to a checked tree: a tokenizer and a precedence-climbing parser of our own.

    expression := operand (OPERATOR operand)*         loosest first:  or  and  not  < <= > >= == !=  + -  * /  -x  **
    operand    := NUMBER | BAND | "(" expression ")" | "-" operand | "not" expression
                | FUNCTION "(" expression ("," expression)* ")"
    exponent   := ["-"] NUMBER | "(" ["-"] NUMBER ["/" NUMBER] ")"

As in Python, `-x ** 2` is `-(x ** 2)` and `not a > b` is `not (a > b)`; other than in Python, comparisons do not chain.
Nothing here evaluates, and no text of a user reaches a compiler (docs/decisions/0004-bandmath.md). The rules come back
to themselves through `expression` only: with a greater `floor`, of which there are eight, or with a greater `depth`,
which is limited. So Python's stack is bounded before the tree is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from functools import reduce
from itertools import pairwise
from typing import NoReturn

from eotiles.bandmath import tree
from eotiles.bandmath.tree import Apply, Band, Expression, Node, Number
from eotiles.core.errors import BadExpression

CHARACTERS_MAX = 1024
"""Characters of an expression: the longest of 280 published indices has 215."""

FUNCTIONS: dict[str, tuple[int, int]] = {
    "where": (3, 3),
    "min": (2, tree.BANDS_MAX),
    "max": (2, tree.BANDS_MAX),
    "abs": (1, 1),
    "sqrt": (1, 1),
    "log": (1, 1),
    "exp": (1, 1),
    "clip": (3, 3),
}
"""Function → fewest and most arguments."""

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>\*\*|<=|>=|==|!=|[-+*/()<>,])
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<end>\Z)
      | (?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)

_OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _MINUS, _POWER = range(1, 9)
_OPERATIONS: dict[str, tuple[int, str]] = {
    "or": (_OR, "or"),
    "and": (_AND, "and"),
    **{symbol: (_COMPARE, op) for op, symbol in tree.COMPARISONS.items()},
    "+": (_ADD, "add"),
    "-": (_ADD, "sub"),
    "*": (_MULTIPLY, "mul"),
    "/": (_MULTIPLY, "div"),
    "**": (_POWER, "pow"),
}
"""Operator → how tightly it binds, and its operation."""

_HINTS = {
    "^": "** for a power",
    "&": "'and'",
    "|": "'or'",
    "~": "'not'",
    "!": "'not' or '!='",
    "=": "'==' to compare",
}
"""What people write who know another grammar → what to write here."""


def parse(text: str, *, names: Collection[str]) -> Expression:
    """The checked tree of an expression over the bands `names`.

    A name followed by "(" is a function; `and`, `or` and `not` are never bands.

    Raises:
        BadExpression: the text is outside the grammar or over a limit; the message says where and what was expected.
    """
    _check_length(text)
    parser = _Parser(text, names)
    root = parser.expression(_OR, 1)
    if parser.kind != "end":
        parser.fail("an operator or the end")
    return Expression(root)


def _check_length(text: str) -> None:
    if len(text) > CHARACTERS_MAX:
        raise BadExpression(
            f"the expression has {len(text)} characters; at most {CHARACTERS_MAX} are allowed"
        )


def free_names(text: str) -> tuple[str, ...]:
    """The names in an expression that are no function and no word of the grammar, in order; it need not be valid.

    Raises:
        BadExpression: the text is too long.
    """
    _check_length(text)
    names = (
        token["name"]
        for token, after in pairwise(_TOKEN.finditer(text))
        if token["name"] not in (None, "and", "or", "not") and after["symbol"] != "("
    )
    return tuple(dict.fromkeys(names))


class _Parser:
    """One pass over the text; `kind`, `word` and `at` are the token that comes next."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self.names = names
        self.nodes = 0
        self.at = 0
        self.tokens = _TOKEN.finditer(
            text
        )  # ends with an empty match, the token "end", which nothing steps over
        self.kind = self.word = ""
        self.advance()

    # Tokens

    def advance(self) -> str:
        """Steps to the next token; returns the word of the one left behind."""
        left = self.word
        match = next(self.tokens)
        kind = match.lastgroup
        assert kind is not None  # the last alternatives match anything
        self.kind = kind
        self.word = match[kind]
        self.at = match.end() - len(self.word)
        return left

    def accept(self, word: str) -> bool:
        """Steps over the next token if it is the word."""
        if self.word != word:
            return False
        self.advance()
        return True

    def expect(self, word: str) -> None:
        if not self.accept(word):
            self.fail(repr(word))

    def fail(self, expected: str) -> NoReturn:
        """Says what was expected at the next token."""
        got = "the end" if self.kind == "end" else ascii(self.word[:20])
        self.refuse(f"expected {_HINTS.get(self.word, expected)}, got {got}", at=self.at)

    def refuse(self, reason: str, *, at: int) -> NoReturn:
        """Quotes the text around the position; ascii() keeps control and look-alike characters out of logs."""
        quote = ascii(self.text[max(0, at - 20) : at + 20])
        raise BadExpression(f"expression, position {at + 1}: {reason} (near {quote})")

    # Nodes

    def count(self, node: Node) -> Node:
        """Counts a node, so that a long text is refused where it becomes too long."""
        self.nodes += 1
        if self.nodes > tree.NODES_MAX:
            self.refuse(f"more than {tree.NODES_MAX} operations and values", at=self.at)
        return node

    def apply(self, op: str, *args: Node) -> Node:
        return self.count(Apply(op, args))

    def truth(self, node: Node, word: str, *, at: int) -> None:
        if not tree.is_condition(node):
            self.refuse(f"{word!r} needs a condition such as a > 0", at=at)

    # Grammar

    def expression(self, floor: int, depth: int) -> Node:
        """An operand and the operators after it that bind at least as tightly as `floor`."""
        if depth > tree.DEPTH_MAX:
            self.refuse(f"nested more than {tree.DEPTH_MAX} levels deep", at=self.at)
        at = self.at
        node = self.operand(floor, depth)
        previous = 0
        while True:
            binding, op = _OPERATIONS.get(self.word, (0, ""))
            if binding < floor or not binding:
                return node
            if binding == _POWER:
                self.advance()
                node = self.power(node)
                continue
            if binding <= _AND:
                self.truth(node, op, at=at)
            if binding == _COMPARE == previous:
                self.refuse("comparisons do not chain; write a < b and b < c", at=self.at)
            self.advance()
            right_at = self.at
            right = self.expression(binding + 1, depth)
            if binding <= _AND:
                self.truth(right, op, at=right_at)
            node = self.apply(op, node, right)
            previous = binding

    def operand(self, floor: int, depth: int) -> Node:
        kind, word = self.kind, self.word
        if kind == "number":
            return self.count(self.number())
        if word == "(":
            self.advance()
            node = self.expression(_OR, depth + 1)
            self.expect(")")
            return node
        if word == "-":
            self.advance()
            node = self.expression(_MINUS, depth + 1)
            return Number(0.0 - node.value) if isinstance(node, Number) else self.apply("neg", node)
        if word == "not" and floor <= _NOT:
            self.advance()
            at = self.at
            node = self.expression(_NOT, depth + 1)
            self.truth(node, "not", at=at)
            return self.apply("not", node)
        if kind != "name" or word in ("and", "or", "not"):
            self.fail("a number, a band, a function or '('")
        at = self.at
        self.advance()
        if self.word == "(":
            return self.call(word, at, depth)
        if word not in self.names:
            self.refuse(f"unknown band {word[:40]!a}; {self.known()}", at=at)
        return self.count(Band(word))

    def known(self) -> str:
        """The bands there are, shortened: an item can have hundreds."""
        shown = [ascii(name[:40])[1:-1] for name in list(self.names)[:20]]
        more = ", …" if len(self.names) > len(shown) else ""
        return f"there are {', '.join(shown)}{more}" if shown else "there are none"

    def number(self) -> Number:
        if self.kind != "number":
            self.fail("a plain number as exponent")
        at = self.at
        value = float(self.advance())
        if not value <= tree.NUMBER_MAX:
            self.refuse(f"a number is at most {tree.NUMBER_MAX:g}", at=at)
        return Number(value)

    def power(self, base: Node) -> Node:
        at = self.at
        brackets = self.accept("(")
        sign = -1.0 if self.accept("-") else 1.0
        value = self.number().value
        if brackets:
            if self.accept("/"):
                value /= self.number().value or math.nan
            self.expect(")")
        if not value <= tree.EXPONENT_MAX:
            self.refuse(f"an exponent is a number within ±{tree.EXPONENT_MAX}", at=at)
        if self.word == "**":
            self.refuse("an exponent is a plain number, not a power", at=at)
        if sign * value == 0.5:
            return self.apply("sqrt", base)
        return self.apply("pow", base, self.count(Number(sign * value + 0.0)))

    def call(self, name: str, at: int, depth: int) -> Node:
        if name not in FUNCTIONS:
            self.refuse(f"unknown function {name[:40]!a}; there are {', '.join(FUNCTIONS)}", at=at)
        fewest, most = FUNCTIONS[name]
        self.advance()
        args = [self.expression(_OR, depth + 1)]
        while self.accept(","):
            if len(args) == most:
                self.refuse(f"{name} takes at most {most} argument{'s' * (most > 1)}", at=self.at)
            args.append(self.expression(_OR, depth + 1))
        self.expect(")")
        if len(args) < fewest:
            least = f"at least {fewest}" if most > fewest else str(fewest)
            self.refuse(f"{name} takes {least} arguments, got {len(args)}", at=at)
        if name == "where":
            self.truth(args[0], "where", at=at)
        if name == "clip":
            return self.apply("min", self.apply("max", args[0], args[1]), args[2])
        if name in ("min", "max"):
            return reduce(lambda a, b: self.apply(name, a, b), args)
        return self.apply(name, *args)
