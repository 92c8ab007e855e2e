"""Links of items of other catalogues."""

from __future__ import annotations

from typing import Any

import pytest

from eotiles.catalog.links import ALL_INDICES, LEGEND, ON_THE_MAP
from eotiles.ingest.records.foreign import adopt

BASE = "https://stac.example.org/collections/c/items/i"


def relations(*links: Any) -> list[Any]:
    """Relations of what is kept of links, but for the one that leads back."""
    return [
        link["rel"]
        for link in adopt({"type": "Feature", "links": links and [*links]}, base=BASE)["links"]
    ][:-1]


def test_what_another_eotiles_added_is_left_out() -> None:
    added = [
        {"rel": LEGEND, "href": f"{BASE}/legend"},
        {"rel": "related", "title": ALL_INDICES, "href": f"{BASE}/indices"},
        {"rel": "alternate", "title": ON_THE_MAP, "href": "https://stac.example.org/?item=i"},
    ]
    assert relations(*added) == []


def test_what_others_relate_stays() -> None:
    others = [
        {"rel": "related", "title": "The report", "href": "https://example.org/report"},
        {"rel": "alternate", "href": "https://example.org/item.html"},
        {"rel": "license", "href": "https://example.org/license"},
    ]
    assert relations(*others) == ["related", "alternate", "license"]


@pytest.mark.parametrize("link", [{"rel": []}, {"rel": {}}, {"rel": "related", "title": [1]}])
def test_members_of_the_wrong_type_are_left_for_the_check(link: Any) -> None:
    assert relations({**link, "href": "https://example.org/"}) == [link["rel"]]
