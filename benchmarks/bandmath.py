"""Band math against its peers: rio-tiler's expression (numexpr) and plain NumPy, in the same process, interleaved.

    python benchmarks/bandmath.py [--json PATH]        STRICT=1: exit 1 where a bar is missed

All do the same work: float32 bands and a mask in, values and a mask out. The peers differ in what they call valid:
rio-tiler draws 0/0 as 0, the NumPy chain here masks it as we do.
"""

from __future__ import annotations

import statistics
import time

import numexpr
import numpy as np
from numpy.typing import NDArray
from report import Line, compare, cpu_ms, finish, line, options
from rio_tiler.models import ImageData

START = time.process_time()

from eotiles.bandmath.grammar import parse  # noqa: E402  (importing Numba is part of what `warm_up` measures)
from eotiles.bandmath.kernels import Kernel, compile_kernel, interpret_kernel, warm  # noqa: E402
from eotiles.bandmath.shapes import Shapes  # noqa: E402
from eotiles.core.index import PRESETS  # noqa: E402

BANDS = ("b1", "b2", "b3")
NDVI = "(b1-b2)/(b1+b2)"
EVI = "2.5*(b1-b2)/(b1+6*b2-7.5*b3+1)"
ROUNDS = 41


def pixels(size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Reflectances of three bands, one pixel in ten invalid."""
    rng = np.random.default_rng(1)
    data = rng.uniform(0.01, 0.6, (3, size, size)).astype(np.float32)
    return data, rng.random((size, size)) > 0.1


def numpy_ndvi(data: NDArray[np.float32], valid: NDArray[np.bool_]) -> object:
    with np.errstate(all="ignore"):
        values = (data[0] - data[1]) / (data[0] + data[1])
    good = valid & np.isfinite(values)
    return np.where(good, values, np.float32(0)), good


def warm_up() -> list[Line]:
    """CPU seconds from importing Numba to the presets' kernels, and of one further shape."""
    start = time.process_time()
    warm(PRESETS.values())
    presets = time.process_time() - START
    compiling = time.process_time() - start
    start = time.process_time()
    compile_kernel(parse(EVI, names=BANDS), BANDS, shapes=Shapes(1))
    further = time.process_time() - start
    print(f"# presets: {compiling:.2f} s, with the import of Numba {presets:.2f} s", flush=True)
    return [
        line("presets and machine ready (bar: 2 s)", presets * 1e3, 2000.0, bar=1),
        line("one more shape (bar: 0.5 s)", further * 1e3, 500.0, bar=1),
    ]


def parsing() -> list[Line]:
    """The longest parse there is against a millisecond."""

    def balanced(levels: int) -> str:
        return "b1" if levels == 0 else f"({balanced(levels - 1)}+{balanced(levels - 1)})"

    lines = []
    for name, text in (("255 nodes", balanced(7)), ("EVI", EVI)):
        samples = [cpu_ms(lambda t=text: parse(t, names=BANDS), 20) for _ in range(ROUNDS)]
        lines.append(line(f"parse, {name} (bar: 1 ms)", statistics.median(samples), 1.0, bar=1))
    return lines


def drawing(size: int) -> list[Line]:
    """One image of size × size pixels."""
    data, valid = pixels(size)
    mask = np.broadcast_to(~valid, data.shape)
    image = ImageData(np.ma.MaskedArray(data, mask), band_names=list(BANDS))
    planes = dict(zip(BANDS, data, strict=True))
    lines = []
    for name, text in (("NDVI", NDVI), ("EVI", EVI)):
        kernel = compile_kernel(parse(text, names=BANDS), BANDS)

        def ours(kernel: Kernel = kernel) -> object:
            return kernel(data, valid)

        def rio_tiler(text: str = text) -> object:
            return image.apply_expression(text)

        def bare_numexpr(text: str = text) -> object:
            return numexpr.evaluate(text, local_dict=planes)

        machine = interpret_kernel(parse(text, names=BANDS), BANDS, shapes=Shapes(0))
        lines.append(
            compare(
                f"{name} {size}, the machine",
                ours,
                lambda machine=machine: machine(data, valid),
                bar=1,
            )
        )
        lines.append(compare(f"{name} {size}, rio-tiler's expression", ours, rio_tiler, bar=8))
        lines.append(compare(f"{name} {size}, numexpr alone, no mask", ours, bare_numexpr, bar=1.5))
        if name == "NDVI":
            lines.append(
                compare(
                    f"{name} {size}, NumPy in float32",
                    ours,
                    lambda: numpy_ndvi(data, valid),
                    bar=2,
                )
            )
    return lines


def main() -> int:
    path = options("Band math against its peers.")
    lines = [*warm_up(), *parsing(), *(case for size in (256, 512, 1024) for case in drawing(size))]
    return finish(lines, path)


if __name__ == "__main__":
    raise SystemExit(main())
