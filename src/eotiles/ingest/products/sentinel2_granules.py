"""Granules of Sentinel-2 products of before December 2016: many tiles in one SAFE folder, each with long file names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.metadata import explained, inside, read_xml
from eotiles.ingest.products.safe import Safe
from eotiles.ingest.products.sentinel2_name import Sentinel2Name, read_name

GRANULES_MAX = 200
"""A data take of an hour, which no product holds, would have some more."""

_KEYS = {
    "B01": "coastal",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "rededge1",
    "B06": "rededge2",
    "B07": "rededge3",
    "B08": "nir",
    "B8A": "nir08",
    "B09": "nir09",
    "B10": "cirrus",
    "B11": "swir16",
    "B12": "swir22",
    "TCI": "visual",
    "SCL": "scl",
    "AOT": "aot",
    "WVP": "wvp",
}
"""Asset keys, as stactools has them for products of today."""

_IMAGE = re.compile(r"_(?P<band>B\d[\dA]|TCI|SCL|AOT|WVP)(?:_(?P<resolution>\d\d)m)?$")
_NATIVE_M = {"coastal": 60, "nir09": 60, "cirrus": 60} | dict.fromkeys(
    ("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22", "scl", "aot", "wvp"), 20
)


@dataclass(frozen=True)
class Granule:
    """A tile of a product."""

    name: Sentinel2Name
    strip: Sentinel2Name
    """The data strip that it is cut from."""

    metadata: Path
    images: tuple[tuple[str, Path], ...]
    """Keys and paths, with the resolution in the key where it is not the instrument's."""

    properties: dict[str, Any]


def old_granules(safe: Safe, root: etree._Element) -> Iterator[Granule]:
    """The granules of a product.

    Raises:
        IngestRefused: one is damaged, or names what is not there.
    """
    found = [element for path in (".//Granules", ".//Granule") for element in root.iterfind(path)]
    if not 1 <= len(found) <= GRANULES_MAX:
        raise IngestRefused(f"has {len(found)} granules: 1 to {GRANULES_MAX} are read")
    for element in found:
        yield _granule(safe, element)


def _granule(safe: Safe, element: etree._Element) -> Granule:
    identifier = element.get("granuleIdentifier") or ""
    name = read_name(identifier)
    strip = read_name(element.get("datastripIdentifier") or "")
    if name is None or name.kind != "granule" or strip is None or strip.kind != "data-strip":
        raise IngestRefused(f"has a granule with a malformed name {identifier[:80]!r}")
    folder = inside(safe.folder, f"GRANULE/{identifier}")
    metadata = inside(safe.folder, f"GRANULE/{identifier}/{_metadata_name(identifier)}")
    read_xml(safe.existing(metadata))
    images = []
    for image in (*element.iterfind("IMAGE_ID"), *element.iterfind("IMAGE_ID_2A")):
        text = (image.text or "").strip()
        match = _IMAGE.search(text)
        if match is None or "/" in text:
            continue  # a preview, or a mask
        key, resolution = _KEYS[match["band"]], match["resolution"]
        where = f"IMG_DATA/R{resolution}m" if resolution else "IMG_DATA"
        path = inside(safe.folder, f"{folder.relative_to(safe.folder)}/{where}/{text}.jp2")
        native = resolution is None or int(resolution) == _NATIVE_M.get(key, 10)
        images.append((key if native else f"{key}_{resolution}m", path))
    with explained(safe.folder):
        properties = _properties(metadata)
    return Granule(name, strip, metadata, tuple(images), properties)


def _metadata_name(identifier: str) -> str:
    """S2A_OPER_MSI_L1C_TL_SGS__…_N02.01 is described by S2A_OPER_MTD_L1C_TL_SGS__….xml."""
    return f"{identifier.replace('_MSI_', '_MTD_', 1).rpartition('_N')[0]}.xml"


def _properties(path: Path) -> dict[str, Any]:
    from stactools.sentinel2.granule_metadata import GranuleMetadata  # noqa: PLC0415

    granule = GranuleMetadata(str(path))
    angles = list(granule.viewing_angles.values())
    said: dict[str, Any] = {
        **granule.metadata_dict,
        "eo:cloud_cover": granule.cloudiness_percentage,
        "view:sun_azimuth": granule.mean_solar_azimuth,
        "view:sun_elevation": None
        if granule.mean_solar_zenith is None
        else 90 - granule.mean_solar_zenith,
        "view:incidence_angle": _mean([angle.zenith for angle in angles]),
        "view:azimuth": _mean([angle.azimuth for angle in angles]),
    }
    return {name: value for name, value in said.items() if value is not None}


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else None
