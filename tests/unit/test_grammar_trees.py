"""Properties of the grammar: every tree has a text, every text means what Python would have it mean."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eotiles.bandmath import twin
from eotiles.bandmath.grammar import parse
from eotiles.bandmath.tree import Expression, Node
from eotiles.core.errors import BadExpression
from tests.unit.trees import BANDS, values


@settings(max_examples=300, deadline=None)
@given(root=values(4))
def test_the_canonical_text_of_a_tree_is_that_tree(root: Node) -> None:
    try:
        expression = Expression(root)
    except BadExpression:
        return  # a constant
    assert parse(expression.canonical, names=BANDS) == expression


VALUES = {"N": 0.53, "R": 0.17, "G": 1.3, "S1": 2.9}


@st.composite
def sums(draw: st.DrawFn) -> str:
    """Text without brackets, so that all of its meaning is precedence."""
    words = []
    for _ in range(draw(st.integers(1, 8))):
        sign = draw(st.sampled_from(["", "", "-", "- -"]))
        power = draw(st.sampled_from(["", "", " ** 2", "**-1", "**0.5", " ** 3"]))
        operand = draw(st.sampled_from([*BANDS, "2", "0.25", "1e1"]))
        words += [f"{sign}{operand}{power}", draw(st.sampled_from(["+", "-", "*", "/"]))]
    return " ".join([*words, draw(st.sampled_from(BANDS))])


@settings(max_examples=300, deadline=None)
@given(left=sums(), right=sums(), symbol=st.sampled_from(["", "<", "<=", ">", ">=", "==", "!="]))
def test_precedence_is_python_s(left: str, right: str, symbol: str) -> None:
    text = f"{left} {symbol} {right}" if symbol else left
    got, usable = twin.evaluate(
        parse(text, names=BANDS),
        BANDS,
        np.array([VALUES[name] for name in BANDS], np.float64).reshape(-1, 1, 1),  # type: ignore[arg-type]
        np.ones((1, 1), bool),
    )
    expected = float(eval(text, {"__builtins__": {}}, VALUES))  # a text that this test made
    assert usable[0, 0]
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-6, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["N > 0", "R > 1", "G > S1", "not N > R"]), min_size=1, max_size=6),
    st.data(),
)
def test_logic_is_python_s(parts: list[str], data: st.DataObject) -> None:
    text = parts[0]
    for part in parts[1:]:
        text += f" {data.draw(st.sampled_from(['and', 'or']))} {part}"
    plane = np.array([VALUES[name] for name in BANDS], np.float32).reshape(-1, 1, 1)
    got, _ = twin.evaluate(parse(text, names=BANDS), BANDS, plane, np.ones((1, 1), bool))
    assert bool(got[0, 0]) is eval(text, {"__builtins__": {}}, VALUES)
