"""Memory for decoded blocks, in large pages: touching it page by page takes a fifth of the time of decoding."""

from __future__ import annotations

import mmap
import threading
import weakref
from collections import deque

import numpy as np
from numpy.typing import NDArray

SLAB_BYTES = 32 * 2**20
"""Asked of the system at once; what is not touched of it takes no memory."""

SLOT_MIN_BYTES = 64 * 2**10
SLOT_MAX_BYTES = 4 * 2**20
"""Smaller and larger arrays are NumPy's."""

SIZES_MAX = 4
"""Sizes of slots of which a slab is kept although nothing is in it."""

_UNIT_BYTES = 4096


class _Slab:
    """Memory in slots of one size."""

    def __init__(self, slot_bytes: int) -> None:
        self.slot_bytes = slot_bytes
        self.memory = mmap.mmap(-1, SLAB_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.free = [slot * slot_bytes for slot in reversed(range(SLAB_BYTES // slot_bytes))]
        self.slots = len(self.free)


class Arena:
    """Hands out arrays whose memory is used again when nothing refers to them any more. Called from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slabs: dict[int, list[_Slab]] = {}
        self._returned: deque[tuple[_Slab, int]] = deque()

    @property
    def size_bytes(self) -> int:
        """Of all slabs."""
        with self._lock:
            return sum(len(slabs) for slabs in self._slabs.values()) * SLAB_BYTES

    def empty(self, size_bytes: int) -> NDArray[np.uint8]:
        """(size_bytes,) uint8, with anything in it.

        Its memory is not given to another array before it, and every view of it, is gone.
        """
        if not SLOT_MIN_BYTES <= size_bytes <= SLOT_MAX_BYTES:
            return np.empty(size_bytes, np.uint8)
        slot_bytes = -(-size_bytes // _UNIT_BYTES) * _UNIT_BYTES
        with self._lock:
            self._take_back()
            slab, offset = self._slot(slot_bytes)
        # Of a memoryview, not of an array: else NumPy would let a view refer to the slab, past this array.
        array = np.frombuffer(memoryview(slab.memory)[offset : offset + size_bytes], np.uint8)
        weakref.finalize(array, self._returned.append, (slab, offset)).atexit = False
        return array

    def _slot(self, slot_bytes: int) -> tuple[_Slab, int]:
        slabs = self._slabs.setdefault(slot_bytes, [])
        for slab in slabs:
            if slab.free:
                return slab, slab.free.pop()
        slabs.append(_Slab(slot_bytes))
        return slabs[-1], slabs[-1].free.pop()

    def _take_back(self) -> None:
        """Slots that came back. A slab that is empty goes back to the system, but for the last of a few sizes."""
        while self._returned:
            slab, offset = self._returned.popleft()
            slab.free.append(offset)
            slabs = self._slabs[slab.slot_bytes]
            if len(slab.free) == slab.slots and (len(slabs) > 1 or len(self._slabs) > SIZES_MAX):
                slabs.remove(slab)
                if not slabs:
                    del self._slabs[slab.slot_bytes]
