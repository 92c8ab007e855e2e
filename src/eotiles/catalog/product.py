"""What an item's metadata says of the product that it is: mission, level, processing baseline. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

Json = Mapping[str, Any]

Mission = Literal["sentinel-1", "sentinel-2", "landsat"]

_BASELINES = (
    "s2:processing_baseline",
    "sentinel:processing_baseline",
    "sentinel2:processing_baseline",
)
_APPLIED = (
    "earthsearch:boa_offset_applied",
    "sentinel:boa_offset_applied",
    "s2:boa_offset_applied",
    "boa_offset_applied",
)
"""Set on items whose pixels have the offset of baseline 04.00 already taken off. Where it is true, it counts before an
offset that is listed all the same (https://github.com/Element84/earth-search/issues/9)."""

_PRODUCT_NAMES = (
    "s2:product_uri",
    "s2:product_id",
    "sentinel:product_id",
    "sentinel2:product_id",
    "s2:datastrip_id",
)
_LOOKED_AT = (
    "constellation", "platform", *_BASELINES, *_APPLIED, "processing:version", "processing:level", "s2:product_type",
    "product:type", "landsat:correction", "sar:product_type",
)  # fmt: skip
_LONGEST = 200
"""Characters of a value."""

_BASELINE_IN_NAME = re.compile(r"_N(\d{2})\.?(\d{2})(?:[_.]|$)")
_LEVEL_IN_NAME = re.compile(r"(?:MSI|_)_?L(1C|2A)(?:[_.]|$)")
_SENTINEL_2_NAME = re.compile(r"S2[A-D]_(?:MSI|OPER_MSI_)L(1C|2A)[_.]")
_LANDSAT_NAME = re.compile(r"L[COTEM]0[1-9]_(L[12][A-Z]{2})_\d{6}_\d{8}_\d{8}_02_")


@dataclass(frozen=True)
class Product:
    """A product of a mission whose digital numbers are documented."""

    mission: Mission

    level: str | None = None
    """Sentinel-2: L1C or L2A. Landsat: L1TP, L2SP, … Sentinel-1: GRD, RTC, … None: not said."""

    baseline: float | None = None
    """Of Sentinel-2: 5.11; None: not known."""

    applied: bool | None = None
    """Of Sentinel-2: whether the item says that the offset is taken off its pixels already; None: it does not say."""

    platform: str = ""
    """In lower case: landsat-8."""


def product(properties: Json, *, name: str = "") -> Product | None:
    """The product; None where the mission is none of these.

    `name` is the item's id. It, and other names that no two items share, are looked at only where nothing else tells;
    without it they are not, so that items that are alike stay alike (catalog/alike.py).
    """
    said = tuple(_short(properties.get(key)) for key in _LOOKED_AT)
    name = name[:_LONGEST]
    found = _product(said) or _product_named(said, name)
    if found is None or not name:
        return found
    if found.mission == "sentinel-2" and (found.baseline is None or found.level is None):
        names = (*(_text(_short(properties.get(key))) for key in _PRODUCT_NAMES), name)
        return replace(
            found,
            baseline=_baseline_named(names) if found.baseline is None else found.baseline,
            level=found.level or _level_named(names),
        )
    if found.mission == "landsat" and (match := _LANDSAT_NAME.match(name)) is not None:
        return replace(
            found, level=found.level or match[1], platform=found.platform or name[:4].lower()
        )
    return found


@lru_cache(maxsize=1024)
def _product(said: tuple[str | float | None, ...]) -> Product | None:
    properties = {
        key: value for key, value in zip(_LOOKED_AT, said, strict=True) if value is not None
    }
    platform = _text(properties.get("platform")).lower()
    mission = _mission(properties, platform)
    return None if mission is None else _made(mission, properties, platform)


def _product_named(said: tuple[str | float | None, ...], name: str) -> Product | None:
    """By the item's id alone."""
    properties = dict(zip(_LOOKED_AT, said, strict=True))
    if _SENTINEL_2_NAME.match(name):
        return _made("sentinel-2", properties, "")
    return _made("landsat", properties, "") if _LANDSAT_NAME.match(name) else None


def _made(mission: Mission, properties: Json, platform: str) -> Product:
    if mission == "sentinel-2":
        stated = [properties.get(known) for known in (*_BASELINES, "processing:version")]
        baseline = next((read for value in stated if (read := _baseline(value)) is not None), None)
        return Product(mission, _level(properties), baseline, _applied(properties), platform)
    if mission == "landsat":
        level = _text(properties.get("landsat:correction")) or None
        return Product(mission, level, platform=platform)
    kind = _text(properties.get("sar:product_type")) or _text(properties.get("product:type"))
    return Product(mission, kind.upper() or None, platform=platform)


def _short(value: Any) -> str | float | None:
    """A text or a number that two items may have in common; true and false as text, for to Python true is 1."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else None
    if isinstance(value, bool):
        return str(value)
    return value if isinstance(value, float | int) else None


def _mission(properties: Json, platform: str) -> Mission | None:
    constellation = _text(properties.get("constellation")).lower()
    missions: tuple[Mission, ...] = ("sentinel-2", "sentinel-1", "landsat")
    for mission in missions:
        if constellation.startswith(mission) or platform.startswith(mission):
            return mission
    if any(known in properties for known in (*_BASELINES, *_APPLIED)):
        return "sentinel-2"
    return "landsat" if "landsat:correction" in properties else None


def _baseline(value: Any) -> float | None:
    """04.00, N04.00, N0400, 0400, 4.0."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value) if 0 < value < 100 else None
    found = re.fullmatch(r"N?(\d{1,2})\.?(\d{2})|N?(\d{1,2}\.\d)", _text(value).strip())
    if found is None:
        return None
    return float(found[3] or f"{found[1]}.{found[2]}")


def _baseline_named(names: Iterable[str]) -> float | None:
    found = next((match for each in names if (match := _BASELINE_IN_NAME.search(each))), None)
    return None if found is None else float(f"{found[1]}.{found[2]}")


def _level(properties: Json) -> str | None:
    stated = " ".join(
        _text(properties.get(known)).upper()
        for known in ("s2:product_type", "product:type", "processing:level")
    )
    if "2A" in stated or stated.endswith("L2"):
        return "L2A"
    return "L1C" if "1C" in stated or stated.endswith("L1") else None


def _level_named(names: Iterable[str]) -> str | None:
    for each in names:
        if found := _LEVEL_IN_NAME.search(each.upper()):
            return f"L{found[1]}"
    return None


def _applied(properties: Json) -> bool | None:
    for known in _APPLIED:
        value = _text(properties.get(known)).lower()
        if value in ("true", "false"):
            return value == "true"
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
