"""Kernels: checked expressions ready to run, shared by all threads of a process and bounded for its life."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.bandmath.grammar import parse
from eotiles.bandmath.loops import Loop, interpret_shape
from eotiles.bandmath.program import Program, lower
from eotiles.bandmath.shapes import SHAPES_MAX, Interpreted, Shapes
from eotiles.bandmath.tree import Expression
from eotiles.core.index import Index

_NO_VALUES = np.empty(0, np.float32)
_NO_LEVELS = np.empty(0, np.uint8)

_shapes = Shapes(SHAPES_MAX)
"""Of the process, because compiled code is: a second cache would not make the first one's memory free."""


@dataclass(frozen=True)
class Kernel:
    """An expression ready to run on arrays whose first axis is `bands`. Safe to share between threads."""

    expression: Expression
    bands: tuple[str, ...]
    """What lies along the first axis of `data`; more than the expression uses is fine."""

    program: Program
    loop: Callable[[], Loop]
    """What runs the program now: the compiled shape, or the machine. The bytes are the same."""

    def __call__(
        self,
        data: NDArray[Any],
        valid: NDArray[np.bool_],
        *,
        scales: Sequence[float] | None = None,
        offsets: Sequence[float] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values of every pixel, and where they are valid.

        Args:
            data: (band, y, x). Physical values; digital numbers where scales and offsets are given.
            valid: (y, x) bool. True = usable in every band.
            scales: one a band. A physical value is float32(number * scale + offset), computed in float64.
            offsets: one a band.

        Returns:
            values: (y, x) float32, computed in float64; 0 where invalid, so that no later cast meets a NaN.
            valid: (y, x) bool. False where the input was invalid, a band that is used is not finite, or the value
                is undefined or too large for float32 (0/0, x/0, log of a negative number).
        """
        values = np.empty(valid.shape, np.float32)
        usable = self._run(data, valid, scales, offsets, (0.0, 1.0), values, _NO_LEVELS)
        return values, usable

    def paint(
        self,
        data: NDArray[Any],
        valid: NDArray[np.bool_],
        *,
        rescale: tuple[float, float],
        scales: Sequence[float] | None = None,
        offsets: Sequence[float] | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The colour of every pixel as one of 256 levels, and where it is valid, in one pass.

        Args:
            data: as for values.
            valid: (y, x) bool. True = usable in every band.
            rescale: values of level 0 and of level 255, the smaller one first.
            scales: one a band.
            offsets: one a band.

        Returns:
            levels: (y, x) uint8, what rio-tiler's rescale makes of the values; 0 where invalid.
            valid: (y, x) bool.
        """
        levels = np.empty(valid.shape, np.uint8)
        usable = self._run(data, valid, scales, offsets, rescale, _NO_VALUES, levels)
        return levels, usable

    def _run(
        self,
        data: NDArray[Any],
        valid: NDArray[np.bool_],
        scales: Sequence[float] | None,
        offsets: Sequence[float] | None,
        rescale: tuple[float, float],
        values: NDArray[np.float32],
        levels: NDArray[np.uint8],
    ) -> NDArray[np.bool_]:
        if data.ndim != 3 or data.shape[0] != len(self.bands):
            raise ValueError(f"data is (band, y, x) with {len(self.bands)} bands, got {data.shape}")
        if valid.shape != data.shape[1:]:
            raise ValueError(f"valid {valid.shape} does not fit data {data.shape}")
        numbers, scales, offsets = _numbers(data, scales, offsets)
        slots = tuple(self.bands.index(name) for name in self.program.bands)
        usable = np.empty(valid.shape, np.bool_)
        self.loop()(
            numbers.reshape(len(self.bands), valid.size),
            slots,
            tuple(float(scales[slot]) for slot in slots),
            tuple(float(offsets[slot]) for slot in slots),
            self.program.constants,
            np.ascontiguousarray(valid, np.bool_).reshape(valid.size),
            float(rescale[0]),
            float(rescale[1]),
            values.reshape(values.size),
            levels.reshape(levels.size),
            usable.reshape(valid.size),
        )
        return usable


def compile_kernel(
    expression: Expression, bands: tuple[str, ...], *, shapes: Shapes | None = None
) -> Kernel:
    """The kernel of an expression for arrays of `bands`, compiled now.

    A new shape takes 0.2 s, a known one microseconds. Where the process has compiled all that it may, the machine
    stands in.

    Raises:
        ValueError: the expression uses a band that `bands` lacks.
    """
    program = _program(expression, bands)
    compiled = (_shapes if shapes is None else shapes).compiled(program.shape)
    loop = interpret_shape(program.shape) if compiled is None else compiled
    return Kernel(expression=expression, bands=bands, program=program, loop=lambda: loop)


def interpret_kernel(
    expression: Expression, bands: tuple[str, ...], *, shapes: Shapes | None = None
) -> Kernel:
    """The kernel of an expression for arrays of `bands`, at once.

    It runs on the machine, and compiled by the background when it has been used a few times.

    Raises:
        ValueError: the expression uses a band that `bands` lacks.
    """
    program = _program(expression, bands)
    loop = Interpreted(program.shape, _shapes if shapes is None else shapes).loop
    return Kernel(expression=expression, bands=bands, program=program, loop=loop)


def warm(indices: Iterable[Index]) -> dict[str, Kernel]:
    """The kernels of indices, by name, compiled now: to be called when a process starts."""
    return {
        index.name: compile_kernel(parse(index.bound({}), names=index.bands), index.bands)
        for index in indices
    }


def _program(expression: Expression, bands: tuple[str, ...]) -> Program:
    if missing := [name for name in expression.bands if name not in bands]:
        raise ValueError(f"the expression uses {missing}, which is not among {bands}")
    return lower(expression)


def _numbers(
    data: NDArray[Any], scales: Sequence[float] | None, offsets: Sequence[float] | None
) -> tuple[NDArray[np.float32], Sequence[float], Sequence[float]]:
    """Digital numbers as the loops take them. int32 and float64 do not fit float32: they become physical here."""
    same = (1.0,) * len(data), (-0.0,) * len(data)  # -0.0 + -0.0 is -0.0, with 0.0 it would be 0.0
    if scales is None or offsets is None:
        return np.ascontiguousarray(data, np.float32), *same
    if np.can_cast(data.dtype, np.float32):
        return np.ascontiguousarray(data, np.float32), scales, offsets
    values = np.empty(data.shape, np.float32)
    for plane, value, scale, offset in zip(data, values, scales, offsets, strict=True):
        value[...] = plane * np.float64(scale) + np.float64(offset)
    return values, *same
