"""Sources: the bands of an item that hold measurements, read off its STAC metadata. Pure; opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eotiles.catalog.described import Described, is_picture_asset
from eotiles.catalog.product import Product, product
from eotiles.catalog.radiometry import Json, first_number, radiometry
from eotiles.core.source import Source
from eotiles.core.symbols import POLARISATIONS

_MEDIA_TYPES = ("image/tiff", "image/vnd.stac.geotiff", "image/x.geotiff")
_MEASUREMENTS = frozenset({"data", "reflectance", "temperature"})
JPEG2000 = "image/jp2"

_NOTHING: Json = {}


def sources(item: Json) -> tuple[Source, ...]:
    """Every band of the item that can feed a formula, in the order of its assets and bands.

    Those are the bands of raster assets with the role `data` (or without any role): a `visual` asset is made for eyes,
    and its numbers mean nothing. Reads `bands` (STAC 1.1), `eo:bands` and `raster:bands` (STAC 1.0), and what an asset
    or the item's properties say for all their bands.
    """
    properties = _mapping(item.get("properties"))
    made_by = product(properties, name=str(item.get("id") or ""))
    return tuple(
        source
        for key, asset in _mapping(item.get("assets")).items()
        if is_raster(asset) and _holds_measurements(key, asset)
        for source in _asset_sources(key, asset, properties=properties, made_by=made_by)
    )


def raster_assets(item: Json) -> tuple[str, ...]:
    """Keys of the assets that can be drawn at all."""
    return tuple(key for key, asset in _mapping(item.get("assets")).items() if is_raster(asset))


def is_raster(asset: Any) -> bool:
    """Whether the asset can be drawn: a GeoTIFF, or a JPEG 2000 file of this machine.

    Elsewhere JPEG 2000 is left aside: catalogues list it beside the same bands as GeoTIFFs.
    """
    return is_geotiff(asset) or _is_local_jpeg2000(asset)


def _is_local_jpeg2000(asset: Any) -> bool:
    if not isinstance(asset, Mapping) or asset.get("type") != JPEG2000:
        return False
    href = asset.get("href")
    return isinstance(href, str) and ("://" not in href or href.startswith("file://"))


def is_geotiff(asset: Any) -> bool:
    """Whether the asset says that it is a GeoTIFF; without a media type its name decides."""
    if not isinstance(asset, Mapping) or not isinstance(asset.get("href"), str):
        return False
    kind = asset.get("type")
    if isinstance(kind, str):
        return kind.split(";")[0].strip().lower() in _MEDIA_TYPES
    return str(asset["href"]).split("?")[0].lower().endswith((".tif", ".tiff"))


def asset_sources(key: str, asset: Json, *, properties: Json, name: str = "") -> Iterator[Source]:
    """The bands of one asset. One without any description of its bands is taken for a single band.

    `name` is the item's id, which may tell what nothing else does.
    """
    made_by = product(properties, name=name)
    return _asset_sources(key, asset, properties=properties, made_by=made_by)


def _asset_sources(
    key: str, asset: Json, *, properties: Json, made_by: Product | None
) -> Iterator[Source]:
    described = _list(asset.get("bands")) or _list(asset.get("eo:bands"))
    numbers = _list(asset.get("raster:bands"))
    for position in range(max(len(described), len(numbers), 1)):
        band, raster_band = _at(described, position), _at(numbers, position)
        common_name = (
            _text(band.get("eo:common_name"))
            or _text(band.get("common_name"))
            or _text(asset.get("eo:common_name"))
        )
        name, polarization = _text(band.get("name")), _polarization(key, asset, band)
        words = Described(
            asset=key,
            number=position + 1,
            band=band,
            raster_band=raster_band,
            of_asset=asset,
            properties=properties,
            name=name,
            common_name=common_name,
            is_radar=polarization is not None,
        )
        meaning = radiometry(words, made_by)
        if meaning is None:
            continue
        yield Source(
            asset=key,
            band=position + 1,
            name=name or key,
            common_name=common_name,
            scale=meaning.scale,
            offset=meaning.offset,
            nodata=meaning.nodata,
            gsd_m=first_number(
                band.get("gsd"),
                band.get("raster:spatial_resolution"),
                raster_band.get("spatial_resolution"),
                asset.get("gsd"),
                asset.get("raster:spatial_resolution"),
                properties.get("gsd"),
            ),
            center_um=_wavelength(band, asset, "center_wavelength"),
            width_um=_wavelength(band, asset, "full_width_half_max"),
            polarization=polarization,
            domain=meaning.domain,
            unit=meaning.unit,
            is_stated=meaning.is_stated,
            is_labels=meaning.is_labels,
            rule=meaning.rule,
        )


def _wavelength(band: Json, asset: Json, name: str) -> float | None:
    """Micrometres: prefixed in STAC 1.1, plain in the eo:bands of 1.0."""
    found = first_number(band.get(f"eo:{name}"), band.get(name), asset.get(f"eo:{name}"))
    return found if found is not None and found > 0 else None


def _polarization(key: str, asset: Json, band: Json) -> str | None:
    """What a band of radar says of itself, else its asset of its only one, else what they are called."""
    for level in (band, asset):
        declared = _list(level.get("sar:polarizations"))
        if len(declared) == 1 and _text(declared[0]) in POLARISATIONS:
            return str(declared[0])
    for name in (_text(band.get("name")), key):
        if name is not None and name.upper() in POLARISATIONS:
            return name.upper()
    return None


def _holds_measurements(key: str, asset: Json) -> bool:
    if is_picture_asset(key, asset):
        return False
    roles = _list(asset.get("roles"))
    return not roles or any(role in _MEASUREMENTS for role in roles if isinstance(role, str))


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else _NOTHING


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _at(bands: Sequence[Any], position: int) -> Json:
    return _mapping(bands[position]) if position < len(bands) else _NOTHING


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
