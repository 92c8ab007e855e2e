"""A Source: where the pixels of one band are, and what a number in them means."""

from __future__ import annotations

from dataclasses import dataclass

from eotiles.core.domain import Domain


@dataclass(frozen=True)
class Source:
    """One band of one asset of an Item.

    A digital number `dn` stands for the physical value `dn * scale + offset` (STAC raster extension), unless it
    equals `nodata` or the file's mask hides it.
    """

    asset: str
    """Key of the asset in the item."""

    band: int
    """Band of the file, counted from 1 as GDAL does."""

    name: str
    """Name of the band in the item (STAC `bands[].name`), or the asset's key."""

    common_name: str | None
    """STAC `eo:common_name`: red, nir, swir16, …"""

    scale: float = 1.0
    """Physical units per digital number."""

    offset: float = 0.0
    """Physical value of digital number 0."""

    nodata: float | None = None
    """Digital number that means 'no data', as the item declares it; None: as the file declares it."""

    gsd_m: float | None = None
    """Ground sample distance in metres."""

    center_um: float | None = None
    """Centre wavelength in micrometres, as STAC has it."""

    width_um: float | None = None
    """Full width at half maximum in micrometres."""

    polarization: str | None = None
    """Of radar: VV, VH, HH or HV."""

    domain: Domain = "dn"
    """What a physical value is."""

    unit: str | None = None
    """Of physical values (UCUM)."""

    is_stated: bool = False
    """Whether scale and offset are known without the file; else the file's own count, if it has any."""

    is_labels: bool = False
    """Whether digital numbers are labels or bit fields: never averaged, never scaled."""

    rule: str = ""
    """What decided, for people."""

    def __post_init__(self) -> None:
        if self.band < 1:
            raise ValueError(f"band counts from 1, got {self.band} for asset {self.asset!r}")
        if self.scale == 0:
            raise ValueError(f"scale of asset {self.asset!r} is 0: every pixel would mean the same")
