"""Renders of collections, kept for a while."""

from __future__ import annotations

import pytest

from eotiles.http.stac.renders import Renders

NDVI = {"ndvi": {"assets": ["B04"], "index": "ndvi"}}


def test_what_was_read_is_known() -> None:
    renders = Renders()
    assert renders.recall("a") is None
    assert renders.remember({"id": "a", "renders": NDVI}) == NDVI
    assert renders.recall("a") == NDVI
    renders.remember({"id": "a", "renders": {}})
    assert renders.recall("a") == {}


def test_what_is_too_old_is_not() -> None:
    renders = Renders(kept_s=0.0)
    renders.remember({"id": "a", "renders": NDVI})
    assert renders.recall("a") is None


def test_there_is_room_for_so_many() -> None:
    renders = Renders(most=2)
    for name in "abc":
        renders.remember({"id": name})
    assert [renders.recall(name) for name in "abc"] == [None, {}, {}]


@pytest.mark.parametrize("junk", [None, 5, ["x"], "x"])
def test_junk_is_no_render(junk: object) -> None:
    assert Renders().remember({"id": "a", "renders": junk}) == {}
