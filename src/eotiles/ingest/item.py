"""A scene as a STAC Item: STAC 1.1 with the proj, eo, raster and file extensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pystac

from eotiles.core.domain import UNITS, Domain
from eotiles.ingest.asset import build_asset, ground_sample_distance, projection, projection_code
from eotiles.ingest.bands import SENSORS, Band
from eotiles.ingest.footprint import footprint
from eotiles.ingest.layers import NamedBand
from eotiles.ingest.naming import holds_labels
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import Period
from eotiles.ingest.place import Placed
from eotiles.ingest.scenes import Scene
from eotiles.ingest.survey import Survey

PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
EO = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
ATTRIBUTION = "https://stac-extensions.github.io/attribution/v0.1.0/schema.json"
RENDER = "https://stac-extensions.github.io/render/v2.0.0/schema.json"

THUMBNAIL = "thumbnail"


def scene_bands(
    named: Mapping[str, Sequence[Band]], surveys: Mapping[str, Survey], options: IngestOptions
) -> list[NamedBand]:
    """Every band of a scene with its radiometry: the options' word first, then the file's."""
    bands = []
    for key, names in named.items():
        seen = surveys[key]
        for index, (band, statistics) in enumerate(zip(names, seen.statistics, strict=True)):
            labels = holds_labels([band], options)
            domain: Domain = "dn" if labels else options.domain or "dn"
            scale, offset = (1.0, 0.0) if labels else _scaling(seen, index, options)
            bands.append(
                NamedBand(
                    asset=key,
                    index=index + 1,
                    name=band.name,
                    common_name=band.common_name,
                    scale=scale,
                    offset=offset,
                    domain=domain,
                    statistics=statistics,
                    unit=None if labels else options.unit or seen.units[index] or UNITS.get(domain),
                    labels=labels,
                )
            )
    return bands


def _scaling(seen: Survey, index: int, options: IngestOptions) -> tuple[float, float]:
    """Scale and offset of a band, counted from 0."""
    scale = seen.scales[index] if options.scale is None else options.scale
    offset = seen.offsets[index] if options.offset is None else options.offset
    return scale, offset


def build_item(
    scene: Scene,
    options: IngestOptions,
    period: Period,
    *,
    surveys: Mapping[str, Survey],
    named: Mapping[str, Sequence[Band]],
    bands: Sequence[NamedBand],
    placed: Mapping[str, Placed],
) -> dict[str, Any]:
    """The item without its thumbnail. `created` and `updated` are given by the catalogue, when it is stored.

    Raises:
        IngestRefused: it has no place on the Earth.
    """
    geometry, bbox = footprint(list(surveys.values()))
    properties: dict[str, Any] = {
        **period.properties(),
        "gsd": min(ground_sample_distance(named[key], surveys[key]) for key in surveys),
        "eotiles:domain": bands[0].domain,
        "eotiles:datetime_origin": period.origin,
    }
    # pgSTAC's free text search finds only what has a description.
    properties["description"] = options.item_description or _description(scene, bands)
    if options.attribution is not None:
        properties["attribution"] = options.attribution
    if scene.sensor is not None:
        properties["constellation"] = SENSORS[scene.sensor].constellation
        properties["instruments"] = [SENSORS[scene.sensor].instrument]
    codes = {projection_code(seen) for seen in surveys.values()}
    shared = codes.pop() if len(codes) == 1 else None
    if shared is not None:
        properties["proj:code"] = shared
    item = pystac.Item(
        id=scene.id,
        geometry=geometry,
        bbox=bbox,
        datetime=period.start if period.end is None else None,
        properties=properties,
        start_datetime=period.start if period.end is not None else None,
        end_datetime=period.end,
        collection=options.collection,
        stac_extensions=[
            PROJECTION,
            RASTER,
            FILE,
            *([EO] if any(band.common_name for band in bands) else []),
            *([ATTRIBUTION] if options.attribution is not None else []),
        ],
    )
    for key, seen in surveys.items():
        item.add_asset(
            key,
            build_asset(
                seen,
                placed[key],
                details=named[key],
                bands=[band for band in bands if band.asset == key],
                crs_fields={} if shared is not None else projection(seen),
            ),
        )
    document: dict[str, Any] = item.to_dict(include_self_link=False, transform_hrefs=False)
    return document


def _description(scene: Scene, bands: Sequence[NamedBand]) -> str:
    sensor = SENSORS[scene.sensor].constellation + " scene" if scene.sensor is not None else "Scene"
    names = ", ".join(dict.fromkeys(band.common_name or band.name for band in bands))
    return f"{sensor[0].upper()}{sensor[1:]} {scene.id} with {names}."


def add_thumbnail(item: dict[str, Any], href: str, shape: tuple[int, int]) -> None:
    """Add the thumbnail asset.

    It is a file of the data folder like the others; the STAC API serves it below /assets.
    """
    item["assets"][THUMBNAIL] = {
        "href": href,
        "type": "image/png",
        "title": "Thumbnail",
        "roles": ["thumbnail"],
        "proj:shape": list(shape),
    }
