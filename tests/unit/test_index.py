"""The indices as data: their formulas parse, their names agree, nothing undrawable can be built."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from eotiles.bandmath.grammar import parse
from eotiles.core.index import INDICES, PRESETS, Index
from eotiles.core.symbols import BAND_SYMBOLS


@pytest.mark.parametrize("index", PRESETS.values(), ids=lambda index: index.name)
def test_every_index_is_complete(index: Index) -> None:
    assert INDICES[index.name] is index
    assert parse(index.formula, names=index.bands).bands == index.bands
    assert index.reference.split("https://")[1]
    assert index.value_range is not None
    low, high = index.value_range
    assert low <= index.rescale[0] < index.rescale[1] <= high


def test_the_four_formulas() -> None:
    assert {name: index.formula for name, index in PRESETS.items()} == {
        "ndvi": "(N - R) / (N + R)",
        "ndwi": "(G - N) / (G + N)",
        "ndmi": "(N - S1) / (N + S1)",
        "mndwi": "(G - S1) / (G + S1)",
    }


def test_symbols_stand_for_stac_common_names() -> None:
    # https://github.com/stac-extensions/eo#common-band-names
    assert BAND_SYMBOLS["N"] == ("nir", "nir08")
    assert BAND_SYMBOLS["S1"] == ("swir16",)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "ndwi"},
        {"bands": ("N", "X")},
        {"rescale": (1.0, 1.0)},
        {"rescale": (0.0, float("inf"))},
        {"rescale": (float("nan"), 1.0)},
        {"value_range": (1.0, -1.0)},
    ],
)
def test_no_wrong_index_can_be_built(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"index|rescale|value_range"):
        dataclasses.replace(INDICES["ndvi"], **change)  # type: ignore[arg-type]


def test_the_documentation_lists_every_index() -> None:
    text = (Path(__file__).parents[2] / "docs" / "indices.md").read_text("utf-8")
    for index in PRESETS.values():
        low, high = index.rescale
        row = next(line for line in text.splitlines() if line.startswith(f"| `{index.name}` |"))
        assert f"`{index.formula}`" in row
        assert f"| {low:g} … {high:g} | `{index.colormap}`" in row
        assert index.reference.split(", ")[-1] in text
