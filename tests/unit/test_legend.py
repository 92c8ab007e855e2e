"""Legends: what they say and what they look like, pixel by pixel where it matters."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from eotiles.core.errors import BadParameter
from eotiles.core.index import INDICES
from eotiles.render.colour import named, ramp
from eotiles.render.legend import (
    CLASSES_MAX,
    STOPS,
    index_legend,
    legend,
    legend_image,
    legend_json,
    ticks,
)

WATER = [((-1.0, 0.0), (200, 180, 120, 255)), ((0.0, 1.0), (0, 80, 200, 255))]


def decoded(png: bytes) -> np.ndarray:
    """(y, x, 3) uint8"""
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("index", INDICES.values(), ids=lambda index: index.name)
def test_json_of_an_index(index) -> None:
    answer = legend_json(index_legend(index))
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert answer["title"] == index.title
    assert answer["type"] == "ramp"
    assert answer["colormap"] == index.colormap
    assert answer["unit"] == ""
    assert tuple(answer["rescale"]) == index.rescale
    stops = answer["stops"]
    assert len(stops) == STOPS
    assert [stops[0]["value"], stops[-1]["value"]] == list(index.rescale)
    colours = ramp(named(index.colormap))
    assert colours is not None
    assert stops[0]["color"] == "#{:02x}{:02x}{:02x}".format(*colours[0])
    assert stops[-1]["color"] == "#{:02x}{:02x}{:02x}".format(*colours[255])


def test_json_with_the_requests_own_style() -> None:
    answer = legend_json(index_legend(INDICES["ndvi"], colormap="viridis", rescale=(0.1, 0.3)))
    assert answer["colormap"] == "viridis"
    assert answer["rescale"] == [0.1, 0.3]
    assert answer["stops"][STOPS // 2] == {"value": 0.2, "color": "#20908c"}
    assert answer["ticks"] == [0.1, 0.15, 0.2, 0.25, 0.3]


def test_json_of_intervals_and_values() -> None:
    answer = legend_json(index_legend(INDICES["ndwi"], colormap=WATER))
    assert answer["type"] == "classes"
    assert answer["colormap"] == "custom"
    assert answer["stops"] == [
        {"label": "-1 to 0", "color": "#c8b478"},
        {"label": "0 to 1", "color": "#0050c8"},
    ]
    values = legend("Classes", colormap={2: (9, 9, 9, 255), 1: (8, 8, 8, 0)}, rescale=(0, 1))
    assert [stop["label"] for stop in legend_json(values)["stops"]] == ["1", "2"]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_the_bar_shows_the_colormap_from_left_to_right(scale: int) -> None:
    pixels = decoded(legend_image(index_legend(INDICES["ndvi"]), width_px=320, scale=scale))
    assert pixels.shape == (66 * scale, 320 * scale, 3)
    row = pixels[34 * scale, 16 * scale + scale : 304 * scale - scale].astype(int)
    colours = ramp(named("rdylgn"))
    assert colours is not None
    expected = colours[np.round(np.linspace(0, 255, len(row))).astype(int), :3].astype(int)
    assert np.abs(row - expected).max() <= 12
    assert (pixels[0] == 255).all(), "the margin should be white"


def test_title_and_labels_are_drawn() -> None:
    def ink(title: str) -> int:
        image = legend_image(legend(title, colormap="greys", rescale=(0, 1)))
        return int((decoded(image)[:24].sum(axis=2) < 300).sum())

    assert ink("") == 0
    assert ink("NDVI") > 20
    assert ink("NDVI " * 4) > ink("NDVI")
    labels = decoded(legend_image(index_legend(INDICES["ndvi"])))[48:]
    assert (labels.sum(axis=2) < 300).sum() > 50


def test_a_title_that_is_too_long_is_cut() -> None:
    image = decoded(
        legend_image(legend("W" * 5000, colormap="greys", rescale=(0, 1)), width_px=120)
    )
    assert image.shape[1] == 120
    assert (image[:24, -10:] == 255).all()


def test_transparent_colours_let_the_paper_through() -> None:
    clear = dict.fromkeys(range(256), (255, 0, 0, 0))
    pixels = decoded(legend_image(legend("Clear", colormap=clear, rescale=(0, 1))))
    assert (pixels[34, 100:200] == 255).all()


def test_classes_are_rows() -> None:
    pixels = decoded(legend_image(index_legend(INDICES["ndwi"], colormap=WATER)))
    assert tuple(pixels[33, 25]) == (200, 180, 120)
    assert tuple(pixels[51, 25]) == (0, 80, 200)
    many = {key: (key, 0, 0, 255) for key in range(200)}
    tall = decoded(legend_image(legend("Many", colormap=many, rescale=(0, 1))))
    assert tall.shape[0] == 30 + 18 * (CLASSES_MAX + 1)


def test_the_same_legend_is_the_same_bytes() -> None:
    assert legend_image(index_legend(INDICES["ndmi"])) == legend_image(
        index_legend(INDICES["ndmi"])
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (-0.2, 0.9, [-0.2, 0, 0.2, 0.4, 0.6, 0.8, 0.9]),
        (0, 0.3, [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]),
        (0, 10000, [0, 2000, 4000, 6000, 8000, 10000]),
        (-1e12, 1e12, [-1e12, -5e11, 0, 5e11, 1e12]),
        (1e-9, 3e-9, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]),
        (999999.5, 1000000.5, None),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float] | None) -> None:
    got = ticks(low, high)
    assert got == sorted(set(got))
    assert got[0] == low
    assert got[-1] == high
    assert 3 <= len(got) <= 8
    if expected is not None:
        assert got == expected


@pytest.mark.parametrize(
    ("width_px", "scale"), [(0, 1), (119, 1), (1025, 1), (10**9, 1), (320, 0), (320, 4)]
)
def test_pictures_out_of_bounds_are_refused(width_px: int, scale: int) -> None:
    with pytest.raises(BadParameter, match=r"width|scale"):
        legend_image(index_legend(INDICES["ndvi"]), width_px=width_px, scale=scale)


def test_bad_styles_are_refused() -> None:
    with pytest.raises(BadParameter, match="'nope'"):
        index_legend(INDICES["ndvi"], colormap="nope")
    with pytest.raises(BadParameter, match="rescale"):
        index_legend(INDICES["ndvi"], rescale=(1, 0))
