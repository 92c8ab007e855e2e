"""From digital numbers to levels in one pass: the bytes of the long way, step by step, and of rio-tiler's rescale."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from rio_tiler.models import ImageData

from eotiles.bandmath.grammar import parse
from eotiles.bandmath.kernels import Kernel, compile_kernel, interpret_kernel
from eotiles.bandmath.shapes import Shapes
from eotiles.bandmath.stretch import stretch
from eotiles.catalog.radiometry import physical

NDVI = parse("(N - R) / (N + R)", names=("N", "R"))
PLAIN = parse("N", names=("N",))
shapes = Shapes(capacity=10)
KERNELS = [
    compile_kernel(NDVI, ("N", "R"), shapes=shapes),
    interpret_kernel(NDVI, ("N", "R"), shapes=Shapes(capacity=0)),
]

rng = np.random.default_rng(5)


def rescaled(
    values: NDArray[Any], valid: NDArray[np.bool_], ranges: list[tuple[float, float]]
) -> NDArray[np.uint8]:
    """What rio-tiler makes of an image."""
    stack = values if values.ndim == 3 else values[None]
    image = ImageData(np.ma.MaskedArray(stack.copy(), np.broadcast_to(~valid, stack.shape).copy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        levels: NDArray[np.uint8] = image.rescale(ranges).array.data
    return levels if values.ndim == 3 else levels[0]


def numbers(kind: str, size: tuple[int, ...]) -> NDArray[Any]:
    """Random digital numbers, with the ends of their type."""
    if kind.startswith("float"):
        found = rng.uniform(-2, 12000, size).astype(kind)
        found[rng.random(size) < 0.05] = np.nan
        found[rng.random(size) < 0.05] = np.inf
        return found
    limits = np.iinfo(kind)
    found = rng.integers(limits.min, limits.max, size, kind, endpoint=True)
    found[rng.random(size) < 0.1] = limits.max
    found[rng.random(size) < 0.1] = limits.min
    found[rng.random(size) < 0.2] = 7
    return found


@pytest.mark.parametrize("kernel", KERNELS, ids=["compiled", "machine"])
@pytest.mark.parametrize(
    "kind", ["uint8", "int16", "uint16", "float32", "int32", "uint32", "float64"]
)
@pytest.mark.parametrize(
    ("scales", "offsets"),
    [
        ((1e-4, 1e-4), (-0.1, -0.1)),
        ((2.75e-5, -3.0), (-0.2, 1e6)),
        ((1.0, 1.0), (0.0, 0.0)),
        ((1e34, 1e34), (0.0, 5.0)),
    ],
)
def test_the_bytes_of_the_long_way(
    kernel: Kernel, kind: str, scales: tuple[float, float], offsets: tuple[float, float]
) -> None:
    data, valid = numbers(kind, (2, 61, 53)), rng.random((61, 53)) > 0.1
    with np.errstate(over="ignore", invalid="ignore"):
        values, usable = kernel(physical(data, scales=scales, offsets=offsets), valid)
        got, got_usable = kernel(data, valid, scales=scales, offsets=offsets)
        levels, levels_usable = kernel.paint(
            data, valid, scales=scales, offsets=offsets, rescale=(-0.2, 0.9)
        )
    np.testing.assert_array_equal(got_usable, usable)
    np.testing.assert_array_equal(levels_usable, usable)
    np.testing.assert_array_equal(got.view(np.uint32), values.view(np.uint32))
    np.testing.assert_array_equal(levels, rescaled(values, usable, [(-0.2, 0.9)]))
    assert usable.any()


@pytest.mark.parametrize(
    "kernel",
    [
        compile_kernel(PLAIN, ("N",), shapes=shapes),
        interpret_kernel(PLAIN, ("N",), shapes=Shapes(capacity=0)),
    ],
    ids=["compiled", "machine"],
)
@settings(max_examples=150, deadline=None)
@given(
    values=arrays.arrays(np.float32, (3, 7), elements=st.floats(width=32)),
    low=st.floats(-1e30, 1e30),
    span=st.floats(1e-30, 1e30),
)
def test_levels_are_those_of_rio_tiler(
    kernel: Kernel, values: NDArray[np.float32], low: float, span: float
) -> None:
    if not low < low + span:
        return
    values[0, 0], values[0, 1] = low, low + span
    everywhere = np.ones(values.shape, bool)
    levels, usable = kernel.paint(values[None], everywhere, rescale=(low, low + span))
    np.testing.assert_array_equal(usable, np.isfinite(values))
    expected = rescaled(np.where(usable, values, 0), usable, [(low, low + span)])
    np.testing.assert_array_equal(levels, expected)


def test_levels_at_every_edge_between_them() -> None:
    kernel = compile_kernel(PLAIN, ("N",), shapes=shapes)
    for low, high in ((-0.2, 0.9), (-1.0, 1.0), (0.0, 255.0), (0.0, 0.3), (-1e-7, 1e9)):
        edges = (low + np.arange(-1, 257) / 255 * (high - low)).astype(np.float32)
        near = np.stack([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
        levels, usable = kernel.paint(near[None], np.ones(near.shape, bool), rescale=(low, high))
        np.testing.assert_array_equal(levels, rescaled(near, usable, [(low, high)]))


def test_minus_zero_survives_where_nothing_is_scaled() -> None:
    for kernel in (
        compile_kernel(PLAIN, ("N",), shapes=shapes),
        interpret_kernel(PLAIN, ("N",), shapes=Shapes(capacity=0)),
    ):
        got, _ = kernel(np.full((1, 1, 1), -0.0, np.float32), np.ones((1, 1), bool))
        assert np.signbit(got[0, 0])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("meaning", [None, (1e-4, -0.1), (2.75e-5, -0.2)])
@pytest.mark.parametrize("ranges", [[(0.0, 0.3)], [(0, 3000)], [(0, 255), (10.5, 99.5), (-5, 7)]])
def test_plain_bands_are_stretched_as_rio_tiler_does(
    kind: str, meaning: tuple[float, float] | None, ranges: list[tuple[float, float]]
) -> None:
    data, valid = numbers(kind, (3, 41, 43)), rng.random((41, 43)) > 0.2
    valid &= np.isfinite(data.astype(np.float64)).all(axis=0)
    scales, offsets = ([part] * 3 for part in meaning) if meaning else (None, None)
    values = data
    if scales is not None and offsets is not None:
        values = physical(data, scales=scales, offsets=offsets)
    levels = stretch(data, ranges, scales=scales, offsets=offsets, valid=valid)
    np.testing.assert_array_equal(levels, rescaled(values, valid, ranges))
    everywhere = stretch(data, ranges, scales=scales, offsets=offsets)
    np.testing.assert_array_equal(everywhere[:, valid], levels[:, valid])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16"])
def test_every_number_is_stretched_as_rio_tiler_does(kind: str) -> None:
    limits = np.iinfo(kind)
    data = np.arange(limits.min, limits.max + 1, dtype=kind).reshape(1, -1, 256)
    everywhere = np.ones(data.shape[1:], bool)
    for pair in ((0, 255), (0, 10000), (1, 4095.5), (-3000, 30000)):
        np.testing.assert_array_equal(
            stretch(data, [pair]), rescaled(data, everywhere, [pair]), str(pair)
        )


def test_what_cannot_be_stretched() -> None:
    plane = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(ValueError, match="float64"):
        stretch(plane.astype(np.float64), [(0, 1)])
    with pytest.raises(ValueError, match="3 ranges"):
        stretch(plane, [(0, 1)] * 3)
    with pytest.raises(ValueError, match="scales"):
        stretch(plane, [(0, 1)], scales=[1.0], offsets=[0.0])
    assert stretch(plane[:0], [(0, 1)]).shape == (0, 3, 3)
