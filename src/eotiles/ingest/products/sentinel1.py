"""Sentinel-1 ground range detected (GRD), as ESA delivers it: SAFE folders, with images in the radar's geometry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eotiles.core.errors import IngestRefused
from eotiles.ingest.bands import Band
from eotiles.ingest.period import Period, iso
from eotiles.ingest.products.metadata import explained
from eotiles.ingest.products.product import (
    MetadataFile,
    Product,
    ProductBand,
    ProductFile,
    ProductKind,
)
from eotiles.ingest.products.safe import MANIFEST, Safe, find_safe, open_safe
from eotiles.ingest.scenes import Refusal

FOLDER = re.compile(r"S1[A-D]_.+\.SAFE$", re.I)
_NAME = re.compile(
    r"(?P<satellite>S1[A-D])_(?P<mode>IW|EW|WV|S[1-6])_(?P<type>GRD|SLC|OCN|RAW|AUX)(?P<resolution>[FHM_])_"
    r"(?P<level>[012])S(?P<polarisation>SH|SV|DH|DV|HH|HV|VV|VH)_(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})_"
    r"(?P<orbit>\d{6})_(?P<take>[0-9A-F]{6})_(?P<id>[0-9A-F]{4})(?:_COG)?\.SAFE",
    re.ASCII,
)
_IMAGE = re.compile(
    r"s1[a-d]-(?:s[1-6]|iw|ew|wv)-grd-(?P<polarisation>hh|hv|vh|vv)-\d{8}t\d{6}-\d{8}t\d{6}-\d{6}-[0-9a-f]{6}-\d{3}"
    r"(?:-cog)?\.tiff?",
    re.ASCII,
)
LICENSE_URL = "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice"


def find_sentinel1(paths: Iterable[Path]) -> tuple[list[Path], list[Refusal]]:
    """Sentinel-1 SAFE folders among the named paths and below them."""
    return find_safe(paths, FOLDER, what="Sentinel-1 SAFE")


def read_sentinel1(path: Path) -> Sequence[Product]:
    """The product of a SAFE folder.

    Raises:
        IngestRefused: its metadata is damaged, names what is not there, or it is no GRD.
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise IngestRefused("has no name of a Sentinel-1 product")
    if name["type"] != "GRD":
        raise IngestRefused(f"is of the type {name['type']}: ground range detected (GRD) is read")
    safe = open_safe(path)
    properties, period = _properties(safe, name)
    spacing = properties["sar:pixel_spacing_range"]
    return [
        Product(
            # Without the last part, which changes when the same scene is processed again.
            id=path.name.removesuffix(".SAFE").removesuffix("_COG")[:-5],
            collection="sentinel-1-grd",
            title="Sentinel-1 GRD",
            period=period,
            properties=properties,
            files=_images(safe),
            metadata=_metadata(safe),
            attribution=f"contains modified Copernicus Sentinel data {period.start.year}",
            license_url=LICENSE_URL,
            provider="ESA",
            gsd_m=spacing,
            spacing_m=spacing,
        )
    ]


def _properties(safe: Safe, name: re.Match[str]) -> tuple[dict[str, Any], Period]:
    """What stactools reads off the manifest."""
    with explained(safe.folder):
        import pystac  # noqa: PLC0415
        from pystac.extensions.sar import SarExtension  # noqa: PLC0415
        from pystac.extensions.sat import SatExtension  # noqa: PLC0415
        from stactools.core.io.xml import XmlElement  # noqa: PLC0415
        from stactools.sentinel1.grd.product_metadata import GRDProductMetadata  # noqa: PLC0415
        from stactools.sentinel1.grd.properties import (  # noqa: PLC0415
            fill_sar_properties,
            fill_sat_properties,
        )

        manifest = XmlElement(safe.manifest)
        said = GRDProductMetadata(str(safe.folder / MANIFEST), {}, str, manifest)
        start, end = said.start_datetime, said.end_datetime
        item = pystac.Item("x", None, None, start, {})
        fill_sar_properties(SarExtension.ext(item, add_if_missing=True), manifest, said.resolution)
        fill_sat_properties(SatExtension.ext(item, add_if_missing=True), manifest)
        found = {**item.properties, **said.metadata_dict}
    if not start <= end or not _plausible(start):
        raise IngestRefused("does not say when it was taken")
    properties = {
        **found,
        "platform": f"sentinel-1{name['satellite'][-1].lower()}",
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        "processing:level": f"L{name['level']}",
        "s1:product_identifier": safe.folder.name.removesuffix(".SAFE"),
        "start_datetime": iso(start.astimezone(UTC)),
        "end_datetime": iso(end.astimezone(UTC)),
    }
    properties.pop("datetime", None)
    middle = start + (end - start) / 2
    return (
        {key: value for key, value in properties.items() if value is not None},
        Period(middle.astimezone(UTC), None, "product"),
    )


def _plausible(start: datetime) -> bool:
    return start.year >= 2014  # the first launch


def _images(safe: Safe) -> tuple[ProductFile, ...]:
    found: dict[str, ProductFile] = {}
    for path, checksum in safe.files.items():
        if path.parent != safe.folder / "measurement":
            continue
        match = _IMAGE.fullmatch(path.name)
        if match is None:
            raise IngestRefused(f"has an image {path.name} of no known polarisation")
        safe.existing(path)
        polarisation = match["polarisation"].upper()
        if polarisation.lower() in found:
            raise IngestRefused(f"has two images of {polarisation}")
        fields = {"sar:polarizations": [polarisation]}
        found[polarisation.lower()] = ProductFile(
            path=path,
            key=polarisation.lower(),
            title=f"{polarisation} amplitude, not calibrated",
            roles=("data",),
            bands=(ProductBand(Band(polarisation), "amplitude", fields=fields),),
            checksum=checksum,
        )
    if not found:
        raise IngestRefused("has a manifest that names no image")
    return tuple(found[key] for key in sorted(found))


def _metadata(safe: Safe) -> dict[str, MetadataFile]:
    """The manifest, and of each polarisation annotation, calibration and noise."""
    found = {"safe-manifest": MetadataFile(safe.folder / MANIFEST, "Manifest")}
    for path in sorted(safe.files):
        folder = str(path.parent.relative_to(safe.folder))
        kind = {"annotation": "product", "annotation/calibration": path.name.partition("-")[0]}.get(
            folder
        )
        match = re.search(r"-grd-(hh|hv|vh|vv)-", path.name)
        if kind not in ("product", "calibration", "noise") or match is None or not path.is_file():
            continue
        key = f"schema-{kind}-{match[1]}"
        found.setdefault(key, MetadataFile(path, f"{match[1].upper()} {kind}"))
    return found


SENTINEL1 = ProductKind("sentinel1", find_sentinel1, read_sentinel1)
