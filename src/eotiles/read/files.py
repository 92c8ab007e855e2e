"""The files of one item: opened when first needed, each once, all closed together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

import structlog
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform, transform_bounds

from eotiles.core.errors import AssetUnreadable, BadParameter, UnknownBand
from eotiles.core.grid import Bounds, Grid
from eotiles.read.gdal import (
    Dataset,
    UnusableHeader,
    environment,
    image_bands,
    open_geotiff,
    open_overview,
)
from eotiles.read.pixels import (
    Disjoint,
    Nodata,
    Pixels,
    check_work,
    nothing,
    overview_level,
    sample,
    warp,
)

Locate = Callable[[str], str]
"""What GDAL opens for an asset's key; raises HrefRefused."""

_METRES_PER_DEGREE = 111_320
_QUERY = re.compile(r"\?[^\s'\"]*")


class Files:
    """GeoTIFF assets of one item; `with` it. What GDAL cannot read is an AssetUnreadable that names the asset."""

    def __init__(self, *, item: str, locate: Locate) -> None:
        self._item = item
        self._locate = locate
        self._stack = ExitStack()
        self._open: dict[str, Dataset] = {}

    def __enter__(self) -> Self:
        self._stack.enter_context(environment())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def dataset(self, asset: str) -> Dataset:
        """An asset's file, open.

        Raises:
            HrefRefused: its href lies outside the allowed roots.
            AssetUnreadable: GDAL cannot open it, or its header is over a limit.
        """
        if asset not in self._open:
            location = self._locate(asset)
            with self._explained(asset):
                self._open[asset] = self._stack.enter_context(open_geotiff(location))
        return self._open[asset]

    def read(
        self,
        asset: str,
        bands: Sequence[int],
        grid: Grid,
        *,
        nodata: Nodata,
        resampling: str,
    ) -> Pixels:
        """Bands of an asset on a grid; none given: all but the alpha band."""
        dataset = self.dataset(asset)
        bands = self.bands(asset, bands)
        with self._explained(asset):
            try:
                level = overview_level(dataset, grid)
            except Disjoint:
                return nothing(dataset, bands, grid)
            if level is None:
                check_work(dataset, bands, grid)
                return warp(dataset, bands, grid, nodata=nodata, resampling=resampling)
            with open_overview(self._locate(asset), level) as overview:
                check_work(overview, bands, grid)
                return warp(overview, bands, grid, nodata=nodata, resampling=resampling)

    def sample(
        self,
        asset: str,
        bands: Sequence[int],
        point: tuple[float, float],
        *,
        crs: CRS,
        nodata: Nodata,
    ) -> Pixels | None:
        """The pixel of an asset that holds a point; None where the point lies outside."""
        dataset = self.dataset(asset)
        bands = self.bands(asset, bands)
        try:
            (x,), (y,) = transform(crs, dataset.crs, [point[0]], [point[1]])
        except (RasterioError, CPLE_BaseError):
            return None  # the dataset's CRS has no such place
        with self._explained(asset):
            bounds = dataset.bounds
            if not (bounds.left <= x < bounds.right and bounds.bottom < y <= bounds.top):
                return None
            row, column = dataset.index(x, y)
            return sample(dataset, bands, row=row, column=column, nodata=nodata)

    def finest(self, assets: Sequence[str]) -> Dataset:
        """Of several assets the one with the smallest pixels; of equals the first."""
        return min((self.dataset(asset) for asset in assets), key=_pixel_m)

    def common_bounds(self, assets: Sequence[str], crs: CRS) -> Bounds:
        """Where all assets have pixels, in a CRS: a layer ends where its first band ends.

        Raises:
            BadParameter: they have no place in common.
        """
        each = []
        for asset in assets:
            dataset = self.dataset(asset)
            with self._explained(asset):
                bounds = dataset.bounds
                if dataset.crs != crs:
                    bounds = transform_bounds(dataset.crs, crs, *bounds, densify_pts=21)
            each.append(bounds)
        left, bottom = max(bounds[0] for bounds in each), max(bounds[1] for bounds in each)
        right, top = min(bounds[2] for bounds in each), min(bounds[3] for bounds in each)
        if left >= right or bottom >= top:
            raise BadParameter(f"the bands asked for have no place in common in item {self._item}")
        return left, bottom, right, top

    def bands(self, asset: str, bands: Sequence[int]) -> tuple[int, ...]:
        """Bands of an asset by number; none given: all but the alpha band.

        Raises:
            UnknownBand: it has no such band.
        """
        dataset = self.dataset(asset)
        if not bands:
            return image_bands(dataset)
        for band in bands:
            if not 1 <= band <= dataset.count:
                raise UnknownBand(
                    f"asset {asset!r} of item {self._item} has no band {band}; it has {dataset.count}"
                )
        return tuple(bands)

    @contextmanager
    def _explained(self, asset: str) -> Iterator[None]:
        """GDAL's texts hold paths of the server: they go to the log, not to the client."""
        try:
            yield
        except UnusableHeader as error:
            raise AssetUnreadable(
                f"asset {asset!r} of item {self._item} cannot be read: {error}"
            ) from error
        except (RasterioError, CPLE_BaseError) as error:
            # A query is where signatures are.
            reason = _QUERY.sub("?***", str(error))
            structlog.get_logger("eotiles").warning(
                "asset unreadable", item=self._item, asset=asset, error=reason
            )
            raise AssetUnreadable(
                f"asset {asset!r} of item {self._item} cannot be read: the file is missing or damaged"
            ) from error


def _pixel_m(dataset: Dataset) -> float:
    factor = _METRES_PER_DEGREE if dataset.crs.is_geographic else 1.0
    return float(dataset.transform.a) * factor
