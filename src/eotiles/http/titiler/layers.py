"""The layer that a request names: `index=`, `assets=` with or without `expression=`, or `expression=` alone."""

from eotiles.core.errors import BadParameter, UnknownIndex
from eotiles.core.index import CONSTANT_MAX, INDICES, PRESETS, Index
from eotiles.plan import BANDS_MAX, AssetChoice, Layer

# TiTiler spells "every asset" so on its statistics routes.
ALL = ":all:"

CONSTANTS_MAX = 16
"""Constants that a request may give; no index has more than three."""


def parse_layer(
    *,
    index: str | None,
    assets: list[str] | None,
    expression: str | None,
    asset_as_band: bool | None = None,
    constants: str | None = None,
) -> Layer:
    """The layer.

    Raises:
        BadParameter: the request names no layer or two, or an asset's options or a constant cannot be read.
        UnknownIndex: there is no such index.
    """
    if index is not None:
        if assets or expression:
            raise BadParameter("give either index or assets (with or without expression), not both")
        name = parse_index(index)
        return Layer(index=name, constants=parse_constants(constants, INDICES[name]))
    if constants:
        raise BadParameter("constants are those of an index: give index=NAME")
    if not assets and not expression:
        raise BadParameter(
            "the request names no layer: give index=NAME, or assets=KEY (with or without expression), or "
            "expression over names of bands"
        )
    assets = assets or []
    if len(assets) > BANDS_MAX:
        raise BadParameter(f"assets: at most {BANDS_MAX} can be read at once, got {len(assets)}")
    return Layer(
        assets=tuple(parse_choice(text) for text in assets),
        expression=expression or "",
        asset_as_band=bool(asset_as_band),
    )


def parse_index(name: str) -> str:
    """The key of an index, whatever the case it is written in, unless two differ by case alone: then the case counts.

    Raises:
        UnknownIndex: there is no such index.
    """
    for key in (name.strip(), name.strip().lower()):
        if key in INDICES:
            return key
    more = len(INDICES) - len(PRESETS)
    raise UnknownIndex(
        f"there is no index {name[:60]!a}; there are {', '.join(PRESETS)} and {more} more (see /indices)"
    )


def parse_constants(text: str | None, index: Index) -> tuple[tuple[str, float], ...]:
    """`L:0.5,C1:6`: numbers for constants of the index, in order of their names.

    Raises:
        BadParameter: the index has no such constant, one is named twice, or a value is no number or too large.
    """
    if not text:
        return ()
    found: dict[str, float] = {}
    for part in text.split(",", CONSTANTS_MAX):
        name, _, value = (word.strip() for word in part.partition(":"))
        if name not in index.constants:
            having = ", ".join(index.constants) or "none"
            raise BadParameter(
                f"constants: index {index.name!r} has no constant {name[:20]!a}; it has {having}"
            )
        if name in found:
            raise BadParameter(f"constants: {name} is given twice")
        found[name] = _constant(name, value)
    return tuple(sorted(found.items()))


def _constant(name: str, text: str) -> float:
    try:
        value = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) <= CONSTANT_MAX:
        raise BadParameter(
            f"constants: {name} takes a number within ±{CONSTANT_MAX:g}, got {text[:20]!a}"
        )
    return value


def parse_choice(text: str) -> AssetChoice:
    """`KEY|bidx=1,2`, `KEY|bands=red,nir`, `KEY|expression=b1*2`: TiTiler's way to name bands of an asset.

    Raises:
        BadParameter: an option is unknown or its value cannot be read.
    """
    asset, *options = text.split("|")
    numbers: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    expression = ""
    for option in options:
        key, _, value = option.partition("=")
        if key == "bidx":
            numbers = tuple(_band_number(number, text) for number in value.split(","))
        elif key == "bands":
            names = tuple(value.split(","))
        elif key == "expression":
            expression = value
        else:
            raise BadParameter(
                f"assets: unknown option {option[:40]!a} of {asset[:60]!a}; there are bidx, bands, expression"
            )
    if not asset:
        raise BadParameter("assets: an asset's key is empty")
    if max(len(numbers), len(names)) > BANDS_MAX:
        raise BadParameter(f"assets: at most {BANDS_MAX} bands can be read at once")
    return AssetChoice(asset=asset, numbers=numbers, names=names, expression=expression)


def _band_number(text: str, choice: str) -> int:
    if text.strip().isascii() and text.strip().isdigit() and len(text) < 6 and int(text) > 0:
        return int(text)
    raise BadParameter(f"assets: bidx takes whole numbers from 1, got {choice[:60]!a}")
