"""The JSON schemas of STAC and of its extensions, from beside the checkout and from PySTAC: no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from pystac.validation.local_validator import get_local_schema_cache
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.builders import SHARED

CORE = "https://schemas.stacspec.org/v1.1.0"
_KINDS = {
    "Feature": f"{CORE}/item-spec/json-schema/item.json",
    "Collection": f"{CORE}/collection-spec/json-schema/collection.json",
    "Catalog": f"{CORE}/catalog-spec/json-schema/catalog.json",
}


def documents() -> Mapping[str, Any]:
    """Address → schema. Skips the test where the extensions' are not beside this checkout."""
    index = SHARED / "schemas" / "index.json"
    if not index.exists():
        pytest.skip("the STAC schemas are not beside this checkout")
    known: dict[str, Any] = {
        address: json.loads((index.parent / name).read_text())
        for address, name in json.loads(index.read_text()).items()
    }
    known |= get_local_schema_cache()
    # The projection extension names it, but no item of ours uses it.
    draft = "http://json-schema.org/draft-07/schema#"
    known["https://proj.org/schemas/v0.7/projjson.schema.json"] = {"$schema": draft}
    return known


def registry() -> Registry:
    """Every schema by its address. Skips the test where they are missing."""
    resources = [
        (address, Resource.from_contents(schema, default_specification=DRAFT7))
        for address, schema in documents().items()
    ]
    return Registry().with_resources(resources)


def validate(
    document: Mapping[str, Any], schemas: Registry, *, core: str | None = None
) -> list[str]:
    """Which schemas of those that a document names (`core`: another than its type's) could be checked; fails at the
    first violation."""
    checked = []
    for address in (core or _KINDS[document["type"]], *document.get("stac_extensions", ())):
        if address not in schemas:
            continue
        schema = schemas.contents(address)
        jsonschema.Draft7Validator(schema, registry=schemas).validate(document)
        checked.append(address)
    return checked
