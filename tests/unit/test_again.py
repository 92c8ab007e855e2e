"""What fails for a reason that passes is tried again, a few times."""

from __future__ import annotations

import pytest

from eotiles.core import again as module
from eotiles.core.again import TRIES, again


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.0)


def failing(times: int, error: Exception, calls: list[int]) -> int:
    calls.append(1)
    if len(calls) <= times:
        raise error
    return 7


def test_it_is_tried_until_it_works() -> None:
    calls: list[int] = []
    assert again(lambda: failing(TRIES - 1, KeyError("x"), calls), on=KeyError) == 7
    assert len(calls) == TRIES


def test_the_last_failure_is_told() -> None:
    calls: list[int] = []
    with pytest.raises(KeyError, match="x"):
        again(lambda: failing(99, KeyError("x"), calls), on=KeyError)
    assert len(calls) == TRIES


def test_other_failures_are_told_at_once() -> None:
    calls: list[int] = []
    with pytest.raises(ValueError, match="y"):
        again(lambda: failing(99, ValueError("y"), calls), on=KeyError)
    assert len(calls) == 1
