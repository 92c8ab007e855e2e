"""A product whose files are surveyed and placed, as a STAC Item: what was found in them, and what it says itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pystac

from eotiles.ingest.asset import build_asset, ground_sample_distance, projection, projection_code
from eotiles.ingest.cog import is_cloud_optimised
from eotiles.ingest.footprint import footprint
from eotiles.ingest.item import ATTRIBUTION, EO, FILE, PROJECTION, RASTER
from eotiles.ingest.layers import NamedBand
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.place import Placed
from eotiles.ingest.products.product import Product, ProductFile
from eotiles.ingest.survey import Survey
from eotiles.read.gdal import is_jpeg2000

EXTENSIONS = {
    "eo": EO,
    "view": "https://stac-extensions.github.io/view/v1.1.0/schema.json",
    "sat": "https://stac-extensions.github.io/sat/v1.1.0/schema.json",
    "sar": "https://stac-extensions.github.io/sar/v1.2.0/schema.json",
    "grid": "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "classification": "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "s2": "https://stac-extensions.github.io/sentinel-2/v1.0.0/schema.json",
    "landsat": "https://stac-extensions.github.io/landsat/v2.0.0/schema.json",
}
"""Extensions by the prefix of their fields."""


def product_bands(file: ProductFile, seen: Survey) -> list[NamedBand]:
    """The bands of a file, with their statistics."""
    return [
        NamedBand(
            asset=file.key,
            index=index,
            name=band.detail.name,
            common_name=band.detail.common_name,
            scale=band.scale,
            offset=band.offset,
            domain=band.domain,
            statistics=statistics,
        )
        for index, (band, statistics) in enumerate(
            zip(file.bands, seen.statistics, strict=True), start=1
        )
    ]


def build_product_item(
    product: Product,
    options: IngestOptions,
    *,
    surveys: Mapping[str, Survey],
    placed: Mapping[str, Placed],
    metadata: Mapping[str, Path],
) -> dict[str, Any]:
    """The item without its thumbnail.

    Args:
        product: what its metadata says.
        options: of the collection.
        surveys: what is in its files, by asset key.
        placed: where they are, by asset key.
        metadata: where the files that describe it are, by asset key.

    Raises:
        IngestRefused: it has no place on the Earth.
    """
    measured = [file for file in product.files if file.is_measured]
    geometry, bbox = footprint([surveys[file.key] for file in measured])
    codes = {projection_code(seen) for seen in surveys.values()}
    shared = codes.pop() if len(codes) == 1 else None
    properties: dict[str, Any] = {
        **product.properties,
        **product.period.properties(),
        "gsd": product.gsd_m
        or min(
            ground_sample_distance([band.detail for band in file.bands], surveys[file.key])
            for file in measured
        ),
        "eotiles:domain": measured[0].bands[0].domain,
        "eotiles:datetime_origin": product.period.origin,
        "description": options.item_description or _description(product, measured),
    }
    if shared is not None:
        properties["proj:code"] = shared
    if options.attribution is not None:
        properties["attribution"] = options.attribution
    item = pystac.Item(
        id=product.id,
        geometry=geometry,
        bbox=bbox,
        datetime=product.period.start,
        properties={name: value for name, value in properties.items() if _is_said(value)},
        collection=options.collection,
    )
    for file in product.files:
        seen = surveys[file.key]
        asset = build_asset(
            seen,
            placed[file.key],
            details=[band.detail for band in file.bands],
            bands=product_bands(file, seen),
            crs_fields={} if shared is not None else projection(seen),
        )
        item.add_asset(file.key, _described(asset, file, seen, placed[file.key]))
    for key, path in metadata.items():
        known = product.metadata[key]
        item.add_asset(
            key,
            pystac.Asset(
                href=str(path), title=known.title, media_type=known.media_type, roles=["metadata"]
            ),
        )
    document: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    document["stac_extensions"] = _extensions(document)
    return document


def _is_said(value: Any) -> bool:
    """Whether it says something: agencies write NaN for angles that nobody measured, and JSON knows none."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _described(
    asset: pystac.Asset, file: ProductFile, seen: Survey, placed: Placed
) -> pystac.Asset:
    """The asset, with what the product says of it."""
    asset.title = file.title
    asset.roles = list(file.roles)
    if is_jpeg2000(placed.path.name):
        asset.media_type = pystac.MediaType.JPEG2000
    elif placed.path == seen.path and not is_cloud_optimised(seen):
        asset.media_type = pystac.MediaType.GEOTIFF
    for described, band in zip(asset.extra_fields["bands"], file.bands, strict=True):
        described.update(band.fields)
        if band.unit is not None:
            described["unit"] = band.unit
        if file.labels:
            # A mean of labels means nothing.
            described.pop("statistics", None)
            described.pop("eotiles:percentiles", None)
    return asset


def _description(product: Product, measured: list[ProductFile]) -> str:
    names = [
        band.detail.common_name or band.detail.name for file in measured for band in file.bands
    ]
    return f"{product.title} {product.id} with {', '.join(dict.fromkeys(names))}."


def _extensions(document: dict[str, Any]) -> list[str]:
    """The extensions whose fields are used, by their prefixes."""
    used = {PROJECTION, RASTER, FILE}
    levels: list[Any] = [document["properties"]]
    for asset in document["assets"].values():
        levels += [asset, *asset.get("bands", [])]
    prefixes = {field.partition(":")[0] for level in levels for field in level if ":" in field}
    used.update(EXTENSIONS[prefix] for prefix in prefixes if prefix in EXTENSIONS)
    if "attribution" in document["properties"]:
        used.add(ATTRIBUTION)
    return sorted(used)
