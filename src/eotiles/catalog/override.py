"""`eotiles:radiometry`, of a collection or an item: what people say of digital numbers, before all other metadata."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eotiles.core.domain import DOMAINS
from eotiles.core.errors import BadParameter

Json = Mapping[str, Any]

OVERRIDE = "eotiles:radiometry"
"""A member of a collection, or a property of an item: `scale`, `offset`, `nodata`, `domain`, `unit` for every band of
measurements, and below `assets`, by key, for those of an asset; there below `bands`, by name, common name or number."""

_NUMBERS = ("scale", "offset", "nodata")
FIELDS = (*_NUMBERS, "domain", "unit")


@dataclass(frozen=True)
class Said:
    """What one place says."""

    whose: str
    """For people."""

    fields: Json

    is_general: bool
    """Whether it is said of every band of measurements, of none by name."""


def with_override(properties: Json, collection: Any) -> Json:
    """An item's properties with what its collection (its member `eotiles:radiometry`) says behind its own word."""
    if not isinstance(collection, Mapping) or not collection:
        return properties
    return {**properties, OVERRIDE: [properties.get(OVERRIDE), collection]}


def overrides(properties: Json, asset: str, band: tuple[str | None, ...]) -> tuple[Said, ...]:
    """What is said of a band, the closest first: the item before its collection, a band before its asset before all.

    `asset` is the key; `band` its name, common name and number.
    """
    said = properties.get(OVERRIDE)
    if said is None:
        return ()
    own, collection = said if isinstance(said, list) and len(said) == 2 else (said, None)
    return tuple(
        Said(f"{OVERRIDE} of the {whose}{where}", fields, is_general=not where)
        for whose, each in (("item", own), ("collection", collection))
        if isinstance(each, Mapping)
        for where, fields in _levels(each, asset, band)
    )


def _levels(said: Json, asset: str, band: tuple[str | None, ...]) -> Iterator[tuple[str, Json]]:
    named = _mapping(_mapping(said.get("assets")).get(asset))
    bands = _mapping(named.get("bands"))
    for name in band:
        if name is not None and isinstance(bands.get(name), Mapping):
            yield f", band {name} of asset {asset}", bands[name]
    if named:
        yield f", asset {asset}", named
    yield "", said


def check_override(said: Any, *, name: str) -> None:
    """Pass an override that means something; `name` is whose it is.

    Raises:
        BadParameter: a field is unknown, or its value cannot be.
    """
    where = f"{OVERRIDE} of {name}"
    _check(said, where, more="assets")
    for asset, fields in _members(said, "assets", where):
        _check(fields, f"{where}, asset {asset}", more="bands")
        for band, deepest in _members(fields, "bands", f"{where}, asset {asset}"):
            _check(deepest, f"{where}, band {band} of asset {asset}", more=None)


def _members(said: Json, member: str, where: str) -> Iterator[tuple[str, Any]]:
    found = said.get(member, {})
    if not isinstance(found, Mapping):
        raise BadParameter(f"{where}: {member} is an object, by name")
    yield from found.items()


def _check(fields: Any, where: str, *, more: str | None) -> None:
    if not isinstance(fields, Mapping):
        raise BadParameter(f"{where} is an object")
    if unknown := [str(field)[:40] for field in fields if field not in (*FIELDS, more)]:
        having = ", ".join(FIELDS if more is None else (*FIELDS, more))
        raise BadParameter(f"{where} has {unknown[0]!r}; it takes {having}")
    for field in _NUMBERS:
        value = fields.get(field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and abs(value) <= sys.float_info.max):
            raise BadParameter(f"{where}: {field} is a finite number")
    if fields.get("scale") == 0:
        raise BadParameter(f"{where}: a scale of 0 would make every pixel the same")
    domain, unit = fields.get("domain"), fields.get("unit")
    if domain is not None and domain not in DOMAINS:
        raise BadParameter(f"{where}: the domain is one of {', '.join(DOMAINS)}")
    if unit is not None and not isinstance(unit, str):
        raise BadParameter(f"{where}: unit is a text")


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}
