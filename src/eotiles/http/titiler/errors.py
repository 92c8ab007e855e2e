"""Exceptions of rio-tiler, rasterio and titiler that reach the raster API, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping

from morecantile.errors import InvalidIdentifier, InvalidZoomError
from rasterio.errors import RasterioError
from rio_tiler.errors import (
    InvalidAssetName,
    InvalidBandName,
    InvalidColorFormat,
    InvalidColorMapName,
    InvalidExpression,
    InvalidFormat,
    MissingAssets,
    MissingBands,
    NoAssetFoundError,
    PointOutsideBounds,
    RioTilerError,
    TileOutsideBounds,
)
from titiler.core.errors import BadRequestError, TileNotFoundError
from titiler.pgstac.errors import (
    BackendError,
    MosaicNotFoundError,
    NoLayerFound,
    ReadOnlyPgSTACError,
)

from eotiles.http.errors import Foreign

RASTER_ERRORS: Mapping[type[Exception], Foreign] = {
    InvalidAssetName: (404, None),
    InvalidBandName: (404, None),
    InvalidIdentifier: (404, None),
    MosaicNotFoundError: (404, None),
    NoAssetFoundError: (404, None),
    PointOutsideBounds: (404, None),
    TileNotFoundError: (404, None),
    TileOutsideBounds: (404, None),
    BackendError: (422, "the database cannot use this search"),
    BadRequestError: (422, None),
    InvalidColorFormat: (422, None),
    InvalidColorMapName: (422, None),
    InvalidExpression: (422, None),
    InvalidFormat: (422, None),
    InvalidZoomError: (422, "the tile matrix set has no such zoom"),
    MissingAssets: (422, None),
    MissingBands: (422, None),
    NoLayerFound: (422, None),
    RioTilerError: (422, None),
    ReadOnlyPgSTACError: (503, "the database takes no new searches at the moment"),
    # GDAL's texts hold paths of the server: they go to the log, not to the client.
    RasterioError: (424, "an asset of the item cannot be read"),
}
"""Exception → status and, where its own text must not go out, what to say instead."""
