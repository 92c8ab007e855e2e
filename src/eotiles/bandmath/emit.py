"""From a Shape to a Numba function of one pixel: each step becomes LLVM instructions, chosen from the table below.

No source text is made, so there is none that a user's text could reach: the compiler sees numbered registers and
operations of a closed set. Everything is float64, without contraction or reassociation, so that the results of all
operations but exp, log and powers with a fraction equal NumPy's bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from eotiles.bandmath.program import Shape

_F64 = ir.DoubleType()
_ONE = ir.Constant(_F64, 1.0)
_ZERO = ir.Constant(_F64, 0.0)
_NAN = ir.Constant(_F64, math.nan)
_INF = ir.Constant(_F64, math.inf)

Emit = Callable[..., ir.Value]
"""(builder, operand, …) → value. Operands are float64."""


def _compare(symbol: str) -> Emit:
    inverse = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[symbol]

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        # Ordered comparisons are false for NaN: neither the comparison nor its inverse holds, so it is unknown.
        yes = builder.fcmp_ordered(symbol, a, b)
        no = builder.fcmp_ordered(inverse, a, b)
        return builder.select(yes, _ONE, builder.select(no, _ZERO, _NAN))

    return emit


def _and(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    false = builder.or_(builder.fcmp_ordered("==", a, _ZERO), builder.fcmp_ordered("==", b, _ZERO))
    return builder.select(false, _ZERO, builder.fmul(a, b))


def _or(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    true = builder.or_(builder.fcmp_ordered("==", a, _ONE), builder.fcmp_ordered("==", b, _ONE))
    return builder.select(true, _ONE, builder.fadd(a, b))


def _where(builder: ir.IRBuilder, c: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    no = builder.select(builder.fcmp_ordered("==", c, _ZERO), b, _NAN)
    return builder.select(builder.fcmp_ordered("==", c, _ONE), a, no)


def _pick(first: str, second: str) -> Emit:
    """min or max: the first operand where `first` holds, the second where `second` does, NaN where one is NaN."""

    def emit(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        other = builder.select(builder.fcmp_ordered(second, a, b), b, _NAN)
        return builder.select(builder.fcmp_ordered(first, a, b), a, other)

    return emit


def _function(name: str) -> Emit:
    def emit(builder: ir.IRBuilder, *args: ir.Value) -> ir.Value:
        return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [_F64]), args)

    return emit


EMIT: dict[str, Emit] = {
    "neg": lambda builder, a: builder.fneg(a),
    "add": lambda builder, a, b: builder.fadd(a, b),
    "sub": lambda builder, a, b: builder.fsub(a, b),
    "mul": lambda builder, a, b: builder.fmul(a, b),
    "div": lambda builder, a, b: builder.fdiv(a, b),
    "rcp": lambda builder, a: builder.fdiv(_ONE, a),
    "pow": _function("pow"),
    "lt": _compare("<"),
    "le": _compare("<="),
    "gt": _compare(">"),
    "ge": _compare(">="),
    "eq": _compare("=="),
    "ne": _compare("!="),
    "and": _and,
    "or": _or,
    "not": lambda builder, a: builder.fsub(_ONE, a),
    "where": _where,
    "min": _pick("<=", ">"),
    "max": _pick(">=", "<"),
    "abs": _function("fabs"),
    "sqrt": _function("sqrt"),
    "log": _function("log"),
    "exp": _function("exp"),
}
"""Operation → instructions. `twin.OPERATIONS` says the same in NumPy."""


def pixel_function(shape: Shape) -> Any:
    """A function for Numba code: `pixel(data, slots, constants, i) -> float64`, NaN where a band is not finite.

    data: (band, pixel) float32, C order. slots: tuple of ints, where in `data` each band of the shape is.
    constants: tuple of float64. i: the pixel.
    """

    def pixel(typing: Any, data: Any, slots: Any, constants: Any, i: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            array = context.make_array(signature.args[0])(context, builder, args[0])
            pixels = builder.extract_value(array.shape, 1)
            registers: list[ir.Value] = []
            finite = ir.Constant(ir.IntType(1), 1)
            for band in range(shape.bands):
                row = builder.mul(builder.extract_value(args[1], band), pixels)
                value = builder.load(builder.gep(array.data, [builder.add(row, args[3])]))
                value = builder.fpext(value, _F64)
                magnitude = EMIT["abs"](builder, value)
                finite = builder.and_(finite, builder.fcmp_ordered("<", magnitude, _INF))
                registers.append(value)
            registers.extend(builder.extract_value(args[2], k) for k in range(shape.constants))
            for step in shape.steps:
                registers.append(EMIT[step.op](builder, *(registers[k] for k in step.args)))
            return builder.select(finite, registers[shape.result], _NAN)

        return types.float64(data, slots, constants, i), codegen

    return intrinsic(pixel)
