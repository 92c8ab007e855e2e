"""The files of one item, native ones and those that GDAL reads: opened when first needed, each once."""

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
from eotiles.core.grid import Bounds, Grid, Window
from eotiles.read.gdal import (
    Dataset,
    UnusableHeader,
    environment,
    image_bands,
    open_overview,
    open_raster,
)
from eotiles.read.library import Cutting, Library
from eotiles.read.location import Location
from eotiles.read.native import Cut, Native
from eotiles.read.objects import Changed, StoreError
from eotiles.read.pixels import (
    Disjoint,
    Nodata,
    Pixels,
    check_work,
    native_pixels,
    nothing,
    overview_level,
    sample,
    warp,
)

Locate = Callable[[str], Location]
"""Where the file of an asset's key is; raises HrefRefused."""

_METRES_PER_DEGREE = 111_320
_QUERY = re.compile(r"\?[^\s'\"]*")


class AssetChanged(AssetUnreadable):
    """A file was replaced while it was read."""


class Files:
    """Assets of one item; `with` it. What cannot be read is an AssetUnreadable that names the asset.

    A file is read natively, through the library, or by GDAL: `native` tells which, once for each file.
    """

    def __init__(self, *, item: str, locate: Locate, library: Library) -> None:
        self._item = item
        self._locate = locate
        self._library = library
        self._stack = ExitStack()
        self._open: dict[str, Dataset] = {}
        self._readers: dict[str, Native | str] = {}

    def __enter__(self) -> Self:
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
            self.reader(asset)  # says better than GDAL what is wrong with a file
            location = self._locate(asset)
            if not self._open:
                self._stack.enter_context(environment(self._library.proxy))
            with self._explained(asset):
                self._open[asset] = self._stack.enter_context(open_raster(location.gdal))
        return self._open[asset]

    def reader(self, asset: str) -> Native | str:
        """An asset's file, to be read natively, or the reason why GDAL has to read it.

        Raises:
            HrefRefused: its href lies outside the allowed roots.
            AssetUnreadable: it is not there, damaged, or its header is over a limit.
        """
        if asset not in self._readers:
            location = self._locate(asset)
            try:
                with self._explained(asset):
                    self._readers[asset] = self._library.open(location)
            except Changed as error:
                self._library.forget(location)
                raise AssetChanged(
                    f"asset {asset!r} of item {self._item} is being replaced; try again"
                ) from error
        return self._readers[asset]

    def native(self, asset: str) -> Native | None:
        """An asset's file if it is read natively."""
        found = self.reader(asset)
        return None if isinstance(found, str) else found

    def cut(self, cuts: Sequence[tuple[str, Cut]], *, stacked: bool = False) -> list[Cutting]:
        """Windows of assets, each with its key, fetched and decoded together; `stacked` as Library.cut has it.

        Raises:
            AssetUnreadable: one cannot be read.
            AssetChanged: one is another file now; what was known of it is forgotten, so a second try finds the new one.
        """
        try:
            return self._library.cut([each for _, each in cuts], stacked=stacked)
        except Changed as error:
            for asset, _ in cuts:
                self._library.forget(self._locate(asset))
            raise AssetChanged(
                f"a file of item {self._item} is being replaced; try again"
            ) from error
        except StoreError as error:
            named = [asset for asset, each in cuts if each.native.file.name == error.name]
            with self._explained((named or [cuts[0][0]])[0]):
                raise

    def explain(self, cut: Cut) -> dict[str, int]:
        """Blocks that a window touches, their compressed bytes, and how many of them are decoded already."""
        return self._library.explain(cut)

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
            with open_overview(self._locate(asset).gdal, level) as overview:
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
        native = self.native(asset)
        if native is not None:
            return self._sample_native(asset, native, bands, point, crs=crs, nodata=nodata)
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

    def grid(self, asset: str) -> Grid:
        """Where an asset's pixels lie."""
        native = self.native(asset)
        if native is not None:
            return native.header.grid
        dataset = self.dataset(asset)
        return Grid(dataset.crs, dataset.transform, dataset.height, dataset.width)

    def scaling(self, asset: str) -> tuple[tuple[float, float], ...]:
        """Scale and offset of each band as the file says them."""
        native = self.native(asset)
        if native is not None:
            return tuple(zip(native.header.scales, native.header.offsets, strict=True))
        dataset = self.dataset(asset)
        return tuple(zip(dataset.scales, dataset.offsets, strict=True))

    def finest(self, assets: Sequence[str]) -> Grid:
        """Of several assets the grid with the smallest pixels; of equals the first."""
        return min((self.grid(asset) for asset in assets), key=_pixel_m)

    def common_bounds(self, assets: Sequence[str], crs: CRS) -> Bounds:
        """Where all assets have pixels, in a CRS: a layer ends where its first band ends.

        Raises:
            BadParameter: they have no place in common.
        """
        each = []
        for asset in assets:
            grid = self.grid(asset)
            with self._explained(asset):
                bounds = grid.bounds
                if grid.crs != crs:
                    bounds = transform_bounds(grid.crs, crs, *bounds, densify_pts=21)
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
        native = self.native(asset)
        count = native.header.bands if native is not None else self.dataset(asset).count
        if not bands:
            is_native = native is not None
            return tuple(range(1, count + 1)) if is_native else image_bands(self.dataset(asset))
        for band in bands:
            if not 1 <= band <= count:
                raise UnknownBand(
                    f"asset {asset!r} of item {self._item} has no band {band}; it has {count}"
                )
        return tuple(bands)

    def _sample_native(
        self,
        asset: str,
        native: Native,
        bands: Sequence[int],
        point: tuple[float, float],
        *,
        crs: CRS,
        nodata: Nodata,
    ) -> Pixels | None:
        grid = native.header.grid
        bands = self.bands(asset, bands)
        try:
            (x,), (y,) = transform(crs, grid.crs, [point[0]], [point[1]])
        except (RasterioError, CPLE_BaseError):
            return None  # the file's CRS has no such place
        column, row = ~grid.transform @ (x, y)
        if not (0 <= column < grid.width_px and 0 <= row < grid.height_px):
            return None
        window = Window(int(row), int(row) + 1, int(column), int(column) + 1)
        data, mask = self.cut([(asset, Cut(native, 0, tuple(bands), window))])[0]
        return native_pixels(native, bands, data, nodata.hide(native, bands, data, mask))

    @contextmanager
    def _explained(self, asset: str) -> Iterator[None]:
        """GDAL's texts hold paths of the server: they go to the log, not to the client."""
        try:
            yield
        except Changed:
            raise
        except (UnusableHeader, StoreError) as error:
            structlog.get_logger("eotiles").warning(
                "asset unreadable",
                item=self._item,
                asset=asset,
                file=self._locate(asset).name,
                error=str(error),
            )
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


def _pixel_m(grid: Grid) -> float:
    factor = _METRES_PER_DEGREE if grid.crs.is_geographic else 1.0
    return float(grid.transform.a) * factor
