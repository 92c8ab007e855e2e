"""Kernels: the same pixels as the NumPy twin, one compilation for many threads, a bound on what is compiled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from eotiles.bandmath import twin
from eotiles.bandmath.emit import EMIT
from eotiles.bandmath.grammar import parse
from eotiles.bandmath.kernels import Kernel, compile_kernel, warm
from eotiles.bandmath.loops import compile_shape
from eotiles.bandmath.program import lower
from eotiles.bandmath.shapes import Shapes
from eotiles.bandmath.tree import ARITY, Expression, Node
from eotiles.core.errors import BadExpression
from eotiles.core.index import PRESETS
from tests.unit.trees import BANDS, hard_pixels, values

EXACT = [
    "N",
    "-N",
    "N + R",
    "N - R",
    "N * R",
    "N / R",
    "(N - R) / (N + R)",
    "2.5 * (N - R) / (N + 6 * R - 7.5 * G + 1)",
    "abs(N - R) + sqrt(G) + N ** 0.5",
    "N ** 2 + N ** 3 + N ** 5 + N ** 6 + N ** 7 + N ** 8 + N ** -1 + N ** -3 + N ** 0 + N ** 1",
    "min(N, R, G) + max(N, R, G) + clip(S1, 0, 1) + clip(S1, 1, 0)",
    "(N < R) + 2 * (N <= R) + 4 * (N > R) + 8 * (N >= R) + 16 * (N == R) + 32 * (N != R)",
    "where(R > 0 and not N / R > 1 or G == S1, N / R, -1)",
    "where(0 / R > 1, 1, 0) + (N > 0 and 0 / G > 1) + (N > 0 or 0 / G > 1)",
]

data, valid = hard_pixels()
shapes = Shapes(capacity=1000)
"""Of the tests, so that they do not use up what the process may compile."""


def kernel_of(text: str) -> Kernel:
    return compile_kernel(parse(text, names=BANDS), BANDS, shapes=shapes)


@pytest.mark.parametrize("text", EXACT)
def test_the_same_bytes_as_the_twin(text: str) -> None:
    kernel = kernel_of(text)
    got, usable = kernel(data, valid)
    expected, expected_usable = twin.evaluate(kernel.expression, BANDS, data, valid)
    assert got.dtype == np.float32
    assert usable.dtype == np.bool_
    np.testing.assert_array_equal(usable, expected_usable)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
    assert 0 < usable.sum() < valid.sum(), "the pixels should have both usable and undefined values"


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(root=values(4))
def test_random_trees_give_the_same_bytes_as_the_twin(root: Node) -> None:
    try:
        expression = Expression(root)
    except BadExpression:
        return  # a constant
    got, usable = compile_kernel(expression, BANDS, shapes=shapes)(data, valid)
    expected, expected_usable = twin.evaluate(expression, BANDS, data, valid)
    np.testing.assert_array_equal(usable, expected_usable)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(
    "text", ["exp(N)", "log(N)", "N ** 0.3", "N ** -2.5", "exp(-N ** 2) * log(R)"]
)
def test_functions_of_the_library_within_two_units_in_the_last_place(text: str) -> None:
    kernel = kernel_of(text)
    got, usable = kernel(data, valid)
    expected, expected_usable = twin.evaluate(kernel.expression, BANDS, data, valid)
    np.testing.assert_array_equal(usable, expected_usable)
    np.testing.assert_array_max_ulp(got[usable], expected[usable], maxulp=2)
    assert usable.any()


def test_every_operation_has_instructions_a_twin_and_a_test() -> None:
    assert set(ARITY) == set(twin.OPERATIONS) == set(EMIT) - {"rcp"}
    tested = {
        step.op
        for text in (*EXACT, "exp(N)", "log(N)", "N ** 0.3")
        for step in lower(parse(text, names=BANDS)).shape.steps
    }
    assert tested == set(EMIT)


@pytest.mark.parametrize(
    ("text", "pixel", "value"),
    [
        ("(N - R) / (N + R)", (0, 0), None),
        ("(N - R) / (N + R)", (1, -1), None),
        ("(N - R) / (N + R)", (0.5, 0.25), 1 / 3),
        ("N / R", (1, 0), None),
        ("R / N", (1, 0), 0.0),
        ("1 / (1 / R)", (1, 0), 0.0),
        ("N * 1e12 * 1e12 * 1e12 * 1e12", (1, 1), None),
        ("log(N)", (0, 1), None),
        ("sqrt(N)", (-1, 1), None),
        ("N * 0", (np.nan, 1), None),
        ("where(N > 1, 1, 0)", (np.inf, 1), None),
        ("where(N > 1, 1, 0)", (np.nan, 1), None),
        ("where(N / R > 1, 1, 0)", (0, 0), None),
        ("where(R > 0, N / R, -1)", (0, 0), -1.0),
        ("where(R > 0 and N / R > 1, 1, 0)", (0, 0), 0.0),
        ("where(N / R > 1 or R == 0, 1, 0)", (0, 0), 1.0),
        ("not N / R > 1", (0, 0), None),
        ("N > R", (2, 1), 1.0),
        ("max(N / R, 1)", (0, 0), None),
    ],
)
def test_validity(text: str, pixel: tuple[float, float], value: float | None) -> None:
    kernel = compile_kernel(parse(text, names=("N", "R")), ("N", "R"), shapes=shapes)
    values_, usable = kernel(np.array(pixel, np.float32).reshape(2, 1, 1), np.ones((1, 1), bool))
    assert bool(usable[0, 0]) is (value is not None)
    assert values_[0, 0] == np.float32(0 if value is None else value)


def test_a_band_that_is_not_used_changes_nothing() -> None:
    kernel = compile_kernel(parse("N", names=BANDS), ("R", "N"), shapes=shapes)
    pixel = np.array([np.nan, 0.5], np.float32).reshape(2, 1, 1)
    got, usable = kernel(pixel, np.ones((1, 1), bool))
    assert got[0, 0] == 0.5
    assert usable[0, 0]


def test_invalid_pixels_stay_invalid() -> None:
    got, usable = kernel_of("N + R")(np.ones((4, 3, 5), np.float32), np.zeros((3, 5), bool))
    assert got.shape == usable.shape == (3, 5)
    assert not usable.any()
    assert not got.any()


def test_any_layout_of_the_input() -> None:
    kernel = kernel_of("(N - R) / (N + R)")
    expected, usable = kernel(data, valid)
    frozen = data.copy()
    frozen.flags.writeable = False
    for form in (frozen, np.asfortranarray(data), data.astype(np.float64), data[:, ::-1][:, ::-1]):
        got, got_usable = kernel(form, np.asfortranarray(valid))
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(got_usable, usable)
    got, usable = kernel(np.empty((4, 0, 7), np.float32), np.empty((0, 7), bool))
    assert got.shape == usable.shape == (0, 7)


def test_the_inputs_are_not_changed() -> None:
    before, before_valid = data.copy(), valid.copy()
    kernel_of("where(N > R, N, 0)")(data, valid)
    np.testing.assert_array_equal(data, before)
    np.testing.assert_array_equal(valid, before_valid)


@pytest.mark.parametrize(
    ("shape", "mask"),
    [((3, 8, 8), (8, 8)), ((4, 8, 8), (8, 9)), ((4, 64), (64,)), ((4, 8, 8), (64,))],
)
def test_wrong_shapes_are_refused(shape: tuple[int, ...], mask: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\("):
        kernel_of("N")(np.zeros(shape, np.float32), np.zeros(mask, bool))


def test_a_missing_band_is_refused() -> None:
    with pytest.raises(ValueError, match="'R'"):
        compile_kernel(parse("N - R", names=BANDS), ("N",), shapes=shapes)


def test_spellings_names_and_constants_share_a_compiled_shape() -> None:
    own = Shapes(capacity=10)

    def loop(text: str, bands: tuple[str, ...] = BANDS) -> object:
        return compile_kernel(parse(text, names=bands), bands, shapes=own).loop()

    difference = loop("(N - R) / (N + R)")
    assert loop("((N)-R)/(N+  R)") is difference
    assert loop("(S1 - G) / (S1 + G)") is difference
    assert loop("(R - N) / (R + N)", ("N", "R")) is difference
    assert len(own) == 1
    assert loop("N * 2 + 1") is loop("G * 0.0001 + 1e12")
    assert len(own) == 2
    assert loop("1 + N * 2") is not loop("N * 2 + 1")
    assert loop("N ** 2") is not loop("N ** 3")


def test_the_presets_are_one_shape() -> None:
    shapes_ = {lower(parse(i.formula, names=i.bands)).shape for i in PRESETS.values()}
    assert len(shapes_) == 1
    kernels = warm(PRESETS.values())
    assert list(kernels) == list(PRESETS)
    (loop,) = {kernel.loop() for kernel in kernels.values()}
    assert type(loop) is type(compile_shape(shapes_.pop())), "compiled, not the machine's"


def test_beyond_the_capacity_the_machine_stands_in() -> None:
    own = Shapes(capacity=1)
    bands = ("N", "R")
    first = compile_kernel(parse("N + R", names=bands), bands, shapes=own)
    second = compile_kernel(parse("N - R / N", names=bands), bands, shapes=own)
    again = compile_kernel(parse("R + N", names=bands), bands, shapes=own)
    assert first.loop() is again.loop()
    assert own.ready(second.program.shape) is None
    assert len(own) == 1
    got, usable = second(data[:2], valid)
    expected, expected_usable = compile_kernel(second.expression, bands, shapes=shapes)(
        data[:2], valid
    )
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(usable, expected_usable)


def test_many_threads_compile_a_shape_once_and_agree() -> None:
    own = Shapes(capacity=100)
    texts = ["N*R+G", "N/R-G", "(N+R)*(N-G)"] * 4
    barrier = threading.Barrier(len(texts))

    def work(text: str) -> tuple[str, object, bytes]:
        barrier.wait()
        kernel = compile_kernel(parse(text, names=BANDS), BANDS, shapes=own)
        return text, kernel.loop(), kernel(data, valid)[0].tobytes()

    with ThreadPoolExecutor(len(texts)) as pool:
        answers = set(pool.map(work, texts))
    assert len(own) == 3
    assert len(answers) == 3


def test_a_kernel_lets_other_threads_run() -> None:
    kernel = kernel_of(
        "+".join(["exp(N)*R", "log(R)", "exp(R*N)", "log(N+R)", "exp(G)", "log(G+S1)"])
    )
    large = np.ones((4, 1500, 1500), np.float32)
    done = threading.Event()
    mask = np.ones(large.shape[1:], bool)

    def work() -> None:
        kernel(large, mask)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not done.wait(0.001):
        turns += 1
    thread.join()
    assert turns > 5, "the main thread stood still while the kernel ran"
