"""What the person who ingests says about the imagery, as far as the files do not say it themselves."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from eotiles.core.domain import DOMAINS, LABELS_BEFORE, Domain
from eotiles.core.errors import BadParameter
from eotiles.ingest.bands import SENSORS
from eotiles.ingest.period import Period

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class BandName:
    """One entry of --bands."""

    name: str
    """Name of the band; for one file a band the suffix of the file name (B04, red)."""

    common_name: str | None
    """STAC common name if it was given (`B04=red`), else None: looked up by name."""


@dataclass(frozen=True)
class IngestOptions:
    """How scenes become items of one collection. None: as the files say, or as the collection has it already."""

    collection: str
    """Collection id; it names a folder too."""

    title: str | None = None
    """Title of the collection."""

    description: str | None = None
    """Description of the collection (Markdown)."""

    license: str | None = None
    """SPDX identifier, or `other`."""

    license_url: str | None = None
    """Address of the licence's text."""

    provider: str | None = None
    """Who produced the imagery."""

    attribution: str | None = None
    """What maps and items must show, e.g. "contains modified Copernicus Sentinel data 2019"."""

    item: str | None = None
    """Item id; only for a single scene."""

    item_description: str | None = None
    """Description of every item of this run."""

    period: Period | None = None
    """When the imagery was taken; else from TIFF tags or file names."""

    sensor: str | None = None
    """Key of `bands.SENSORS` that tells what B4 means; else recognised from the file names."""

    bands: tuple[BandName, ...] = ()
    """Names of the bands, in the order of the file, or by suffix for one file a band."""

    domain: Domain | None = None
    """One of DOMAINS; None: `dn`."""

    labels: bool = False
    """Whether the values are labels or bit fields, which are never averaged."""

    unit: str | None = None
    """Unit of the values (UCUM); else as the file says, or the domain."""

    scale: float | None = None
    """Physical units per digital number; else as the file says."""

    offset: float | None = None
    """Physical value of digital number 0; else as the file says."""

    nodata: float | None = None
    """Digital number that means 'no data'; else as the file says."""

    def __post_init__(self) -> None:
        check_id("collection", self.collection)
        if self.item is not None:
            check_id("item", self.item)
        if self.domain is not None:
            parse_domain(self.domain)
        if self.labels and (self.domain not in (None, "dn") or self.unit is not None):
            raise BadParameter("labels have neither a domain nor a unit")
        if self.sensor is not None and self.sensor not in SENSORS:
            raise BadParameter(
                f"sensor {self.sensor!r} is unknown: take one of {', '.join(SENSORS)}"
            )
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if value is not None and not math.isfinite(value):
                raise BadParameter(f"{name} must be a finite number, got {value}")
        if self.scale == 0:
            raise BadParameter("scale must not be 0: every pixel would mean the same")
        scaled = self.scale not in (None, 1.0) or self.offset not in (None, 0.0)
        if scaled and self.labels:
            raise BadParameter("labels have neither scale nor offset")
        if scaled and self.domain in (None, "dn") and self.unit is None:
            raise BadParameter(
                "scale and offset turn digital numbers into something: say into what with --domain "
                "(toa_reflectance, reflectance, …), or with --unit where none of them fits"
            )


def parse_domain(text: str) -> Domain:
    """The domain of that name.

    Raises:
        BadParameter: there is none.
    """
    for domain in DOMAINS:
        if text == domain:
            return domain
    hint = "; labels are said with --labels" if text == LABELS_BEFORE else ""
    raise BadParameter(f"domain {text!r} is unknown: take one of {', '.join(DOMAINS)}{hint}")


def check_id(what: str, value: str) -> str:
    """The id, if it is fit to be part of an address and the name of a folder.

    Raises:
        BadParameter: it is not.
    """
    if _ID.fullmatch(value) is None:
        raise BadParameter(
            f"{what} id {value!r} must be 1 to 128 letters, digits, dots, dashes or underscores and start with a "
            "letter or a digit"
        )
    return value


def parse_bands(text: str) -> tuple[BandName, ...]:
    """`red,green,blue,nir` or `B02=blue,B03=green` as band names.

    Raises:
        BadParameter: an entry is empty or a name comes twice.
    """
    entries = []
    for part in text.split(","):
        name, _, common = (piece.strip() for piece in part.partition("="))
        if not name or ("=" in part and not common):
            raise BadParameter(
                f"--bands {text!r} has an empty entry: write red,green,nir or B04=red,B03=green"
            )
        entries.append(BandName(name=name, common_name=common.lower() or None))
    names = [entry.name.lower() for entry in entries]
    if "thumbnail" in names:
        raise BadParameter(
            "--bands cannot use the name thumbnail: it is the asset of the small picture"
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadParameter(f"--bands names {', '.join(twice)} twice")
    return tuple(entries)
