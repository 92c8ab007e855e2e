"""Sentinel-2 Level-1C and Level-2A as ESA delivers them: SAFE folders, today's and those of before December 2016."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pystac
from lxml import etree

from eotiles.core.errors import IngestRefused
from eotiles.ingest.period import Period
from eotiles.ingest.products.metadata import explained, inside, read_xml, text_of
from eotiles.ingest.products.product import MetadataFile, Product, ProductFile, ProductKind
from eotiles.ingest.products.safe import Safe, find_safe, open_safe
from eotiles.ingest.products.sentinel2_bands import Radiometry, image_file, read_radiometry
from eotiles.ingest.products.sentinel2_granules import Granule, old_granules
from eotiles.ingest.products.sentinel2_name import Sentinel2Name, read_name
from eotiles.ingest.scenes import Refusal

FOLDER = re.compile(r"S2[A-D]_.+\.SAFE$", re.I)
TITLES = {"L1C": "Sentinel-2 Level-1C", "L2A": "Sentinel-2 Level-2A"}
LICENSE_URL = "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice"

_OURS = re.compile(r"proj:|mgrs:|providers$|created$|datetime$")
"""What stactools says and is read from pixels, said of the collection, or said better by names."""

_ALREADY_SAID = ("s2:generation_time", "s2:processing_baseline")


def find_sentinel2(paths: Iterable[Path]) -> tuple[list[Path], list[Refusal]]:
    """Sentinel-2 SAFE folders among the named paths and below them."""
    return find_safe(paths, FOLDER, what="Sentinel-2 SAFE")


def read_sentinel2(path: Path) -> Sequence[Product]:
    """The product of a SAFE folder, or one for each granule where it is of the old convention.

    Raises:
        IngestRefused: its metadata is damaged, or names what is not there.
    """
    safe = open_safe(path)
    metadata = _product_metadata(safe)
    root = read_xml(metadata)
    if root.find(".//Granule_List/Granules") is not None or root.find(".//IMAGE_ID") is not None:
        return [_old(granule, safe, root, metadata) for granule in old_granules(safe, root)]
    return [_compact(safe, root)]


def _product_metadata(safe: Safe) -> Path:
    """The file that describes the whole product."""
    named = [path for path in safe.files if path.parent == safe.folder]
    for path in named:
        if re.fullmatch(r"MTD_MSIL(1C|2A)\.xml|S2[A-D]_\w{4}_MTD_SAFL(1C|2A)_.+\.xml", path.name):
            return safe.existing(path)
    raise IngestRefused("has a manifest that names no metadata of a Level-1C or Level-2A product")


def _compact(safe: Safe, root: etree._Element) -> Product:
    """A product of today's convention: one tile, as stactools reads it."""
    product = _name_said(root, ".//PRODUCT_URI", kind="product")
    level, baseline = product.level, product.baseline
    assert baseline is not None, "a product's name has one"
    if level not in TITLES:
        raise IngestRefused(f"is of level {level}: Level-1C and Level-2A are read")
    granule = root.find(".//Granule_List/Granule")
    strip = read_name("" if granule is None else granule.get("datastripIdentifier") or "")
    if strip is None or strip.sensing is None:
        raise IngestRefused("names no data strip, which says when it was taken")
    radiometry = read_radiometry(root, level=level, baseline=baseline)
    # Before stactools follows them, what is named is held to the folder.
    for path in safe.files:
        if path.suffix == ".xml" and path.name.startswith("MTD_"):
            read_xml(safe.existing(path))
    for image in root.iterfind(".//IMAGE_FILE"):
        inside(safe.folder, image.text or "")
    item = _read_by_stactools(safe)
    files = _finest(
        (key, inside(safe.folder, str(Path(asset.href).relative_to(safe.folder))))
        for key, asset in item.assets.items()
        if set(asset.roles or ()) & {"data", "visual"}
    )
    metadata = {
        key: MetadataFile(Path(asset.href).resolve(), key.replace("_", " "))
        for key, asset in item.assets.items()
        if asset.roles == ["metadata"]
        and Path(asset.href).resolve() in (*safe.files, safe.manifest_path)
    }
    kept = {
        name: value
        for name, value in item.properties.items()
        if _OURS.match(name) is None and name not in _ALREADY_SAID
    }
    return _product(
        item.id,
        level=level,
        start=strip.sensing,
        properties={**kept, **_of_names([product, strip])},
        files=_images(files, safe, radiometry),
        metadata=metadata,
    )


def _name_said(root: etree._Element, path: str, *, kind: str) -> Sentinel2Name:
    text = text_of(root, path) or ""
    name = read_name(text)
    if name is None or name.kind != kind:
        raise IngestRefused(f"calls itself {text[:80]!r}, which is no name of a {kind}")
    return name


def _read_by_stactools(safe: Safe) -> pystac.Item:
    with explained(safe.folder):
        from stactools.sentinel2.stac import create_item  # noqa: PLC0415

        item: pystac.Item = create_item(str(safe.folder))
        return item


def _old(granule: Granule, safe: Safe, root: etree._Element, metadata: Path) -> Product:
    """A granule of a product of the old convention."""
    level = granule.strip.level
    baseline = granule.name.baseline or ""
    radiometry = read_radiometry(root, level=level, baseline=baseline)
    start = granule.strip.sensing
    assert start is not None, "a data strip has a sensing time"
    product = read_name(safe.folder.name)
    names = [name for name in (product, granule.name, granule.strip) if name is not None]
    return _product(
        f"{granule.name.satellite}_T{granule.name.tile}_{start:%Y%m%dT%H%M%S}_{level}",
        level=level,
        start=start,
        properties={
            **granule.properties,
            **_of_names(names),
            "s2:product_uri": safe.folder.name,
        },
        files=_images(_finest(granule.images), safe, radiometry),
        metadata={
            "product_metadata": MetadataFile(metadata, "product metadata"),
            "granule_metadata": MetadataFile(granule.metadata, "granule metadata"),
        },
    )


def _product(
    identifier: str,
    *,
    level: str,
    start: datetime,
    properties: Mapping[str, Any],
    files: tuple[ProductFile, ...],
    metadata: Mapping[str, MetadataFile],
) -> Product:
    return Product(
        id=identifier,
        collection=f"sentinel-2-{level.lower()}",
        title=TITLES[level],
        period=Period(start, None, "product"),
        properties={name: value for name, value in properties.items() if value is not None},
        files=files,
        metadata=metadata,
        attribution=f"contains modified Copernicus Sentinel data {start.year}",
        license_url=LICENSE_URL,
        provider="ESA",
    )


def _of_names(names: Iterable[Sentinel2Name]) -> dict[str, Any]:
    """What names say; of several the last."""
    said: dict[str, Any] = {}
    for name in names:
        said |= name.properties()
    said.pop("datetime", None)
    return said


def _finest(images: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Images by key, of the same band the one of the instrument's resolution, else the finest.

    Level-2A has each band at 10, 20 and 60 m as far as it can: the coarser are averages, and overviews are too.
    """
    found: dict[str, tuple[int, Path]] = {}
    for key, path in images:
        match = re.fullmatch(r"(.+)_(\d\d)m", key)
        name, rank = (match[1], int(match[2])) if match else (key, 0)
        if name not in found or rank < found[name][0]:
            found[name] = rank, path
    return {key: path for key, (_, path) in sorted(found.items())}


def _images(
    files: Mapping[str, Path], safe: Safe, radiometry: Radiometry
) -> tuple[ProductFile, ...]:
    missing = sorted(path.name for path in files.values() if not path.is_file())
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise IngestRefused(f"lacks its images {', '.join(missing[:3])}{more}")
    made = tuple(
        image_file(key, path, radiometry, checksum=safe.files.get(path))
        for key, path in files.items()
    )
    if not any(file.is_measured for file in made):
        raise IngestRefused("names no image of a band")
    return made


SENTINEL2 = ProductKind("sentinel2", find_sentinel2, read_sentinel2)
