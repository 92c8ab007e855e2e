"""What the images of a Landsat product are, and what their numbers mean, as its MTL file says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from eotiles.core.domain import Domain
from eotiles.core.errors import IngestRefused
from eotiles.ingest.bands import SENSORS, Band
from eotiles.ingest.products.metadata import inside, number_of
from eotiles.ingest.products.product import ProductBand, ProductFile

FILL = 0.0
"""Of the bands. Quality bands say fill by a bit, the others by -9999."""

_GROUPS = {
    1: ("LEVEL1_RADIOMETRIC_RESCALING",),
    2: ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"),
}
_THERMAL = ("lwir", "lwir11", "lwir12")

_BITS = {
    "QUALITY_L1_PIXEL": "qa_pixel",
    "QUALITY_L1_RADIOMETRIC_SATURATION": "qa_radsat",
    "QUALITY_L2_AEROSOL": "qa_aerosol",
    "CLOUD_QA_L2": "cloud_qa",
}
"""Files of bit fields as the MTL names them, and their asset keys in stactools."""


@dataclass(frozen=True)
class _Derived:
    """A quantity of Level-2 beside reflectance and temperature, as the product guide (LSDS-1619) has it."""

    key: str
    domain: Domain
    scale: float
    unit: str | None = None


_DERIVED = {
    "ATMOSPHERIC_TRANSMITTANCE": _Derived("atran", "index", 0.0001),
    # In kilometres, told in metres.
    "CLOUD_DISTANCE": _Derived("cdist", "metres", 10.0, "m"),
    "DOWNWELL_RADIANCE": _Derived("drad", "dn", 1.0),
    "UPWELL_RADIANCE": _Derived("urad", "dn", 1.0),
    "THERMAL_RADIANCE": _Derived("trad", "dn", 1.0),
    "EMISSIVITY": _Derived("emis", "index", 0.0001),
    "EMISSIVITY_STDEV": _Derived("emsd", "index", 0.0001),
    "QUALITY_L2_SURFACE_TEMPERATURE": _Derived("qa", "kelvin", 0.01, "K"),
    "ATMOSPHERIC_OPACITY_L2": _Derived("atmos_opacity", "index", 0.001),
}
DERIVED_NODATA = -9999.0

_FRAGMENTS = {"C": "oli_tirs", "O": "oli_tirs", "E": "etm", "T": "tm"}

_BAND = re.compile(r"FILE_NAME_BAND_(?:ST_B)?(\d+)(?:_VCID_([12]))?")


def landsat_files(
    root: etree._Element, folder: Path, *, level: int, sensor: str, letter: str
) -> tuple[ProductFile, ...]:
    """The images that an MTL names.

    Args:
        root: the MTL.
        folder: where they lie.
        level: 1 or 2.
        sensor: key of `bands.SENSORS`.
        letter: of the instrument in the product's name.

    Raises:
        IngestRefused: one is missing, lies elsewhere, or nothing says what its numbers mean.
    """
    contents = root.find("PRODUCT_CONTENTS")
    assert contents is not None, "read_mtl has seen it"
    described = _described(letter)
    files: dict[str, ProductFile] = {}
    missing = []
    for element in contents:
        tag, name = str(element.tag), (element.text or "").strip()
        if not tag.startswith("FILE_NAME_") or not name.upper().endswith(".TIF"):
            continue
        path = inside(folder, name)
        made = _file(tag, path, root, level=level, sensor=sensor, described=described)
        if made is None:
            continue
        if not path.is_file():
            missing.append(name)
        elif files.setdefault(made.key, made) is not made:
            raise IngestRefused(f"has two images of {made.key}")
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise IngestRefused(f"lacks its images {', '.join(missing[:3])}{more}")
    if not any(file.is_measured for file in files.values()):
        raise IngestRefused("names no image of a band")
    return tuple(files[key] for key in sorted(files))


def _file(
    tag: str,
    path: Path,
    root: etree._Element,
    *,
    level: int,
    sensor: str,
    described: Mapping[str, Mapping[str, Any]],
) -> ProductFile | None:
    """An image by what the MTL calls it; None for one that is not imagery, such as angles of each pixel."""
    short = tag.removeprefix("FILE_NAME_")
    if short in _BITS:
        key = _BITS[short]
        about = described.get(key, {})
        fields = about.get("classification:bitfields", [])
        return ProductFile(
            path=path,
            key=key,
            title=about.get("title", key),
            roles=tuple(about.get("roles", ("classification",))),
            bands=(
                ProductBand(Band(key.upper()), "dn", fields={"classification:bitfields": fields}),
            ),
            labels=True,
        )
    if short in _DERIVED:
        derived = _DERIVED[short]
        detail = Band(derived.key.upper())
        return ProductFile(
            path=path,
            key=derived.key,
            title=described.get(derived.key, {}).get("title", derived.key),
            roles=("data",),
            bands=(ProductBand(detail, derived.domain, scale=derived.scale, unit=derived.unit),),
            nodata=DERIVED_NODATA,
            beside=True,
        )
    match = _BAND.fullmatch(tag)
    return None if match is None else _band_file(match, path, root, level=level, sensor=sensor)


def _band_file(
    match: re.Match[str], path: Path, root: etree._Element, *, level: int, sensor: str
) -> ProductFile:
    detail = SENSORS[sensor].bands.get(f"B{match[1]}")
    if detail is None or detail.common_name is None:
        raise IngestRefused(f"has an image {path.name} of no known band")
    # Landsat 7 takes its thermal band twice, with low and with high gain.
    key = detail.common_name + ("_high" if match[2] == "2" else "")
    thermal = detail.common_name in _THERMAL
    if thermal and level == 1:
        # Brightness temperature is no straight line of the digital number: they stay numbers.
        band = ProductBand(detail, "dn")
    else:
        scale, offset = _rescaling(root, match[1], level=level, thermal=thermal)
        domain: Domain = "kelvin" if thermal else "reflectance" if level == 2 else "toa_reflectance"
        band = ProductBand(
            detail, domain, scale=scale, offset=offset, unit="K" if thermal else None
        )
    roles = ("data", "temperature") if thermal else ("data", "reflectance")
    title = f"{detail.common_name} ({detail.name})"
    return ProductFile(
        path=path,
        key=key,
        title=title,
        roles=("data",) if thermal and level == 1 else roles,
        bands=(band,),
        nodata=FILL,
    )


def _rescaling(
    root: etree._Element, number: str, *, level: int, thermal: bool
) -> tuple[float, float]:
    """Scale and offset of a band: of reflectance at the top of the atmosphere without regard to the sun's height."""
    what, band = (
        ("TEMPERATURE", f"BAND_ST_B{number}") if thermal else ("REFLECTANCE", f"BAND_{number}")
    )
    for group in _GROUPS[level]:
        scale = number_of(root, f"{group}/{what}_MULT_{band}")
        offset = number_of(root, f"{group}/{what}_ADD_{band}")
        if scale is not None and offset is not None and scale > 0:
            return scale, offset
    raise IngestRefused(f"has an MTL without {what}_MULT_{band} and {what}_ADD_{band}")


@lru_cache(maxsize=4)
def _described(letter: str) -> Mapping[str, Mapping[str, Any]]:
    """Titles, roles and bit fields that stactools knows for an instrument, by asset key.

    Its own reader of these files needs pkg_resources, which setuptools no longer has.
    """
    spec = find_spec("stactools.landsat")
    assert spec is not None, "stactools has been asked for the MTL before"
    assert spec.submodule_search_locations, "it is a package"
    folder = Path(spec.submodule_search_locations[0]) / "fragments" / _FRAGMENTS[letter]
    found: dict[str, Mapping[str, Any]] = {}
    for name in ("sr-assets.json", "st-assets.json"):
        found |= json.loads((folder / name).read_text(encoding="utf-8"))
    return found
