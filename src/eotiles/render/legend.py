"""Legends: what the colours of a layer mean, as JSON for a page and as PNG for everything else."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from eotiles.core.errors import BadParameter
from eotiles.core.index import Index
from eotiles.render.colour import Colormap, Colour, checked_rescale, hexadecimal, named, ramp

STOPS = 33
"""Stops of a ramp in JSON: odd, so that the middle is one. Straight lines between them stay within 4 of 255 of the
smooth colormaps."""

CLASSES_MAX = 32
"""Rows of a legend of values or intervals; the rest is counted in a last row."""

WIDTH_PX = (120, 1024)
"""Least and greatest width of the picture."""

_INK = (33, 37, 41)
_PAPER = (255, 255, 255)


@dataclass(frozen=True)
class Legend:
    """What is shown: either a ramp over `rescale`, or classes."""

    title: str

    colormap: str
    """Name, or "custom"."""

    rescale: tuple[float, float] | None
    """Values of the first and the last colour of the ramp; None for classes."""

    ramp: tuple[Colour, ...]
    """256 colours, or none."""

    classes: tuple[tuple[str, Colour], ...]
    """Label and colour of each class, or none."""

    unit: str = ""
    """Empty: dimensionless."""


GREY = "gray"
"""rio-tiler's name for what a band without a colormap is drawn in."""


def legend(
    title: str,
    *,
    colormap: str | Colormap,
    rescale: tuple[float, float],
    unit: str = "",
    labels: Mapping[int, str] | None = None,
) -> Legend:
    """The legend of a layer drawn with a colormap, by name or by definition; `labels` name values of classes.

    Raises:
        BadParameter: an unknown colormap, or a rescale that cannot be drawn.
    """
    name = colormap if isinstance(colormap, str) else "custom"
    definition = named(colormap) if isinstance(colormap, str) else colormap
    colours = ramp(definition)
    title = " ".join(title.split())[:120]
    if colours is None:
        classes = _classes(definition, labels or {})
        return Legend(title, name, None, ramp=(), classes=classes, unit=unit)
    low, high = checked_rescale(*rescale)
    tuples = tuple((int(r), int(g), int(b), int(a)) for r, g, b, a in colours)
    return Legend(title, name, (low, high), ramp=tuples, classes=(), unit=unit)


def index_legend(
    index: Index,
    *,
    colormap: str | Colormap | None = None,
    rescale: tuple[float, float] | None = None,
) -> Legend:
    """The legend of an index as a request draws it: its own colormap and rescale where the request names none."""
    return legend(
        index.title, colormap=colormap or index.colormap, rescale=rescale or index.rescale
    )


def legend_json(legend: Legend) -> dict[str, Any]:
    """The legend as data: `stops` from low to high for a ramp, one stop a class otherwise."""
    answer: dict[str, Any] = {
        "title": legend.title,
        "type": "ramp" if legend.rescale else "classes",
        "colormap": legend.colormap,
        "unit": legend.unit,
    }
    if legend.rescale is None:
        stops = [{"label": label, "color": hexadecimal(colour)} for label, colour in legend.classes]
        return {**answer, "stops": stops}
    low, high = legend.rescale
    shares = np.linspace(0, 1, STOPS)
    return {
        **answer,
        "rescale": [low, high],
        "ticks": ticks(low, high),
        "stops": [
            {
                # nobody wants to read 0.30000000000000004
                "value": float(f"{low + share * (high - low):.10g}"),
                "color": hexadecimal(legend.ramp[round(share * 255)]),
            }
            for share in shares
        ],
    }


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Both ends and the round values between them: `most` steps or fewer of 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    # The factor 1e-9 forgives rounding: 0.1 + 0.2 is a step of 0.3.
    step = next(
        power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor > rough * (1 - 1e-9)
    )
    first, last = math.floor(low / step + 1e-9) + 1, math.ceil(high / step - 1e-9)
    return [low, *(float(f"{step * k:.10g}") + 0.0 for k in range(first, last)), high]


def legend_image(legend: Legend, *, width_px: int = 320, scale: int = 1) -> bytes:
    """The legend as PNG, black on white.

    Args:
        legend: what to show.
        width_px: width for people, within WIDTH_PX.
        scale: 1 to 3 pixels of the file for one of these, for dense screens.

    Raises:
        BadParameter: a width or scale outside its limits.
    """
    if not WIDTH_PX[0] <= width_px <= WIDTH_PX[1]:
        raise BadParameter(f"width is {WIDTH_PX[0]} to {WIDTH_PX[1]} pixels, got {width_px}")
    if not 1 <= scale <= 3:
        raise BadParameter(f"scale is 1 to 3, got {scale}")
    return (
        _ramp_image(legend, width_px, scale)
        if legend.ramp
        else _classes_image(legend, width_px, scale)
    )


def _ramp_image(legend: Legend, width_px: int, scale: int) -> bytes:
    assert legend.rescale is not None  # a ramp has one
    image, draw, font = _paper(width_px, 66, scale)
    left, top, right, bottom = 16 * scale, 26 * scale, (width_px - 16) * scale, 42 * scale
    colours = np.array(legend.ramp, np.uint8)
    shares = (np.arange(right - left) * 256) // (right - left)
    bar = np.broadcast_to(colours[shares], (bottom - top, right - left, 4))
    strip = Image.fromarray(np.ascontiguousarray(bar), "RGBA")
    image.paste(strip, (left, top), strip)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=_INK, width=scale)
    title = f"{legend.title} ({legend.unit})" if legend.unit else legend.title
    draw.text((left, 6 * scale), _fitted(title, draw, font, right - left), fill=_INK, font=font)
    low, high = legend.rescale
    taken: list[tuple[float, float]] = []
    marks = ticks(low, high, most=max(2, min(6, width_px // 50)))
    for value in (low, high, *marks[1:-1]):
        x = left + round((value - low) / (high - low) * (right - left - 1))
        # The labels of both ends stay inside the bar; one between is left out where it would touch another.
        anchor = "la" if value == low else "ra" if value == high else "ma"
        box = draw.textbbox((x, bottom + 6 * scale), _label(value), font=font, anchor=anchor)
        if any(box[0] - 6 * scale < end and start < box[2] + 6 * scale for start, end in taken):
            continue
        taken.append((box[0], box[2]))
        draw.line((x, bottom, x, bottom + 4 * scale), fill=_INK, width=scale)
        draw.text((x, bottom + 6 * scale), _label(value), fill=_INK, font=font, anchor=anchor)
    return _png(image)


def _classes_image(legend: Legend, width_px: int, scale: int) -> bytes:
    rows = [*legend.classes[:CLASSES_MAX]]
    more = len(legend.classes) - len(rows)
    image, draw, font = _paper(width_px, 30 + 18 * (len(rows) + bool(more)), scale)
    left, right = 16 * scale, (width_px - 16) * scale
    draw.text(
        (left, 6 * scale), _fitted(legend.title, draw, font, right - left), fill=_INK, font=font
    )
    y = 26 * scale
    for label, colour in rows:
        swatch = Image.new("RGBA", (22 * scale, 14 * scale), colour)
        image.paste(swatch, (left, y), swatch)
        draw.rectangle(
            (left, y, left + 22 * scale - 1, y + 14 * scale - 1), outline=_INK, width=scale
        )
        text = _fitted(label, draw, font, right - left - 30 * scale)
        draw.text((left + 30 * scale, y), text, fill=_INK, font=font)
        y += 18 * scale
    if more:
        draw.text((left, y), f"and {more} more", fill=_INK, font=font)
    return _png(image)


def _paper(
    width_px: int, height_px: int, scale: int
) -> tuple[Image.Image, ImageDraw.ImageDraw, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    image = Image.new("RGB", (width_px * scale, height_px * scale), _PAPER)
    return image, ImageDraw.Draw(image), ImageFont.load_default(size=12 * scale)


def _fitted(
    text: str,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    width_px: int,
) -> str:
    """The text, cut to a width."""
    if draw.textlength(text, font=font) <= width_px:
        return text
    while text and draw.textlength(text + "…", font=font) > width_px:
        text = text[:-1]
    return text + "…"


def _label(value: float) -> str:
    return f"{value:.8g}"


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _classes(colormap: Colormap, labels: Mapping[int, str]) -> tuple[tuple[str, Colour], ...]:
    """A row each; of classes with names those that can be seen: one without any opacity stands for nothing."""
    if isinstance(colormap, Mapping):
        found = [
            (labels.get(int(value), _label(float(value))), colour)
            for value, colour in sorted(colormap.items())
        ]
    else:
        found = [(f"{_label(low)} to {_label(high)}", colour) for (low, high), colour in colormap]
    return tuple((label, colour) for label, colour in found if colour[3] > 0 or not labels)
