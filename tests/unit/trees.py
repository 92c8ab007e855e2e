"""Random expressions and hard pixel values for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from eotiles.bandmath.tree import COMPARISONS, Apply, Band, Node, Number

BANDS = ("N", "R", "G", "S1")

_numbers = st.sampled_from([0.0, 1.0, -1.0, 0.5, 2.0, -0.3, 1e-3, 10000.0, 1e12])
_leaves: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from(BANDS).map(Band), st.sampled_from(BANDS).map(Band), _numbers.map(Number)
)


def _apply(ops: list[str], *operands: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(Apply, st.sampled_from(ops), st.tuples(*operands))


def values(depth: int) -> st.SearchStrategy[Node]:
    """Trees whose result is a number and whose operations are exact: NumPy and LLVM agree on them bit by bit."""
    if depth == 0:
        return _leaves
    inner = values(depth - 1)
    exponents = st.integers(-8, 8).filter(bool).map(lambda n: Number(float(n)))
    return st.one_of(
        _leaves,
        _apply(["add", "sub", "mul", "div", "min", "max"], inner, inner),
        _apply(["abs", "sqrt"], inner),
        # A negated number is written as a number, so the parser never makes `neg` of one.
        _apply(["neg"], inner.filter(lambda node: not isinstance(node, Number))),
        _apply(["pow"], inner, exponents),
        _apply(["where"], conditions(depth - 1), inner, inner),
        conditions(depth - 1),
    )


def conditions(depth: int) -> st.SearchStrategy[Node]:
    """Trees whose result is true, false or unknown."""
    inner = values(max(0, depth - 1))
    compare = _apply(list(COMPARISONS), inner, inner)
    if depth == 0:
        return compare
    return st.one_of(
        compare,
        _apply(["and", "or"], conditions(depth - 1), conditions(depth - 1)),
        _apply(["not"], conditions(depth - 1)),
    )


def hard_pixels(size: int = 64) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(4, size, size) float32 with zeros, equal bands, NaN, infinities, the ends of int16 and float32; and a mask."""
    rng = np.random.default_rng(20190918)
    data = rng.uniform(-0.2, 1.4, (len(BANDS), size, size)).astype(np.float32)
    special = [
        0,
        -0.0,
        1,
        -1,
        np.nan,
        np.inf,
        -np.inf,
        -32768,
        32767,
        65535,
        3.4e38,
        -3.4e38,
        1e-45,
    ]
    where = rng.random(data.shape) < 0.3
    data[where] = rng.choice(np.array(special, np.float32), int(where.sum()))
    data[1, : size // 8] = data[0, : size // 8]
    data[:, size // 8 : size // 4] = rng.integers(-32768, 32768, (len(BANDS), size // 8, size))
    return data, rng.random((size, size)) < 0.9
