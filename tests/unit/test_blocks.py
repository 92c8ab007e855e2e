"""The block cache: never over its bytes, one load for many, no thread left waiting."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eotiles.core.errors import Unavailable
from eotiles.read.blocks import (
    ENTRY_BYTES,
    Abandoned,
    BlockCache,
    BlockKey,
    Counts,
    block_cache,
)
from eotiles.read.objects import Damaged

THREADS = 16


def sizes(capacity_bytes: int) -> BlockCache[int, int]:
    """A cache of numbers, each as large as it says, less what an entry takes anyhow."""
    return BlockCache(capacity_bytes, size_bytes=lambda value: value - ENTRY_BYTES)


def together(count: int, work: Any) -> list[Any]:
    """What `work` gives in each of many threads that start at once; an exception is given as itself."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait(5)
        try:
            return work(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_a_block_is_loaded_once_and_kept() -> None:
    cache = block_cache(2**20)
    keys = [BlockKey("https://x/a.tif", '"v"', 0, 0, row, 0) for row in range(3)]
    asked = []

    def load(missing: Sequence[BlockKey]) -> list[np.ndarray[Any, Any]]:
        asked.append(list(missing))
        return [np.full((4, 4), key.row, np.uint16) for key in missing]

    first = cache.get(keys[:2], load)
    again = cache.get([keys[1], keys[2], keys[0], keys[1]], load)
    assert asked == [keys[:2], keys[2:]]
    assert [int(array[0, 0]) for array in again] == [1, 2, 0, 1]
    assert again[0] is first[1]
    other = keys[0]._replace(version='"w"')
    cache.get([other], load)
    assert asked[-1] == [other], "a file that changed is another one"
    size_bytes = 4 * (32 + ENTRY_BYTES)
    assert cache.counts() == Counts(
        hits=2, misses=4, loads=4, waits=0, evictions=0, entries=4, size_bytes=size_bytes
    )


def test_arrays_are_read_only_and_own_their_memory() -> None:
    cache = block_cache(2**20)
    large = np.zeros((100, 100), np.uint16)
    (view,) = cache.get([BlockKey("a", "v", 0, 0, 0, 0)], lambda keys: [large[:2, :2]])
    (raw,) = cache.get(
        [BlockKey("a", "v", 0, 0, 0, 1)], lambda keys: [np.frombuffer(b"1234", np.uint16)]
    )
    for array in (view, raw):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1
    assert view.base is None, "a corner does not keep the whole"


def test_what_was_not_used_for_longest_leaves() -> None:
    cache = sizes(30_000)
    load = list
    cache.get([10_000, 10_001], load)
    cache.get([10_000], load)
    cache.get([9_999, 9_998], load)
    assert cache.counts().evictions == 1
    assert cache.holds(10_000)
    assert not cache.holds(10_001)
    cache.get([30_001], load)
    assert cache.holds(10_000), "what is too large for the cache makes nobody leave"
    assert not cache.holds(30_001)
    cache.get([30_000], load)
    assert cache.counts().entries == 1


@given(
    st.integers(0, 5_000),
    st.lists(
        st.tuples(
            st.sampled_from(("get", "drop", "fail")), st.lists(st.integers(512, 3_000), max_size=6)
        ),
        max_size=40,
    ),
)
def test_any_sequence_stays_under_the_cap(
    capacity_bytes: int, steps: list[tuple[str, list[int]]]
) -> None:
    cache = sizes(capacity_bytes)

    def fail(missing: Sequence[int]) -> list[int]:
        raise KeyError(missing[0])

    for what, keys in steps:
        if what == "drop":
            cache.drop(keys)
            assert not any(cache.holds(key) for key in keys)
        elif what == "fail" and not all(cache.holds(key) for key in keys):
            with pytest.raises(KeyError):
                cache.get(keys, fail)
        else:
            assert cache.get(keys, list) == keys
        counts = cache.counts()
        held = [key for key in range(512, 3_001) if cache.holds(key)]
        assert counts.size_bytes == sum(held) <= capacity_bytes
        assert counts.entries == len(held)
        assert counts.loads + counts.waits == counts.misses
        assert not cache._flights


def test_many_threads_and_one_load() -> None:
    cache = sizes(2**20)
    calls = []

    def load(missing: Sequence[int]) -> list[int]:
        calls.append(missing)
        time.sleep(0.1)
        return list(missing)

    assert together(THREADS, lambda number: cache.get([600], load)) == [[600]] * THREADS
    assert calls == [[600]]
    counts = cache.counts()
    assert counts.loads == 1
    assert counts.waits + counts.hits == THREADS - 1


def test_an_exception_reaches_all_who_wait_and_is_forgotten() -> None:
    cache = sizes(2**20)
    calls = []
    waiting = threading.Event()

    def load(missing: Sequence[int]) -> list[int]:
        calls.append(missing)
        waiting.wait(5)
        raise OSError("the disk is gone")

    def let_go(number: int) -> Any:
        if number:
            return cache.get([600], load)
        while cache.counts().waits < THREADS - 2:
            time.sleep(0.001)
        waiting.set()
        return None

    got = together(THREADS, let_go)[1:]
    assert [str(error) for error in got] == ["the disk is gone"] * (THREADS - 1)
    assert len(calls) == 1
    assert cache.get([600], list) == [600]


def test_an_abandoned_load_is_taken_over() -> None:
    cache = sizes(2**20)
    begun = threading.Event()

    def abandon(missing: Sequence[int]) -> list[int]:
        begun.set()
        while cache.counts().waits < 3:
            time.sleep(0.001)
        raise Abandoned

    def work(number: int) -> list[int]:
        if number == 0:
            return cache.get([600], abandon)
        begun.wait(5)
        return cache.get([600, 600 + number], list)

    first, *others = together(4, work)
    assert isinstance(first, Abandoned)
    assert others == [[600, 601], [600, 602], [600, 603]]


@pytest.mark.parametrize("wrong", [[], [1, 2]])
def test_a_load_that_gives_another_number_of_values(wrong: list[int]) -> None:
    cache = sizes(2**20)
    with pytest.raises(ValueError, match="zip"):
        cache.get([600], lambda missing: wrong)
    assert cache.get([600], list) == [600]


def test_threads_that_need_each_others_keys() -> None:
    """Random overlapping sets, in any order, under a cap that keeps evicting."""
    cache = sizes(12_000)
    loading: set[int] = set()
    lock = threading.Lock()

    def load(missing: Sequence[int]) -> list[int]:
        with lock:
            assert not loading & set(missing), "loaded twice at the same time"
            loading.update(missing)
        time.sleep(0.0005)
        with lock:
            loading.difference_update(missing)
        return list(missing)

    def work(number: int) -> int:
        choose = random.Random(number)
        for _ in range(100):
            keys = choose.sample(range(1000, 1024), 8)
            assert cache.get(keys, load) == keys
            assert cache.counts().size_bytes <= 12_000
        return number

    assert together(THREADS, work) == list(range(THREADS))
    assert not cache._flights


def test_waiting_has_an_end() -> None:
    cache: BlockCache[int, int] = BlockCache(2**20, size_bytes=lambda value: 8, wait_s=0.05)
    release = threading.Event()

    def load(missing: Sequence[int]) -> list[int]:
        release.wait(5)
        return list(missing)

    def work(number: int) -> Any:
        if number == 0:
            return cache.get([1], load)
        while not cache.counts().loads:
            time.sleep(0.001)
        try:
            return cache.get([1], load)
        finally:
            release.set()

    first, second = together(2, work)
    assert first == [1]
    assert isinstance(second, Unavailable)


def test_what_is_dropped_while_it_loads_is_not_kept() -> None:
    cache: BlockCache[str, int] = BlockCache(2**20, size_bytes=lambda value: 8)

    def load(missing: Sequence[str]) -> list[int]:
        cache.drop(["a"])
        assert cache.get(["a"], lambda missing: [2]) == [2], "who comes later loads anew"
        return [1]

    assert cache.get(["a"], load) == [1]
    assert cache.get(["a"], lambda missing: [3]) == [2]


def test_no_capacity_keeps_nothing() -> None:
    cache = sizes(0)
    assert cache.get([600, 601], list) == [600, 601]
    assert cache.counts().entries == 0
    with pytest.raises(ValueError, match="-1"):
        sizes(-1)


def test_a_fault_of_another_file_is_not_shared() -> None:
    """One thread loads two files, of which one is damaged; who waits for the other one loads it."""
    cache = block_cache(2**20)
    red, nir = (BlockKey(name, "1", 0, 0, 0, 0) for name in ("red.tif", "nir.tif"))
    loading, go_on = threading.Event(), threading.Event()

    def both(keys: Sequence[BlockKey]) -> list[NDArray[Any]]:
        loading.set()
        go_on.wait(5)
        raise Damaged(name="red.tif")

    def alone(keys: Sequence[BlockKey]) -> list[NDArray[Any]]:
        return [np.zeros(4) for _ in keys]

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(cache.get, [red, nir], both)
        assert loading.wait(5)
        fine, damaged = pool.submit(cache.get, [nir], alone), pool.submit(cache.get, [red], alone)
        time.sleep(0.05)
        go_on.set()
        assert isinstance(first.exception(5), Damaged)
        assert len(fine.result(5)) == 1
        assert isinstance(damaged.exception(5), Damaged)
