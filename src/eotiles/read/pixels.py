"""Pixels of one file on the grid that is asked for, digital numbers as the file holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from eotiles.core.grid import Grid
from eotiles.read.gdal import Dataset, UnusableHeader
from eotiles.read.header import Header
from eotiles.read.native import Native

TOLERANCE_PX = 0.01
"""Error that GDAL may make when it interpolates coordinates, in source pixels. Its own default of 0.125 shifts 0.1 to
6 % of the pixels of a tile to a neighbour; this one costs nothing that could be measured."""

WORK_MAX = 2**29
"""Pixels times bands that are read from a file for one answer: about two seconds."""

OVERVIEW_SLACK = 1.01
"""An overview this much coarser than the grid still counts as fine enough."""


@dataclass(frozen=True)
class Pixels:
    """Bands of one file."""

    data: NDArray[Any]
    """(band, y, x). Digital numbers, in the file's type."""

    valid: NDArray[np.bool_]
    """(y, x) bool. True = usable in every band."""

    bands: tuple[int, ...]
    """Their numbers in the file, counted from 1."""

    names: tuple[str, ...]
    """What the file calls them, else b1, b2, …"""

    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    """What the file says: physical value = data * scale + offset. The item's word counts before it."""


@dataclass(frozen=True)
class Nodata:
    """Digital numbers that mean 'no data' besides what the file itself declares."""

    declared: Mapping[int, float]
    """By band, as the item says."""

    override: float | None = None
    """For every band, instead of what the file and the item say. Not a number: nothing is 'no data'."""

    def of(self, dataset: Dataset) -> tuple[float | None, Mapping[int, float]]:
        """What GDAL is told for all bands, and what is taken out of each band afterwards."""
        if self.override is not None:
            value = _representable(self.override, np.dtype(dataset.dtypes[0]))
            return value, {} if value is None else dict.fromkeys(dataset.indexes, value)
        each = {
            band: value
            for band, number in self.declared.items()
            if (value := _representable(number, np.dtype(dataset.dtypes[0]))) is not None
        }
        if dataset.nodata is not None:
            return dataset.nodata, dict.fromkeys(dataset.indexes, dataset.nodata) | each
        has_mask = MaskFlags.per_dataset in dataset.mask_flag_enums[0]
        if not has_mask and len(set(each.values())) == 1:
            # The file says nothing, so the item's word keeps 'no data' out of interpolation too.
            return next(iter(each.values())), each
        return None, each

    def of_native(self, header: Header, bands: Sequence[int]) -> NDArray[np.float64]:
        """(band, 2) float64: the numbers that mean 'no data' in each band; not a number where there are fewer."""
        found = np.full((len(bands), 2), np.nan)
        if self.override is not None:
            found[:, 0] = _usable(self.override, header.dtype)
            return found
        found[:, 0] = _usable(header.nodata, header.dtype)
        for position, band in enumerate(bands):
            found[position, 1] = _usable(self.declared.get(band), header.dtype)
        return found

    def hide(
        self,
        native: Native,
        bands: Sequence[int],
        data: NDArray[Any],
        mask: NDArray[np.bool_] | None,
    ) -> NDArray[np.bool_]:
        """(y, x) bool. Where pixels of a native file are usable in every band."""
        valid = np.ones(data.shape[1:], np.bool_)
        if mask is not None and self.override is None:
            valid &= mask
        for plane, numbers in zip(data, self.of_native(native.header, bands), strict=True):
            for number in numbers[~np.isnan(numbers)]:
                valid &= plane != number
        return valid


def _usable(value: float | None, kind: np.dtype[Any]) -> float:
    number = None if value is None else _representable(value, kind)
    return np.nan if number is None else number


def _representable(value: float, kind: np.dtype[Any]) -> float | None:
    """None for a number that the file's type cannot hold, so that no pixel can have it."""
    if kind.kind in "fc":
        return value
    limits = np.iinfo(kind)
    return value if limits.min <= value <= limits.max and value == int(value) else None


def warp(
    dataset: Dataset, bands: Sequence[int], grid: Grid, *, nodata: Nodata, resampling: str
) -> Pixels:
    """Bands of a dataset on a grid."""
    hidden, each = nodata.of(dataset)
    options: dict[str, Any] = {
        "crs": grid.crs,
        "transform": grid.transform,
        "width": grid.width_px,
        "height": grid.height_px,
        "resampling": Resampling[resampling],
        "tolerance": TOLERANCE_PX,
        "src_nodata": hidden,
    }
    if hidden is not None:
        options["nodata"] = hidden
    elif ColorInterp.alpha not in dataset.colorinterp:
        options["add_alpha"] = True
    with WarpedVRT(dataset, **options) as vrt:
        if hidden is not None:
            data = vrt.read(list(bands))
            valid = np.ones(data.shape[1:], np.bool_)
        else:
            alpha = vrt.colorinterp.index(ColorInterp.alpha) + 1
            data = vrt.read([*bands, alpha])
            data, valid = data[:-1], data[-1] != 0
    return _pixels(dataset, bands, data, valid, nodata=each, hidden=hidden)


def sample(
    dataset: Dataset, bands: Sequence[int], *, row: int, column: int, nodata: Nodata
) -> Pixels:
    """One pixel of a dataset, as shape (band, 1, 1)."""
    window = Window(column, row, 1, 1)
    data = dataset.read(list(bands), window=window)
    hidden, each = nodata.of(dataset)
    valid = np.ones((1, 1), np.bool_)
    if hidden is None and nodata.override is None:
        valid = dataset.read_masks(list(bands), window=window).all(axis=0)
    return _pixels(dataset, bands, data, valid, nodata=each, hidden=hidden)


def overview_level(dataset: Dataset, grid: Grid) -> int | None:
    """The coarsest overview that is still as fine as the grid; None: the file's own pixels.

    Raises:
        Disjoint: the dataset and the grid have no place in common.
    """
    try:
        edges = transform_bounds(grid.crs, dataset.crs, *grid.bounds, densify_pts=2)
    except (RasterioError, CPLE_BaseError) as error:
        raise Disjoint from error  # where the grid lies, the CRS of the dataset has no places
    left, bottom, right, top = edges
    bounds = dataset.bounds
    if left >= bounds.right or right <= bounds.left or bottom >= bounds.top or top <= bounds.bottom:
        raise Disjoint
    across = (right - left) / dataset.transform.a / grid.width_px
    down = (top - bottom) / -dataset.transform.e / grid.height_px
    coarsening = min(across, down) * OVERVIEW_SLACK
    levels = [level for level, factor in enumerate(dataset.overviews(1)) if factor <= coarsening]
    return levels[-1] if levels else None


def check_work(dataset: Dataset, bands: Sequence[int], grid: Grid) -> None:
    """Hold what has to be read for a grid to WORK_MAX; `dataset` is an overview if there is one.

    Raises:
        UnusableHeader: it is more.
    """
    left, bottom, right, top = transform_bounds(grid.crs, dataset.crs, *grid.bounds, densify_pts=2)
    bounds = dataset.bounds
    across = (min(right, bounds.right) - max(left, bounds.left)) / dataset.transform.a
    down = (min(top, bounds.top) - max(bottom, bounds.bottom)) / -dataset.transform.e
    if across * down * len(bands) > WORK_MAX:
        raise UnusableHeader(f"so large an area of {len(bands)} bands needs overviews")


class Disjoint(Exception):
    """A dataset and a grid have no place in common."""


def nothing(dataset: Dataset, bands: Sequence[int], grid: Grid) -> Pixels:
    """No valid pixel: what a grid outside the dataset gets without a read."""
    shape = (len(bands), grid.height_px, grid.width_px)
    data = np.zeros(shape, dataset.dtypes[0])
    return _pixels(dataset, bands, data, np.zeros(shape[1:], np.bool_), nodata={}, hidden=None)


def native_pixels(
    native: Native, bands: Sequence[int], data: NDArray[Any], valid: NDArray[np.bool_]
) -> Pixels:
    """Bands of a native file. Numbers that are none are never valid."""
    header = native.header
    if data.dtype.kind == "f":
        valid = valid & np.isfinite(data).all(axis=0)
    return Pixels(
        data=data,
        valid=valid,
        bands=tuple(bands),
        names=tuple(header.names[band - 1] or f"b{band}" for band in bands),
        scales=tuple(header.scales[band - 1] for band in bands),
        offsets=tuple(header.offsets[band - 1] for band in bands),
    )


def _pixels(
    dataset: Dataset,
    bands: Sequence[int],
    data: NDArray[Any],
    valid: NDArray[np.bool_],
    *,
    nodata: Mapping[int, float],
    hidden: float | None,
) -> Pixels:
    for plane, band in zip(data, bands, strict=True):
        # What was hidden from the warp fills what it did not reach, even where the item declares another number.
        for number in {nodata.get(band), hidden} - {None}:
            valid = valid & (plane != number)
    if data.dtype.kind in "fc":
        valid = valid & np.isfinite(data).all(axis=0)
    return Pixels(
        data=data,
        valid=valid,
        bands=tuple(bands),
        names=tuple(dataset.descriptions[band - 1] or f"b{band}" for band in bands),
        scales=tuple(dataset.scales[band - 1] for band in bands),
        offsets=tuple(dataset.offsets[band - 1] for band in bands),
    )
