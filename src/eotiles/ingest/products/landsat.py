"""Landsat Collection 2, Level-1 and Level-2, as USGS delivers it: images and an MTL file in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from lxml import etree

from eotiles.core.errors import IngestRefused
from eotiles.ingest.period import Period
from eotiles.ingest.products.landsat_bands import landsat_files
from eotiles.ingest.products.metadata import explained, inside, text_of
from eotiles.ingest.products.mtl import ENDINGS, read_mtl
from eotiles.ingest.products.product import MetadataFile, Product, ProductKind
from eotiles.ingest.scenes import Refusal

_PRODUCT = re.compile(
    r"L(?P<sensor>[COTEM])(?P<satellite>0[1-9])_(?P<level>L[12][A-Z]{2})_(?P<path>\d{3})(?P<row>\d{3})_"
    r"\d{8}_\d{8}_02_(?:T1|T2|RT)",
    re.ASCII,
)
_INSTRUMENTS = {"C": ["oli", "tirs"], "O": ["oli"], "T": ["tm"], "E": ["etm+"], "M": ["mss"]}

LICENSE_URL = "https://www.usgs.gov/landsat-missions/landsat-data-access"


def find_landsat(paths: Iterable[Path]) -> tuple[list[Path], list[Refusal]]:
    """MTL files among the named paths and below them, one a product."""
    found: dict[str, Path] = {}
    refused = []
    for path in paths:
        if path.is_dir():
            below = [mtl for folder, names in _folders(path) for mtl in _best(folder, names)]
            if not below:
                refused.append(
                    Refusal(str(path), "holds no Landsat product (…_MTL.xml, .json or .txt)")
                )
        elif path.is_file() and path.name.endswith(ENDINGS):
            below = [path.absolute()]
        else:
            reason = "is no MTL file" if path.exists() else "does not exist"
            refused.append(Refusal(str(path), reason))
            continue
        for mtl in below:
            found.setdefault(_stem(mtl), mtl)
    return list(found.values()), refused


def _folders(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    for where, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(where), sorted(names)


def _best(folder: Path, names: Sequence[str]) -> list[Path]:
    """The MTL files of a folder, one a product."""
    found: dict[str, Path] = {}
    for ending in ENDINGS:
        for name in names:
            if name.endswith(ending):
                found.setdefault(name.removesuffix(ending), folder / name)
    return [found[name] for name in sorted(found)]


def _stem(mtl: Path) -> str:
    return str(mtl).rpartition("_MTL.")[0]


def read_landsat(path: Path) -> Sequence[Product]:
    """The product that an MTL file describes.

    Raises:
        IngestRefused: it is damaged, names what is not there, or is of no level that is read.
    """
    mtl = path.resolve()
    folder = mtl.parent
    root = read_mtl(mtl)
    name = text_of(root, "PRODUCT_CONTENTS/LANDSAT_PRODUCT_ID") or ""
    match = _PRODUCT.fullmatch(name)
    if match is None:
        raise IngestRefused(f"has the product id {name[:60]!r}, which is none of Collection 2")
    level = int(match["level"][1])
    if match["sensor"] == "M":
        raise IngestRefused("is of the MSS, which is not read")
    said = _properties(root, folder)
    sensor = "landsat-oli" if match["sensor"] in "CO" else "landsat-tm"
    files = landsat_files(root, folder, level=level, sensor=sensor, letter=match["sensor"])
    properties = {
        **said.properties,
        "platform": f"landsat-{int(match['satellite'])}",
        "constellation": "landsat",
        "instruments": _INSTRUMENTS[match["sensor"]],
        "processing:level": f"L{level}",
    }
    return [
        Product(
            id=said.identifier,
            collection=f"landsat-c2-l{level}",
            title=f"Landsat Collection 2 Level-{level}",
            period=said.period,
            properties={key: value for key, value in properties.items() if value is not None},
            files=files,
            metadata=_metadata(root, folder, mtl),
            attribution="Landsat imagery courtesy of the U.S. Geological Survey",
            license="CC0-1.0",
            license_url=LICENSE_URL,
            provider="USGS",
            gsd_m=30.0,
        )
    ]


@dataclass(frozen=True)
class _Said:
    """What stactools reads off the MTL."""

    identifier: str
    period: Period
    properties: dict[str, Any]


def _properties(root: etree._Element, folder: Path) -> _Said:
    with explained(folder):
        from stactools.core.io.xml import XmlElement  # noqa: PLC0415
        from stactools.landsat.mtl_metadata import MtlMetadata  # noqa: PLC0415

        mtl = MtlMetadata(XmlElement(root))
        cloud = mtl.cloud_cover
        properties: dict[str, Any] = {
            **mtl.landsat_metadata,
            "eo:cloud_cover": cloud if cloud >= 0 else None,
            "view:off_nadir": mtl.off_nadir,
            "view:sun_azimuth": mtl.sun_azimuth,
            "view:sun_elevation": mtl.sun_elevation,
            "grid:code": f"WRS{text_of(root, 'IMAGE_ATTRIBUTES/WRS_TYPE')}-{mtl.wrs_path}{mtl.wrs_row}",
            "created": mtl.landsat_metadata.get("landsat:product_generated"),
        }
        return _Said(
            mtl.item_id, Period(mtl.scene_datetime.astimezone(UTC), None, "product"), properties
        )


def _metadata(root: etree._Element, folder: Path, mtl: Path) -> dict[str, MetadataFile]:
    """The MTL, and the file of angles if it is there."""
    types = {".xml": "application/xml", ".json": "application/json"}
    found = {"mtl": MetadataFile(mtl, "MTL", types.get(mtl.suffix.lower(), "text/plain"))}
    angles = text_of(root, "PRODUCT_CONTENTS/FILE_NAME_ANGLE_COEFFICIENT")
    if angles is not None and (path := inside(folder, angles)).is_file():
        found["ang"] = MetadataFile(path, "Angle coefficients", "text/plain")
    return found


LANDSAT = ProductKind("landsat", find_landsat, read_landsat)
