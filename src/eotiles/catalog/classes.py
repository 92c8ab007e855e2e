"""Classes of a band of labels (STAC classification extension): values, names, colours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLASSES_MAX = 256
"""Classes of one band; a file with more has no legend that anybody reads."""

_HEX = re.compile(r"#?([0-9A-Fa-f]{6})")
_PALETTE = (
    "1f77b4", "ff7f0e", "2ca02c", "d62728", "9467bd", "8c564b", "e377c2", "7f7f7f", "bcbd22", "17becf",
    "aec7e8", "ffbb78", "98df8a", "ff9896", "c5b0d5", "c49c94", "f7b6d2", "c7c7c7", "dbdb8d", "9edae5",
)  # fmt: skip
"""Colours of classes that bring none: Tableau 20, told apart beside each other."""


@dataclass(frozen=True)
class Class:
    """One label."""

    value: int
    name: str

    colour: tuple[int, int, int, int]
    """Red, green, blue, opacity; what stands for "no data" is transparent."""


def classes_of(*levels: Mapping[str, Any]) -> tuple[Class, ...]:
    """The classes that a band, or else its asset, declares; none where they cannot be read or have no whole values."""
    for level in levels:
        declared = level.get("classification:classes")
        if isinstance(declared, list) and 0 < len(declared) <= CLASSES_MAX:
            found = [_class(each, position) for position, each in enumerate(declared)]
            known = {each.value: each for each in found if each is not None}
            return tuple(known[value] for value in sorted(known))
    return ()


def numbered(low: float | None, high: float | None) -> tuple[Class, ...]:
    """Classes of labels that nobody has named, from the lowest to the highest; none where those are not known, or too
    many to be told apart. 0 is not drawn: it mostly stands for nothing."""
    if low is None or high is None or low != int(low) or not 0 < high - low < CLASSES_MAX:
        return ()
    values = range(int(low), int(high) + 1)
    declared = [{"value": value, "nodata": value == 0} for value in values]
    return classes_of({"classification:classes": declared})


def colormap_of(classes: tuple[Class, ...]) -> dict[str, list[int]]:
    """The colormap that draws them, as the render extension writes it."""
    return {str(each.value): list(each.colour) for each in classes}


def _class(declared: Any, position: int) -> Class | None:
    if not isinstance(declared, Mapping):
        return None
    value = declared.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    title = declared.get("title") or declared.get("name") or declared.get("description")
    hint = declared.get("color_hint", declared.get("color-hint"))
    found = _HEX.fullmatch(hint) if isinstance(hint, str) else None
    digits = found[1] if found else _PALETTE[position % len(_PALETTE)]
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    opacity = 0 if declared.get("nodata") is True else 255
    name = " ".join(str(title).split())[:80] if title else f"{int(value)}"
    return Class(int(value), name, (red, green, blue, opacity))
