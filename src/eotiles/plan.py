"""Planning: which bands of an item a layer needs, and what is computed from them. Pure; `explain` reads no pixel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eotiles.catalog.bands import asset_sources, geotiff_assets, sources
from eotiles.core.errors import BadParameter, MissingBand, UnknownAsset, UnknownBand
from eotiles.core.index import BAND_SYMBOLS, INDICES, Index, suppliers
from eotiles.core.source import Source

Json = Mapping[str, Any]

BANDS_MAX = 16
"""Bands that one layer may read: each is warped for every tile. Sentinel-2 has 13."""

OUTPUTS_MAX = 4
"""Results that one layer may have: red, green, blue and one more."""


@dataclass(frozen=True)
class AssetChoice:
    """Bands of one asset, as `assets=KEY|bidx=…|bands=…|expression=…` names them."""

    asset: str

    numbers: tuple[int, ...] = ()
    """Bands of the file, counted from 1. Empty, and `names` too: all of them."""

    names: tuple[str, ...] = ()
    """Common names, or names, of bands in the item."""

    expression: str = ""
    """Formulas over b1, b2, … of these bands, parted by semicolons."""


@dataclass(frozen=True)
class Layer:
    """What is to be drawn: an index, or bands of assets with a formula over them or without. Data, never code."""

    index: str | None = None
    """Key of INDICES."""

    assets: tuple[AssetChoice, ...] = ()

    expression: str = ""
    """Formulas over b1, b2, … of all assets' bands, parted by semicolons; empty: the bands as they are."""

    asset_as_band: bool = False
    """Whether each asset is to be one band, called like the asset."""

    def __post_init__(self) -> None:
        if (self.index is None) == (not self.assets):
            raise BadParameter(
                "a layer is either index=NAME or assets=KEY (with or without expression)"
            )


@dataclass(frozen=True)
class Step:
    """Bands that are read from one asset, all at once."""

    asset: str

    bands: tuple[int, ...]
    """Counted from 1. Empty: all that the file has, its alpha band aside."""

    sources: Mapping[int, Source]
    """What the item says about the asset's bands, by number."""

    formulas: tuple[str, ...] = ()
    """Computed from these bands alone (b1, b2, …); empty: the bands as they are."""


@dataclass(frozen=True)
class Plan:
    """What a layer takes from one item."""

    item: str
    """Collection and id, for people."""

    layer: Layer
    steps: tuple[Step, ...]

    names: tuple[str, ...]
    """Names of the stacked bands in the formulas; empty: b1, b2, … as many as the files have."""

    formulas: tuple[str, ...]
    """One output each; empty: every band is an output."""

    physical: bool
    """Whether digital numbers become physical values first."""

    def explain(self) -> dict[str, Any]:
        """The plan as JSON: what is read from where, what it means, and what is computed."""
        return {
            "item": self.item,
            "formulas": list(self.formulas),
            "physical": self.physical,
            "reads": [
                {
                    "asset": step.asset,
                    "bands": [_explain(step, band) for band in step.bands] or "all",
                }
                for step in self.steps
            ],
            **({"symbols": list(self.names)} if self.names else {}),
        }


def plan_layer(item: Json, layer: Layer, *, physical: bool) -> Plan:
    """The plan of a layer; `physical` asks for physical values of plain bands too, an index always has them."""
    if layer.index is not None:
        return plan_index(item, INDICES[layer.index])
    return plan_assets(item, layer, physical=physical)


def plan_index(item: Json, index: Index) -> Plan:
    """Which Source supplies each symbol of the index: by common name, of equals the finest, then the first.

    Raises:
        MissingBand: the item has no band for a symbol.
    """
    available = sources(item)
    chosen = {symbol: _finest(available, name) for symbol, name in _named(available, index)}
    if missing := [symbol for symbol, source in chosen.items() if source is None]:
        wanted = "; ".join(" or ".join(BAND_SYMBOLS[symbol]) for symbol in missing)
        raise MissingBand(
            f"item {name_of(item)} lacks a band that index {index.name!r} needs (common name {wanted})"
        )
    by_asset: dict[str, list[tuple[str, Source]]] = {}
    for symbol, source in chosen.items():
        if source is not None:
            by_asset.setdefault(source.asset, []).append((symbol, source))
    steps = tuple(
        Step(
            asset=asset,
            bands=tuple(source.band for _, source in pairs),
            sources={source.band: source for _, source in pairs},
        )
        for asset, pairs in by_asset.items()
    )
    return Plan(
        item=name_of(item),
        layer=Layer(index=index.name),
        steps=steps,
        names=tuple(symbol for pairs in by_asset.values() for symbol, _ in pairs),
        formulas=(index.formula,),
        physical=True,
    )


def plan_assets(item: Json, layer: Layer, *, physical: bool) -> Plan:
    """Which bands of which assets are read, in the order asked for.

    Raises:
        UnknownAsset: the item has no such asset, or it is no GeoTIFF.
        UnknownBand: the asset has no band of that name.
    """
    steps = tuple(_step(item, choice) for choice in layer.assets)
    if sum(max(len(step.bands), 1) for step in steps) > BANDS_MAX:
        raise BadParameter(f"assets: at most {BANDS_MAX} bands can be read at once")
    return Plan(
        item=name_of(item),
        layer=layer,
        steps=steps,
        names=(),
        formulas=split_formulas(layer.expression),
        physical=physical,
    )


def missing_symbols(item: Json, index: Index) -> tuple[str, ...]:
    """Symbols of the index that no band of the item can stand for; empty: the index can be drawn."""
    return tuple(symbol for symbol, name in _named(sources(item), index) if name is None)


def _named(available: tuple[Source, ...], index: Index) -> Iterable[tuple[str, str | None]]:
    return suppliers(index, {source.common_name for source in available}).items()


def _finest(available: tuple[Source, ...], common_name: str | None) -> Source | None:
    having = [source for source in available if source.common_name == common_name]
    if common_name is None or not having:
        return None
    return min(having, key=lambda source: source.gsd_m or float("inf"))


def split_formulas(expression: str) -> tuple[str, ...]:
    """The formulas of an expression.

    Raises:
        BadParameter: one is empty, or there are too many.
    """
    if not expression:
        return ()
    formulas = tuple(part.strip() for part in expression.strip().removesuffix(";").split(";"))
    if len(formulas) > OUTPUTS_MAX:
        raise BadParameter(f"expression: at most {OUTPUTS_MAX} formulas, got {len(formulas)}")
    if not all(formulas):
        raise BadParameter("expression: a formula between semicolons is empty")
    return formulas


def name_of(item: Json) -> str:
    """How messages name an item."""
    return f"{item.get('id')!r} of collection {item.get('collection')!r}"


def _step(item: Json, choice: AssetChoice) -> Step:
    if choice.asset not in geotiff_assets(item):
        having = ", ".join(geotiff_assets(item)[:20]) or "none"
        raise UnknownAsset(
            f"item {name_of(item)} has no GeoTIFF asset {choice.asset!r}; it has {having}"
        )
    asset = item["assets"][choice.asset]
    properties = item.get("properties") or {}
    declared = {
        source.band: source for source in asset_sources(choice.asset, asset, properties=properties)
    }
    numbers = choice.numbers or tuple(
        _band_number(item, choice.asset, name, declared) for name in choice.names
    )
    return Step(
        asset=choice.asset,
        bands=numbers,
        sources=declared,
        formulas=split_formulas(choice.expression),
    )


def _band_number(item: Json, asset: str, name: str, declared: Mapping[int, Source]) -> int:
    for source in declared.values():
        if name in (source.common_name, source.name):
            return source.band
    having = ", ".join(source.common_name or source.name for source in declared.values())
    raise UnknownBand(
        f"asset {asset!r} of item {name_of(item)} has no band {name!r}; it has {having}"
    )


def _explain(step: Step, band: int) -> dict[str, Any]:
    source = step.sources.get(band)
    if source is None:
        return {"band": band}
    return {
        "band": band,
        "name": source.name,
        "common_name": source.common_name,
        "scale": source.scale,
        "offset": source.offset,
        "nodata": source.nodata,
    }
