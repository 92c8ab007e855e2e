"""Memory that is used again, and never while somebody still looks at it."""

from __future__ import annotations

import gc
import random
import threading

import numpy as np
import pytest

from eotiles.read.arena import SIZES_MAX, SLAB_BYTES, SLOT_MAX_BYTES, SLOT_MIN_BYTES, Arena

BLOCK = 512 * 512 * 2 + 1


def test_memory_is_used_again() -> None:
    arena = Arena()
    first = arena.empty(BLOCK)
    address = first.ctypes.data
    assert (first.shape, first.dtype) == ((BLOCK,), np.uint8)
    assert first.flags.writeable
    del first
    assert arena.empty(BLOCK).ctypes.data == address


@pytest.mark.parametrize("size", [1, SLOT_MIN_BYTES - 1, SLOT_MAX_BYTES + 1])
def test_odd_sizes_are_numpys(size: int) -> None:
    arena = Arena()
    assert arena.empty(size).size == size
    assert arena.size_bytes == 0


def test_a_view_keeps_its_memory() -> None:
    """Slices, other types and shapes of an array: as long as one is there, nobody else writes to it."""
    arena = Arena()
    array = arena.empty(BLOCK)
    array[:] = 7
    view = array[:-1].view(np.uint16).reshape(1, 512, 512)[:, 100:200, 50:60]
    del array
    gc.collect()
    for _ in range(200):
        arena.empty(BLOCK)[:] = 9
    assert (view == 0x0707).all()


def test_arrays_do_not_overlap() -> None:
    arena = Arena()
    arrays = [arena.empty(BLOCK - number) for number in range(150)]
    for number, array in enumerate(arrays):
        array[:] = number
    assert all((array == number).all() for number, array in enumerate(arrays))
    assert arena.size_bytes <= 4 * SLAB_BYTES, "of two sizes"


def test_what_is_empty_goes_back() -> None:
    arena = Arena()
    arrays = [arena.empty(BLOCK) for _ in range(400)]
    assert arena.size_bytes > 4 * SLAB_BYTES
    arrays.clear()
    arena.empty(BLOCK)
    assert arena.size_bytes == SLAB_BYTES


def test_many_sizes_hold_little() -> None:
    arena = Arena()
    for size in range(SLOT_MIN_BYTES, SLOT_MAX_BYTES, 64 * 1024):
        arena.empty(size)
    arena.empty(BLOCK)
    assert arena.size_bytes <= (SIZES_MAX + 1) * SLAB_BYTES


def test_threads_share_it() -> None:
    arena = Arena()
    wrong = []

    def work(number: int) -> None:
        dice = random.Random(number)
        held = []
        for _ in range(300):
            array = arena.empty(dice.choice([BLOCK, 262_145, 100_000]))
            array[:] = number
            held.append(array)
            if len(held) > 20:
                gone = held.pop(dice.randrange(len(held)))
                if not (gone == number).all():
                    wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
