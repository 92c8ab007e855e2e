"""Answers of the catalogue, kept while they hold: bounded, least recently used first out, each asked for once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from eotiles.catalog.epochs import Collections, Epochs, Stamp

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True)
class Loaded(Generic[V]):
    """An answer, with what it takes to keep it."""

    value: V
    size_bytes: int

    collections: Collections
    """What it depends on."""


@dataclass(frozen=True)
class _Held(Generic[V]):
    loaded: Loaded[V]
    stamp: Stamp


@dataclass(frozen=True)
class _Flight(Generic[K, V]):
    """A look-up on its way."""

    task: asyncio.Task[Mapping[K, Loaded[V]]]
    stamp: Stamp
    collections: Collections


class Cache(Generic[K, V]):
    """Lives in one event loop. A look-up that several wait for goes on when one of them leaves.

    Nothing is kept of a look-up that raises; all who wait for it get the error.
    """

    def __init__(self, epochs: Epochs, *, most: int, most_bytes: int) -> None:
        self._epochs = epochs
        self._most = most
        self._most_bytes = most_bytes
        self._held: OrderedDict[K, _Held[V]] = OrderedDict()
        self._flights: dict[K, _Flight[K, V]] = {}
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._held)

    def peek(self, key: K) -> V | None:
        """What is kept under a key and still holds."""
        held = self._held.get(key)
        if held is None:
            return None
        if not self._epochs.holds(held.stamp, held.loaded.collections):
            self._drop(key)
            return None
        self._held.move_to_end(key)
        self.hits += 1
        return held.loaded.value

    async def get(
        self, key: K, load: Callable[[], Awaitable[Loaded[V]]], *, collections: Collections
    ) -> V:
        """What is kept under a key, or what `load` finds; `collections` are those that it may depend on."""
        value = self.peek(key)
        if value is not None:
            return value

        async def one(keys: Sequence[K]) -> Mapping[K, Loaded[V]]:
            return {key: await load()}

        return (await self._fly([key], one, collections))[key]

    async def get_many(
        self,
        keys: Sequence[K],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, Loaded[V]]]],
        *,
        collections: Collections,
    ) -> dict[K, V]:
        """The same for many keys; those that nobody keeps are looked up together. What is not found is left out."""
        found = {key: value for key in keys if (value := self.peek(key)) is not None}
        if missing := [key for key in dict.fromkeys(keys) if key not in found]:
            found |= await self._fly(missing, load, collections)
        return found

    def close(self) -> None:
        """End what is on its way."""
        for flight in self._flights.values():
            flight.task.cancel()

    async def _fly(
        self,
        keys: Sequence[K],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, Loaded[V]]]],
        collections: Collections,
    ) -> dict[K, V]:
        joined = {key: flight for key in keys if (flight := self._joinable(key)) is not None}
        if alone := [key for key in keys if key not in joined]:
            self.misses += len(alone)
            flight = self._start(alone, load, collections)
            joined |= dict.fromkeys(alone, flight)
        found: dict[K, V] = {}
        for key, flight in joined.items():
            # Shielded: the others who wait for it still want it.
            loaded = (await asyncio.shield(flight.task)).get(key)
            if loaded is not None:
                found[key] = loaded.value
        return found

    def _joinable(self, key: K) -> _Flight[K, V] | None:
        """Of a look-up that began before a change nobody knows which of the two it will bring."""
        flight = self._flights.get(key)
        if flight is None or not self._epochs.holds(flight.stamp, flight.collections):
            return None
        return flight

    def _start(
        self,
        keys: Sequence[K],
        load: Callable[[Sequence[K]], Awaitable[Mapping[K, Loaded[V]]]],
        collections: Collections,
    ) -> _Flight[K, V]:
        stamp = self._epochs.stamp()

        async def run() -> Mapping[K, Loaded[V]]:
            return await load(keys)

        flight = _Flight(asyncio.create_task(run()), stamp, collections)
        for key in keys:
            self._flights[key] = flight

        def land(task: asyncio.Task[Mapping[K, Loaded[V]]]) -> None:
            for key in keys:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            # Asking for the error also tells asyncio that somebody has seen it.
            if task.cancelled() or task.exception() is not None:
                return
            for key, loaded in task.result().items():
                self._keep(key, _Held(loaded, stamp))

        flight.task.add_done_callback(land)
        return flight

    def _keep(self, key: K, held: _Held[V]) -> None:
        known = self._held.get(key)
        if known is not None and known.stamp.begun_s > held.stamp.begun_s:
            return
        if held.loaded.size_bytes > self._most_bytes:
            return
        self._drop(key)
        self._held[key] = held
        self.bytes += held.loaded.size_bytes
        while len(self._held) > self._most or self.bytes > self._most_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, key: K) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self.bytes -= held.loaded.size_bytes
