"""Values kept for a while."""

from __future__ import annotations

from eotiles.http.stac.recent import Recent


def test_what_was_read_is_known() -> None:
    recent: Recent[str, int] = Recent(most=2)
    assert recent.get("a") is None
    assert recent.put("a", 1) == recent.get("a") == 1
    recent.put("a", 2)
    assert recent.get("a") == 2


def test_what_is_too_old_is_not() -> None:
    recent: Recent[str, int] = Recent(most=2, kept_s=0.0)
    recent.put("a", 1)
    assert recent.get("a") is None


def test_there_is_room_for_so_many() -> None:
    recent: Recent[str, int] = Recent(most=2)
    for number, name in enumerate("abc"):
        recent.put(name, number)
    assert [recent.get(name) for name in "abc"] == [None, 1, 2]
