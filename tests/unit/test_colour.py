"""Colours: names, definitions, rescales."""

from __future__ import annotations

import numpy as np
import pytest

from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES
from eotiles.render.colour import checked_rescale, hexadecimal, named, ramp


@pytest.mark.parametrize("index", INDICES.values(), ids=lambda index: index.name)
def test_the_colormap_of_every_index_is_a_ramp(index) -> None:
    colours = ramp(named(index.colormap))
    assert colours is not None
    assert colours.shape == (256, 4)
    assert colours.dtype == np.uint8
    assert (colours[:, 3] == 255).all()
    checked_rescale(*index.rescale)


def test_vegetation_is_green_and_water_is_blue() -> None:
    def colour(name: str, value: float) -> tuple[int, int, int]:
        low, high = INDICES[name].rescale
        colours = ramp(named(INDICES[name].colormap))
        assert colours is not None
        red, green, blue, _ = (
            int(part) for part in colours[round((value - low) / (high - low) * 255)]
        )
        return red, green, blue

    red, green, blue = colour("ndvi", 0.7)
    assert green > red
    assert green > blue
    red, green, blue = colour("ndvi", 0.0)
    assert red > green
    assert red > blue
    for name in ("ndwi", "mndwi"):
        red, green, blue = colour(name, 0.5)
        assert blue > red
        assert blue > green
        red, green, blue = colour(name, -0.5)
        assert green > blue
        assert green > red
    red, green, blue = colour("ndmi", 0.5)
    assert blue > red


@pytest.mark.parametrize(
    "name", ["", "nope", "RdYlGn", "../../etc/passwd", "rdylgn\n", "<script>" * 50]
)
def test_unknown_names_are_refused_by_name(name: str) -> None:
    with pytest.raises(BadParameter) as caught:
        named(name)
    assert "unknown colormap" in str(caught.value)
    assert ascii(name[:60]) in str(caught.value)
    assert len(str(caught.value)) < 200


def test_values_and_intervals_are_no_ramp() -> None:
    assert ramp({1: (0, 0, 255, 255), 2: (255, 0, 0, 255)}) is None
    assert ramp([((0, 1), (0, 0, 255, 255)), ((1, 2), (255, 0, 0, 255))]) is None
    assert ramp([]) is None


def test_hexadecimal() -> None:
    assert hexadecimal((0, 10, 255, 255)) == "#000aff"
    assert hexadecimal((0, 10, 255, 128)) == "#000aff80"
    assert hexadecimal(np.array([1, 2, 3, 255], np.uint8)) == "#010203"


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (5.0, 5.0),
        (1.0, 0.0),
        (float("nan"), 1.0),
        (0.0, float("nan")),
        (0.0, float("inf")),
        (float("-inf"), 0.0),
        (0.0, 1e13),
        (1.0, 1.0 + 1e-9),
        (0.0, 1e-300),
    ],
)
def test_rescales_that_cannot_be_drawn_are_refused(low: float, high: float) -> None:
    with pytest.raises(BadParameter, match="rescale"):
        checked_rescale(low, high)


def test_rescales_of_every_size_are_kept() -> None:
    assert checked_rescale(0, 10000) == (0.0, 10000.0)
    assert checked_rescale(-1e12, 1e12) == (-1e12, 1e12)
    assert checked_rescale(-1e-9, 1e-9) == (-1e-9, 1e-9)
