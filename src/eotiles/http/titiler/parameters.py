"""Query parameters: TiTiler's, with bounds, and `index`. Classes and functions that its factories take as dependencies.

Each class hands the reader one frozen value (`layer=`, `reading=`, `size=`) where TiTiler would splat a dozen keywords.
"""

# FastAPI reads these annotations: they stay objects, so no `from __future__ import annotations` here.
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import Query
from titiler.core import dependencies as titiler

from eotiles.core.errors import BadParameter
from eotiles.http.titiler.layers import ALL, parse_choice, parse_index, parse_layer
from eotiles.plan import Layer
from eotiles.read.grid import Size
from eotiles.render.colour import checked_rescale

EDGE_MAX_PX = 256
"""Pixels that buffer may add on each side of a tile."""

SIDE_MAX_PX = 16_384
"""Longest side of a picture; EOTILES_MAX_PIXELS bounds its area."""

BINS_MAX = 1000
LIST_MAX = 100

Index = Annotated[
    str | None,
    Query(
        description="Name of a spectral index (see /indices), instead of assets. Case does not matter."
    ),
]
Constants = Annotated[
    str | None,
    Query(
        max_length=400,
        description="Constants of the index as NAME:NUMBER, parted by commas: L:0.5,C1:6 (see /indices).",
    ),
]
Assets = Annotated[
    list[str] | None,
    Query(
        title="Asset names",
        description="Keys of assets; KEY|bidx=1,2 or KEY|bands=red,nir picks bands, KEY|expression=b1*2 computes.",
    ),
]


Expression = Annotated[
    str | None,
    Query(
        description="Formulas parted by semicolons, over b1, b2, … (the assets' bands in order), or without assets "
        "over the item's bands by common name, name or asset: (nir-red)/(nir+red)."
    ),
]


@dataclass(frozen=True)
class Reading:
    """How digital numbers are read."""

    nodata: float | None = None
    """Instead of what the item and the file say; not a number: nothing is 'no data'."""

    physical: bool = False
    """Apply scale and offset. An index always does."""

    resampling: str = "nearest"


@dataclass
class LayerParams(titiler.DefaultDependency):
    """The layer to draw: `index`, `assets` with or without `expression`, or `expression` alone."""

    index: Index = None
    constants: Constants = None
    assets: Assets = None
    expression: Expression = None
    asset_as_band: Annotated[
        bool | None, Query(description="Each asset is one band, called like the asset.")
    ] = None

    def __post_init__(self) -> None:
        self._layer()

    def _layer(self) -> Layer:
        return parse_layer(
            index=self.index,
            constants=self.constants,
            assets=self.assets,
            expression=self.expression,
            asset_as_band=self.asset_as_band,
        )

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        # Made now, not at first: TiTiler replaces `assets=:all:` by the item's assets in between.
        return {"layer": self._layer()}


@dataclass
class ScopeParams(titiler.DefaultDependency):
    """The layer whose bounds and zooms are asked for, on routes that can do without one."""

    index: Index = None
    constants: Constants = None
    assets: Assets = None
    expression: Expression = None

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        names_nothing = self.index is None and not self.assets and not self.expression
        if names_nothing or self.assets == [ALL]:
            return {}
        return {
            "scope": parse_layer(
                index=self.index,
                constants=self.constants,
                assets=self.assets,
                expression=self.expression,
            )
        }


@dataclass
class AssetsParams(titiler.DefaultDependency):
    """Assets to describe."""

    assets: Annotated[
        list[str],
        Query(title="Asset names", description="Keys of assets; `:all:` for every one."),
    ]

    def __post_init__(self) -> None:
        if len(self.assets) > LIST_MAX:
            raise BadParameter(f"assets: at most {LIST_MAX} at once")

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        return {"assets": [parse_choice(text).asset for text in self.assets]}


@dataclass
class ReadingParams(titiler.DatasetParams):
    """nodata, unscale, resampling, reproject."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()  # type: ignore[no-untyped-call]
            nodata: Any = self.nodata
            is_infinite = nodata is not None and math.isinf(nodata)
        except OverflowError:
            is_infinite = True
        if is_infinite:
            raise BadParameter("nodata takes a finite number or nan")
        if self.resampling_method == "gauss" and self.reproject_method is None:
            raise BadParameter("resampling=gauss is not supported; try average or cubic")

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        # One warp does both, so that the one that was asked for counts.
        method = self.reproject_method or self.resampling_method or "nearest"
        nodata = None if self.nodata is None else float(self.nodata)
        return {"reading": Reading(nodata=nodata, physical=bool(self.unscale), resampling=method)}


@dataclass
class TileParams(titiler.TileParams):
    """buffer. `padding` is accepted and changes nothing: a tile is warped from its surroundings anyway."""

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        buffer = self.buffer or 0.0
        if buffer % 0.5 or not buffer <= EDGE_MAX_PX:
            raise BadParameter(f"buffer takes multiples of 0.5 up to {EDGE_MAX_PX}, got {buffer:g}")
        return {"buffer": buffer}


def _size(width: int | None, height: int | None, max_size: int | None) -> dict[str, Any]:
    for name, value in (("width", width), ("height", height), ("max_size", max_size)):
        if value is not None and not 1 <= value <= SIDE_MAX_PX:
            raise BadParameter(f"{name} takes 1 to {SIDE_MAX_PX} pixels, got {value}")
    return {"size": Size(width_px=width, height_px=height, max_px=max_size)}


@dataclass
class PreviewParams(titiler.PreviewParams):
    """width, height, max_size of a preview."""

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        return _size(self.width, self.height, self.max_size)


@dataclass
class PartParams(titiler.PartFeatureParams):
    """width, height, max_size of a part."""

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        return _size(self.width, self.height, self.max_size)


@dataclass
class StatisticsParams(titiler.StatisticsParams):
    """categorical, categories, percentiles."""

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        percentiles, categories = self.percentiles or [], self.categories or []
        if len(percentiles) > LIST_MAX or not all(0 <= value <= 100 for value in percentiles):
            raise BadParameter(f"p takes up to {LIST_MAX} numbers from 0 to 100")
        if len(categories) > LIST_MAX or not all(math.isfinite(value) for value in categories):
            raise BadParameter(f"c takes up to {LIST_MAX} numbers")


@dataclass
class HistogramParams(titiler.HistogramParams):
    """histogram_bins, histogram_range."""

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]
        bins: Any = self.bins
        limits: Any = self.range
        if isinstance(bins, int) and not 1 <= bins <= BINS_MAX:
            raise BadParameter(f"histogram_bins takes 1 to {BINS_MAX} bins, got {bins}")
        if isinstance(bins, list) and (len(bins) > BINS_MAX or not bool((np.diff(bins) > 0).all())):
            raise BadParameter(f"histogram_bins takes up to {BINS_MAX} edges in rising order")
        if limits:
            low, high = limits
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise BadParameter("histogram_range takes two numbers, the smaller one first")


@dataclass
class RenderParams(titiler.ImageRenderingParams):
    """rescale, color_formula, return_mask, palette; an index brings its own rescale and colormap where a request names
    none."""

    index: Index = None
    palette: Annotated[
        bool,
        Query(
            description="false: PNG has the same channels in every tile, neither palette nor missing alpha."
        ),
    ] = True
    algorithm: Annotated[str | None, Query(description="Algorithm name")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        ranges: Any = self.rescale or ()
        if len(ranges) > LIST_MAX:
            raise BadParameter(f"rescale: at most {LIST_MAX} ranges, got {len(ranges)}")
        for low, high in ranges:
            checked_rescale(low, high)

    def as_dict(self, exclude_none: bool = True) -> dict[str, Any]:
        values = super().as_dict(exclude_none)
        values.pop("algorithm", None)
        values.pop("index", None)
        if values.pop("palette", True) is False:
            values["palette"] = False
        if self.index is not None and self.algorithm is None:
            values["index"] = parse_index(self.index)
        return values
