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
from numba.core import cgutils
from numba.extending import intrinsic

from eotiles.bandmath.program import Shape
from eotiles.bandmath.tree import ARITY

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


def pixel_function(shape: Shape, *, scaled: bool) -> Any:
    """A function for Numba code: `pixel(data, slots, scales, offsets, constants, i) -> float64`.

    It is NaN where a band is not finite.
    data: (band, pixel) float32, C order. slots: tuple of ints, where in `data` each band of the shape is.
    scales, offsets: tuples of float64, a band's value is float32(number * scale + offset) if `scaled`, else as it is.
    constants: tuple of float64. i: the pixel.
    """

    def pixel(
        typing: Any, data: Any, slots: Any, scales: Any, offsets: Any, constants: Any, i: Any
    ) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            array = context.make_array(signature.args[0])(context, builder, args[0])
            pixels = builder.extract_value(array.shape, 1)
            registers: list[ir.Value] = []
            finite = ir.Constant(ir.IntType(1), 1)
            for band in range(shape.bands):
                slot, scale, offset = (builder.extract_value(args[k], band) for k in (1, 2, 3))
                place = builder.add(builder.mul(slot, pixels), args[5])
                value = builder.load(builder.gep(array.data, [place]))
                value = (
                    _physical(builder, value, scale, offset)
                    if scaled
                    else builder.fpext(value, _F64)
                )
                magnitude = EMIT["abs"](builder, value)
                finite = builder.and_(finite, builder.fcmp_ordered("<", magnitude, _INF))
                registers.append(value)
            registers.extend(builder.extract_value(args[4], k) for k in range(shape.constants))
            for step in shape.steps:
                registers.append(EMIT[step.op](builder, *(registers[k] for k in step.args)))
            return builder.select(finite, registers[shape.result], _NAN)

        return types.float64(data, slots, scales, offsets, constants, i), codegen

    return intrinsic(pixel)


def _physical(
    builder: ir.IRBuilder, number: ir.Value, scale: ir.Value, offset: ir.Value
) -> ir.Value:
    """In float64 and rounded once to float32, as `catalog.radiometry.physical` does."""
    value = builder.fadd(builder.fmul(builder.fpext(number, _F64), scale), offset)
    return builder.fpext(builder.fptrunc(value, ir.FloatType()), _F64)


OPCODES = {op: code for code, op in enumerate(EMIT)}
"""Operation → its number on the stack machine's tape."""


def step_function() -> Any:
    """A function for Numba code: `step(registers, op, a, b, c, out, count)`, one operation over a run of pixels.

    registers: (register, pixel) float64, C order. op: one of OPCODES; any other does nothing. a, b, c: registers of the
    operands, as many as the operation has. out: register of the result. count: pixels from the start of each register.
    All are int64.
    """

    def step(
        typing: Any, registers: Any, op: Any, a: Any, b: Any, c: Any, out: Any, count: Any
    ) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            array = context.make_array(signature.args[0])(context, builder, args[0])
            width = builder.extract_value(array.shape, 1)
            rows = [builder.gep(array.data, [builder.mul(row, width)]) for row in args[2:6]]
            done = builder.append_basic_block("done")
            switch = builder.switch(args[1], done)
            for name, code in OPCODES.items():
                block = builder.append_basic_block(name)
                switch.add_case(ir.Constant(args[1].type, code), block)
                builder.position_at_end(block)
                with cgutils.for_range(builder, args[6]) as loop:
                    operands = [
                        builder.load(builder.gep(row, [loop.index])) for row in rows[: _arity(name)]
                    ]
                    builder.store(
                        EMIT[name](builder, *operands), builder.gep(rows[3], [loop.index])
                    )
                builder.branch(done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(registers, op, a, b, c, out, count), codegen

    return intrinsic(step)


def _arity(op: str) -> int:
    return 1 if op == "rcp" else ARITY[op]
