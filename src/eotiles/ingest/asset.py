"""A file of a scene as a STAC asset, with what is known about each of its bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pystac

from eotiles.ingest.bands import Band
from eotiles.ingest.layers import NamedBand
from eotiles.ingest.place import Placed
from eotiles.ingest.survey import Survey


def build_asset(
    seen: Survey,
    placed: Placed,
    *,
    details: Sequence[Band],
    bands: Sequence[NamedBand],
    crs_fields: Mapping[str, Any],
) -> pystac.Asset:
    """The asset; where the item says the CRS for all its assets, `crs_fields` is empty."""
    title = ", ".join(detail.common_name or detail.name for detail in details[:4])
    return pystac.Asset(
        href=str(placed.path),
        title=f"{title}, …" if len(details) > 4 else title,
        media_type=pystac.MediaType.COG,
        roles=["data"],
        extra_fields={
            "gsd": ground_sample_distance(details, seen),
            **crs_fields,
            "proj:shape": [seen.height, seen.width],
            "proj:transform": [*seen.transform][:6],
            "proj:bbox": _bounds(seen),
            "file:size": placed.size_bytes,
            # A multihash: 12 = SHA-256, 20 = 32 bytes.
            "file:checksum": f"1220{placed.sha256}",
            "bands": [
                _band(detail, band, seen) for detail, band in zip(details, bands, strict=True)
            ],
        },
    )


def _band(detail: Band, band: NamedBand, seen: Survey) -> dict[str, Any]:
    statistics = band.statistics
    described: dict[str, Any] = {
        "name": band.name,
        "eo:common_name": band.common_name,
        "eo:center_wavelength": detail.center_um,
        "eo:full_width_half_max": detail.width_um,
        "gsd": detail.gsd_m,
        "data_type": seen.dtype,
        "nodata": _json_number(seen.nodata),
        "unit": band.unit,
        "raster:scale": band.scale,
        "raster:offset": band.offset,
        "raster:spatial_resolution": round(seen.resolution_m, 6),
        "eotiles:domain": band.domain,
        "eotiles:labels": band.labels or None,
    }
    percentiles = statistics.percentiles(2, 98)
    if percentiles is not None:
        # Of digital numbers, as nodata is: a change of scale leaves them true.
        described["statistics"] = {
            "minimum": statistics.minimum,
            "maximum": statistics.maximum,
            "mean": statistics.mean,
            "stddev": statistics.stddev,
            "count": statistics.count,
            "valid_percent": 100 * statistics.valid / statistics.count,
        }
        described["eotiles:percentiles"] = {"2": percentiles[0], "98": percentiles[1]}
    return {name: value for name, value in described.items() if value is not None}


def ground_sample_distance(details: Sequence[Band], seen: Survey) -> float:
    """The instrument's where it is known, else the pixel's size, in metres."""
    known = [detail.gsd_m for detail in details if detail.gsd_m is not None]
    return float(min(known)) if known else round(seen.resolution_m, 6)


def _bounds(seen: Survey) -> list[float]:
    corners = [
        seen.transform @ corner
        for corner in ((0, 0), (seen.width, 0), (seen.width, seen.height), (0, seen.height))
    ]
    xs, ys = zip(*corners, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def projection_code(seen: Survey) -> str | None:
    authority = seen.crs.to_authority()
    return ":".join(authority) if authority else None


def projection(seen: Survey) -> dict[str, Any]:
    code = projection_code(seen)
    if code is not None:
        return {"proj:code": code}
    return {"proj:wkt2": seen.crs.to_wkt(version="WKT2_2019")}


def _json_number(value: float | None) -> float | int | str | None:
    """A number as STAC writes it: JSON has no NaN."""
    if value is None:
        return None
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if float(value).is_integer() else value
