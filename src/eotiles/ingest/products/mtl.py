"""The MTL file of a Landsat product, in the three ways that USGS writes it: XML, JSON and text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.metadata import parse_xml, read_bytes

MTL_MAX_BYTES = 2**20
"""They have some 30 kB."""

VALUES_MAX = 5000
DEPTH_MAX = 8

ENDINGS = ("_MTL.xml", "_MTL.json", "_MTL.txt")
"""Best first: all say the same."""


def read_mtl(path: Path) -> etree._Element:
    """The root, LANDSAT_METADATA_FILE, with a group below it for each topic.

    Raises:
        IngestRefused: it is not there, damaged, or over a limit.
    """
    content = read_bytes(path, limit=MTL_MAX_BYTES)
    if path.suffix.lower() == ".xml":
        root = parse_xml(content, path.name)
    else:
        groups = (
            _of_json(content, path) if path.suffix.lower() == ".json" else _of_text(content, path)
        )
        root = _element("LANDSAT_METADATA_FILE", groups)
    if root.tag != "LANDSAT_METADATA_FILE" or root.find("PRODUCT_CONTENTS") is None:
        raise IngestRefused(f"has a file {path.name} that is no MTL of Collection 2")
    return root


def _of_json(content: bytes, path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
        groups = document["LANDSAT_METADATA_FILE"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IngestRefused(f"has a file {path.name} that is no MTL of Collection 2") from error
    if not isinstance(groups, Mapping):
        raise IngestRefused(f"has a file {path.name} that is no MTL of Collection 2")
    return groups


def _of_text(content: bytes, path: Path) -> Mapping[str, Any]:
    """GROUP = NAME … END_GROUP = NAME, with KEY = VALUE between."""
    root: dict[str, Any] = {}
    groups = [root]
    for line in _lines(content):
        key, equals, value = (part.strip() for part in line.partition("="))
        if key == "END" and not equals:
            break
        if not equals:
            raise IngestRefused(f"has a file {path.name} with a line that is no assignment")
        if key == "GROUP":
            if len(groups) > DEPTH_MAX:
                raise IngestRefused(f"has a file {path.name} with too many groups in groups")
            groups.append(groups[-1].setdefault(value, {}))
        elif key == "END_GROUP":
            groups.pop()
            if not groups:
                raise IngestRefused(f"has a file {path.name} whose groups do not end")
        else:
            groups[-1][key] = value.strip('"')
    else:
        raise IngestRefused(f"has a file {path.name} that is truncated")
    if len(groups) != 1:
        raise IngestRefused(f"has a file {path.name} whose groups do not end")
    found = root.get("LANDSAT_METADATA_FILE")
    return found if isinstance(found, dict) else root


def _lines(content: bytes) -> Iterator[str]:
    for line in content.decode("utf-8", errors="replace").splitlines():
        if line.strip():
            yield line


def _element(name: str, groups: Mapping[str, Any], *, depth: int = 0) -> etree._Element:
    """As the XML has it."""
    if depth > DEPTH_MAX or len(groups) > VALUES_MAX:
        raise IngestRefused("has an MTL with too much in it")
    try:
        element = etree.Element(name)
        for key, value in groups.items():
            if isinstance(value, Mapping):
                element.append(_element(key, value, depth=depth + 1))
            else:
                etree.SubElement(element, key).text = "NULL" if value is None else str(value)
    except ValueError as error:  # a key that is no name, a text with control characters
        raise IngestRefused("has an MTL with names or values that are none") from error
    return element
