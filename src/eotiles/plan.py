"""Planning: which bands of an item a layer needs, and what is computed from them. Pure; `explain` reads no pixel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eotiles.bandmath.grammar import free_names
from eotiles.catalog.bands import asset_sources, raster_assets, sources
from eotiles.core.errors import BadParameter, MissingBand, UnknownAsset, UnknownBand
from eotiles.core.index import INDICES, Index
from eotiles.core.source import Source
from eotiles.core.symbols import SYMBOLS, choose, finest, wanted

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
    """What is to be drawn: an index, bands of assets with or without a formula, or a formula over names of bands.

    Data, never code.
    """

    index: str | None = None
    """Key of INDICES."""

    constants: tuple[tuple[str, float], ...] = ()
    """Constants of the index that are not to have their default, by name."""

    assets: tuple[AssetChoice, ...] = ()

    expression: str = ""
    """Formulas parted by semicolons: over b1, b2, … of all assets' bands, or without assets over names of bands; empty:
    the bands as they are."""

    asset_as_band: bool = False
    """Whether each asset is to be one band, called like the asset."""

    def __post_init__(self) -> None:
        if (self.index is None) == (not self.assets and not self.expression):
            raise BadParameter(
                "a layer is either index=NAME or assets=KEY (with or without expression), or expression"
            )
        if self.constants and self.index is None:
            raise BadParameter("constants are those of an index")


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

    @cached_property
    def has_labels(self) -> bool:
        """Whether one of the bands is of labels, so that none of their pixels may be averaged."""
        bands = self.bands or tuple(self.sources)
        return any(self.sources[band].is_labels for band in bands if band in self.sources)


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
        return plan_index(item, INDICES[layer.index], constants=layer.constants)
    if not layer.assets:
        return plan_names(item, layer)
    return plan_assets(item, layer, physical=physical)


def plan_index(item: Json, index: Index, *, constants: Iterable[tuple[str, float]] = ()) -> Plan:
    """Which Source supplies each symbol of the index (`core.symbols.choose`), and its formula with its constants.

    Raises:
        MissingBand: the item has no band for a symbol.
        BadParameter: a constant has no default and is not given.
    """
    available = sources(item)
    chosen = {symbol: choose(symbol, available) for symbol in index.bands}
    if missing := [symbol for symbol, source in chosen.items() if source is None]:
        lacking = "; ".join(wanted(symbol) for symbol in missing)
        raise MissingBand(
            f"item {name_of(item)} lacks a band that index {index.name!r} needs (common name {lacking})"
        )
    having = {symbol: source for symbol, source in chosen.items() if source is not None}
    values = {**_wavelengths(index, having), **dict(constants)}
    if unset := unset_constants(index, values):
        raise BadParameter(
            f"index {index.name!r} needs constants={','.join(f'{name}:VALUE' for name in unset)}"
        )
    return _plan(
        item,
        Layer(index=index.name, constants=tuple(constants)),
        having,
        formulas=(index.bound(values),),
    )


def plan_names(item: Json, layer: Layer) -> Plan:
    """Which Source each name of an expression means: common name, else band name, else key of an asset of one band.

    Of equals the finest is taken, then the first. Values are physical, as those of an index.

    Raises:
        MissingBand: the item has no band of that name.
        BadParameter: too many bands or formulas, or none.
    """
    available = sources(item)
    formulas = split_formulas(layer.expression)
    names = dict.fromkeys(name for formula in formulas for name in free_names(formula))
    if len(names) > BANDS_MAX:
        raise BadParameter(f"expression: at most {BANDS_MAX} bands can be read at once")
    chosen = {name: _called(available, name) for name in names}
    if missing := [name for name, source in chosen.items() if source is None]:
        called = dict.fromkeys(source.common_name or source.name for source in available)
        having = ", ".join(list(called)[:20]) or "none"
        hint = " (b1, b2, … need assets)" if re.fullmatch(r"b\d+", missing[0]) else ""
        raise MissingBand(
            f"item {name_of(item)} has no band {missing[0][:40]!a} that the expression names{hint}; it has {having}"
        )
    found = {name: source for name, source in chosen.items() if source is not None}
    if not found:
        raise BadParameter("expression: it names no band")
    return _plan(item, layer, found, formulas=formulas)


def _called(available: tuple[Source, ...], name: str) -> Source | None:
    having = [source for source in available if source.common_name == name]
    having = having or [source for source in available if source.name == name]
    if having:
        return finest(having)
    of_asset = [source for source in available if source.asset == name]
    return of_asset[0] if len(of_asset) == 1 else None


def _plan(
    item: Json, layer: Layer, chosen: Mapping[str, Source], *, formulas: tuple[str, ...]
) -> Plan:
    """The bands by the asset that they are read from, each with its name in the formulas."""
    by_asset: dict[str, list[tuple[str, Source]]] = {}
    for name, source in chosen.items():
        by_asset.setdefault(source.asset, []).append((name, source))
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
        layer=layer,
        steps=steps,
        names=tuple(name for pairs in by_asset.values() for name, _ in pairs),
        formulas=formulas,
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
    available = sources(item)
    return tuple(symbol for symbol in index.bands if choose(symbol, available) is None)


def unset_constants(index: Index, given: Mapping[str, float]) -> tuple[str, ...]:
    """Constants of the index without a value; wavelengths are the item's to say."""
    return tuple(
        name
        for name, default in index.constants.items()
        if default is None and name not in given and not name.startswith(_WAVELENGTH)
    )


_WAVELENGTH = "lambda"
"""lambdaN is the centre wavelength of the band that stands for N, in nanometres."""


def _wavelengths(index: Index, chosen: Mapping[str, Source]) -> dict[str, float]:
    """What the item says of the band, else what is typical: formulas have wavelengths of bands they do not use."""
    found = {}
    for name in index.constants:
        symbol = name.removeprefix(_WAVELENGTH)
        if symbol != name:
            source = chosen.get(symbol)
            center_um = source.center_um if source is not None else None
            found[name] = (
                SYMBOLS[symbol].typical_nm if center_um is None else round(center_um * 1000, 3)
            )
    return found


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
    if choice.asset not in raster_assets(item):
        having = ", ".join(raster_assets(item)[:20]) or "none"
        raise UnknownAsset(
            f"item {name_of(item)} has no GeoTIFF asset {choice.asset!r}; it has {having}"
        )
    asset = item["assets"][choice.asset]
    properties = item.get("properties") or {}
    known = asset_sources(choice.asset, asset, properties=properties, name=str(item.get("id")))
    declared = {source.band: source for source in known}
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
    return {"band": band} if source is None else {"band": band, **describe(source)}


def describe(source: Source, *, of_file: tuple[float, float] = (1.0, 0.0)) -> dict[str, Any]:
    """What a band is, what its numbers mean and what decided, as JSON; `of_file` is the file's own scale and offset."""
    scale, offset = (source.scale, source.offset) if source.is_stated else of_file
    return {
        "name": source.name,
        "common_name": source.common_name,
        "domain": source.domain,
        "scale": scale,
        "offset": offset,
        "nodata": source.nodata,
        "unit": source.unit,
        "labels": source.is_labels,
        "rule": source.rule,
    }
