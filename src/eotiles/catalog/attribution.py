"""Whose imagery it is: the line that every map must show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eotiles.catalog.radiometry import Json

COPERNICUS = "Contains modified Copernicus Sentinel data"
"""What the licence of Copernicus asks for (https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice)."""

_CREDITED = ("licensor", "producer", "processor", "host")


def attribution(item: Json | None, collection: Json | None) -> str | None:
    """The attribution of an item, or of a collection's items where `item` is None.

    What `attribution` says in the item's properties or the collection comes first. Imagery of a Sentinel gets the
    sentence that its licence asks for; any other the names of its providers, those of the item before the collection's.
    """
    properties = _mapping((item or {}).get("properties"))
    levels = [properties, _mapping(collection)]
    for level in levels:
        if isinstance(text := level.get("attribution"), str) and text.strip():
            return text.strip()
    if any(_is_sentinel(level) for level in (*levels, _mapping(levels[1].get("summaries")))):
        year = str(properties.get("datetime") or properties.get("start_datetime") or "")[:4]
        return f"{COPERNICUS} {year}".strip()
    for level in levels:
        if names := _providers(level.get("providers")):
            return ", ".join(names)
    return None


def _is_sentinel(level: Json) -> bool:
    values: list[Any] = []
    for key in ("constellation", "platform"):
        value = level.get(key)
        values += value if isinstance(value, list) else [value]
    return any(isinstance(value, str) and value.lower().startswith("sentinel") for value in values)


def _providers(value: Any) -> list[str]:
    """Names, those nearest to the source first."""
    if not isinstance(value, list):
        return []
    found: dict[str, int] = {}
    for provider in value:
        if isinstance(provider, Mapping) and isinstance(provider.get("name"), str):
            roles = provider.get("roles")
            roles = roles if isinstance(roles, list) else ()
            ranks = [_CREDITED.index(role) for role in roles if role in _CREDITED]
            found.setdefault(provider["name"], min(ranks, default=len(_CREDITED)))
    return sorted(found, key=lambda name: found[name])


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}
