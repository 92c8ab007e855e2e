"""Every index of the catalogue against spyndex in float64, and on both kinds of kernel to the last byte."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spyndex
from numpy.typing import NDArray
from rio_tiler.colormap import cmap

from eotiles.bandmath import twin
from eotiles.bandmath.grammar import parse
from eotiles.bandmath.kernels import compile_kernel, interpret_kernel
from eotiles.bandmath.program import lower
from eotiles.bandmath.shapes import Shapes
from eotiles.bandmath.tree import Expression
from eotiles.core.index import INDICES, PRESETS, Index
from eotiles.core.symbols import SYMBOLS

DATA = files("eotiles.core") / "indices.json"
SIZE = (48, 44)
shapes = Shapes(capacity=1000)
never = Shapes(capacity=0)


def numbers(index: Index) -> dict[str, float]:
    """A value for every constant, near its default and not it; exponents stay whole where they were."""
    return {
        name: default if default is not None and name in ("nexp", "p") else 0.25 + 1.5 * (default or 0.4)
        for name, default in index.constants.items()
        if not name.startswith("lambda")
    } | {
        name: SYMBOLS[name.removeprefix("lambda")].typical_nm
        for name in index.constants
        if name.startswith("lambda")
    }  # fmt: skip


def reflectances(index: Index) -> NDArray[np.float32]:
    """(band, y, x) float32, above 0; thermal bands in kelvin."""
    rng = np.random.default_rng(len(index.formula))
    data = rng.uniform(0.01, 0.6, (len(index.bands), *SIZE)).astype(np.float32)
    for plane, symbol in zip(data, index.bands, strict=True):
        if symbol.startswith("T"):
            plane += 290
    return data


def of_spyndex(
    index: Index, data: NDArray[np.float32], constants: dict[str, float]
) -> NDArray[np.float64]:
    """The same numbers in float64 through spyndex, kernels through its computeKernel."""
    bands = dict(zip(index.bands, data.astype(np.float64), strict=True))
    params: dict[str, Any] = {**bands, **constants}
    known = spyndex.indices[index.label]
    for name in known.bands:
        if match := re.fullmatch(r"k([NRGBL])([NRGBL])", name):
            a, b = (params.get(letter, 1.0) for letter in match.groups())
            params[name] = spyndex.computeKernel(
                "RBF", {"a": a, "b": b, "sigma": constants.get("sigma", 1.0)}
            )
    params = {name: params[name] for name in known.bands}
    with np.errstate(all="ignore"):
        found = spyndex.computeIndex(index.label, params)
    return np.broadcast_to(np.asarray(found, np.float64), SIZE)


@pytest.fixture(scope="module")
def expressions() -> dict[str, Expression]:
    return {
        name: parse(index.bound(numbers(index)), names=index.bands)
        for name, index in INDICES.items()
    }


def test_the_file_is_what_the_catalogue_says() -> None:
    content = json.loads(DATA.read_bytes())
    assert content["package"] == f"spyndex {spyndex.__version__}", "run scripts/indices.py"
    assert "MIT" in content["license"]
    assert {each["label"] for each in content["indices"].values()} == set(spyndex.indices)
    assert len(INDICES) == 280
    assert len({name.lower() for name in INDICES}) == 278
    assert list(INDICES)[:4] == list(PRESETS)
    for index in INDICES.values():
        known = spyndex.indices[index.label]
        assert index.domain == known.application_domain
        if index.name not in PRESETS:
            assert (index.title, index.reference) == (known.long_name, known.reference)
        if not re.search(r"\bk[NRGBL]{2}\b", known.formula):
            assert index.formula.replace(" ", "") == known.formula.replace(" ", "")
            assert {*index.bands, *index.constants} == set(known.bands)


@pytest.mark.parametrize("name", INDICES)
def test_every_index_equals_spyndex(name: str, expressions: dict[str, Expression]) -> None:
    index, expression = INDICES[name], expressions[name]
    assert expression.bands == index.bands
    data, everywhere = reflectances(index), np.ones(SIZE, bool)
    got, usable = interpret_kernel(expression, index.bands, shapes=never)(data, everywhere)
    with np.errstate(all="ignore"):
        expected = of_spyndex(index, data, numbers(index)).astype(np.float32)
    np.testing.assert_array_equal(usable, np.isfinite(expected))
    assert usable.mean() > 0.2, "hardly a pixel is defined"
    assert len(np.unique(got[usable])) > 100
    # In units in the last place; 0 and its neighbours by what float64 leaves of the difference of values near 1.
    near = np.abs(got - expected)[usable] <= 1e-14
    np.testing.assert_array_max_ulp(got[usable][~near], expected[usable][~near], maxulp=2)
    again, again_usable = twin.evaluate(expression, index.bands, data, everywhere)
    np.testing.assert_array_equal(again_usable, usable)
    np.testing.assert_array_max_ulp(got[usable][~near], again[usable][~near], maxulp=2)


def assert_same_bytes(names: list[str], expressions: dict[str, Expression]) -> None:
    rng = np.random.default_rng(8)
    for name in names:
        index, expression = INDICES[name], expressions[name]
        data, valid = reflectances(index), rng.random(SIZE) > 0.1
        hard = np.array([0, -0.1, np.nan, np.inf, 1], np.float32)
        data = np.where(rng.random(data.shape) < 0.1, rng.choice(hard, data.shape), data)
        compiled = compile_kernel(expression, index.bands, shapes=shapes)
        machine = interpret_kernel(expression, index.bands, shapes=never)
        meaning = {"scales": [0.7] * len(index.bands), "offsets": [-0.01] * len(index.bands)}
        for left, right in (
            (compiled(data, valid), machine(data, valid)),
            (compiled(data, valid, **meaning), machine(data, valid, **meaning)),
            (
                compiled.paint(data, valid, rescale=index.rescale),
                machine.paint(data, valid, rescale=index.rescale),
            ),
        ):
            for a, b in zip(left, right, strict=True):
                assert a.tobytes() == b.tobytes(), name


def one_of_each_shape(expressions: dict[str, Expression]) -> list[str]:
    by_shape = {lower(expression).shape: name for name, expression in expressions.items()}
    return sorted(by_shape.values(), key=lambda name: (len(INDICES[name].formula), name))


def test_a_dozen_shapes_give_the_same_bytes_compiled(expressions: dict[str, Expression]) -> None:
    names = one_of_each_shape(expressions)
    assert_same_bytes([*names[:: len(names) // 10], "kndvi", "avi"], expressions)


@pytest.mark.soak
def test_every_index_gives_the_same_bytes_compiled(expressions: dict[str, Expression]) -> None:
    """Compiles all shapes: two minutes."""
    assert_same_bytes(one_of_each_shape(expressions), expressions)
    assert_same_bytes(list(expressions), expressions)


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_every_index_can_be_drawn(index: Index) -> None:
    assert INDICES[index.name] is index
    assert cmap.get(index.colormap)
    assert index.reference.startswith("http") or index.name in PRESETS
    assert index.title
    if index.value_range is not None:
        assert index.value_range == (-1.0, 1.0)
    unset = {name for name, default in index.constants.items() if default is None}
    assert all(name == "PAR" or name.removeprefix("lambda") in SYMBOLS for name in unset)
    if not index.is_estimated:
        assert -1 <= index.rescale[0] < index.rescale[1] <= 1


def test_the_file_comes_from_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace: dict[str, Any] = {"__name__": "script", "__file__": str(tmp_path / "a" / "b.py")}
    script = Path(__file__).parents[2] / "scripts" / "indices.py"
    exec(compile(script.read_text("utf-8"), str(script), "exec"), namespace)
    namespace["TARGET"] = tmp_path / "indices.json"
    namespace["main"]()
    assert (tmp_path / "indices.json").read_bytes() == DATA.read_bytes()
