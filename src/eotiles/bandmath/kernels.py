"""Kernels: checked expressions compiled by Numba, shared by all threads of a process and bounded for its life."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, typeof, types
from numpy.typing import NDArray

from eotiles.bandmath import twin
from eotiles.bandmath.emit import pixel_function
from eotiles.bandmath.grammar import parse
from eotiles.bandmath.program import Program, Shape, lower
from eotiles.bandmath.tree import Expression
from eotiles.core.index import Index

SHAPES_MAX = 64
"""Shapes that a process compiles in its life. LLVM never gives code back, about 1 MB a shape, so a cache that evicts
would bound nothing; what comes later runs on the NumPy twin: the same result, at a fifth of the speed."""

Loop = Callable[..., None]
"""(data, slots, constants, valid, values, usable) → None; fills values and usable. Releases the GIL."""


@dataclass(frozen=True)
class Kernel:
    """An expression ready to run on arrays whose first axis is `bands`. Safe to share between threads."""

    expression: Expression
    bands: tuple[str, ...]
    """What lies along the first axis of `data`; more than the expression uses is fine."""

    program: Program
    loop: Loop | None
    """The compiled shape, or None where the process has compiled SHAPES_MAX and the twin stands in."""

    def __call__(
        self, data: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Values of every pixel, and where they are valid.

        Args:
            data: (band, y, x) float32. Physical values.
            valid: (y, x) bool. True = usable in every band.

        Returns:
            values: (y, x) float32, computed in float64; 0 where invalid, so that no later cast meets a NaN.
            valid: (y, x) bool. False where the input was invalid, a band that is used is not finite, or the value
                is undefined or too large for float32 (0/0, x/0, log of a negative number).
        """
        if data.ndim != 3 or data.shape[0] != len(self.bands):
            raise ValueError(f"data is (band, y, x) with {len(self.bands)} bands, got {data.shape}")
        if valid.shape != data.shape[1:]:
            raise ValueError(f"valid {valid.shape} does not fit data {data.shape}")
        if self.loop is None:
            return twin.evaluate(self.expression, self.bands, data, valid)
        values = np.empty(valid.shape, np.float32)
        usable = np.empty(valid.shape, np.bool_)
        self.loop(
            np.ascontiguousarray(data, np.float32).reshape(len(self.bands), valid.size),
            tuple(self.bands.index(name) for name in self.program.bands),
            self.program.constants,
            np.ascontiguousarray(valid, np.bool_).reshape(valid.size),
            values.reshape(valid.size),
            usable.reshape(valid.size),
        )
        return values, usable


class Shapes:
    """Compiled shapes, at most `capacity` of them, each compiled once however many threads ask."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self._loops: dict[Shape, Future[Loop]] = {}

    def __len__(self) -> int:
        return len(self._loops)

    def loop(self, shape: Shape) -> Loop | None:
        """The compiled shape (waits for the thread that compiles it), or None where no room is left."""
        with self._lock:
            future = self._loops.get(shape)
            if future is None and len(self._loops) >= self.capacity:
                return None
            mine = future is None
            future = self._loops.setdefault(shape, Future())
        if mine:
            try:
                future.set_result(compile_shape(shape))
            except BaseException as error:
                future.set_exception(error)
                with self._lock:
                    del self._loops[shape]
        return future.result()


_shapes = Shapes(SHAPES_MAX)
"""Of the process, because compiled code is: a second cache would not make the first one's memory free."""


def compile_kernel(
    expression: Expression, bands: tuple[str, ...], *, shapes: Shapes | None = None
) -> Kernel:
    """The kernel of an expression for arrays of `bands`; 0.2 s for a new shape, microseconds for a known one.

    Raises:
        ValueError: the expression uses a band that `bands` lacks.
    """
    if missing := [name for name in expression.bands if name not in bands]:
        raise ValueError(f"the expression uses {missing}, which is not among {bands}")
    program = lower(expression)
    loop = (_shapes if shapes is None else shapes).loop(program.shape)
    return Kernel(expression=expression, bands=bands, program=program, loop=loop)


def warm(indices: Iterable[Index]) -> dict[str, Kernel]:
    """The kernels of indices, by name, compiled now: to be called when a process starts."""
    return {
        index.name: compile_kernel(parse(index.formula, names=index.bands), index.bands)
        for index in indices
    }


def compile_shape(shape: Shape) -> Loop:
    """Compiles a shape. Numba's own lock lets one thread compile at a time."""
    pixel = pixel_function(shape)
    infinity = np.float32(np.inf)
    nothing = np.float32(0)

    def loop(data: Any, slots: Any, constants: Any, valid: Any, values: Any, usable: Any) -> None:
        for i in range(valid.size):
            value = np.float32(pixel(data, slots, constants, i))
            good = valid[i] & (abs(value) < infinity)
            usable[i] = good
            values[i] = value if good else nothing

    signature = types.void(
        types.Array(types.float32, 2, "C", readonly=True),
        typeof((0,) * shape.bands),  # type: ignore[no-untyped-call]
        typeof((0.0,) * shape.constants),  # type: ignore[no-untyped-call]
        types.Array(types.boolean, 1, "C", readonly=True),
        types.Array(types.float32, 1, "C"),
        types.Array(types.boolean, 1, "C"),
    )
    compiled: Loop = njit(
        signature,
        nogil=True,  # tiles are drawn by threads
        parallel=False,  # parallelism is over tiles; a pool of threads inside each would wait for cores
        fastmath=False,  # it may assume that NaN and infinity do not occur, and here they mean invalid
        cache=False,  # a file of compiled code would have to be trusted; the presets share one shape
        boundscheck=False,  # Kernel has checked the shapes
    )(loop)
    return compiled
