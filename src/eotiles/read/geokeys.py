"""The GeoTIFF fields of an image: its CRS and where its pixels lie. What GDAL has to think about is left to GDAL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from eotiles.read.gdal import UnusableHeader
from eotiles.read.header import Unsupported
from eotiles.read.ifd import Directory, Tag

MODEL, RASTER = 1024, 1025
GEODETIC, ANGULAR_UNIT = 2048, 2054
PROJECTED, LINEAR_UNIT = 3072, 3076
_PROJECTED_MODEL, _GEOGRAPHIC_MODEL = 1, 2
_PIXEL_IS_POINT = 2
_EPSG = range(1024, 32767)
_DEGREE = 9102
_METRES = {9001: 1.0, 9002: 0.3048, 9003: 12 / 39.37}
"""EPSG codes of lengths."""

_UNDERSTOOD = {*range(1024, 1027), *range(2048, 2061), 3072, 3073, 3076}
"""Keys that are followed, or say again what the EPSG code of the CRS says. What others mean, GDAL knows better."""

_ESRI = "ESRI PE"
"""Begins a text that GDAL believes before the EPSG code."""


def read_place(directory: Directory) -> tuple[CRS, Affine]:
    """CRS and transform of an image; (0, 0) is the outer corner of its first pixel.

    Raises:
        Unsupported: it is not upright, or its CRS is not one by EPSG code alone.
        UnusableHeader: the fields are damaged.
    """
    keys = _keys(directory)
    if _ESRI in (directory.text(Tag.GEO_TEXTS) or ""):
        raise Unsupported("its CRS is told in words")
    transform = _transform(directory)
    if keys.get(RASTER) == _PIXEL_IS_POINT:
        transform = transform @ Affine.translation(-0.5, -0.5)
    return _crs(keys), transform


def _keys(directory: Directory) -> Mapping[int, int]:
    """Keys whose value is a number of 16 bits; of others that they are there."""
    values = directory.values(Tag.GEO_KEYS)
    if values is None:
        raise Unsupported("it has no coordinate reference system of its own")
    if values.dtype.kind != "u" or values.dtype.itemsize != 2 or len(values) < 4:
        raise UnusableHeader("its geographic keys are damaged")
    version, _, _, number = values[:4].tolist()
    if version != 1 or len(values) < 4 * (1 + number):
        raise UnusableHeader("its geographic keys are damaged")
    entries = values[4 : 4 * (1 + number)].reshape(-1, 4).tolist()
    keys: dict[int, int] = {}
    for key, location, _, value in entries:
        keys.setdefault(key, value if location == 0 else -1)
    return keys


def _crs(keys: Mapping[int, int]) -> CRS:
    model = keys.get(MODEL)
    if model not in (_PROJECTED_MODEL, _GEOGRAPHIC_MODEL):
        raise Unsupported("its CRS is neither projected nor geographic")
    if odd := sorted(set(keys) - _UNDERSTOOD):
        raise Unsupported(f"its CRS has the geographic key {odd[0]}")
    code = keys.get(PROJECTED if model == _PROJECTED_MODEL else GEODETIC, -1)
    if code not in _EPSG:
        raise Unsupported("its CRS has no EPSG code")
    crs = _epsg(code)
    if crs is None or crs.is_projected != (model == _PROJECTED_MODEL):
        raise Unsupported(f"its CRS, EPSG:{code}, is not known as one of its kind")
    if model == _GEOGRAPHIC_MODEL and keys.get(ANGULAR_UNIT, _DEGREE) != _DEGREE:
        raise Unsupported("its angles are not in degrees")
    unit = keys.get(LINEAR_UNIT)
    if model == _PROJECTED_MODEL and unit is not None:
        metres = crs.linear_units_factor[1]
        if abs(_METRES.get(unit, 0.0) - metres) > 1e-9 * metres:
            raise Unsupported("its lengths are not in the unit of its CRS")
    return crs


@lru_cache(maxsize=512)
def _epsg(code: int) -> CRS | None:
    try:
        crs = CRS.from_epsg(code)
    except CRSError:
        return None
    return crs if crs.is_projected or crs.is_geographic else None


def _transform(directory: Directory) -> Affine:
    scale = directory.values(Tag.PIXEL_SCALE)
    matrix = directory.values(Tag.TRANSFORMATION)
    ties = directory.values(Tag.TIEPOINTS)
    for values in (scale, matrix, ties):
        if values is not None and values.dtype.kind != "f":
            raise UnusableHeader("its place is damaged")
    if scale is not None:
        if len(scale) < 2 or ties is None or len(ties) != 6 or matrix is not None:
            raise Unsupported("it says in an odd way where its pixels lie")
        column, row, _, x, y, _ = (float(tie) for tie in ties)
        a, e = float(scale[0]), -float(scale[1])
        transform = Affine(a, 0.0, x - column * a, 0.0, e, y - row * e)
    elif matrix is not None:
        if len(matrix) != 16 or ties is not None:
            raise Unsupported("it says in an odd way where its pixels lie")
        transform = Affine(*(float(matrix[place]) for place in (0, 1, 3, 4, 5, 7)))
    else:
        raise Unsupported("it has no transform, but ground control points, an RPC model or nothing")
    if transform.b or transform.d or not (transform.a > 0 > transform.e):
        raise Unsupported("its pixels are rotated, sheared or mirrored")
    return transform
