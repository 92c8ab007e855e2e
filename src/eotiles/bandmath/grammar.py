"""From text to a checked tree: a tokenizer and a recursive-descent parser of our own.

    condition   := conjunction ("or" conjunction)*
    conjunction := negation ("and" negation)*
    negation    := "not" negation | comparison
    comparison  := sum [("<" | "<=" | ">" | ">=" | "==" | "!=") sum]
    sum         := product (("+" | "-") product)*
    product     := factor (("*" | "/") factor)*
    factor      := "-" factor | atom ["**" exponent]
    exponent    := ["-"] NUMBER | "(" ["-"] NUMBER ")"
    atom        := NUMBER | BAND | FUNCTION "(" condition ("," condition)* ")" | "(" condition ")"

Nothing here evaluates, and no text of a user reaches a compiler (docs/decisions/0004-bandmath.md). Every rule that can
come back to itself goes through `_Parser.nested`, so the depth of Python's stack is bounded before the tree is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import NoReturn

from eotiles.bandmath import tree
from eotiles.bandmath.tree import Apply, Band, Expression, Node, Number
from eotiles.core.errors import BadExpression

CHARACTERS_MAX = 1024
"""Characters of an expression: the longest published spectral index has about 200."""

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
        (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>\*\*|<=|>=|==|!=|[-+*/()<>,])
      | (?P<end>\Z)
      | (?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)

_COMPARISONS = {symbol: op for op, symbol in tree.COMPARISONS.items()}
_WORDS = ("and", "or", "not")
_HINTS = {
    "^": "write ** for a power",
    "&": "write 'and'",
    "|": "write 'or'",
    "~": "write 'not'",
    "!": "write 'not' or !=",
    "=": "write == to compare",
}


def parse(text: str, *, names: Collection[str]) -> Expression:
    """The checked tree of an expression over the bands `names`.

    A name that is also a function's or an operator's word means the function where "(" follows, and never a band
    where it is `and`, `or`, `not`.

    Raises:
        BadExpression: the text is outside the grammar or over a limit; the message says where and what was expected.
    """
    if len(text) > CHARACTERS_MAX:
        raise BadExpression(
            f"the expression has {len(text)} characters; at most {CHARACTERS_MAX} are allowed"
        )
    parser = _Parser(text, names)
    root = parser.condition()
    if parser.kind != "end":
        parser.fail("an operator or the end")
    return Expression(root)


class _Parser:
    """One pass over the text; `kind` and `word` are the token that comes next."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self.names = names
        self.depth = 0
        self.nodes = 0
        self.at = self.end = 0
        self.kind = self.word = ""
        self.advance()

    # Tokens

    def advance(self) -> str:
        """Steps to the next token; returns the word of the one left behind."""
        left = self.word
        match = _TOKEN.match(self.text, self.end)
        assert match is not None  # the last alternatives match anything
        assert match.lastgroup is not None
        self.kind, self.word = match.lastgroup, match[match.lastgroup]
        self.at, self.end = match.start(match.lastgroup), match.end()
        return left

    def accept(self, *words: str) -> str | None:
        """Steps over the next token if it is one of the words."""
        if self.kind in ("symbol", "name") and self.word in words:
            return self.advance()
        return None

    def expect(self, word: str) -> None:
        if not self.accept(word):
            self.fail(repr(word))

    def fail(self, expected: str) -> NoReturn:
        """Says what was expected at the next token."""
        if self.kind == "end":
            got = "the end"
        else:
            got = ascii(self.word[:20])
            expected = _HINTS.get(self.word, expected)
        self.refuse(f"expected {expected}, got {got}", at=self.at)

    def refuse(self, reason: str, *, at: int) -> NoReturn:
        """Quotes the text around the position; ascii() keeps control and look-alike characters out of logs."""
        start = max(0, at - 20)
        quote = ascii(self.text[start : at + 20])
        raise BadExpression(f"expression, position {at + 1}: {reason} (near {quote})")

    # Limits

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Counts a level of brackets, calls or signs; every recursion of the grammar passes here."""
        self.depth += 1
        if self.depth > tree.DEPTH_MAX:
            self.refuse(f"nested more than {tree.DEPTH_MAX} levels deep", at=self.at)
        yield
        self.depth -= 1

    def count(self, node: Node) -> Node:
        """Counts a node, so that a long text is refused where it becomes too long."""
        self.nodes += 1
        if self.nodes > tree.NODES_MAX:
            self.refuse(f"more than {tree.NODES_MAX} operations and values", at=self.at)
        return node

    def apply(self, op: str, *args: Node) -> Node:
        return self.count(Apply(op, args))

    # Grammar

    def condition(self) -> Node:
        return self.logic("or", self.conjunction)

    def conjunction(self) -> Node:
        return self.logic("and", self.negation)

    def logic(self, word: str, operand: Callable[[], Node]) -> Node:
        at = self.at
        node = operand()
        while self.kind == "name" and self.word == word:
            self.truth(node, word, at=at)
            self.advance()
            at = self.at
            right = operand()
            self.truth(right, word, at=at)
            node = self.apply(word, node, right)
        return node

    def truth(self, node: Node, word: str, *, at: int) -> None:
        if not tree.is_condition(node):
            self.refuse(f"{word!r} needs a condition such as a > 0", at=at)

    def negation(self) -> Node:
        if not self.accept("not"):
            return self.comparison()
        with self.nested():
            at = self.at
            node = self.negation()
            self.truth(node, "not", at=at)
            return self.apply("not", node)

    def comparison(self) -> Node:
        left = self.sum()
        symbol = self.accept(*_COMPARISONS)
        if symbol is None:
            return left
        node = self.apply(_COMPARISONS[symbol], left, self.sum())
        if self.kind == "symbol" and self.word in _COMPARISONS:
            self.refuse("comparisons do not chain; write a < b and b < c", at=self.at)
        return node

    def sum(self) -> Node:
        node = self.product()
        while symbol := self.accept("+", "-"):
            node = self.apply("add" if symbol == "+" else "sub", node, self.product())
        return node

    def product(self) -> Node:
        node = self.factor()
        while symbol := self.accept("*", "/"):
            node = self.apply("mul" if symbol == "*" else "div", node, self.factor())
        return node

    def factor(self) -> Node:
        if self.accept("-"):
            with self.nested():
                node = self.factor()
            return Number(0.0 - node.value) if isinstance(node, Number) else self.apply("neg", node)
        node = self.atom()
        if not self.accept("**"):
            return node
        exponent = self.exponent()
        if exponent.value == 0.5:
            return self.apply("sqrt", node)
        return self.apply("pow", node, self.count(exponent))

    def exponent(self) -> Number:
        at = self.at
        brackets = self.accept("(")
        sign = -1.0 if self.accept("-") else 1.0
        if self.kind != "number":
            self.fail("a plain number as exponent")
        value = sign * self.number().value
        if brackets:
            self.expect(")")
        if abs(value) > tree.EXPONENT_MAX:
            self.refuse(f"an exponent is within ±{tree.EXPONENT_MAX}", at=at)
        if self.kind == "symbol" and self.word == "**":
            self.refuse("an exponent is a plain number, not a power", at=at)
        return Number(value + 0.0)

    def number(self) -> Number:
        at = self.at
        value = float(self.advance())
        if not value <= tree.NUMBER_MAX:
            self.refuse(f"a number is at most {tree.NUMBER_MAX:g}", at=at)
        return Number(value)

    def atom(self) -> Node:
        if self.kind == "number":
            return self.count(self.number())
        if self.accept("("):
            with self.nested():
                node = self.condition()
                self.expect(")")
            return node
        if self.kind == "name" and self.word not in _WORDS:
            at, name = self.at, self.advance()
            if self.kind == "symbol" and self.word == "(":
                return self.call(name, at=at)
            if name not in self.names:
                self.refuse(f"unknown band {name[:40]!a}; {self.known()}", at=at)
            return self.count(Band(name))
        self.fail("a number, a band, a function or '('")

    def known(self) -> str:
        """The bands there are, shortened: an item can have hundreds."""
        shown = [ascii(name)[1:-1][:40] for name in list(self.names)[:20]]
        return (
            f"there are {', '.join(shown)}{', …' if len(self.names) > 20 else ''}"
            if shown
            else "there are none"
        )

    def call(self, name: str, *, at: int) -> Node:
        if name not in FUNCTIONS:
            self.refuse(f"unknown function {name[:40]!a}; there are {', '.join(FUNCTIONS)}", at=at)
        fewest, most = FUNCTIONS[name]
        args: list[Node] = []
        with self.nested():
            self.expect("(")
            while not args or self.accept(","):
                if len(args) == most:
                    self.refuse(f"{name} takes at most {most} arguments", at=self.at)
                args.append(self.condition())
            self.expect(")")
        if len(args) < fewest:
            self.refuse(f"{name} takes at least {fewest} arguments, got {len(args)}", at=at)
        if name == "where":
            self.truth(args[0], "where", at=at)
        if name == "clip":
            return self.apply("min", self.apply("max", args[0], args[1]), args[2])
        if name in ("min", "max"):
            return reduce(lambda a, b: self.apply(name, a, b), args)
        return self.apply(name, *args)
