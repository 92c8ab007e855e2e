"""The grammar: what a text means, which texts are refused and where."""

from __future__ import annotations

import time

import pytest

from eotiles.bandmath.grammar import parse
from eotiles.bandmath.tree import Apply, Band, Expression, Number
from eotiles.core.errors import BadExpression

NAMES = ("N", "R", "G", "b1", "nir08")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("N", "N"),
        ("(N - R) / (N + R)", "((N - R) / (N + R))"),
        ("\tN\n+ R\r", "(N + R)"),
        ("N - R - G", "((N - R) - G)"),
        ("N / R * G", "((N / R) * G)"),
        ("N + R * G", "(N + (R * G))"),
        ("-N ** 2", "(-(N ** 2.0))"),
        ("-N * R", "((-N) * R)"),
        ("N - -R", "(N - (-R))"),
        ("- -2 * N", "(2.0 * N)"),
        ("-2 ** 2 * N", "((-(2.0 ** 2.0)) * N)"),
        ("N ** -2", "(N ** (-2.0))"),
        ("N ** (-2)", "(N ** (-2.0))"),
        ("N ** (1/4)", "(N ** 0.25)"),
        ("N ** 0.5", "sqrt(N)"),
        ("N*.5 + 1. + 1e-3 + 2.5E+2", "((((N * 0.5) + 1.0) + 0.001) + 250.0)"),
        ("-0 + N", "(0.0 + N)"),
        ("N > R", "(N > R)"),
        ("N + 1 >= R * 2", "((N + 1.0) >= (R * 2.0))"),
        ("(N > 0.3) * 2", "((N > 0.3) * 2.0)"),
        ("not N > R", "(not (N > R))"),
        ("not not N == R", "(not (not (N == R)))"),
        ("N > 0 and R > 0 or G != 0", "(((N > 0.0) and (R > 0.0)) or (G != 0.0))"),
        ("N > 0 or R > 0 and G <= 0", "((N > 0.0) or ((R > 0.0) and (G <= 0.0)))"),
        ("where(N < R, N, where(R < G, 1, -1))", "where((N < R), N, where((R < G), 1.0, (-1.0)))"),
        ("min(N, R, G)", "min(min(N, R), G)"),
        ("max(N, max(R, G))", "max(N, max(R, G))"),
        ("clip(N, 0, 1)", "min(max(N, 0.0), 1.0)"),
        ("abs(sqrt(log(exp(b1))))", "abs(sqrt(log(exp(b1))))"),
        ("nir08 + b1", "(nir08 + b1)"),
    ],
)
def test_meaning(text: str, canonical: str) -> None:
    expression = parse(text, names=NAMES)
    assert expression.canonical == canonical
    assert parse(canonical, names=NAMES) == expression


def test_tree() -> None:
    expression = parse("R - 2", names=NAMES)
    assert expression.root == Apply("sub", (Band("R"), Number(2.0)))
    assert expression.bands == ("R",)


def test_bands_in_order_of_first_use() -> None:
    assert parse("(R - N) / (N + R + G)", names=NAMES).bands == ("R", "N", "G")


def test_a_function_may_also_be_the_name_of_a_band() -> None:
    assert parse("log(log) + exp", names=("log", "exp")).bands == ("log", "exp")


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 1, "expected a number, a band, a function or '(', got the end"),
        ("  \n ", 5, "got the end"),
        ("N +", 4, "got the end"),
        ("(N", 3, "expected ')', got the end"),
        ("N)", 2, "expected an operator or the end, got ')'"),
        ("N R", 3, "got 'R'"),
        ("2N", 2, "got 'N'"),
        ("N * * R", 5, "got '*'"),
        ("N + * R", 5, "got '*'"),
        ("+N", 1, "got '+'"),
        ("N // R", 4, "got '/'"),
        ("N % R", 3, "got '%'"),
        ("N ^ 2", 3, "expected ** for a power"),
        ("N > 0 & R > 0", 7, "expected 'and'"),
        ("~(N > 0)", 1, "expected 'not'"),
        ("N = R", 3, "expected '==' to compare"),
        ("N <> R", 4, "got '>'"),
        ("N; R", 2, "got ';'"),
        ("N, R", 2, "got ','"),
        ("N * 1j", 6, "got 'j'"),
        ("N * 1_000", 6, "got '_000'"),
        ("N * 0x10", 6, "got 'x10'"),
        ("N * 1..2", 7, "got '.2'"),
        ("B8", 1, "unknown band 'B8'; there are N, R, G, b1, nir08"),
        ("N + nan", 5, "unknown band 'nan'"),
        ("n", 1, "unknown band 'n'"),
        ("sin(N)", 1, "unknown function 'sin'; there are where, min"),
        ("N(R)", 1, "unknown function 'N'"),
        ("min(N)", 1, "min takes at least 2 arguments, got 1"),
        ("abs(N, R)", 8, "abs takes at most 1 argument"),
        ("clip(N, 0)", 1, "clip takes 3 arguments, got 2"),
        ("abs()", 5, "got ')'"),
        ("N and R", 1, "'and' needs a condition"),
        ("N > 0 and R", 11, "'and' needs a condition"),
        ("N > 0 or -R", 10, "'or' needs a condition"),
        ("not N", 5, "'not' needs a condition"),
        ("N + not R > 0", 5, "got 'not'"),
        ("where(N, 1, 0)", 1, "'where' needs a condition"),
        ("N < R < G", 7, "comparisons do not chain"),
        ("(N) < R == G", 9, "comparisons do not chain"),
        ("N ** R", 6, "expected a plain number as exponent, got 'R'"),
        ("2 ** N", 6, "expected a plain number as exponent"),
        ("N ** 2 ** 2", 6, "an exponent is a plain number, not a power"),
        ("N ** (1 + 1)", 9, "expected ')'"),
        ("N ** (1/0)", 6, "an exponent is a number within ±8"),
        ("N ** 8.5", 6, "an exponent is a number within ±8"),
        ("N ** -9", 6, "an exponent is a number within ±8"),
        ("N * 1e13", 5, "a number is at most 1e+12"),
        ("N * 1e999", 5, "a number is at most 1e+12"),
        ("'N'", 1, 'got "\'"'),
        ("N.real", 2, "got '.'"),
        ("N\u200b", 2, "got '\\u200b'"),
        ("Ｎ", 1, "got '\\uff2e'"),
    ],
)
def test_refused(text: str, position: int, says: str) -> None:
    with pytest.raises(BadExpression) as caught:
        parse(text, names=NAMES)
    message = str(caught.value)
    assert f"position {position}:" in message
    assert says in message
    assert message.isascii() or "±" in message


def test_a_constant_is_no_expression() -> None:
    with pytest.raises(BadExpression, match="uses no band"):
        parse("1 + 1", names=NAMES)


def balanced(levels: int) -> str:
    return "N" if levels == 0 else f"({balanced(levels - 1)}+{balanced(levels - 1)})"


MANY = [f"b{k}" for k in range(17)]


@pytest.mark.parametrize(
    ("within", "beyond", "says"),
    [
        ("N" + " " * 1023, "N" + " " * 1024, "1025 characters; at most 1024"),
        (f"{balanced(7)}", f"{balanced(7)}+R", "more than 256 operations and values"),
        ("(" * 31 + "N" + ")" * 31, "(" * 32 + "N" + ")" * 32, "nested more than 32 levels"),
        ("-" * 31 + "N", "-" * 32 + "N", "nested more than 32 levels"),
        ("+".join(["N"] * 32), "+".join(["N"] * 33), "nested more than 32 levels"),
        ("+".join(MANY[:16]), "+".join(MANY), "uses 17 bands; at most 16"),
        ("N * 1e12", "N * 1000000000001", "a number is at most 1e+12"),
        ("N ** -8", "N ** -8.01", "an exponent is a number within ±8"),
        (
            f"min({','.join(['exp(N)+log(N)'] * 16)})",
            f"min({','.join(['exp(N)+log(N)'] * 16)})*N**.1",
            "33 times; at most 32",
        ),
    ],
)
def test_limits(within: str, beyond: str, says: str) -> None:
    names = ("N", "R", *MANY)
    parse(within, names=names)
    with pytest.raises(BadExpression) as caught:
        parse(beyond, names=names)
    assert says in str(caught.value)


def test_the_longest_expressions_parse_at_once() -> None:
    # 0.7 ms at most where this was written; the bound is wide for slow machines and still far below quadratic work.
    for text in (balanced(7), "where(N>1," * 15 + "N" + ",R)" * 15, "min(N," * 15 + "N" + ")" * 15):
        start = time.thread_time()
        parse(text, names=NAMES)
        assert time.thread_time() - start < 0.05


@pytest.mark.parametrize(
    "root",
    [
        Apply("eval", (Band("N"),)),
        Apply("add", (Band("N"),)),
        Apply("pow", (Band("N"), Band("R"))),
        Apply("pow", (Band("N"), Number(9.0))),
        Apply("pow", (Band("N"), Number(float("nan")))),
        Apply("and", (Band("N"), Band("R"))),
        Apply("where", (Band("N"), Band("R"), Band("R"))),
        Apply("add", (Band("N"), Number(float("nan")))),
        Apply("add", (Band("N"), Number(float("inf")))),
        Number(1.0),
    ],
)
def test_no_other_tree_can_be_built(root: Apply | Number) -> None:
    with pytest.raises(BadExpression):
        Expression(root)


def test_errors_name_many_bands_shortly() -> None:
    names = [f"band_{k}_{'x' * 200}" for k in range(500)]
    with pytest.raises(BadExpression) as caught:
        parse("N", names=names)
    assert len(str(caught.value)) < 1200
    with pytest.raises(BadExpression, match="there are none"):
        parse("N", names=())
