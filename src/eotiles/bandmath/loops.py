"""Loops over pixels: one that is compiled for a shape, and one machine that interprets any. The same bytes from both.

Both go through the pixels in runs that stay in the first cache: digital numbers become physical, the steps are taken in
float64, and `_finish` writes what was asked for. Both take their instructions from the table in `emit.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np
from numba import njit, typeof, types
from numpy.typing import NDArray

from eotiles.bandmath.emit import OPCODES, pixel_function, step_function
from eotiles.bandmath.program import Shape

RUN_PX = 512
"""Pixels that one instruction of the machine works on: a register of 4 KiB, so that those of an index share the first
cache, and finding the instruction costs a hundredth of carrying it out."""

_INFINITY = np.float32(np.inf)


class Loop(Protocol):
    """Goes through all pixels once and releases the GIL. `values` or `levels` is empty where it is not asked for."""

    def __call__(
        self,
        data: NDArray[np.float32],
        slots: tuple[int, ...],
        scales: tuple[float, ...],
        offsets: tuple[float, ...],
        constants: tuple[float, ...],
        valid: NDArray[np.bool_],
        low: float,
        high: float,
        values: NDArray[np.float32],
        levels: NDArray[np.uint8],
        usable: NDArray[np.bool_],
    ) -> None:
        """Fills values, levels and usable.

        Args:
            data: (band, pixel) float32, C order. Digital numbers.
            slots: where in `data` each band of the shape is.
            scales: one a band of the shape; its value is float32(number * scale + offset).
            offsets: one a band of the shape.
            constants: those of the program.
            valid: (pixel,) bool. True = usable in every band.
            low: value of level 0.
            high: value of level 255.
            values: (pixel,) or (0,) float32. 0 where invalid.
            levels: (pixel,) or (0,) uint8. As rio-tiler rescales float32 values to bytes; 0 where invalid.
            usable: (pixel,) bool.
        """


OPTIONS: dict[str, Any] = {
    "nogil": True,  # tiles are drawn by threads
    "parallel": False,  # parallelism is over tiles; a pool of threads inside each would wait for cores
    "fastmath": False,  # it may assume that NaN and infinity do not occur, and here they mean invalid
    "cache": False,  # a file of compiled code would have to be trusted; the presets share one shape
    "boundscheck": False,  # Kernel has checked the shapes
    "error_model": "numpy",  # x/0 is infinite, not an exception
}


def compile_shape(shape: Shape) -> Loop:
    """Compiles a shape, 0.2 s. Numba's own lock lets one thread compile at a time."""
    plain, pixel = (pixel_function(shape, scaled=scaled) for scaled in (False, True))
    finish = _finish()
    run_px = RUN_PX

    def loop(
        data: Any, slots: Any, scales: Any, offsets: Any, constants: Any, valid: Any,
        low: Any, high: Any, values: Any, levels: Any, usable: Any,
    ) -> None:  # fmt: skip
        results = np.empty(run_px, np.float32)
        scaled = False
        for k in range(len(scales)):  # physical values come with 1 and -0.0, which change no bit
            scaled |= (
                (scales[k] != 1.0) | (offsets[k] != 0.0) | (math.copysign(1.0, offsets[k]) > 0)
            )
        for start in range(0, valid.size, run_px):
            count = min(run_px, valid.size - start)
            if scaled:
                for i in range(count):
                    value = pixel(data, slots, scales, offsets, constants, start + i)
                    results[i] = np.float32(value)
            else:  # half the time
                for i in range(count):
                    value = plain(data, slots, scales, offsets, constants, start + i)
                    results[i] = np.float32(value)
            good = valid[start : start + count]
            finish(results, good, start, low, high, values, levels, usable)

    numbers = typeof((0.0,) * shape.bands)  # type: ignore[no-untyped-call]
    signature = types.void(
        _array(types.float32, 2),
        typeof((0,) * shape.bands),  # type: ignore[no-untyped-call]
        numbers,
        numbers,
        typeof((0.0,) * shape.constants),  # type: ignore[no-untyped-call]
        _array(types.boolean, 1),
        *_OUTPUTS,
    )
    compiled: Loop = njit(signature, **OPTIONS)(loop)
    return compiled


def interpret_shape(shape: Shape) -> Loop:
    """The machine with the tape of a shape: ready in microseconds, half as fast for an index, the same bytes."""
    machine = compile_machine()
    tape = np.zeros((len(shape.steps), 4), np.int64)
    for row, step in zip(tape, shape.steps, strict=True):
        row[: 1 + len(step.args)] = OPCODES[step.op], *step.args

    def loop(
        data: NDArray[np.float32],
        slots: tuple[int, ...],
        scales: tuple[float, ...],
        offsets: tuple[float, ...],
        constants: tuple[float, ...],
        valid: NDArray[np.bool_],
        low: float,
        high: float,
        values: NDArray[np.float32],
        levels: NDArray[np.uint8],
        usable: NDArray[np.bool_],
    ) -> None:
        machine(
            tape,
            shape.result,
            data,
            np.array(slots, np.int64),
            np.array(scales, np.float64),
            np.array(offsets, np.float64),
            np.array(constants, np.float64),
            valid,
            low,
            high,
            values,
            levels,
            usable,
        )

    return loop


@cache
def compile_machine() -> Callable[..., None]:
    """The machine, compiled once a process."""
    step = step_function()
    finish = _finish()
    run_px = RUN_PX
    infinity = _INFINITY

    def machine(
        tape: Any, result: Any, data: Any, slots: Any, scales: Any, offsets: Any, constants: Any, valid: Any,
        low: Any, high: Any, values: Any, levels: Any, usable: Any,
    ) -> None:  # fmt: skip
        bands = slots.size
        first = bands + constants.size
        registers = np.empty((first + tape.shape[0], run_px))
        results = np.empty(run_px, np.float32)
        finite = np.empty(run_px, np.bool_)
        for k in range(constants.size):
            registers[bands + k, :] = constants[k]
        for start in range(0, valid.size, run_px):
            count = min(run_px, valid.size - start)
            good, mask = finite[:count], valid[start : start + count]
            for i in range(count):  # assigning the slice would cost 1.8 s of compiling
                good[i] = mask[i]
            for band in range(bands):
                scale, offset, register = scales[band], offsets[band], registers[band]
                numbers = data[slots[band], start : start + count]
                for i in range(count):
                    value = np.float32(np.float64(numbers[i]) * scale + offset)
                    good[i] &= abs(value) < infinity
                    register[i] = value
            for k in range(tape.shape[0]):
                step(registers, tape[k, 0], tape[k, 1], tape[k, 2], tape[k, 3], first + k, count)
            outcome = registers[result]
            for i in range(count):
                results[i] = np.float32(outcome[i])
            finish(results, good, start, low, high, values, levels, usable)

    signature = types.void(
        _array(types.int64, 2),
        types.int64,
        _array(types.float32, 2),
        _array(types.int64, 1),
        *(_array(types.float64, 1),) * 3,
        _array(types.boolean, 1),
        *_OUTPUTS,
    )
    compiled: Callable[..., None] = njit(signature, **OPTIONS)(machine)
    return compiled


@cache
def _finish() -> Callable[..., None]:
    """(results, good, start, low, high, values, levels, usable): float32 results of a run to what was asked for.

    `results` is overwritten. Loops of few steps over slices: in longer ones, or with an index such as start + i,
    LLVM takes one pixel at a time.
    """
    infinity = _INFINITY
    nothing = np.float32(0)
    black = np.uint8(0)

    def finish(
        results: Any, good: Any, start: Any, low: Any, high: Any, values: Any, levels: Any, usable: Any
    ) -> None:  # fmt: skip
        stop = start + good.size
        use = usable[start:stop]
        for i in range(good.size):
            use[i] = good[i] & (abs(results[i]) < infinity)
        if values.size:
            run = values[start:stop]
            for i in range(good.size):
                run[i] = results[i] if use[i] else nothing
        if levels.size:
            span = high - low
            run_levels = levels[start:stop]
            for i in range(good.size):
                value = np.float64(results[i])
                value = value if value > low else low  # and where it is not a number
                value = value if value < high else high
                # Rounded to float32 on the way, because an image of float32 keeps what it is rescaled to.
                results[i] = np.float32((value - low) / span * 255.0)
            for i in range(good.size):
                level = np.uint8(np.int32(results[i]))
                run_levels[i] = level if use[i] else black

    compiled: Callable[..., None] = njit(**OPTIONS)(finish)
    return compiled


def _array(kind: Any, dimensions: int) -> Any:
    return types.Array(kind, dimensions, "C", readonly=True)


_OUTPUTS = (
    types.float64,
    types.float64,
    types.Array(types.float32, 1, "C"),
    types.Array(types.uint8, 1, "C"),
    types.Array(types.boolean, 1, "C"),
)
"""low, high, values, levels, usable."""
