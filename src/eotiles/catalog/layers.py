"""Which layers can be drawn from what an item holds: true colour, its renders, the indices its bands allow. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eotiles.catalog.bands import sources
from eotiles.catalog.classes import colormap_of
from eotiles.catalog.drawable import Drawable, drawables
from eotiles.catalog.fitting import (
    COLOURS,
    PLAIN_PARAMETERS,
    fits,
    is_bounded,
    shows_other_colours,
    supplied,
)
from eotiles.catalog.radiometry import Json
from eotiles.catalog.stretch import colour_ranges, single_range
from eotiles.core.index import INDICES, PRESETS, Index

Query = tuple[tuple[str, str], ...]
"""Parameters of the raster API, in order; a name may repeat."""

TRUE_COLOUR = "true-colour"

ZOOM_MAX = 24

AUTO = "auto"
"""As a range: found in the pixels, once for an item or a mosaic (http/titiler/named.py)."""

MOST_TITLE = 120
"""Characters. Every item is served with the titles of its layers."""

MOST_SINGLE = 12
"""Bands of a file that are offered one by one."""

_TRUE_COLOUR_NAMES = {
    TRUE_COLOUR,
    "true-color",
    "truecolor",
    "truecolour",
    "visual",
    "rgb",
    "natural-color",
}
GENERIC = ("data", "image", "asset", "cog")
"""Keys of assets that say nothing."""

_BESIDE = {"alpha", "mask", "qa", "scl"}
"""Names of bands that are not what a scene looks like."""


@dataclass(frozen=True)
class OfferedLayer:
    """Something that the raster API can draw from an item or a collection."""

    name: str
    """Short: true-colour, ndvi, the key of a render."""

    title: str
    """For people."""

    query: Query
    """What the raster API is asked with."""

    render: str | None = None
    """Key in `renders` that it comes from (STAC render extension)."""

    zooms: tuple[int, int] | None = None
    """Least and greatest zoom of web map tiles that a render asks for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title[:MOST_TITLE])

    @property
    def address(self) -> Query:
        """Parameters that name it, short and for long: `render=NAME` follows what the render becomes; an index is its
        own name; only a long definition of colours is named too."""
        if self.render is not None or any(name == "colormap" for name, _ in self.query):
            return (("render", self.name),)
        return self.query

    @property
    def has_legend(self) -> bool:
        """Whether its colours mean values: those of a picture of three bands are the ground's."""
        given = dict(self.query)
        if not given.keys().isdisjoint(("index", "colormap", "colormap_name")):
            return True
        assets = [value for name, value in self.query if name == "assets"]
        if "rescale" not in given or given["rescale"] == AUTO:
            return False
        if "expression" in given:
            return ";" not in given["expression"]
        return len(assets) == 1 and "," not in assets[0]


def offered_layers(assets: Json, *, renders: Json, properties: Json) -> tuple[OfferedLayer, ...]:
    """The layers that fit, best first: true colour, then the renders, or without any the indices the bands allow.

    `assets` are those of an item, or a collection's `item_assets`. Whatever the imagery is, one layer is offered when
    there is a file that can be drawn at all.
    """
    # An entry of `item_assets` has no href; what it will be called does not matter here.
    assets = {
        key: {"href": key, **each} for key, each in assets.items() if isinstance(each, Mapping)
    }
    having = sources({"assets": assets, "properties": properties})
    indices = [index for index in PRESETS.values() if supplied(index, having)]
    fitting = {
        key: render
        for key, render in renders.items()
        if fits(render, assets, having) and is_bounded(key, render)
    }
    shown = [key for key in fitting if key in _TRUE_COLOUR_NAMES]
    if shown and not any("|" in str(name) for key in shown for name in fitting[key]["assets"]):
        return _in_order(
            fitting
        )  # nothing else is needed of the bands, and looking at them is half of the work
    bands = drawables(assets, properties=properties)
    fitting = {
        key: render
        for key, render in fitting.items()
        if key not in shown or not shows_other_colours(render, bands)
    }
    layers = _in_order(fitting) or (
        *(
            OfferedLayer(index.name, _index_title(index, index.title), (("index", index.name),))
            for index in indices
        ),
        *_singles([band for band in bands if band.classes]),
    )
    colours = _true_colour(bands)
    if colours is not None and not any(layer.name in _TRUE_COLOUR_NAMES for layer in layers):
        return (colours, *layers)
    return layers or _singles(bands)


def declared_layers(renders: Json) -> tuple[OfferedLayer, ...]:
    """Renders as layers, best first, whatever an item has."""
    found = (declared_layer(name, render) for name, render in renders.items())
    return tuple(sorted((layer for layer in found if layer is not None), key=_rank))


def declared_layer(name: str, render: Any) -> OfferedLayer | None:
    """A render as a layer, whether an item has what it needs or not; None where it names nothing to draw."""
    if not isinstance(render, Mapping) or not is_bounded(name, render):
        return None
    has_assets = isinstance(render.get("assets"), list) and bool(render["assets"])
    if not has_assets and INDICES.get(str(render.get("index"))) is None:
        return None
    return _render(name, render)


def _in_order(renders: Json) -> tuple[OfferedLayer, ...]:
    return tuple(sorted((_render(key, render) for key, render in renders.items()), key=_rank))


def _true_colour(bands: Sequence[Drawable]) -> OfferedLayer | None:
    chosen = true_colour_bands(bands)
    if chosen is None:
        return None
    return OfferedLayer(TRUE_COLOUR, "True colour", _assets(chosen) + _stretch(chosen))


def true_colour_bands(bands: Sequence[Drawable]) -> tuple[Drawable, ...] | None:
    """From one ready-made colour asset if there is one, else the red, green and blue bands of finest pixels."""
    for is_ready in (True, False):
        found = [_finest(colour, bands, visual=is_ready) for colour in COLOURS]
        chosen = tuple(band for band in found if band is not None)
        if len(chosen) == len(COLOURS):
            return chosen
    return None


def _finest(colour: str, bands: Sequence[Drawable], *, visual: bool) -> Drawable | None:
    having = [band for band in bands if band.source.common_name == colour and band.visual == visual]
    return min(having, key=lambda band: band.source.gsd_m or float("inf"), default=None)


def _singles(bands: Sequence[Drawable]) -> tuple[OfferedLayer, ...]:
    """Each band alone, in grey, or in the colours of its classes or of what it measures."""
    shown = shown_alone(bands)
    names = [band_name(band) for band in shown]
    return tuple(
        OfferedLayer(
            name if names.count(name) == 1 else f"{name}-{band.source.band}",
            band_title(band),
            _assets([band]) + _single(band),
        )
        for name, band in zip(names, shown, strict=True)
    )


def shown_alone(bands: Sequence[Drawable]) -> tuple[Drawable, ...]:
    """The bands that are worth a picture each, of a scene that has neither colours nor an index."""
    shown = [band for band in bands if band.classes or band.source.name.lower() not in _BESIDE]
    return tuple(shown[:MOST_SINGLE] or bands[:1])


def band_name(band: Drawable) -> str:
    """What a layer of one band is called in an address: its asset; in a file of several, or one that is called like any
    other, its own name."""
    is_alone = band.siblings == 1 and band.source.asset.lower() not in GENERIC
    return band.source.asset if is_alone else band.source.name


def band_title(band: Drawable) -> str:
    """What a layer of one band is called for people."""
    is_titled = band.title.lower() not in GENERIC and not _is_list_of_bands(band)
    if band.siblings == 1:
        return band.title if is_titled else band.source.name
    return f"{band.title}: {band.source.name}" if is_titled else band.source.name


def _is_list_of_bands(band: Drawable) -> bool:
    """Whether the asset's title only lists the bands of its file, as ingest writes it: "VV, VH", "blue, green, …"."""
    words = band.title.split(", ")
    return (
        band.siblings > 1
        and len(words) > 1
        and (words[-1] == "…" or not {band.source.name, band.source.common_name}.isdisjoint(words))
    )


def _single(band: Drawable) -> Query:
    if band.classes:
        return (("colormap", _colormap(colormap_of(band.classes))),)
    if band.data_type == "uint8" and not band.is_scaled:
        return ()
    found = single_range(band)
    shown = AUTO if found is None else _pair(found)
    colormap = band.appearance.colormap
    return (
        *((("unscale", "true"),) if band.is_scaled else ()),
        ("rescale", shown),
        *((("colormap_name", colormap),) if colormap is not None else ()),
    )


def _assets(bands: Sequence[Drawable]) -> Query:
    return tuple(("assets", each) for each in selected(bands))


def selected(bands: Sequence[Drawable]) -> list[str]:
    """Assets as the raster API takes them: bands of one file in one entry, bands of several files in one each."""
    if len({band.source.asset for band in bands}) == 1 and bands[0].siblings > 1:
        numbers = ",".join(str(band.source.band) for band in bands)
        return [f"{bands[0].source.asset}|bidx={numbers}"]
    return [
        band.source.asset if band.siblings == 1 else f"{band.source.asset}|bidx={band.source.band}"
        for band in bands
    ]


def _stretch(bands: Sequence[Drawable]) -> Query:
    """From values to brightness; ranges are those of physical values where scales differ from 1."""
    ranges = colour_ranges(bands)
    physical = (("unscale", "true"),) if any(band.is_scaled for band in bands) else ()
    if ranges is not None:
        pairs = [_pair(each) for each in ranges]
        pairs = pairs[:1] if len(set(pairs)) == 1 else pairs
        return (*physical, *(("rescale", pair) for pair in pairs))
    is_ready = all(band.data_type in ("uint8", None) or band.visual for band in bands)
    return () if is_ready else (*physical, ("rescale", AUTO))


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.9g},{pair[1]:.9g}"


def _colormap(colormap: Json) -> str:
    return json.dumps(colormap, separators=(",", ":"))


def _render(key: str, render: Json) -> OfferedLayer:
    index = INDICES.get(str(render.get("index")))
    title = str(render.get("title") or key)
    if index is not None:
        return OfferedLayer(
            key,
            _index_title(index, title),
            _index_query(index, render),
            render=key,
            zooms=_zooms(render),
        )
    query = [("assets", str(name)) for name in render["assets"]]
    query += [
        (name, _text(render[name]))
        for name in PLAIN_PARAMETERS
        if isinstance(render.get(name), str | int | float)
    ]
    query += [("rescale", pair) for pair in _rescale(render)]
    if isinstance(render.get("colormap"), Mapping | list):
        query.append(("colormap", _colormap(render["colormap"])))
    return OfferedLayer(key, title, tuple(query), render=key, zooms=_zooms(render))


def _zooms(render: Json) -> tuple[int, int] | None:
    declared = render.get("minmax_zoom")
    if not isinstance(declared, list) or len(declared) != 2:
        return None
    low, high = declared
    if type(low) is not int or type(high) is not int or not 0 <= low <= high <= ZOOM_MAX:
        return None
    return low, high


def _index_query(index: Index, render: Json) -> Query:
    """An index finds its bands by itself, and its own range and colours need no mention."""
    pairs = [
        pair
        for pair in _rescale(render)
        if pair != f"{index.rescale[0]:.9g},{index.rescale[1]:.9g}"
    ]
    colours = [name for name in [render.get("colormap_name")] if name not in (None, index.colormap)]
    return (
        ("index", index.name),
        *(("rescale", pair) for pair in pairs),
        *(("colormap_name", str(name)) for name in colours),
    )


def _rescale(render: Json) -> list[str]:
    """Ranges as the raster API takes them; one that counts for every band is said once."""
    ranges = render.get("rescale")
    pairs = [
        ",".join(f"{value:.9g}" for value in pair)
        for pair in (ranges if isinstance(ranges, list) else ())
        if isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(value, int | float) for value in pair)
    ]
    return pairs[:1] if len(set(pairs)) == 1 else pairs


def _rank(layer: OfferedLayer) -> tuple[int, int]:
    """True colour, other layers, indices with the presets first: the database keeps no order of keys."""
    order = list(PRESETS)
    index = dict(layer.query).get("index")
    if index is not None:
        return 2, order.index(index) if index in order else len(order)
    return (0, 0) if layer.name in _TRUE_COLOUR_NAMES else (1, 0)


def _index_title(index: Index, title: str) -> str:
    same = title.upper().startswith(index.label.upper())
    return title if same else f"{index.label}: {title}"


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
