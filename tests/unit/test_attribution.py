"""Whose imagery it is."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.attribution import COPERNICUS, attribution

SENTINEL = {"constellation": "sentinel-2", "datetime": "2024-06-02T10:00:00Z"}
PROVIDERS = [
    {"name": "A host", "roles": ["host"]},
    {"name": "ACME", "roles": ["producer", "licensor"]},
    {"name": 3},
    {"name": "Somebody"},
]


@pytest.mark.parametrize(
    ("properties", "collection", "expected"),
    [
        ({}, {}, None),
        (None, None, None),
        ({"attribution": " Own words "}, {"attribution": "other"}, "Own words"),
        (SENTINEL, {"attribution": "The collection's"}, "The collection's"),
        (SENTINEL, {}, f"{COPERNICUS} 2024"),
        ({}, {"summaries": {"platform": ["Sentinel-2A"]}}, COPERNICUS),
        ({"platform": 7, "providers": "x"}, {"providers": PROVIDERS}, "ACME, A host, Somebody"),
        ({"providers": [{"name": "Mine"}]}, {"providers": PROVIDERS}, "Mine"),
        ({"attribution": ""}, {"attribution": 3}, None),
    ],
)
def test_attribution(properties: Any, collection: Any, expected: str | None) -> None:
    item = None if properties is None else {"properties": properties}
    assert attribution(item, collection) == expected
