"""The NumPy twin of every kernel: the same meaning, written from the tree and without Numba."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eotiles.bandmath.program import whole_exponent
from eotiles.bandmath.tree import Band, Expression, Node, Number

Values = NDArray[np.float64]
"""(y, x) float64; a condition is 1, 0 or, where it is unknown, NaN."""


def evaluate(
    expression: Expression,
    bands: tuple[str, ...],
    data: NDArray[np.float32],
    valid: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What `compile_kernel(expression, bands)(data, valid)` returns.

    Args:
        expression: what to compute.
        bands: names along the first axis of `data`.
        data: (band, y, x) float32. Physical values.
        valid: (y, x) bool. True = usable in every band.
    """
    planes = {name: data[bands.index(name)].astype(np.float64) for name in expression.bands}
    with np.errstate(all="ignore"):
        values = np.broadcast_to(_value(expression.root, planes), valid.shape).astype(np.float32)
    usable = valid & np.isfinite(values)
    for plane in planes.values():
        usable &= np.isfinite(plane)
    return np.where(usable, values, np.float32(0)), usable


def power(base: Values, exponent: int) -> Values:
    """x ** n by squaring, the lowest bit of n first."""
    product: Values | None = None
    for bit in range(abs(exponent).bit_length()):
        if abs(exponent) >> bit & 1:
            product = base if product is None else product * base
        base = base * base
    assert product is not None  # 0 is no whole exponent
    return product if exponent > 0 else 1.0 / product


def _value(node: Node, planes: dict[str, Values]) -> Values:
    if isinstance(node, Number):
        return np.asarray(node.value, np.float64)
    if isinstance(node, Band):
        return planes[node.name]
    if whole := whole_exponent(node):
        return power(_value(node.args[0], planes), whole)
    return OPERATIONS[node.op](*(_value(arg, planes) for arg in node.args))


def _known(truth: NDArray[np.bool_], a: Values, b: Values) -> Values:
    return np.where(np.isnan(a) | np.isnan(b), np.nan, truth)


OPERATIONS: dict[str, Callable[..., Values]] = {
    "neg": np.negative,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "lt": lambda a, b: _known(a < b, a, b),
    "le": lambda a, b: _known(a <= b, a, b),
    "gt": lambda a, b: _known(a > b, a, b),
    "ge": lambda a, b: _known(a >= b, a, b),
    "eq": lambda a, b: _known(a == b, a, b),
    "ne": lambda a, b: _known(a != b, a, b),
    "and": lambda a, b: np.where((a == 0) | (b == 0), 0.0, a * b),
    "or": lambda a, b: np.where((a == 1) | (b == 1), 1.0, a + b),
    "not": lambda a: 1.0 - a,
    "where": lambda c, a, b: np.where(c == 1, a, np.where(c == 0, b, np.nan)),
    "min": lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(a <= b, a, b)),
    "max": lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, np.where(a >= b, a, b)),
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
}
"""Operation → NumPy."""
