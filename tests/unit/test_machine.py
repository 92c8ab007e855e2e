"""The stack machine: the same bytes as compiled kernels, at once, and compiled in the background when it pays."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from eotiles.bandmath import loops, twin
from eotiles.bandmath.grammar import parse
from eotiles.bandmath.kernels import Kernel, compile_kernel, interpret_kernel
from eotiles.bandmath.program import lower
from eotiles.bandmath.shapes import Shapes
from eotiles.bandmath.tree import Expression, Node
from eotiles.core.errors import BadExpression
from tests.unit.test_kernels import EXACT
from tests.unit.trees import BANDS, hard_pixels, values

SLOW = ["exp(N)", "log(N)", "N ** 0.3", "N ** -2.5", "exp(-N ** 2) * log(R) + abs(G) ** (1/3)"]

data, valid = hard_pixels(72)  # more than one run of pixels, and no whole number of runs
shapes = Shapes(capacity=1000)
never = Shapes(capacity=0)


def machine(expression: Expression, bands: tuple[str, ...] = BANDS) -> Kernel:
    return interpret_kernel(expression, bands, shapes=never)


def assert_same(left: Kernel, right: Kernel) -> None:
    """Values and levels, with scales and without, bit by bit."""
    meaning = {"scales": (1e-4, 2.0, 1.0, -0.5), "offsets": (-0.1, 0.0, -0.0, 3.0)}
    for kwargs in ({}, meaning):
        got, usable = left(data, valid, **kwargs)  # type: ignore[arg-type]
        expected, expected_usable = right(data, valid, **kwargs)  # type: ignore[arg-type]
        np.testing.assert_array_equal(usable, expected_usable)
        np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))
        painted = left.paint(data, valid, rescale=(-0.3, 1.1), **kwargs)  # type: ignore[arg-type]
        again = right.paint(data, valid, rescale=(-0.3, 1.1), **kwargs)  # type: ignore[arg-type]
        np.testing.assert_array_equal(painted[0], again[0])
        np.testing.assert_array_equal(painted[1], usable)
        np.testing.assert_array_equal(again[1], usable)


@pytest.mark.parametrize("text", [*EXACT, *SLOW])
def test_the_same_bytes_as_a_compiled_kernel(text: str) -> None:
    expression = parse(text, names=BANDS)
    assert_same(machine(expression), compile_kernel(expression, BANDS, shapes=shapes))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(root=values(4))
def test_random_trees_give_the_same_bytes_compiled(root: Node) -> None:
    try:
        expression = Expression(root)
    except BadExpression:
        return  # a constant
    assert_same(machine(expression), compile_kernel(expression, BANDS, shapes=shapes))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(root=values(6))
def test_random_trees_give_the_same_bytes_as_the_twin(root: Node) -> None:
    try:
        expression = Expression(root)
    except BadExpression:
        return  # a constant, or too large
    got, usable = machine(expression)(data, valid)
    expected, expected_usable = twin.evaluate(expression, BANDS, data, valid)
    np.testing.assert_array_equal(usable, expected_usable)
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))


def balanced(parts: list[str]) -> str:
    """The sum of the parts, as deep as the logarithm of their number."""
    half = len(parts) // 2
    return f"({balanced(parts[:half])}+{balanced(parts[half:])})" if half else parts[0]


def test_the_dearest_expressions_run() -> None:
    powers = balanced(["N**-7"] * 62)
    calls = balanced([f"exp(N*{n})*log(R)" for n in range(16)])
    for text in (powers, calls, balanced([f"N/{n}" for n in range(1, 64)])):
        kernel = machine(parse(text, names=BANDS))
        got, usable = kernel(data, valid)
        expected, _ = twin.evaluate(kernel.expression, BANDS, data, valid)
        np.testing.assert_allclose(got[usable], expected[usable], rtol=1e-6)


@pytest.mark.parametrize("pixels", [0, 1, loops.RUN_PX - 1, loops.RUN_PX, loops.RUN_PX + 1])
def test_any_number_of_pixels(pixels: int) -> None:
    kernel = machine(parse("(N - R) / (N + R)", names=("N", "R")), ("N", "R"))
    plane = np.linspace(0, 1, 2 * pixels, dtype=np.float32).reshape(2, 1, pixels)
    got, usable = kernel(plane, np.ones((1, pixels), bool))
    expected, expected_usable = twin.evaluate(
        kernel.expression, ("N", "R"), plane, np.ones((1, pixels), bool)
    )
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(usable, expected_usable)


def run(kernel: Kernel) -> bytes:
    return kernel(data, valid)[0].tobytes()


def wait_for(own: Shapes, kernel: Kernel) -> None:
    deadline = time.monotonic() + 30
    while own.ready(kernel.program.shape) is None:
        assert time.monotonic() < deadline, "the background compiled nothing"
        time.sleep(0.01)


def test_an_expression_that_is_used_again_is_compiled_in_the_background() -> None:
    own = Shapes(capacity=4, uses=3)
    kernel = interpret_kernel(parse("N*G-R*S1+N", names=BANDS), BANDS, shapes=own)
    before = {run(kernel), run(kernel)}
    time.sleep(0.1)
    assert len(own) == 0, "asked twice, nothing is compiled"
    first = kernel.loop
    run(kernel)
    wait_for(own, kernel)
    assert kernel.loop() is own.ready(kernel.program.shape)
    assert first() is kernel.loop()
    assert before == {run(kernel)}
    other = interpret_kernel(parse("R*G-N*S1+R", names=BANDS), BANDS, shapes=own)
    assert other.loop() is kernel.loop(), "of one shape"
    own.stop()


def test_no_more_is_compiled_than_there_is_room_for() -> None:
    own = Shapes(capacity=1, uses=1)
    kernels = [
        interpret_kernel(parse(text, names=BANDS), BANDS, shapes=own)
        for text in ("N*G*N", "N*G-N", "N*G/N", "N/G/N", "N/G-N")
    ]
    expected = [run(machine(kernel.expression)) for kernel in kernels]
    for _ in range(5):
        assert [run(kernel) for kernel in kernels] == expected
    wait_for(own, kernels[0])
    time.sleep(0.1)
    assert len(own) == 1
    assert [run(kernel) for kernel in kernels] == expected
    own.stop()


def test_the_background_ends() -> None:
    own = Shapes(capacity=8, uses=1)
    for text in ("N*G*N*R", "N*G-N*R", "N*G/N*R", "N/G/N*R"):
        run(interpret_kernel(parse(text, names=BANDS), BANDS, shapes=own))
    own.stop()
    assert not [thread for thread in threading.enumerate() if thread is own._thread]
    assert len(own) <= 4
    Shapes(capacity=1).stop()  # one that never began


def test_a_process_ends_in_the_midst_of_compiling() -> None:
    program = (
        "import numpy as np\n"
        "from eotiles.bandmath.grammar import parse\n"
        "from eotiles.bandmath.kernels import interpret_kernel\n"
        "for n in range(1, 30):\n"
        "    kernel = interpret_kernel(parse('+'.join(['a*a'] * n) + '-a/2', names=['a']), ('a',))\n"
        "    for _ in range(3):\n"
        "        kernel(np.ones((1, 8, 8), 'f4'), np.ones((8, 8), bool))\n"
        "print('done')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_a_shape_that_cannot_be_compiled_stays_on_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(shape: object) -> None:
        raise MemoryError

    monkeypatch.setattr("eotiles.bandmath.shapes.compile_shape", broken)
    own = Shapes(capacity=4, uses=1)
    kernel = interpret_kernel(parse("N-G-R", names=BANDS), BANDS, shapes=own)
    expected = run(machine(kernel.expression))
    for _ in range(20):
        assert run(kernel) == expected
        time.sleep(0.005)
    assert len(own) == 0
    own.stop()
    with pytest.raises(MemoryError):
        own.compiled(kernel.program.shape)


def test_many_threads_share_a_kernel() -> None:
    own = Shapes(capacity=4, uses=20)
    kernel = interpret_kernel(parse("(N-G)/(R*S1+2)", names=BANDS), BANDS, shapes=own)
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda _: run(kernel), range(200)))
    assert len(answers) == 1
    wait_for(own, kernel)
    assert answers == {run(kernel)}
    own.stop()


def test_a_program_has_a_tape_of_known_operations() -> None:
    for text in (*EXACT, *SLOW):
        shape = lower(parse(text, names=BANDS)).shape
        assert {step.op for step in shape.steps} <= set(loops.OPCODES)
