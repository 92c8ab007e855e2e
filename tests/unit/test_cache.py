"""Answers that are kept: asked for once, bounded, gone when they no longer hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest

from eotiles.catalog.cache import Cache, Loaded
from eotiles.catalog.epochs import Epochs
from eotiles.core.errors import Unavailable

A = frozenset({"a"})


class Catalogue:
    """Counts how often it is asked; answers when `open` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.value = 1
        self.size = 1
        self.fails = False

    async def one(self) -> Loaded[int]:
        return (await self.many(["k"]))["k"]

    async def many(self, keys: Sequence[str]) -> Mapping[str, Loaded[int]]:
        self.asked.append(tuple(keys))
        value = self.value
        await self.open.wait()
        if self.fails:
            raise Unavailable
        return {key: Loaded(value, self.size, A) for key in keys if key != "missing"}


@pytest.fixture
def epochs() -> Epochs:
    made = Epochs()
    made.confirm(time.monotonic() + 3600)
    return made


@pytest.fixture
def cache(epochs: Epochs) -> Cache[str, int]:
    return Cache(epochs, most=3, most_bytes=100)


async def test_many_who_ask_at_once_are_one_question(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    asking = [asyncio.create_task(cache.get("k", catalogue.one, collections=A)) for _ in range(50)]
    await asyncio.sleep(0)
    catalogue.open.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert await cache.get("k", catalogue.one, collections=A) == 1
    assert len(catalogue.asked) == 1
    assert (cache.misses, cache.hits) == (1, 1)


async def test_who_leaves_takes_nothing_from_the_others(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    first = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    second = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    catalogue.open.set()
    assert await second == 1
    assert first.cancelled()
    assert len(catalogue.asked) == 1


async def test_a_change_is_asked_for_anew(cache: Cache[str, int], epochs: Epochs) -> None:
    catalogue = Catalogue()
    assert await cache.get("k", catalogue.one, collections=A) == 1
    catalogue.value = 2
    epochs.changed("b")
    assert await cache.get("k", catalogue.one, collections=A) == 1
    epochs.changed("a")
    assert cache.peek("k") is None
    assert len(cache) == cache.bytes == 0, "what does not hold takes no room"
    assert await cache.get("k", catalogue.one, collections=A) == 2


async def test_nobody_joins_a_question_from_before_a_change(
    cache: Cache[str, int], epochs: Epochs
) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    before = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    await asyncio.sleep(0.01)
    catalogue.value = 2
    epochs.changed("a")
    after = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    await asyncio.sleep(0.01)
    catalogue.open.set()
    assert (await before, await after) == (1, 2)
    assert await cache.get("k", catalogue.one, collections=A) == 2, "the older answer is not kept"
    assert len(catalogue.asked) == 2


async def test_an_error_reaches_all_and_is_not_kept(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.fails = True
    asking = [cache.get("k", catalogue.one, collections=A) for _ in range(3)]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    catalogue.fails = False
    assert await cache.get("k", catalogue.one, collections=A) == 1
    assert len(catalogue.asked) == 2


async def test_an_error_that_nobody_waits_for_is_no_warning(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    catalogue.fails = True
    asking = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.sleep(0.01)
    catalogue.open.set()
    await asyncio.sleep(0.01)
    assert cache.peek("k") is None


async def test_it_is_bounded_by_count_and_by_bytes(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    await cache.get_many(["a", "b", "c"], catalogue.many, collections=A)
    assert cache.peek("a") == 1
    await cache.get_many(["d"], catalogue.many, collections=A)
    assert [cache.peek(key) for key in "abcd"] == [1, None, 1, 1], "least recently used"
    catalogue.size = 60
    await cache.get_many(["e", "f"], catalogue.many, collections=A)
    assert cache.peek("f") == 1
    assert cache.peek("e") is None
    assert cache.bytes <= 100
    catalogue.size = 101
    assert await cache.get_many(["g"], catalogue.many, collections=A) == {"g": 1}
    assert cache.peek("g") is None, "larger than all of it"
    assert cache.peek("f") == 1


async def test_many_keys_are_one_question_for_those_that_nobody_has(
    cache: Cache[str, int],
) -> None:
    catalogue = Catalogue()
    await cache.get_many(["a"], catalogue.many, collections=A)
    got = await cache.get_many(["b", "a", "b", "missing"], catalogue.many, collections=A)
    assert got == {"a": 1, "b": 1}
    assert catalogue.asked == [("a",), ("b", "missing")]
    await cache.get_many(["missing"], catalogue.many, collections=A)
    assert catalogue.asked[-1] == ("missing",), "what is not there is not kept"


async def test_questions_that_overlap_share_what_is_on_its_way(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    first = asyncio.create_task(cache.get_many(["a", "b"], catalogue.many, collections=A))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(cache.get_many(["b", "c"], catalogue.many, collections=A))
    await asyncio.sleep(0.01)
    catalogue.open.set()
    assert await first == {"a": 1, "b": 1}
    assert await second == {"b": 1, "c": 1}
    assert catalogue.asked == [("a", "b"), ("c",)]


async def test_closing_ends_what_is_on_its_way(cache: Cache[str, int]) -> None:
    catalogue = Catalogue()
    catalogue.open.clear()
    asking = asyncio.create_task(cache.get("k", catalogue.one, collections=A))
    await asyncio.sleep(0.01)
    cache.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
