"""The layer that a request names: `index=`, or `assets=` with or without `expression=`."""

from eotiles.core.errors import BadParameter, UnknownIndex
from eotiles.core.index import INDICES
from eotiles.plan import BANDS_MAX, AssetChoice, Layer

# TiTiler spells "every asset" so on its statistics routes.
ALL = ":all:"


def parse_layer(
    *,
    index: str | None,
    assets: list[str] | None,
    expression: str | None,
    asset_as_band: bool | None = None,
) -> Layer:
    """The layer.

    Raises:
        BadParameter: neither or both of index and assets are given, or an asset's options cannot be read.
        UnknownIndex: there is no such index.
    """
    if index is not None:
        if assets or expression:
            raise BadParameter("give either index or assets (with or without expression), not both")
        return Layer(index=parse_index(index))
    if not assets:
        raise BadParameter(
            "the request names no layer: give index=NAME, or assets=KEY (with or without expression)"
        )
    if len(assets) > BANDS_MAX:
        raise BadParameter(f"assets: at most {BANDS_MAX} can be read at once, got {len(assets)}")
    return Layer(
        assets=tuple(parse_choice(text) for text in assets),
        expression=expression or "",
        asset_as_band=bool(asset_as_band),
    )


def parse_index(name: str) -> str:
    """The key of an index, whatever the case it is written in.

    Raises:
        UnknownIndex: there is no such index.
    """
    key = name.strip().lower()
    if key not in INDICES:
        raise UnknownIndex(f"there is no index {name[:60]!a}; there are {', '.join(INDICES)}")
    return key


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
