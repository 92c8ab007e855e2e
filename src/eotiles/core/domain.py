"""Domains: what a value is once scale and offset are applied. This list is the only one."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal, get_args

Domain = Literal[
    "dn",
    "toa_reflectance",
    "reflectance",
    "amplitude",
    "power",
    "db",
    "kelvin",
    "metres",
    "index",
    "display",
]
"""`dn`: a number of which nothing is known, or only its unit. `toa_reflectance`, `reflectance`: 0 … 1 at the top of the
atmosphere, at the surface. `amplitude`, `power`: of radar, linear; `db`: decibels of power. `kelvin`: temperature.
`metres`: height, depth or length. `index`: without unit, such as NDVI. `display`: made to be looked at.

Labels are no domain: they are `dn` of a band that is marked as one of labels, and never averaged."""

DOMAINS: tuple[Domain, ...] = get_args(Domain)

REFLECTANCES: frozenset[Domain] = frozenset({"toa_reflectance", "reflectance"})

UNITS: MappingProxyType[Domain, str] = MappingProxyType(
    {
        "toa_reflectance": "1",
        "reflectance": "1",
        "power": "1",
        "db": "dB",
        "kelvin": "K",
        "metres": "m",
        "index": "1",
    }
)
"""Unit of the values of a domain (UCUM), where it has one."""

LABEL_NAMES = ("SCL", "QA_PIXEL", "QA_RADSAT", "SR_QA_AEROSOL", "QA_AEROSOL", "CLOUD_QA", "FMASK")
"""Bands of labels and bit fields that come beside imagery."""

LABELS_BEFORE = "class"
"""What labels were called when they were a domain."""

_BEFORE: MappingProxyType[str, Domain] = MappingProxyType(
    {
        "radiance": "dn",
        "physical": "dn",
        LABELS_BEFORE: "dn",
        "brightness_temperature": "kelvin",
        "backscatter": "power",
        "backscatter_db": "db",
    }
)
"""Words that items of earlier releases hold, and what they are now."""


def read_domain(value: Any) -> Domain | None:
    """The domain that metadata names, by a word of earlier releases too; None where it is no domain."""
    if not isinstance(value, str):
        return None
    for domain in DOMAINS:
        if value == domain:
            return domain
    return _BEFORE.get(value)
