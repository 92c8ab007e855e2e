"""What counts as changed, and how long an answer holds while nobody says so."""

from __future__ import annotations

import time

import pytest

from eotiles.catalog import epochs as module
from eotiles.catalog.epochs import COLLECTIONS_MAX, LIFETIME_S, STALE_S, Epochs, Stamp


def heard() -> Epochs:
    """Epochs whose changes are heard."""
    epochs = Epochs()
    epochs.confirm(time.monotonic())
    return epochs


def test_a_change_ends_what_depends_on_it_and_nothing_else() -> None:
    epochs = heard()
    stamp = epochs.stamp()
    epochs.changed("a")
    assert not epochs.holds(stamp, frozenset({"a"}))
    assert not epochs.holds(stamp, frozenset({"b", "a"}))
    assert not epochs.holds(stamp, None), "what depends on every collection"
    assert epochs.holds(stamp, frozenset({"b"}))
    assert epochs.holds(stamp, frozenset())
    assert epochs.holds(epochs.stamp(), frozenset({"a"}))
    assert epochs.holds(epochs.stamp(), None)


def test_everything_ends_all() -> None:
    epochs = heard()
    stamp = epochs.stamp()
    epochs.changed(None)
    for collections in (frozenset({"a"}), frozenset(), None):
        assert not epochs.holds(stamp, collections)
        assert epochs.holds(epochs.stamp(), collections)


def test_epochs_only_grow() -> None:
    epochs = Epochs()
    seen = [(epochs.epoch("a"), epochs.epoch("b"), epochs.epoch())]
    for collection in ("a", "b", None, "a"):
        epochs.changed(collection)
        seen.append((epochs.epoch("a"), epochs.epoch("b"), epochs.epoch()))
    assert seen == [(0, 0, 0), (1, 0, 1), (1, 2, 2), (3, 3, 3), (4, 3, 4)]


def test_unheard_an_answer_lives_a_second() -> None:
    epochs = Epochs()
    now = time.monotonic()
    young, old = Stamp(0, now - 0.9 * STALE_S), Stamp(0, now - 1.1 * STALE_S)
    assert not epochs.heard
    assert epochs.holds(young, frozenset({"a"}))
    assert not epochs.holds(old, frozenset({"a"}))
    epochs.confirm(now)
    assert epochs.heard
    assert epochs.holds(old, frozenset({"a"}))
    epochs.confirm(now - 1.1 * STALE_S)
    assert not epochs.heard, "the last heartbeat is too long ago"
    assert not epochs.holds(old, frozenset({"a"}))
    epochs.confirm(now)
    epochs.lose()
    assert not epochs.holds(old, frozenset({"a"}))
    assert epochs.holds(young, frozenset({"a"}))


def test_an_answer_has_an_end_even_where_nothing_is_told() -> None:
    epochs = heard()
    now = time.monotonic()
    assert epochs.holds(Stamp(0, now - LIFETIME_S + 1), frozenset({"a"}))
    assert not epochs.holds(Stamp(0, now - LIFETIME_S - 1), frozenset({"a"}))


def test_collections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert COLLECTIONS_MAX == 10_000
    monkeypatch.setattr(module, "COLLECTIONS_MAX", 3)
    epochs = heard()
    for name in "abc":
        epochs.changed(name)
    stamp = epochs.stamp()
    epochs.changed("a")
    assert epochs.holds(stamp, frozenset({"b"}))
    epochs.changed("one too many")
    assert not epochs.holds(stamp, frozenset({"b"})), "forgetting counts as a change of everything"
    assert epochs.epoch("b") == epochs.clock == 5


def test_listeners_are_told_and_one_that_fails_deafens_nobody() -> None:
    epochs = Epochs()
    told: list[str | None] = []

    def fails(collection: str | None) -> None:
        raise ValueError

    epochs.subscribe(fails)
    end = epochs.subscribe(told.append)
    epochs.changed("a")
    epochs.changed(None)
    end()
    epochs.changed("b")
    assert told == ["a", None]
