"""What the makers of Sentinel-1, Sentinel-2 and Landsat document of their numbers, for items that do not say it.

Sentinel-2: ESA, product specification (QUANTIFICATION_VALUE; RADIO_ADD_OFFSET and BOA_ADD_OFFSET since baseline 04.00).
Landsat: USGS, Collection 2 data format control books of levels 1 and 2. Sentinel-1: ESA, GRD product definition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from eotiles.catalog.product import Product
from eotiles.core.domain import Domain

BASELINE_OF_OFFSET = 4.0
"""Since this processing baseline a digital number of Sentinel-2 is 10000 × reflectance + 1000, of whatever date."""

SENTINEL_2_SCALE, SENTINEL_2_OFFSET = 0.0001, -0.1

OPTICAL = frozenset(
    {
        "pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075",
        "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22",
    }
)  # fmt: skip
"""Common names of bands that reflect sunlight."""

_SENTINEL_2_BAND = re.compile(r"B(?:0?[1-9]|1[0-2]|8A)(?:_\d0m)?", re.IGNORECASE)
_POLARISED = re.compile(r"(?:^|[_-])[vh][vh](?:$|[_-])")
_RADIANCE = "W/(m2.sr.um)"


@dataclass(frozen=True)
class Documented:
    """What a product's maker says of a band. None: not documented, or only in a file beside it."""

    domain: Domain
    rule: str
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    unit: str | None = None


@lru_cache(maxsize=4096)
def documented(
    product: Product | None, *, asset: str, name: str | None, common_name: str | None
) -> Documented | None:
    """What is known of a band by its product; None where that says nothing."""
    if product is None:
        return None
    names = {text.lower() for text in (asset, name) if text}
    optical = common_name in OPTICAL
    if product.mission == "sentinel-2":
        return _sentinel_2(product, names, optical=optical)
    if product.mission == "landsat":
        return _landsat(product, names, common_name)
    return _sentinel_1(product) if any(_POLARISED.search(name) for name in names) else None


def _sentinel_2(product: Product, names: set[str], *, optical: bool) -> Documented | None:
    short = {name.partition("_")[0] for name in names}
    if "aot" in short:
        return Documented("index", "Sentinel-2 L2A: aerosol optical thickness", 0.001, 0.0, 0.0)
    if "wvp" in short:
        return Documented("dn", "Sentinel-2 L2A: water vapour", 0.001, 0.0, 0.0, unit="cm")
    if not (optical or any(_SENTINEL_2_BAND.fullmatch(name) for name in names)):
        return None
    level = product.level or "L2A"
    domain: Domain = "toa_reflectance" if level == "L1C" else "reflectance"
    if product.applied:
        rule = "Sentinel-2: the item says that the offset is taken off already"
        return Documented(domain, rule, SENTINEL_2_SCALE, 0.0, 0.0)
    if product.baseline is None:
        return Documented(
            "dn", "Sentinel-2, but the item does not say of which processing baseline"
        )
    baseline = f"{product.baseline:05.2f}"
    if product.baseline < BASELINE_OF_OFFSET:
        rule = f"Sentinel-2, processing baseline {baseline}: no offset"
        return Documented(domain, rule, SENTINEL_2_SCALE, 0.0, 0.0)
    rule = f"Sentinel-2, processing baseline {baseline}: -1000"
    return Documented(domain, rule, SENTINEL_2_SCALE, SENTINEL_2_OFFSET, 0.0)


_LANDSAT_2 = "Landsat Collection 2, level 2"


def _aside(
    what: str, scale: float, *, domain: Domain = "index", unit: str | None = None
) -> Documented:
    return Documented(domain, f"{_LANDSAT_2}: {what}", scale, 0.0, -9999.0, unit)


_LANDSAT_2_ASIDE: MappingProxyType[str, Documented] = MappingProxyType(
    {
        "atmos_opacity": _aside("atmospheric opacity", 0.001),
        "qa": _aside("uncertainty of the temperature", 0.01, domain="kelvin", unit="K"),
        "trad": _aside("thermal radiance", 0.001, domain="dn", unit=_RADIANCE),
        "drad": _aside("downwelled radiance", 0.001, domain="dn", unit=_RADIANCE),
        "urad": _aside("upwelled radiance", 0.001, domain="dn", unit=_RADIANCE),
        "atran": _aside("atmospheric transmittance", 0.0001),
        "emis": _aside("emissivity", 0.0001),
        "emsd": _aside("deviation of the emissivity", 0.0001),
        "cdist": _aside("distance to cloud", 0.01, domain="dn", unit="km"),
    }
)
"""By asset key, or name of the file less ST_ or SR_."""

_THERMAL = frozenset({"lwir", "lwir11", "lwir12"})


def _landsat(product: Product, names: set[str], common_name: str | None) -> Documented | None:
    level = product.level or ""
    if level.startswith("L2"):
        for name in names:
            if (aside := _LANDSAT_2_ASIDE.get(re.sub(r"^s[rt]_", "", name))) is not None:
                return aside
        if common_name in _THERMAL or any(re.fullmatch(r"st_b\d+", name) for name in names):
            rule = f"{_LANDSAT_2}: surface temperature"
            return Documented("kelvin", rule, 0.00341802, 149.0, 0.0)
        if common_name in OPTICAL or any(re.fullmatch(r"sr_b\d", name) for name in names):
            rule = f"{_LANDSAT_2}: surface reflectance"
            return Documented("reflectance", rule, 0.0000275, -0.2, 0.0)
        return None
    if not level.startswith("L1") or common_name not in OPTICAL:
        return None
    if product.platform in ("landsat-8", "landsat-9", "lc08", "lc09", "lo08", "lo09"):
        rule = "Landsat Collection 2, level 1, OLI: without the sun's angle"
        return Documented("toa_reflectance", rule, 0.00002, -0.1, 0.0)
    return Documented("dn", "Landsat Collection 2, level 1: scale and offset are in its MTL file")


def _sentinel_1(product: Product) -> Documented | None:
    if product.level == "GRD":
        return Documented("amplitude", "Sentinel-1 GRD: amplitude, not calibrated")
    if product.level == "RTC":
        return Documented("power", "Sentinel-1 RTC: gamma0, linear")
    return None
