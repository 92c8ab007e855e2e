"""NAIP aerial photographs as USDA delivers them: an image a quarter quadrangle, at best with FGDC metadata."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.bands import Band
from eotiles.ingest.header import open_raster
from eotiles.ingest.period import Period
from eotiles.ingest.products.metadata import explained, read_bytes, read_xml
from eotiles.ingest.products.product import (
    MetadataFile,
    Product,
    ProductBand,
    ProductFile,
    ProductKind,
)
from eotiles.ingest.scenes import ENDINGS, Refusal

NAME = re.compile(
    r"m_(?P<quad>\d{7})_(?P<quarter>ne|nw|se|sw)_(?P<zone>\d{2})_(?P<pixel>[\dh]{1,3})_(?P<date>\d{8})(?:_\d{8})?",
    re.I | re.ASCII,
)
BANDS = ("red", "green", "blue", "nir")
METADATA_MAX_BYTES = 2**20


def find_naip(paths: Iterable[Path]) -> tuple[list[Path], list[Refusal]]:
    """NAIP images among the named paths and below them."""
    found: dict[Path, None] = {}
    refused = []
    for path in paths:
        if path.is_dir():
            below = sorted(_below(path))
            if not below:
                refused.append(Refusal(str(path), "holds no NAIP image (m_….tif)"))
            found.update(dict.fromkeys(below))
        elif path.is_file() and _is_image(path.name):
            found[path.absolute()] = None
        else:
            reason = "is not called as NAIP images are (m_3008501_ne_16_1_20110815.tif)"
            refused.append(Refusal(str(path), reason if path.exists() else "does not exist"))
    return list(found), refused


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if _is_image(name):
                yield Path(where, name)


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS) and NAME.fullmatch(Path(name).stem) is not None


def read_naip(path: Path, *, state: str | None) -> Sequence[Product]:
    """The product that an image is.

    Raises:
        IngestRefused: it, or what describes it, is damaged.
    """
    match = NAME.fullmatch(path.stem)
    if match is None:
        raise IngestRefused("is not called as NAIP images are (m_3008501_ne_16_1_20110815.tif)")
    try:
        datetime.strptime(match["date"], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise IngestRefused(f"has no date in its name: {match['date']}") from error
    with open_raster(path) as image:
        if image.count not in (3, 4) or image.dtypes[0] != "uint8":
            raise IngestRefused(
                f"has {image.count} bands of {image.dtypes[0]}: NAIP has 3 or 4 of uint8"
            )
        names, crs = BANDS[: image.count], image.crs
    if crs.to_authority() is None:
        raise IngestRefused("has a CRS without a code")
    described = _described_by(path)
    year = match["date"][:4]
    # Text until 2019 and XML since: stactools reads no other, and the name says the same.
    is_read = described is not None and (described.suffix == ".xml") == (year >= "2020")
    with explained(path.parent):
        from stactools.naip.stac import create_item  # noqa: PLC0415

        item = create_item(state or "", year, str(path), str(described) if is_read else None)
    if item.datetime is None:
        raise IngestRefused("does not say when it was taken")
    properties = {
        "platform": "aircraft",
        "naip:year": year,
        "naip:state": state,
        "grid:code": f"DOQQ-{match['quad']}{match['quarter'].upper()}",
    }
    return [
        Product(
            id=item.id.lstrip("_"),
            collection="naip",
            title="NAIP",
            period=Period(item.datetime.replace(tzinfo=UTC), None, "product"),
            properties={name: value for name, value in properties.items() if value is not None},
            files=(
                ProductFile(
                    path=path.resolve(),
                    key="image",
                    title="RGB and near infrared" if len(names) == 4 else "RGB",
                    roles=("data",),
                    # Dark water is 0 in near infrared: only where the file says so is a number no data.
                    bands=tuple(ProductBand(Band(name, name), "display") for name in names),
                ),
            ),
            metadata={"metadata": MetadataFile(described, "FGDC metadata", _media_type(described))}
            if described
            else {},
            attribution="USDA Farm Service Agency, National Agriculture Imagery Program",
            license="other",
            license_url="https://www.fsa.usda.gov/programs-and-services/aerial-photography",
            provider="USDA Farm Service Agency",
        )
    ]


def _described_by(path: Path) -> Path | None:
    """The FGDC metadata of an image, checked for what may be parsed: of the same name, or of its start."""
    folder = path.parent.resolve()
    stems = dict.fromkeys((path.stem, re.sub(r"(_\d{8})_\d{8}$", r"\1", path.stem)))
    for stem in stems:
        for ending in (".txt", ".xml"):
            found = folder / f"{stem}{ending}"
            if not found.is_file():
                continue
            if not found.resolve().is_relative_to(folder):
                raise IngestRefused(f"has metadata {found.name} that leads out of its folder")
            if ending == ".xml":
                read_xml(found, limit=METADATA_MAX_BYTES)
            else:
                read_bytes(found, limit=METADATA_MAX_BYTES)
            return found
    return None


def _media_type(path: Path) -> str:
    return "application/xml" if path.suffix == ".xml" else "text/plain"


def naip(state: str | None) -> ProductKind:
    """The kind, of images of a state where it is known.

    Raises:
        BadParameter: it is no abbreviation of a state.
    """
    if state is not None and re.fullmatch(r"[A-Za-z]{2}", state) is None:
        raise BadParameter(f"--state {state!r} is not the two letters of a state (nd, ca, …)")
    return ProductKind("naip", find_naip, partial(read_naip, state=state and state.lower()))
