"""From a tree to a straight line of steps without names and without constants: what is compiled, and how it is shared.

Register 0 … bands-1 hold the bands in order of first use, the next ones the constants in order of appearance, then
each step adds one. Names and constants are arguments, so NDVI, NDWI, NDMI and MNDWI are one Shape and one compiled
kernel, and nobody can make the compiler work again by writing other constants.
"""

from __future__ import annotations

from dataclasses import dataclass

from eotiles.bandmath.tree import Apply, Band, Expression, Node, Number


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on registers; its result is the next register."""

    op: str
    """A key of `tree.ARITY`, or `rcp` (1/x). `pow` is here only for exponents with a fraction."""

    args: tuple[int, ...]
    """Registers."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A computation apart from its names and constants: the key of a compiled kernel."""

    bands: int
    constants: int
    steps: tuple[Step, ...]
    result: int
    """Register of the value."""


@dataclass(frozen=True, slots=True)
class Program:
    """A Shape with the names and constants to call it with."""

    shape: Shape
    bands: tuple[str, ...]
    constants: tuple[float, ...]


def lower(expression: Expression) -> Program:
    """The program of an expression. The same step is taken once."""
    lowering = _Lowering(expression)
    result = lowering.register(expression.root)
    shape = Shape(
        bands=len(expression.bands),
        constants=len(lowering.constants),
        steps=tuple(lowering.steps),
        result=result,
    )
    return Program(shape=shape, bands=expression.bands, constants=lowering.constants)


class _Lowering:
    def __init__(self, expression: Expression) -> None:
        self.bands = {name: register for register, name in enumerate(expression.bands)}
        self.constants = tuple(_constants(expression.root))
        self.next_constant = len(self.bands)
        self.first_step = len(self.bands) + len(self.constants)
        self.steps: dict[Step, int] = {}

    def register(self, node: Node) -> int:
        """The register that holds a node's value; the recursion is as deep as the tree, at most `tree.DEPTH_MAX`."""
        if isinstance(node, Band):
            return self.bands[node.name]
        if isinstance(node, Number):
            self.next_constant += 1
            return self.next_constant - 1
        if whole := whole_exponent(node):
            return self.power(self.register(node.args[0]), whole)
        return self.step(node.op, *(self.register(arg) for arg in node.args))

    def step(self, op: str, *args: int) -> int:
        return self.steps.setdefault(Step(op, args), self.first_step + len(self.steps))

    def power(self, base: int, exponent: int) -> int:
        """x ** n by squaring, the lowest bit of n first; `twin.power` multiplies in the same order."""
        product: int | None = None
        rest = abs(exponent)
        while rest:
            if rest & 1:
                product = base if product is None else self.step("mul", product, base)
            rest >>= 1
            if rest:
                base = self.step("mul", base, base)
        assert product is not None  # whole_exponent is never 0
        return product if exponent > 0 else self.step("rcp", product)


def whole_exponent(node: Apply) -> int:
    """The exponent of a power that products can make; 0 for everything else."""
    exponent = node.args[1] if node.op == "pow" else None
    if not isinstance(exponent, Number) or not exponent.value.is_integer():
        return 0
    return int(exponent.value)


def _constants(node: Node) -> list[float]:
    """Constants in the order in which `register` meets them; exponents that become products are none."""
    if isinstance(node, Number):
        return [node.value]
    if isinstance(node, Band):
        return []
    args = node.args[:1] if whole_exponent(node) else node.args
    return [value for arg in args for value in _constants(arg)]
