"""What the images of a Sentinel-2 product are, and what their numbers mean, as its metadata says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from eotiles.core.domain import Domain
from eotiles.core.errors import IngestRefused
from eotiles.ingest.bands import SENSORS, Band
from eotiles.ingest.products.metadata import number_of
from eotiles.ingest.products.product import ProductBand, ProductFile

BAND_IDS = (
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12",
)  # fmt: skip
"""Bands by the number that metadata calls them."""

QUANTIFICATION = 10_000.0
OFFSET = -1000.0
BASELINE_OF_OFFSET = "04.00"
"""Since then digital numbers have OFFSET taken off; older scenes processed again have it too, so dates tell nothing."""

NODATA = 0.0

SCENE_CLASSES = (
    (0, "no_data", "No data", "000000"),
    (1, "saturated_or_defective", "Saturated or defective pixel", "FF0000"),
    (2, "dark_area", "Dark area or topographic shadow", "2F2F2F"),
    (3, "cloud_shadow", "Cloud shadow", "643200"),
    (4, "vegetation", "Vegetation", "00A000"),
    (5, "not_vegetated", "Not vegetated", "FFE65A"),
    (6, "water", "Water", "0000FF"),
    (7, "unclassified", "Unclassified", "808080"),
    (8, "cloud_medium_probability", "Cloud, medium probability", "C0C0C0"),
    (9, "cloud_high_probability", "Cloud, high probability", "FFFFFF"),
    (10, "thin_cirrus", "Thin cirrus", "64C8FF"),
    (11, "snow_or_ice", "Snow or ice", "FF96FF"),
)
"""Value, name, description and colour of the scene classification (Sen2Cor)."""


@dataclass(frozen=True)
class Radiometry:
    """What digital numbers of a product mean: (dn + offset) / quantification."""

    domain: Domain
    """toa_reflectance or reflectance."""

    quantification: float
    offsets: Mapping[str, float]
    """By band, in digital numbers."""

    aot_quantification: float
    wvp_quantification: float


def read_radiometry(root: etree._Element, *, level: str, baseline: str) -> Radiometry:
    """Off a product's metadata (MTD_MSIL1C.xml, MTD_MSIL2A.xml, or what they were called before).

    Where it lists no offsets, the processing baseline tells whether there are.

    Raises:
        IngestRefused: a number is none, or a band is unknown.
    """
    bottom = level == "L2A"
    names = (
        (".//BOA_QUANTIFICATION_VALUE", ".//L2A_BOA_QUANTIFICATION_VALUE")
        if bottom
        else (".//QUANTIFICATION_VALUE",)
    )
    found = [value for name in names if (value := number_of(root, name)) is not None]
    quantification = found[0] if found else QUANTIFICATION
    if quantification <= 0:
        raise IngestRefused(f"has a quantification value of {quantification:g}")
    listed = _offsets(root, "BOA_ADD_OFFSET" if bottom else "RADIO_ADD_OFFSET")
    assumed = OFFSET if baseline >= BASELINE_OF_OFFSET else 0.0
    return Radiometry(
        domain="reflectance" if bottom else "toa_reflectance",
        quantification=quantification,
        offsets=listed or dict.fromkeys(BAND_IDS, assumed),
        aot_quantification=number_of(root, ".//AOT_QUANTIFICATION_VALUE") or 1000.0,
        wvp_quantification=number_of(root, ".//WVP_QUANTIFICATION_VALUE") or 1000.0,
    )


def _offsets(root: etree._Element, name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for element in root.iterfind(f".//{name}"):
        number = element.get("band_id") or ""
        value = number_of(element, ".")
        if not number.isdecimal() or int(number) >= len(BAND_IDS) or value is None:
            raise IngestRefused(f"has a {name} of an unknown band {number[:10]!r}")
        found[BAND_IDS[int(number)]] = value
    if found and (missing := sorted(set(BAND_IDS) - {"B10"} - set(found))):
        raise IngestRefused(f"has no {name} of {', '.join(missing)}")
    return found


_BAND = re.compile(r"_(B\d[\dA])(?:_\d\dm)?$")


def image_file(
    key: str, path: Path, radiometry: Radiometry, *, checksum: tuple[str, str] | None
) -> ProductFile:
    """An image of a product by its asset's key and its file name."""
    made: dict[str, Any] = {"path": path, "key": key, "nodata": NODATA, "checksum": checksum}
    if key == "visual":
        bands = tuple(ProductBand(Band(name, name), "display") for name in ("red", "green", "blue"))
        # Black is a colour: only the bands know where nothing was seen.
        made["nodata"] = None
        return ProductFile(title="True colour image", roles=("visual",), bands=bands, **made)
    if key == "scl":
        return ProductFile(
            title="Scene classification",
            roles=("classification",),
            bands=(ProductBand(Band("SCL"), "dn", fields={"classification:classes": _classes()}),),
            labels=True,
            **made,
        )
    if key == "aot":
        band = ProductBand(Band("AOT"), "index", scale=1 / radiometry.aot_quantification)
        title = "Aerosol optical thickness"
        return ProductFile(title=title, roles=("data",), bands=(band,), beside=True, **made)
    if key == "wvp":
        # Centimetres of water, told in metres.
        scale = 0.01 / radiometry.wvp_quantification
        band = ProductBand(Band("WVP"), "metres", scale=scale, unit="m")
        title = "Water vapour column"
        return ProductFile(title=title, roles=("data",), bands=(band,), beside=True, **made)
    match = _BAND.search(path.stem)
    if match is None:
        raise IngestRefused(f"has an image {path.name} of no known band")
    detail = SENSORS["sentinel-2"].bands.get(re.sub(r"(?<=B)0+(?=\d)", "", match[1]))
    if detail is None or detail.name not in radiometry.offsets:
        raise IngestRefused(f"has an image {path.name} of no known band")
    offset = radiometry.offsets[detail.name] / radiometry.quantification
    band = ProductBand(
        detail,
        radiometry.domain,
        scale=1 / radiometry.quantification,
        offset=0.0 if offset == 0 else offset,
    )
    title = f"{detail.common_name} ({detail.name})"
    return ProductFile(title=title, roles=("data", "reflectance"), bands=(band,), **made)


def _classes() -> list[dict[str, Any]]:
    return [
        {"value": value, "name": name, "description": text, "color_hint": colour}
        | ({"nodata": True} if value == 0 else {})
        for value, name, text, colour in SCENE_CLASSES
    ]
