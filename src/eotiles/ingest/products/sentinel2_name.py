"""Names of Sentinel-2 products, data strips and granules: read, and written again.

ESA's naming convention of today (S2A_MSIL1C_20170105T013442_N0204_R031_T53NMJ_20170105T013443.SAFE), the one until
December 2016 (S2A_OPER_PRD_MSIL1C_PDMC_…), and that of data strips and granules, which stayed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from eotiles.ingest.period import iso

Kind = Literal["product", "old-product", "data-strip", "granule"]

_TIME = r"\d{8}T\d{6}"
_TILE = r"(?:0[1-9]|[1-5]\d|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]"

_PART = re.compile(
    rf"(?P<satellite>S2[A-D])_(?P<file_class>[A-Z]{{4}})_MSI_(?P<level>L\d[A-C])_(?P<part>DS|TL)_"
    rf"(?P<site>[A-Z0-9][A-Z0-9_]{{3}})_(?P<created>{_TIME})_"
    rf"(?:S(?P<sensing>{_TIME})|A(?P<absolute_orbit>\d{{6}})_T(?P<tile>{_TILE}))_N(?P<baseline>\d\d\.\d\d)",
    re.ASCII,
)
_PRODUCT = re.compile(
    rf"(?P<satellite>S2[A-D])_MSI(?P<level>L\d[A-C])_(?P<sensing>{_TIME})_N(?P<baseline>\d{{4}})_"
    rf"R(?P<relative_orbit>\d{{3}})_T(?P<tile>{_TILE})_(?P<discriminator>{_TIME})(?:\.SAFE)?",
    re.ASCII,
)
_OLD_PRODUCT = re.compile(
    rf"(?P<satellite>S2[A-D])_(?P<file_class>[A-Z]{{4}})_PRD_MSI(?P<level>L\d[A-C])_(?P<site>[A-Z0-9][A-Z0-9_]{{3}})_"
    rf"(?P<created>{_TIME})_R(?P<relative_orbit>\d{{3}})_V(?P<sensing>{_TIME})_(?P<sensing_end>{_TIME})(?:\.SAFE)?",
    re.ASCII,
)

RELATIVE_ORBITS = range(1, 144)


@dataclass(frozen=True)
class Sentinel2Name:
    """What a name says. `str()` writes it as ESA does, without the ending .SAFE. Times are UTC."""

    kind: Kind
    satellite: str
    """S2A to S2D."""

    level: str
    """L1C, L2A, …"""

    file_class: str | None = None
    """OPER: operational, USER: made by a user."""

    site: str | None = None
    """Where it was processed (SGS, MTI, EPAE, …), without padding."""

    created: datetime | None = None
    """When it was processed."""

    sensing: datetime | None = None
    """When sensing began: of the data strip, and of products of the data take."""

    sensing_end: datetime | None = None
    absolute_orbit: int | None = None
    relative_orbit: int | None = None
    tile: str | None = None
    """Of the MGRS: 53NMJ."""

    baseline: str | None = None
    """Processing baseline: 02.04."""

    discriminator: datetime | None = None
    """Of a product: tells products of one data take apart."""

    def __str__(self) -> str:
        site = f"{self.site or '':_<4}"
        if self.kind == "product":
            return (
                f"{self.satellite}_MSI{self.level}_{_stamp(self.sensing)}_N{(self.baseline or '').replace('.', '')}_"
                f"R{self.relative_orbit:03d}_T{self.tile}_{_stamp(self.discriminator)}"
            )
        if self.kind == "old-product":
            return (
                f"{self.satellite}_{self.file_class}_PRD_MSI{self.level}_{site}_{_stamp(self.created)}_"
                f"R{self.relative_orbit:03d}_V{_stamp(self.sensing)}_{_stamp(self.sensing_end)}"
            )
        is_strip = self.kind == "data-strip"
        what = (
            f"S{_stamp(self.sensing)}" if is_strip else f"A{self.absolute_orbit:06d}_T{self.tile}"
        )
        return (
            f"{self.satellite}_{self.file_class}_MSI_{self.level}_{'DS' if is_strip else 'TL'}_{site}_"
            f"{_stamp(self.created)}_{what}_N{self.baseline}"
        )

    def properties(self) -> dict[str, Any]:
        """As properties of a STAC Item; what the name does not say is absent."""
        found: dict[str, Any] = {
            "platform": f"sentinel-2{self.satellite[-1].lower()}",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "processing:level": self.level,
            "processing:facility": self.site,
            "created": None if self.created is None else iso(self.created),
            "datetime": None if self.sensing is None else iso(self.sensing),
            "processing:version": self.baseline,
            "s2:processing_baseline": self.baseline,
            "s2:datastrip_id": str(self) if self.kind == "data-strip" else None,
            "s2:tile_id": str(self) if self.kind == "granule" else None,
            "sat:relative_orbit": self.relative_orbit,
            "sat:absolute_orbit": self.absolute_orbit,
            "grid:code": None if self.tile is None else f"MGRS-{self.tile}",
        }
        return {name: value for name, value in found.items() if value is not None}


def read_name(text: str) -> Sentinel2Name | None:
    """What a name says; None if it is none, or names a time or an orbit that there is not."""
    for pattern in (_PRODUCT, _PART, _OLD_PRODUCT):
        if match := pattern.fullmatch(text):
            try:
                return _name(match.groupdict())
            except ValueError:  # the 31st of February
                return None
    return None


def _name(found: dict[str, str | None]) -> Sentinel2Name:
    part = found.get("part")
    if part is not None and (part == "DS") != (found["sensing"] is not None):
        raise ValueError("a data strip has a sensing time, a granule an orbit and a tile")
    if part is not None:
        kind: Kind = "data-strip" if part == "DS" else "granule"
    else:
        kind = "product" if found.get("discriminator") else "old-product"
    relative = found.get("relative_orbit")
    if relative is not None and int(relative) not in RELATIVE_ORBITS:
        raise ValueError("Sentinel-2 repeats after 143 orbits")
    baseline = found.get("baseline")
    if baseline is not None and "." not in baseline:
        baseline = f"{baseline[:2]}.{baseline[2:]}"
    site = found.get("site")
    absolute = found.get("absolute_orbit")
    return Sentinel2Name(
        kind=kind,
        satellite=found["satellite"] or "",
        level=found["level"] or "",
        file_class=found.get("file_class"),
        site=None if site is None else site.rstrip("_"),
        created=_time(found.get("created")),
        sensing=_time(found.get("sensing")),
        sensing_end=_time(found.get("sensing_end")),
        absolute_orbit=None if absolute is None else int(absolute),
        relative_orbit=None if relative is None else int(relative),
        tile=found.get("tile"),
        baseline=baseline,
        discriminator=_time(found.get("discriminator")),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y%m%dT%H%M%S}"
