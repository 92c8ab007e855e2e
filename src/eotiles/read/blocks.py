"""What was decoded once is kept, up to a number of bytes, and made once even where many ask for it at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from eotiles.core.errors import OutOfTime, Unavailable

ENTRY_BYTES = 512
"""What an entry takes besides its value: key, its texts, list nodes."""

SLACK_BYTES = 4096
"""More that an array may hold on to than it shows: a copy would cost more than that is worth."""

WAIT_S = 10.0
"""Longest wait for another thread's load; loads have bounds of their own, so this ends what should not be."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BlockKey(NamedTuple):
    """One decoded block. A file that changes has another version, so its old blocks are asked for no more."""

    name: str
    """Of the object: its href without signature."""

    version: str
    level: int
    """0: full resolution."""

    plane: int
    """Of a file with separate planes the band, counted from 0; else 0."""

    row: int
    column: int


@dataclass(frozen=True)
class Counts:
    """What a cache has done and holds."""

    hits: int = 0
    misses: int = 0
    """Keys that were not there: loaded or waited for."""

    loads: int = 0
    """Keys that were loaded."""

    waits: int = 0
    """Keys that another thread was loading already."""

    evictions: int = 0
    entries: int = 0
    size_bytes: int = 0


class Abandoned(Exception):
    """A load was given up for a reason of whoever asked for it (a client that left): who waits loads for itself."""


class _Flight(Generic[K, V]):
    """One load on its way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.values: dict[K, V] = {}
        self.error: BaseException | None = None


class BlockCache(Generic[K, V]):
    """Values by key, the least recently used leaving first. Called from many threads.

    Arrays are handed out read-only: all threads share them.
    """

    def __init__(
        self, capacity_bytes: int, *, size_bytes: Callable[[V], int], wait_s: float = WAIT_S
    ) -> None:
        if capacity_bytes < 0:
            raise ValueError(f"capacity_bytes is {capacity_bytes}")
        self.capacity_bytes = capacity_bytes
        self._size_of = size_bytes
        self._wait_s = wait_s
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._flights: dict[K, _Flight[K, V]] = {}
        self._lock = threading.Lock()
        self._size_bytes = 0
        self._hits = self._misses = self._loads = self._waits = self._evictions = 0

    def get(self, keys: Sequence[K], load: Callable[[Sequence[K]], Sequence[V]]) -> list[V]:
        """The values of keys, in order.

        `load` is called at most once, without the lock, for those keys that are neither here nor being loaded, and
        gives one value each; then the other threads' loads are waited for. Nobody waits who has still to load, so
        threads that need each other's keys cannot wait for each other. What `load` raises reaches everyone who waits
        and is forgotten, unless it has the `name` of another file; `load` must not ask this cache.

        Raises:
            Unavailable: another thread's load took longer than `wait_s`.
        """
        entries, move = self._entries, self._entries.move_to_end
        with self._lock:
            try:
                found = [entries[key][0] for key in keys]
            except KeyError:
                pass
            else:
                for key in keys:
                    move(key)
                self._hits += len(keys)
                return found
        return self._get_missing(keys, load)

    def drop(self, keys: Iterable[K]) -> None:
        """Forget keys; a load of them that is on its way is not kept."""
        with self._lock:
            for key in keys:
                self._flights.pop(key, None)
                entry = self._entries.pop(key, None)
                if entry is not None:
                    self._size_bytes -= entry[1]

    def holds(self, key: K) -> bool:
        """Whether a key is here; that it was asked about does not keep it longer."""
        with self._lock:
            return key in self._entries

    def counts(self) -> Counts:
        """What it has done and holds now."""
        with self._lock:
            return Counts(
                hits=self._hits,
                misses=self._misses,
                loads=self._loads,
                waits=self._waits,
                evictions=self._evictions,
                entries=len(self._entries),
                size_bytes=self._size_bytes,
            )

    def _get_missing(
        self, keys: Sequence[K], load: Callable[[Sequence[K]], Sequence[V]]
    ) -> list[V]:
        have: dict[K, V] = {}
        while missing := [key for key in dict.fromkeys(keys) if key not in have]:
            own, mine, others = self._claim(missing, have)
            if mine:
                self._load(own, mine, load)
                have.update(own.values)
            for key, flight in others.items():
                # Also a waiter's own deadline could end this; a load's own bounds do.
                if not flight.done.wait(self._wait_s):
                    raise Unavailable("an image takes too long to read; try again in a moment")
                if flight.error is None:
                    have[key] = flight.values[key]
                elif _is_fault_of(key, flight.error):
                    raise flight.error
                # Else the fault is of another file of that load, or none: who waited loads for itself.
        return [have[key] for key in keys]

    def _claim(
        self, missing: Sequence[K], have: dict[K, V]
    ) -> tuple[_Flight[K, V], list[K], dict[K, _Flight[K, V]]]:
        """Take what is here, and of the rest what nobody loads; what is somebody's is to be waited for."""
        own: _Flight[K, V] = _Flight()
        mine: list[K] = []
        others: dict[K, _Flight[K, V]] = {}
        with self._lock:
            for key in missing:
                entry = self._entries.get(key)
                if entry is not None:
                    self._entries.move_to_end(key)
                    have[key] = entry[0]
                    self._hits += 1
                    continue
                self._misses += 1
                flight = self._flights.get(key)
                if flight is None:
                    self._flights[key] = own
                    mine.append(key)
                else:
                    others[key] = flight
            self._loads += len(mine)
            self._waits += len(others)
        return own, mine, others

    def _load(
        self,
        own: _Flight[K, V],
        mine: list[K],
        load: Callable[[Sequence[K]], Sequence[V]],
    ) -> None:
        try:
            values = [_shareable(value) for value in load(mine)]
            sizes = [self._size_of(value) + ENTRY_BYTES for value in values]
            own.values = dict(zip(mine, values, strict=True))
        except BaseException as error:
            own.error = error
            raise
        finally:
            with self._lock:
                for position, key in enumerate(mine):
                    if self._flights.get(key) is not own:
                        continue  # dropped meanwhile
                    del self._flights[key]
                    if own.error is None:
                        self._keep(key, own.values[key], sizes[position])
            own.done.set()

    def _keep(self, key: K, value: V, size_bytes: int) -> None:
        """Under the lock. A value that is larger than all there may be makes nobody leave."""
        if size_bytes > self.capacity_bytes:
            return
        self._entries[key] = (value, size_bytes)
        self._size_bytes += size_bytes
        while self._size_bytes > self.capacity_bytes:
            _, (_, gone_bytes) = self._entries.popitem(last=False)
            self._size_bytes -= gone_bytes
            self._evictions += 1


def _is_fault_of(key: Hashable, error: BaseException) -> bool:
    """Whether an error of a load of several keys is of this one: errors of files have their name."""
    if not isinstance(error, Exception) or isinstance(error, (Abandoned, OutOfTime)):
        return False
    return getattr(error, "name", None) in (None, getattr(key, "name", None))


def block_cache(capacity_bytes: int) -> BlockCache[BlockKey, NDArray[Any]]:
    """A BlockCache of arrays."""
    return BlockCache(capacity_bytes, size_bytes=lambda array: array.nbytes)


def _shareable(value: V) -> V:
    """An array read-only, and with its own memory: a view of a larger one would keep all of that."""
    if not isinstance(value, np.ndarray):
        return value
    array = value.copy() if _is_part(value) else value
    array.setflags(write=False)
    return array


def _is_part(array: NDArray[Any]) -> bool:
    return isinstance(array.base, np.ndarray) and array.base.nbytes > array.nbytes + SLACK_BYTES
