"""What can be filtered by, told from what is stored, as JSON Schema. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

MOST_ITEMS = 2000
"""Items of a collection that are looked at, the newest; of a larger one values are examples and not all there are."""

MOST_VALUES = 32
"""Values of a property that are listed; one that has more is any text."""

MOST_COLLECTIONS = 200
MOST_CHARACTERS = 200
_EXAMPLES = 5
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TYPES = ("string", "number", "boolean", "array")
"""JSON types that a filter can compare."""


@dataclass(frozen=True)
class Property:
    """What a property of the items that were looked at holds."""

    name: str
    types: tuple[str, ...]
    """JSON types."""

    is_complete: bool
    """All items of the collection were looked at."""

    summary: Any
    """What the collection's summaries say: a list of all values, a range, a schema, or None."""

    low: float | None
    high: float | None
    values: tuple[Any, ...]
    """Different texts and booleans, one more than are listed where there are more."""


def with_properties(
    registered: Mapping[str, Any], found: Sequence[Property], *, collections: Sequence[str]
) -> Json:
    """Queryables as pgSTAC has them, and what the items say. What an operator has defined is added to, not changed.

    `collections` are the ids that an item's collection may have; too many are not listed.
    """
    schemas = {each.name: schema for each in found if (schema := _schema(each)) is not None}
    # pgSTAC's definition of it is a reference only, which a client would have to follow.
    schemas["id"] = {"type": "string"}
    schemas["collection"] = {"title": "Collection", "type": "string"}
    if 0 < len(collections) <= MOST_COLLECTIONS:
        schemas["collection"]["enum"] = list(collections)
    defined = {
        name: {**schemas[name], **definition}
        if _is_of(definition, schemas.get(name))
        else definition
        for name, definition in registered.items()
    }
    return {**schemas, **defined}


def _is_of(definition: Mapping[str, Any], schema: Json | None) -> bool:
    """Whether what the items say fits a definition."""
    return schema is not None and definition.get("type") in (None, schema["type"])


def _schema(found: Property) -> Json | None:
    """JSON Schema of a property; None for one that filters cannot use."""
    types = [name for name in _TYPES if name in found.types]
    if not types or len(found.name) > MOST_CHARACTERS:
        return None
    schema: Json = {"title": _title(found.name), "type": types[0] if len(types) == 1 else types}
    if types == ["number"]:
        return schema | _range(found)
    if types in (["string"], ["boolean"]):
        return schema | _values(found)
    return schema


def _range(found: Property) -> Json:
    summary = found.summary if isinstance(found.summary, Mapping) else {}
    low, high = (found.low, found.high) if found.is_complete else (None, None)
    ends = {"minimum": summary.get("minimum", low), "maximum": summary.get("maximum", high)}
    return {name: end for name, end in ends.items() if isinstance(end, int | float)}


def _values(found: Property) -> Json:
    texts = [str(value) for value in found.values]
    if "string" in found.types and texts and all(_INSTANT.fullmatch(text) for text in texts):
        return {"format": "date-time"}
    if any(len(text) > MOST_CHARACTERS for text in texts):
        return {}
    if found.is_complete and 0 < len(found.values) <= MOST_VALUES:
        return {"enum": list(found.values)}
    if isinstance(found.summary, list) and 0 < len(found.summary) <= MOST_VALUES:
        return {"enum": found.summary}
    return {"examples": list(found.values[:_EXAMPLES])}


def _title(name: str) -> str:
    """`eo:cloud_cover` → `Cloud cover`."""
    words = name.rpartition(":")[2].replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else name
